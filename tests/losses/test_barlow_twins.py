import math

import pytest
import torch
from loops import dot, mean, normal

from sklearn_ssl.losses import barlow_twins_loss

ORTHOGONAL = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])


def standardised(column):
    deviations = [value - mean(column) for value in column]
    variance = dot(deviations, deviations) / len(column)
    return [value / math.sqrt(variance + 1e-5) for value in deviations]


def naive(z1, z2, redundancy):
    columns1, columns2 = ([standardised(column) for column in z.T.tolist()] for z in (z1, z2))
    total = 0.0
    for j, a in enumerate(columns1):
        for k, b in enumerate(columns2):
            correlation = dot(a, b) / len(a)
            total += (1 - correlation) ** 2 if j == k else redundancy * correlation**2
    return total


@pytest.mark.parametrize("redundancy", [0.0, 5e-3, 2.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1)])
def test_equals_loops(shape, redundancy):
    z1, z2 = normal(2, *shape)
    assert float(barlow_twins_loss(z1, z2, redundancy)) == pytest.approx(naive(z1, z2, redundancy), rel=1e-9)


def test_published_redundancy():
    z1, z2 = normal(2, 7, 4)
    assert float(barlow_twins_loss(z1, z2)) == pytest.approx(naive(z1, z2, 0.005), rel=1e-9)


def test_perfectly_correlated_and_decorrelated():
    assert float(barlow_twins_loss(ORTHOGONAL, ORTHOGONAL)) == pytest.approx(0, abs=1e-6)


def test_opposite_views():
    # Each of three dimensions correlates at -1 with itself: (1 + 1)^2 each.
    assert float(barlow_twins_loss(ORTHOGONAL, -ORTHOGONAL)) == pytest.approx(12, rel=1e-4)


def test_exchanged_dimensions():
    # Rotated by one, no dimension meets itself (3) and three pairs correlate fully.
    rotated = ORTHOGONAL.roll(1, dims=1)
    assert float(barlow_twins_loss(ORTHOGONAL, rotated, 0.1)) == pytest.approx(3 + 3 * 0.1, rel=1e-4)


def test_fully_redundant_dimensions():
    # All five dimensions equal: nothing on the diagonal, 20 correlations of one.
    z = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]).repeat(1, 5)
    assert float(barlow_twins_loss(z, z, 0.01)) == pytest.approx(0.2, rel=1e-4)


def test_identical_series_correlate_with_nothing():
    z = torch.full((4, 7), 0.3)
    assert float(barlow_twins_loss(z, z)) == pytest.approx(7)


def test_affine_map_of_each_dimension_changes_nothing():
    z1, z2 = normal(2, 16, 4)
    scale = torch.tensor([1.0, 3.0, 10.0, 50.0], dtype=torch.float64)
    shift = torch.tensor([0.0, -5.0, 2.0, 100.0], dtype=torch.float64)
    expected = barlow_twins_loss(z1, z2)
    torch.testing.assert_close(barlow_twins_loss(scale * z1 + shift, z2), expected, rtol=1e-4, atol=0)
    assert not torch.isclose(barlow_twins_loss(-scale * z1, z2), expected, rtol=1e-2)
