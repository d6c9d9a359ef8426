import math

import pytest
import torch
from loops import cosine, covariances, dot, mean, normal

from sklearn_ssl.losses import whiten, wmse_loss


def pair(n=12, d=4):
    z1 = normal(n, d) @ normal(d, d, seed=1) + 3
    return z1, z1 + 0.5 * normal(n, d, seed=2)


def naive_whitened(z, shrinkage):
    d = z.shape[1]
    covariance = covariances(z)
    mean_variance = mean(covariance[j][j] for j in range(d))
    shrunk = [
        [(1 - shrinkage) * covariance[j][k] / mean_variance + shrinkage * (j == k) for k in range(d)] for j in range(d)
    ]
    factor = [[0.0] * d for _ in range(d)]
    for j in range(d):
        for k in range(j + 1):
            rest = shrunk[j][k] - dot(factor[j][:k], factor[k][:k])
            factor[j][k] = math.sqrt(rest) if j == k else rest / factor[k][k]
    whitened = []
    for row in (z - z.mean(dim=0)).tolist():
        solution = []
        for j in range(d):
            rest = row[j] / math.sqrt(mean_variance) - dot(factor[j][:j], solution)
            solution.append(rest / factor[j][j])
        whitened.append(solution)
    return whitened


def naive_loss(z1, z2, groups, shrinkage):
    cosines = []
    for start, stop in groups:
        cosines += map(cosine, *(naive_whitened(z[start:stop], shrinkage) for z in (z1, z2)))
    return 2 - 2 * mean(cosines)


@pytest.mark.parametrize("shrinkage", [1e-3, 0.2, 1.0])
@pytest.mark.parametrize("shape", [(12, 4), (4, 4), (3, 5), (6, 1)])
def test_equals_loops(shape, shrinkage):
    z1, z2 = pair(*shape)
    expected = torch.tensor(naive_whitened(z1, shrinkage), dtype=torch.float64)
    torch.testing.assert_close(whiten(z1, shrinkage), expected, rtol=1e-8, atol=1e-8)
    loss = wmse_loss(z1, z2, shrinkage=shrinkage)
    assert float(loss) == pytest.approx(naive_loss(z1, z2, [(0, shape[0])], shrinkage), rel=1e-8)


@pytest.mark.parametrize(
    ("sub_batch", "groups"),
    [
        (None, [(0, 11)]),
        (100, [(0, 11)]),
        (11, [(0, 11)]),
        (6, [(0, 11)]),
        (5, [(0, 6), (6, 11)]),
        (3, [(0, 4), (4, 8), (8, 11)]),
    ],
)
def test_groups_equal_loops(sub_batch, groups):
    z1, z2 = pair(11, 3)
    expected = naive_loss(z1, z2, groups, 0.1)
    assert float(wmse_loss(z1, z2, sub_batch, 0.1)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("shape", [(5, 4), (200, 6)])
def test_white_without_shrinkage(shape):
    w = whiten(pair(*shape)[0], shrinkage=0)
    torch.testing.assert_close(w.mean(dim=0), torch.zeros(shape[1], dtype=torch.float64))
    torch.testing.assert_close(w.T.cov(), torch.eye(shape[1], dtype=torch.float64))


def test_nearly_white_with_little_shrinkage():
    w = whiten(pair(200, 6)[0], shrinkage=1e-6)
    torch.testing.assert_close(w.T.cov(), torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-3)


def test_full_shrinkage_only_centres_and_scales():
    z = pair()[0]
    centred = z - z.mean(dim=0)
    torch.testing.assert_close(whiten(z, 1.0), centred / (centred.T.cov().trace() / 4).sqrt())


def test_authors_whitening_of_uncorrelated_dimensions():
    # Variances 4/3 and 16/3 with n - 1: dividing by their roots whitens.
    z = torch.tensor([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])
    torch.testing.assert_close(whiten(z, 0), z / torch.tensor([1.0, 2.0]) * math.sqrt(3 / 4))


def test_linear_map_changes_nothing_without_shrinkage():
    # Two Cholesky whitenings of one batch differ by a rotation at most, which a lower triangular map does not have.
    z1, z2 = pair()
    lower = torch.tensor([[2.0, 0, 0, 0], [1, 1, 0, 0], [-3, 2, 5, 0], [0.5, 1, 1, 0.1]], dtype=torch.float64)
    torch.testing.assert_close(whiten(z1 @ lower.T + 7, 0), whiten(z1, 0))
    torch.testing.assert_close(wmse_loss(z1 @ lower.T, z2, shrinkage=0), wmse_loss(z1, z2, shrinkage=0))


def test_scale_and_translation_change_nothing_with_shrinkage():
    z1, z2 = pair(4, 6)
    for factor in (1e-3, 1e3):
        torch.testing.assert_close(whiten(factor * z1 - 5, 0.1), whiten(z1, 0.1))
        torch.testing.assert_close(wmse_loss(factor * z1, z2), wmse_loss(z1, z2))


def test_extremes():
    z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(wmse_loss(z, z)) == pytest.approx(0, abs=1e-6)
    assert float(wmse_loss(z, -z)) == pytest.approx(4)
    # Exchanged dimensions: the rows (1, 1) and (-1, -1) meet themselves, the other two their opposites.
    assert float(wmse_loss(z, z.flip(1))) == pytest.approx(2)


def test_collapsed_embeddings_gain_nothing():
    # The distance of raw embeddings would be 0.
    collapsed = torch.full((6, 4), 0.3)
    assert torch.equal(whiten(collapsed), torch.zeros(6, 4))
    assert float(wmse_loss(collapsed, collapsed)) == 2
    assert wmse_loss(*pair()) < 1


def test_exchange_of_views():
    z1, z2 = pair()
    torch.testing.assert_close(wmse_loss(z2, z1), wmse_loss(z1, z2))


def test_published_shrinkage_and_whole_batch():
    z1, z2 = pair()
    torch.testing.assert_close(whiten(z1), torch.tensor(naive_whitened(z1, 0.01), dtype=torch.float64))
    assert float(wmse_loss(z1, z2)) == pytest.approx(naive_loss(z1, z2, [(0, 12)], 0.01), rel=1e-8)


def test_gradient_of_groups_without_shrinkage():
    z1, z2 = (z.requires_grad_() for z in pair(8, 2))
    assert torch.autograd.gradcheck(lambda a, b: wmse_loss(a, b, 4, 0), (z1, z2))


@pytest.mark.parametrize("shrinkage", [1e-4, 0.01, 1.0])
@pytest.mark.parametrize("rows", [[1e-3, 2e-3, 0.0], [3e4, 250.0, -3e4], [2.0, 1.0, -1.0]])
def test_any_scale_in_half_precision(rows, shrinkage):
    z = torch.tensor([rows, rows[::-1]], dtype=torch.float16, requires_grad=True)
    loss = wmse_loss(z, z.flip(0), shrinkage=shrinkage)
    loss.backward()
    assert loss.item() == pytest.approx(4)  # two rows are opposite once they are centred
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("row", [[0.3, 0.1, 0.7], [1e4, 0.1, 0.7], [1e-5, 3e-5, 7e-5]])
@pytest.mark.parametrize("n", [3, 7])
def test_rounding_is_no_variance(row, n):
    # The mean of identical rows is off by a rounding error.
    z = torch.tensor([row] * n, requires_grad=True)
    w = whiten(z)
    w.sum().backward()
    assert not w.any()
    assert not z.grad.any()


def test_little_variance_is_no_rounding():
    z = 1 + 1e-4 * normal(6, 3)
    torch.testing.assert_close(whiten(z.float(), 0.1), whiten(z, 0.1).float(), rtol=0.02, atol=0.02)


def test_not_a_number_stays_for_the_training_loop_to_see():
    z = pair(6, 3)[0]
    z[2, 1] = torch.nan
    assert torch.isnan(wmse_loss(z, z))


def test_no_shrinkage_needs_rows():
    z1, z2 = pair(12, 4)
    with pytest.raises(ValueError, match=r"`shrinkage` 0 needs more rows than dimensions .* \(4, 4\); use a"):
        wmse_loss(z1, z2, sub_batch=4, shrinkage=0)
    with pytest.raises(torch.linalg.LinAlgError):
        whiten(torch.cat([z1, torch.ones_like(z1[:, :1])], dim=1), 0)
