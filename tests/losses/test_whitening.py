import math

import pytest
import torch

from sklearn_ssl.losses import whiten, wmse_loss


def pair(n=12, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(d, d, generator=generator, dtype=torch.float64)
    z1 = torch.randn(n, d, generator=generator, dtype=torch.float64) @ mixing + 3
    z2 = z1 + 0.5 * torch.randn(n, d, generator=generator, dtype=torch.float64)
    return z1.to(dtype), z2.to(dtype)


def naive_whitened(z, shrinkage):
    rows = z.tolist()
    n, d = len(rows), len(rows[0])
    means = [sum(row[j] for row in rows) / n for j in range(d)]
    centred = [[row[j] - means[j] for j in range(d)] for row in rows]
    covariance = [[sum(row[j] * row[k] for row in centred) / (n - 1) for k in range(d)] for j in range(d)]
    mean_variance = sum(covariance[j][j] for j in range(d)) / d
    shrunk = [
        [(1 - shrinkage) * covariance[j][k] / mean_variance + (shrinkage if j == k else 0) for k in range(d)]
        for j in range(d)
    ]
    factor = [[0.0] * d for _ in range(d)]
    for j in range(d):
        for k in range(j + 1):
            rest = shrunk[j][k] - sum(factor[j][m] * factor[k][m] for m in range(k))
            factor[j][k] = math.sqrt(rest) if j == k else rest / factor[k][k]
    whitened = []
    for row in centred:
        solution = []
        for j in range(d):
            rest = row[j] / math.sqrt(mean_variance) - sum(factor[j][m] * solution[m] for m in range(j))
            solution.append(rest / factor[j][j])
        whitened.append(solution)
    return whitened


def naive_loss(z1, z2, groups, shrinkage):
    total, n = 0.0, 0
    for start, stop in groups:
        w1, w2 = naive_whitened(z1[start:stop], shrinkage), naive_whitened(z2[start:stop], shrinkage)
        for a, b in zip(w1, w2, strict=True):
            dot = sum(x * y for x, y in zip(a, b, strict=True))
            total += 2 - 2 * dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))
            n += 1
    return total / n


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


def test_defaults():
    z1, z2 = pair()
    assert wmse_loss(z1, z2) == wmse_loss(z1, z2, sub_batch=None, shrinkage=0.01)
    assert wmse_loss(z1, z2) != wmse_loss(z1, z2, shrinkage=0.02)
    assert wmse_loss(z1, z2) != wmse_loss(z1, z2, sub_batch=6)
    torch.testing.assert_close(whiten(z1), whiten(z1, shrinkage=0.01), rtol=0, atol=0)


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
    z1, z2 = pair(dtype=torch.float32)
    assert wmse_loss(z1, z2) < 1


def test_order_of_series_and_exchange_of_views():
    z1, z2 = pair()
    expected = wmse_loss(z1, z2)
    torch.testing.assert_close(wmse_loss(z2, z1), expected)
    torch.testing.assert_close(wmse_loss(z1.flip(0), z2.flip(0)), expected)
    assert not torch.isclose(wmse_loss(z1.flip(0), z2), expected)


@pytest.mark.parametrize("shape", [(7, 3), (3, 3), (3, 5)], ids=["above width", "at width", "below width"])
def test_gradient(shape):
    z1, z2 = (z.requires_grad_() for z in pair(*shape))
    assert torch.autograd.gradcheck(lambda a, b: wmse_loss(a, b, shrinkage=0.1), (z1, z2))
    assert torch.autograd.gradcheck(lambda a: whiten(a, 0.1), (z1,))


def test_gradient_of_groups_without_shrinkage():
    z1, z2 = (z.requires_grad_() for z in pair(8, 2))
    assert torch.autograd.gradcheck(lambda a, b: wmse_loss(a, b, 4, 0), (z1, z2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shrinkage", [1e-4, 0.01, 1.0])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[3e4, 250.0, -3e4], [-3e4, 300.0, 1.0]],
        [[1e-3, 2e-3, 0.0], [0.0, -1e-3, 1e-3]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.3, 0.1, 0.7], [0.3, 0.1, 0.7], [0.3, 0.1, 0.7]],
        [[2.0, 1.0, -1.0], [2.0, -1.0, 1.0]],
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "small", "identical", "identical three", "constant dimension", "one zero row", "zero"],
)
def test_finite(rows, dtype, shrinkage):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    loss = wmse_loss(z1, z2, shrinkage=shrinkage)
    loss.backward()
    assert loss.dtype == torch.float32
    assert 0 <= loss <= 4.00001
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_finite_far_below_the_width():
    z1, z2 = (z.requires_grad_() for z in pair(16, 128, torch.float32))
    loss = wmse_loss(z1, z2)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()


def test_not_a_number_stays_for_the_training_loop_to_see():
    z = pair(6, 3, torch.float32)[0]
    z[2, 1] = torch.nan
    assert torch.isnan(wmse_loss(z, z))


def test_full_precision_under_autocast():
    z1, z2 = pair(32, 16, torch.float32)
    expected = wmse_loss(z1, z2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(wmse_loss(z1, z2), expected, rtol=0, atol=0)
        assert whiten(z1).dtype == torch.float32


def test_inputs_are_left_alone():
    z1, z2 = pair()
    before = z1.clone(), z2.clone()
    wmse_loss(z1, z2)
    torch.testing.assert_close((z1, z2), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("shape1", "shape2", "message"),
    [
        ((4, 3), (4, 2), r"the same shape, got \(4, 3\) and \(4, 2\)"),
        ((1, 3), (1, 3), r"\(1, 3\); use a larger batch"),
        ((4, 3, 2), (4, 3, 2), r"got \(4, 3, 2\); pool or flatten"),
    ],
)
def test_wrong_shapes(shape1, shape2, message):
    with pytest.raises(ValueError, match=message):
        wmse_loss(torch.zeros(shape1), torch.zeros(shape2))


def test_wrong_arguments():
    z1, z2 = pair()
    for shrinkage in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match="`shrinkage` must be a number from 0 to 1, got"):
            wmse_loss(z1, z2, shrinkage=shrinkage)
    for sub_batch in (1, 0, -4):
        with pytest.raises(ValueError, match=f"`sub_batch` must be 2 or more, got {sub_batch}"):
            wmse_loss(z1, z2, sub_batch)


def test_no_shrinkage_needs_rows():
    z1, z2 = pair(12, 4)
    with pytest.raises(ValueError, match=r"more rows than dimensions .* \(4, 4\); use a `shrinkage` above 0"):
        wmse_loss(z1, z2, sub_batch=4, shrinkage=0)
    with pytest.raises(torch.linalg.LinAlgError):
        whiten(torch.cat([z1, torch.ones_like(z1[:, :1])], dim=1), 0)
