import pytest
import torch
from small_architectures import LENGTHS, N_CHANNELS, N_STEPS, Watching, built, whole_batch


@pytest.fixture
def build():
    """Return a function that builds a small architecture."""
    return built


@pytest.fixture
def x():
    """Return six series."""
    return torch.randn(6, N_CHANNELS, N_STEPS, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def padded(x):
    """Return six series that are zero after their lengths."""
    return torch.where(torch.arange(N_STEPS) < LENGTHS[:, None, None], x, 0.0)


@pytest.fixture
def batch(x):
    """Return a batch with all that an architecture may need."""
    return whole_batch(x)


@pytest.fixture
def passes():
    """Return a function that lets an architecture do something, and returns the series of each pass of an encoder."""

    def watched(architecture, action):
        encoders = [module for module in architecture.modules() if isinstance(module, Watching)]
        for encoder in encoders:
            encoder.seen.clear()
        action()
        return [series for encoder in encoders for series in encoder.seen]

    return watched
