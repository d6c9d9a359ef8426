import math

import pytest
import torch

from sklearn_ssl.losses import contrastive_emp_ssl_loss, emp_ssl_loss, total_coding_rate


def windows(n_views=3, b=5, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    series = torch.randn(1, b, d, generator=generator, dtype=torch.float64)
    return (series + 0.4 * torch.randn(n_views, b, d, generator=generator, dtype=torch.float64)).to(dtype)


def naive_rate(rows, epsilon):
    b, d = len(rows), len(rows[0])
    matrix = [
        [(1.0 if j == k else 0.0) + d / (b * epsilon) * sum(row[j] * row[k] for row in rows) for k in range(d)]
        for j in range(d)
    ]
    log_determinant = 0.0
    for j in range(d):
        log_determinant += math.log(matrix[j][j])
        for i in range(j + 1, d):
            factor = matrix[i][j] / matrix[j][j]
            matrix[i] = [value - factor * pivot for value, pivot in zip(matrix[i], matrix[j], strict=True)]
    return log_determinant / 2


def naive_unit(row):
    length = math.sqrt(sum(value * value for value in row))
    return [value / length for value in row]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def naive_windows(views):
    z = [[naive_unit(row) for row in view.tolist()] for view in views]
    n_views, b, d = len(z), len(z[0]), len(z[0][0])
    means = [[sum(z[i][j][k] for i in range(n_views)) / n_views for k in range(d)] for j in range(b)]
    return z, means, n_views, b


def naive_emp_ssl(views, invariance, epsilon):
    z, means, n_views, b = naive_windows(views)
    cosines = [dot(z[i][j], naive_unit(means[j])) for i in range(n_views) for j in range(b)]
    rates = [naive_rate(view, epsilon) for view in z]
    return -invariance * sum(cosines) / len(cosines) - sum(rates) / n_views


def naive_contrastive(views, invariance, epsilon, temperature):
    z, means, n_views, b = naive_windows(views)
    total = 0.0
    for i in range(n_views):
        for j in range(b):
            positive = math.exp(dot(means[j], z[i][j]) / temperature)
            negatives = [
                math.exp(dot(means[j], z[k][other]) / temperature)
                for k in range(n_views)
                for other in range(b)
                if other != j
            ]
            total -= math.log(positive / sum(negatives))
    rates = [naive_rate(view, epsilon) for view in z]
    return invariance * total / (n_views * b) - sum(rates) / n_views


@pytest.mark.parametrize("epsilon", [0.01, 0.2, 3.0])
@pytest.mark.parametrize("shape", [(5, 4), (4, 4), (3, 8), (7, 1), (1, 6)])
def test_rate_equals_loops(shape, epsilon):
    z = windows(2, *shape)[0]
    assert float(total_coding_rate(z, epsilon)) == pytest.approx(naive_rate(z.tolist(), epsilon), rel=1e-9)


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 2, 3), (4, 3, 8)])
def test_equals_loops(shape):
    z = windows(*shape)
    assert float(emp_ssl_loss(z, 3.0, 0.5)) == pytest.approx(naive_emp_ssl(z, 3.0, 0.5), rel=1e-9)
    expected = naive_contrastive(z, 3.0, 0.5, 0.3)
    assert float(contrastive_emp_ssl_loss(z, 3.0, 0.5, 0.3)) == pytest.approx(expected, rel=1e-9)


def test_defaults():
    z = windows()
    assert total_coding_rate(z[0]) == total_coding_rate(z[0], epsilon=0.2)
    assert emp_ssl_loss(z) == emp_ssl_loss(z, invariance=200.0, epsilon=0.2)
    assert emp_ssl_loss(z) != emp_ssl_loss(z, epsilon=0.04)
    defaults = contrastive_emp_ssl_loss(z)
    assert defaults == contrastive_emp_ssl_loss(z, invariance=200.0, epsilon=0.2, temperature=0.07)
    assert defaults != contrastive_emp_ssl_loss(z, temperature=0.5)


@pytest.mark.parametrize(("b", "d"), [(4, 4), (2, 6), (12, 3)])
def test_rate_of_orthogonal_and_of_identical_embeddings(b, d):
    # epsilon itself, not its square: d / (b epsilon) with the eigenvalues of the second moments.
    orthogonal = torch.eye(d, dtype=torch.float64).repeat(b // d + 1, 1)[:b]
    eigenvalue = max(1, b // d)
    expected = min(b, d) / 2 * math.log(1 + d / (b * 0.2) * eigenvalue)
    assert float(total_coding_rate(orthogonal)) == pytest.approx(expected)
    identical = torch.ones(b, d, dtype=torch.float64) / math.sqrt(d)
    assert float(total_coding_rate(identical)) == pytest.approx(math.log(1 + d / 0.2) / 2)
    assert total_coding_rate(torch.zeros(b, d)) == 0


def test_both_determinants_are_the_same():
    # A zero row or column in the larger direction changes which of the two matrices is formed, not the value.
    z = windows(2, 4, 5)[0]
    wide = torch.cat([z, torch.zeros(4, 3, dtype=z.dtype)], dim=1)
    tall = torch.cat([wide, torch.zeros(8, 8, dtype=z.dtype)])
    torch.testing.assert_close(total_coding_rate(wide, 0.8), total_coding_rate(z, 0.8 * 5 / 8))
    torch.testing.assert_close(total_coding_rate(tall, 0.2 * 4 / 12), total_coding_rate(wide, 0.2))


def test_rate_of_a_stack():
    z = windows(6, 5, 4).reshape(2, 3, 5, 4)
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
def test_invariances(loss):
    z = windows()
    expected = loss(z)
    scales = torch.logspace(-3, 3, 15, dtype=torch.float64).reshape(3, 5, 1)
    rotation = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    torch.testing.assert_close(loss(z * scales), expected)
    torch.testing.assert_close(loss(z @ rotation), expected)
    torch.testing.assert_close(loss(z.flip(0)), expected)
    torch.testing.assert_close(loss(z.flip(1)), expected)
    torch.testing.assert_close(loss(list(z)), expected)
    torch.testing.assert_close(loss(tuple(z)), expected)
    assert not torch.isclose(loss([z[0].flip(0), *z[1:]]), expected)


def test_gradient():
    for shape in ((2, 4, 3), (2, 3, 5)):
        z = windows(*shape).requires_grad_()
        assert torch.autograd.gradcheck(lambda z: emp_ssl_loss(z, 2.0), (z,))
        assert torch.autograd.gradcheck(lambda z: contrastive_emp_ssl_loss(z, 2.0, temperature=0.5), (z,))
        assert torch.autograd.gradcheck(total_coding_rate, (z,))


@pytest.mark.parametrize("temperature", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[3e4, 250.0, -3e4], [-3e4, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "one zero row", "zero"],
)
def test_finite(rows, dtype, temperature):
    for loss in (
        emp_ssl_loss,
        lambda views: contrastive_emp_ssl_loss(views, invariance=1.0, temperature=temperature),
    ):
        z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
        z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
        value = loss([z1, z2])
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert torch.isfinite(z1.grad).all()
        assert torch.isfinite(z2.grad).all()


def test_finite_below_the_width():
    z = windows(3, 4, 512, torch.float32).requires_grad_()
    emp_ssl_loss(z).backward()
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
def test_full_precision_under_autocast(loss):
    z = windows(3, 16, 8, torch.float32)
    expected = loss(z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(z), expected, rtol=0, atol=0)
        torch.testing.assert_close(loss(views=list(z)), expected, rtol=0, atol=0)
    half = z.bfloat16()
    assert loss(half) == loss(half.float())


@pytest.mark.parametrize("loss", [emp_ssl_loss, contrastive_emp_ssl_loss])
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(4, 3)], "`views` must hold 2 or more views, got 1"),
        ([(4, 3), (4, 2)], r"the same shape, got \(4, 3\) and \(4, 2\)"),
        ([(1, 3), (1, 3)], "2 or more rows"),
        ([(4, 3, 2), (4, 3, 2)], r"got \(4, 3, 2\); pool or flatten"),
    ],
)
def test_wrong_shapes(loss, shapes, message):
    with pytest.raises(ValueError, match=message):
        loss([torch.zeros(shape) for shape in shapes])


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_wrong_arguments(value):
    z = windows()
    for loss in (emp_ssl_loss, contrastive_emp_ssl_loss, total_coding_rate):
        with pytest.raises(ValueError, match="`epsilon` must be a finite number above 0, got"):
            loss(z, epsilon=value)
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        contrastive_emp_ssl_loss(z, temperature=value)


@pytest.mark.parametrize("shape", [(4,), (0, 3), (4, 0)])
def test_wrong_shape_of_the_rate(shape):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., b, d\) without a 0, got \("):
        total_coding_rate(torch.zeros(shape))
