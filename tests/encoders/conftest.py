import numpy as np
import pytest
import torch
from torch import nn


@pytest.fixture
def lengths():
    """Return lengths that fall on, before and after the ends of windows."""
    return [1, 2, 5, 8, 17, 30]


@pytest.fixture
def ragged():
    """Return a function that makes random series of given lengths, padded with zeros, and their mask."""

    def made(lengths, n_steps, n_channels=3):
        values = np.random.default_rng(0).normal(-0.2, 0.7, (len(lengths), n_channels, n_steps)).cumsum(axis=2)
        mask = torch.arange(n_steps) < torch.tensor(lengths)[:, None]
        return torch.from_numpy(values.astype(np.float32)) * mask[:, None], mask

    return made


@pytest.fixture
def trained():
    """Return a function that builds an encoder and lets it look as if it were trained, in evaluation mode."""

    def built(recipe, n_channels=3):
        encoder = recipe.build(n_channels)
        encoder.adapt(torch.randn(20, n_channels, 40))
        for part in encoder.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                nn.init.uniform_(part.running_mean, -1, 1)
                nn.init.uniform_(part.running_var, 0.5, 2)
                nn.init.uniform_(part.weight, 0.5, 2)
                nn.init.uniform_(part.bias, -1, 1)
        return encoder.eval()

    return built
