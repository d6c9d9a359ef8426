import math

import pytest
import torch
from loops import dot, normal

from sklearn_ssl.losses import softclt_loss, ts2vec_loss

SIMILARITY = torch.tensor([[1.0, 0.4, 0.1], [0.4, 1.0, 0.3], [0.1, 0.3, 1.0]], dtype=torch.float64)


def weighted(rows, weight):
    """Sum the weighted logs of the shares of all other rows, for each row; `weight` takes two numbers of rows."""
    total = 0.0
    for a, row in enumerate(rows):
        scores = {b: math.exp(dot(row, other)) for b, other in enumerate(rows) if b != a}
        total -= sum(weight(a, b) * math.log(score / sum(scores.values())) for b, score in scores.items())
    return total


def naive(z1, z2, sharpness, instance, temporal_unit):
    total, scale = 0.0, 0
    while True:
        n, _, m = z1.shape
        rows = [[one.permute(0, 2, 1).tolist() for one in (z1, z2)][v] for v in (0, 1)]  # view, series, step
        across = [[rows[v][i][t] for v in (0, 1) for i in range(n)] for t in range(m)]
        along = [[rows[v][i][t] for v in (0, 1) for t in range(m)] for i in range(n)]
        total += (
            instance
            * sum(weighted(one, lambda a, b, n=n: float(SIMILARITY[a % n, b % n])) for one in across)
            / (2 * n * m)
        )
        if m > 1 and scale >= temporal_unit:

            def near(a, b, m=m, scale=scale):
                return 2 / (1 + math.exp(2**scale * sharpness * abs(a % m - b % m)))

            total += (1 - instance) * sum(weighted(one, near) for one in along) / (2 * n * m)
        scale += 1
        if m == 1:
            return total / scale
        z1, z2 = (torch.stack([z[:, :, 2 * t : 2 * t + 2].amax(2) for t in range(m // 2)], dim=2) for z in (z1, z2))


@pytest.mark.parametrize(("sharpness", "instance", "temporal_unit"), [(0.5, 0.5, 0), (0.0, 0.3, 1), (2.0, 0.0, 0)])
def test_equals_loops(sharpness, instance, temporal_unit):
    z1, z2 = normal(2, 3, 4, 5)
    loss = softclt_loss(z1, z2, SIMILARITY, sharpness, instance, temporal_unit)
    assert float(loss) == pytest.approx(naive(z1, z2, sharpness, instance, temporal_unit), rel=1e-9)


@pytest.mark.parametrize(("instance", "temporal_unit"), [(0.5, 0), (0.2, 2)])
def test_with_hard_targets_it_is_the_loss_of_ts2vec(instance, temporal_unit):
    z1, z2 = normal(2, 4, 3, 9)
    hard = softclt_loss(z1, z2, torch.eye(4), 1e4, instance, temporal_unit)
    torch.testing.assert_close(hard, ts2vec_loss(z1, z2, instance, temporal_unit))


def test_published_numbers():
    z1, z2 = normal(2, 3, 4, 5)
    assert torch.equal(softclt_loss(z1, z2, SIMILARITY), softclt_loss(z1, z2, SIMILARITY, 0.5, 0.5, 0))
