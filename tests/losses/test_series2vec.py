import math

import pytest
import torch
from loops import normal

from sklearn_ssl.losses import series2vec_loss


def naive(z, distances):
    n = len(z)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]

    def stretched(values):
        return [(value - min(values)) / (max(values) - min(values)) for value in values]

    found = stretched([math.dist(z[i].tolist(), z[j].tolist()) for i, j in pairs])
    wanted = stretched([float(distances[i, j]) for i, j in pairs])
    return sum((a - b) ** 2 for a, b in zip(found, wanted, strict=True)) / (n * (n - 1))


def test_equals_the_formula_pair_by_pair():
    z, distances = normal(2, 5, 3), normal(2, 5, 5, seed=1)
    expected = naive(z[0], distances[0]) + naive(z[1], distances[1])
    assert float(series2vec_loss(*z, *distances)) == pytest.approx(expected, rel=1e-9)


def test_a_factor_and_a_shift_of_distances_change_nothing():
    z, distances = normal(2, 5, 3), normal(2, 5, 5, seed=1)
    torch.testing.assert_close(series2vec_loss(9 * z[0], z[1], *(3 * distances + 7)), series2vec_loss(*z, *distances))


@pytest.mark.parametrize("n", [2, 5])
def test_distances_that_are_all_the_same_count_as_zero(n):
    z, distances = torch.ones(n, 3, requires_grad=True), torch.ones(n, n)
    loss = series2vec_loss(z, z, distances, distances)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not bool(z.grad.any())
    assert bool(series2vec_loss(torch.ones(n, 3), torch.ones(n, 3), *normal(2, n, n)).isfinite())


def test_projections_are_moved_to_where_their_distances_are_right():
    distances = torch.cdist(normal(6, 2), normal(6, 2))
    distances = distances + distances.T
    z = normal(6, 4, seed=2).requires_grad_()
    losses = []
    for _ in range(100):
        loss = series2vec_loss(z, z, distances, distances)
        (slope,) = torch.autograd.grad(loss, z)
        z = (z - 2 * slope).detach().requires_grad_()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
