"""How similar the series of a batch are."""

import numpy as np
import pytest
import torch
from small_architectures import LENGTHS, built

from sklearn_ssl.architectures import SoftCroppedArchitecture


def naive(series, similar, sharpness):
    """Return weights of series (C, L_i) from distances after interpolation and standardisation."""
    points = []
    for one in series:
        places = np.linspace(0, one.shape[1] - 1, 64)
        stretched = np.stack([np.interp(places, np.arange(one.shape[1]), channel) for channel in one])
        spread = stretched.std(1, keepdims=True)
        points.append((stretched - stretched.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1))
    distances = np.array([[np.sqrt(np.square(a - b).sum()) for b in points] for a in points])
    weights = 2 * similar / (1 + np.exp(sharpness * distances / distances.max()))
    np.fill_diagonal(weights, 1)
    return weights


@pytest.mark.parametrize(("similar", "sharpness"), [(0.5, 2.0), (0.25, 10.0)])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
def test_weights_equal_loops(padded, lengths, similar, sharpness):
    architecture = built(SoftCroppedArchitecture, similar=similar, instance_sharpness=sharpness)
    architecture.adapt(padded, lengths)
    series = padded.numpy() if lengths is None else [one[:, :n].numpy() for one, n in zip(padded, LENGTHS, strict=True)]
    weights = architecture.similarity(padded, lengths)
    np.testing.assert_allclose(weights, naive(series, similar, sharpness), rtol=1e-4, atol=1e-5)


def test_level_and_scale_do_not_count_but_a_new_distance_is_at_most_the_largest(x):
    architecture = built(SoftCroppedArchitecture, instance_sharpness=3.0)
    architecture.adapt(x)
    torch.testing.assert_close(architecture.similarity(5 * x + 3), architecture.similarity(x), rtol=1e-3, atol=1e-4)
    architecture.largest.mul_(1e-3)
    others = architecture.similarity(x)[~torch.eye(6, dtype=torch.bool)]
    torch.testing.assert_close(others, torch.full_like(others, 2 * 0.5 / (1 + np.exp(3.0))))


def test_series_that_are_all_the_same(x):
    architecture = built(SoftCroppedArchitecture, similar=0.3)
    same = x[:1].expand(6, -1, -1)
    architecture.adapt(same)
    expected = torch.full((6, 6), 0.3).fill_diagonal_(1)
    torch.testing.assert_close(architecture.similarity(same), expected)
