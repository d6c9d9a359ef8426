import pytest
import torch

from sklearn_ssl.augmentations import Compose
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.projectors import MLPProjector


@pytest.fixture
def build():
    """Return a function that builds a small architecture for 20 series of two channels and 32 time steps."""

    def built(cls, **own):
        common = {
            "encoder": ResNetEncoder(depth=1, width=4),
            "pooling": None,
            "augmentation": Compose(),
            "projector": MLPProjector(width=8),
            "n_channels": 2,
            "n_timepoints": 32,
            "n_cases": 20,
        }
        omitted = own.pop("without", ())
        return cls(**{name: value for name, value in {**common, **own}.items() if name not in omitted})

    return built


@pytest.fixture
def x():
    """Return a batch of six series."""
    return torch.randn(6, 2, 32, generator=torch.Generator().manual_seed(3))
