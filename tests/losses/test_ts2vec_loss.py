import math

import pytest
import torch
from loops import dot, mean, normal

from sklearn_ssl.losses import _ts2vec, ts2vec_loss

# Values of the authors' function, github.com/zhihanyue/ts2vec, in float64, for the features of `inputs`.
PUBLISHED = [  # n, d, m, temporal_unit, instance, value
    (2, 3, 1, 0, 0.5, 1.127557293),
    (2, 3, 1, 2, 0.2, 0.451022917),
    (1, 4, 7, 0, 0.5, 0.732234701),
    (1, 4, 7, 0, 0.2, 1.171575522),
    (1, 4, 7, 2, 0.5, 0.0),
    (8, 6, 50, 0, 0.5, 2.800996901),
    (8, 6, 50, 0, 0.2, 2.781231813),
    (8, 6, 50, 2, 0.5, 2.030929834),
    (8, 6, 50, 2, 0.2, 1.549124506),
    (5, 6, 33, 0, 0.5, 2.443387933),
    (5, 6, 33, 2, 0.2, 1.286238165),
    (3, 5, 2, 0, 0.5, 1.331302975),
    (3, 5, 2, 2, 0.2, 0.392309921),
]


def inputs(n, d, m):
    """Return two maps (n, d, m) that other programs can make too: the sines of the squares of 0, 1, 2, ..."""
    return torch.sin(torch.arange(2 * n * d * m, dtype=torch.float64) ** 2).reshape(2, n, d, m)


def picked(anchor, positive, others):
    """Return minus the log of the share of the positive among itself and the others."""
    scores = [math.exp(dot(anchor, other)) for other in [positive, *others]]
    return -math.log(scores[0] / sum(scores))


def naive_scale(z1, z2, instance, with_steps):
    n, _, m = z1.shape
    z = [z1.permute(0, 2, 1).tolist(), z2.permute(0, 2, 1).tolist()]
    across, along = [], []
    for v in (0, 1):
        for i in range(n):
            for t in range(m):
                anchor, positive = z[v][i][t], z[1 - v][i][t]
                series = [z[u][j][t] for u in (0, 1) for j in range(n) if j != i]
                steps = [z[u][i][s] for u in (0, 1) for s in range(m) if s != t]
                across.append(picked(anchor, positive, series))
                along.append(picked(anchor, positive, steps))
    return instance * mean(across) + (1 - instance) * mean(along) * with_steps


def naive(z1, z2, instance, temporal_unit):
    losses = []
    while True:
        losses.append(naive_scale(z1, z2, instance, len(losses) >= temporal_unit))
        if z1.shape[2] == 1:
            return mean(losses)
        pairs = range(z1.shape[2] // 2)
        z1, z2 = (torch.stack([z[:, :, 2 * t : 2 * t + 2].amax(2) for t in pairs], dim=2) for z in (z1, z2))


@pytest.mark.parametrize(("n", "d", "m", "temporal_unit", "instance", "value"), PUBLISHED)
def test_values_of_the_authors(n, d, m, temporal_unit, instance, value):
    loss = ts2vec_loss(*inputs(n, d, m), instance=instance, temporal_unit=temporal_unit)
    assert float(loss) == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize(("temporal_unit", "instance"), [(0, 0.5), (1, 0.3), (5, 0.0), (0, 1.0)])
def test_equals_loops(temporal_unit, instance):
    z1, z2 = normal(2, 3, 4, 5)
    expected = naive(z1, z2, instance, temporal_unit)
    assert float(ts2vec_loss(z1, z2, instance, temporal_unit)) == pytest.approx(expected, rel=1e-9)


def test_published_defaults():
    z1, z2 = normal(2, 3, 4, 5)
    assert torch.equal(ts2vec_loss(z1, z2), ts2vec_loss(z1, z2, 0.5, 0))


def test_features_of_zero_are_at_chance_level():
    z = torch.zeros(8, 2, 100)
    steps = (100, 50, 25, 12, 6, 3, 1)
    expected = mean(0.5 * math.log(2 * 8 - 1) + 0.5 * math.log(2 * m - 1) for m in steps)
    assert float(ts2vec_loss(z, z)) == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(2.8485, abs=1e-4)


def test_ignores_the_exchange_of_the_crops_but_not_the_scale():
    z1, z2 = normal(2, 3, 4, 5)
    torch.testing.assert_close(ts2vec_loss(z2, z1), ts2vec_loss(z1, z2))
    assert not torch.isclose(ts2vec_loss(2 * z1, z2), ts2vec_loss(z1, z2))


def test_blocks_of_groups_change_nothing(monkeypatch):
    z = normal(2, 5, 3, 12).requires_grad_()
    results = []
    for size in (1 << 17, 2 * 24**2, 1):
        monkeypatch.setitem(_ts2vec.BLOCKS, "cpu", size)
        loss = ts2vec_loss(*z)
        results.append((loss.detach(), *torch.autograd.grad(loss, z)))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])
