"""Modules of the user as encoders: their outputs have several forms."""

import numpy as np
import pytest
import torch
from shared import small
from torch import nn

from sklearn_ssl.architectures import Architecture
from sklearn_ssl.datasets import make_waves

X, _ = make_waves(n_cases=12, n_channels=2, n_timepoints=30, random_state=0)


class OfSteps(nn.Module):
    """Return (B, L, D), as recurrent layers do."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 7)

    def forward(self, x):
        return self.layer(x.transpose(1, 2))


class Vector(OfSteps):
    """Return (B, D)."""

    def forward(self, x):
        return super().forward(x).amax(dim=1)


class OfOneLength(nn.Module):
    """Return as many features as steps, for series of one length only."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(30, 30)

    def forward(self, x):
        return self.layer(x.mean(dim=1)).unsqueeze(-1)


class Channels(nn.Module):
    """Return as many features as steps, by chance."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(2, 30, 1)

    def forward(self, x):
        return self.layer(x)


def built(encoder, **options):
    return Architecture(encoder=encoder, pooling=None, n_channels=2, n_timepoints=30, **options)


def test_time_in_front_of_features_is_refused():
    with pytest.raises(ValueError, match=r"got 30 for x of .* and 60 for twice as many steps.*h\.transpose\(1, 2\)"):
        small(encoder=OfSteps()).fit(X)


@pytest.mark.parametrize("encoder", [OfOneLength(), Channels()])
def test_as_many_features_as_steps_are_no_fault(encoder):
    assert built(encoder).widths == [30]


def test_vectors_are_features_as_they_are():
    architecture = built(Vector())
    x = torch.from_numpy(X)
    assert architecture.n_features == 7
    torch.testing.assert_close(architecture.features(x), architecture.encoder(x))
    fitted = small(encoder=Vector()).fit(X)
    assert fitted.transform(X).shape == (12, 7)
    assert fitted.encode(X).shape == (12, 7, 1)
    assert np.isfinite(fitted.transform(X[:, :, :9])).all()


def test_a_module_may_say_itself_that_it_pools_over_time():
    module = nn.Conv1d(2, 5, 1)
    module.pools_over_time = True
    assert built(module).n_features == 5


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4, 5), (2, 0, 4), (3, 4, 5)])
def test_other_shapes_are_refused(shape):
    module = nn.Module()
    module.forward = lambda x: torch.zeros(shape)
    with pytest.raises(ValueError, match=r"must return \(batch, features, time\), or \(batch, features\)"):
        built(lambda n_channels: module)
