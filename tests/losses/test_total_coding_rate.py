import math

import pytest
import torch
from loops import cosine, dot, mean, normal, scales, unit

from sklearn_ssl.losses import contrastive_emp_ssl_loss, emp_ssl_loss, total_coding_rate


def windows(n_views=3, n=5, d=4):
    return normal(1, n, d) + 0.4 * normal(n_views, n, d, seed=1)


def naive_rate(rows, epsilon):
    n, d = len(rows), len(rows[0])
    columns = list(zip(*rows, strict=True))
    matrix = [
        [float(j == k) + d / (n * epsilon) * dot(a, b) for k, b in enumerate(columns)] for j, a in enumerate(columns)
    ]
    log_determinant = 0.0
    for j in range(d):
        log_determinant += math.log(matrix[j][j])
        for i in range(j + 1, d):
            factor = matrix[i][j] / matrix[j][j]
            matrix[i] = [value - factor * pivot for value, pivot in zip(matrix[i], matrix[j], strict=True)]
    return log_determinant / 2


def naive_windows(views):
    """Return the windows of each series at unit length, the mean of each series, and the mean coding rate."""
    series = [[unit(row) for row in windows] for windows in views.transpose(0, 1).tolist()]
    means = [[mean(column) for column in zip(*windows, strict=True)] for windows in series]
    return series, means


def naive_mean_rate(series, epsilon):
    return mean(naive_rate(view, epsilon) for view in zip(*series, strict=True))


def naive_emp_ssl(views, invariance, epsilon):
    series, means = naive_windows(views)
    agreement = mean(cosine(z, centre) for windows, centre in zip(series, means, strict=True) for z in windows)
    return -invariance * agreement - naive_mean_rate(series, epsilon)


def naive_contrastive(views, invariance, epsilon, temperature):
    series, means = naive_windows(views)
    losses = []
    for i, centre in enumerate(means):
        others = [z for j, windows in enumerate(series) if j != i for z in windows]
        negatives = sum(math.exp(dot(centre, z) / temperature) for z in others)
        losses += [math.log(negatives) - dot(centre, z) / temperature for z in series[i]]
    return invariance * mean(losses) - naive_mean_rate(series, epsilon)


@pytest.mark.parametrize("epsilon", [0.01, 0.2, 3.0])
@pytest.mark.parametrize("shape", [(5, 4), (4, 4), (3, 8), (7, 1), (1, 6)])
def test_rate_equals_loops(shape, epsilon):
    z = normal(*shape)
    assert float(total_coding_rate(z, epsilon)) == pytest.approx(naive_rate(z.tolist(), epsilon), rel=1e-9)


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 2, 3), (4, 3, 8)])
def test_equals_loops(shape):
    z = windows(*shape)
    assert float(emp_ssl_loss(z, 3.0, 0.5)) == pytest.approx(naive_emp_ssl(z, 3.0, 0.5), rel=1e-9)
    expected = naive_contrastive(z, 3.0, 0.5, 0.3)
    assert float(contrastive_emp_ssl_loss(z, 3.0, 0.5, 0.3)) == pytest.approx(expected, rel=1e-9)


def test_published_numbers():
    z = windows()
    assert float(total_coding_rate(z[0])) == pytest.approx(naive_rate(z[0].tolist(), 0.2), rel=1e-9)
    assert float(emp_ssl_loss(z)) == pytest.approx(naive_emp_ssl(z, 200, 0.2), rel=1e-9)
    expected = naive_contrastive(z, 200, 0.2, 0.07)
    assert float(contrastive_emp_ssl_loss(z)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(4, 4), (2, 6), (12, 3)])
def test_rate_of_orthogonal_and_of_identical_embeddings(n, d):
    # epsilon itself, not its square: d / (n epsilon) with the eigenvalues of the second moments.
    orthogonal = torch.eye(d, dtype=torch.float64).repeat(n // d + 1, 1)[:n]
    expected = min(n, d) / 2 * math.log(1 + d / (n * 0.2) * max(1, n // d))
    assert float(total_coding_rate(orthogonal)) == pytest.approx(expected)
    identical = torch.ones(n, d, dtype=torch.float64) / math.sqrt(d)
    assert float(total_coding_rate(identical)) == pytest.approx(math.log(1 + d / 0.2) / 2)
    assert total_coding_rate(torch.zeros(n, d)) == 0


@pytest.mark.parametrize("shape", [(3, 400), (400, 3)])
def test_the_smaller_matrix_is_formed(shape, monkeypatch):
    sizes = []
    original = torch.linalg.slogdet

    def slogdet(matrix):
        sizes.append(tuple(matrix.shape))
        return original(matrix)

    monkeypatch.setattr(torch.linalg, "slogdet", slogdet)
    total_coding_rate(normal(*shape))
    assert sizes == [(3, 3)]


def test_rate_of_a_stack():
    z = normal(2, 3, 5, 4)
    rates = total_coding_rate(z)
    assert rates.shape == (2, 3)
    torch.testing.assert_close(rates[1, 2], total_coding_rate(z[1, 2]))


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
@pytest.mark.parametrize("invariance", [0.0, 1.0, 200.0])
def test_spread_embeddings_score_lower_than_collapsed_ones(loss, invariance):
    spread, collapsed = torch.eye(8), torch.ones(8, 8)
    assert loss([spread] * 3, invariance) < loss([collapsed] * 3, invariance) - 1


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
def test_agreeing_windows_score_lower(loss):
    spread = torch.eye(8)
    assert loss([spread, spread]) < loss([spread, spread.flip(0)])


def test_known_values():
    # Orthogonal series, equal windows: cosine 1, seven negatives a window at 0.
    spread, collapsed = torch.eye(8), torch.full((8, 8), 2.0)
    rate = 8 / 2 * math.log(1 + 1 / 0.2)
    assert float(emp_ssl_loss([spread, spread])) == pytest.approx(-200 - rate)
    expected = 200 * (math.log(2 * 7) - 1 / 0.07) - rate
    assert float(contrastive_emp_ssl_loss([spread, spread])) == pytest.approx(expected, rel=1e-6)
    # Identical series: cosine 1 with everything.
    rate = math.log(1 + 8 / 0.2) / 2
    assert float(emp_ssl_loss([collapsed, collapsed])) == pytest.approx(-200 - rate)
    expected = 200 * math.log(2 * 7) - rate
    assert float(contrastive_emp_ssl_loss([collapsed, collapsed])) == pytest.approx(expected, rel=1e-6)


def test_mean_of_opposite_windows():
    # The mean is zero: no direction to agree with, all similarities equal.
    z = torch.eye(4)
    rate = 4 / 2 * math.log(1 + 1 / 0.2)
    assert float(emp_ssl_loss([z, -z])) == pytest.approx(-rate)
    assert float(contrastive_emp_ssl_loss([z, -z], 1.0)) == pytest.approx(math.log(2 * 3) - rate)


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
def test_ignores_scales_rotations_and_the_order_of_windows(loss):
    z = windows()
    expected = loss(z)
    rotation = torch.linalg.qr(normal(4, 4, seed=2))[0]
    torch.testing.assert_close(loss(z * scales(3, 5, 1)), expected)
    torch.testing.assert_close(loss(z @ rotation), expected)
    torch.testing.assert_close(loss(z.flip(0)), expected)
    assert not torch.isclose(loss([z[0].flip(0), *z[1:]]), expected)


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
def test_too_few_windows(loss):
    with pytest.raises(ValueError, match="`views` must hold 2 or more views, got 1; make more views per series"):
        loss(windows(1))


@pytest.mark.parametrize("shape", [(4,), (0, 3), (4, 0), (0, 4, 3)])
def test_wrong_shape_of_the_rate(shape):
    with pytest.raises(ValueError, match=r"`z` must have the shape \(\.\.\., n, d\) with 1 or more rows n, got \("):
        total_coding_rate(torch.zeros(shape))
