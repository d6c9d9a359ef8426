import cmath
import math

import pytest
import torch
from scipy.integrate import quad

from sklearn_ssl.losses import lejepa_loss, sigreg_loss


def embeddings(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def naive_statistic(values, knots, limit):
    n = len(values)
    step = limit / (knots - 1)
    total = 0.0
    for k in range(-knots + 1, knots):
        t = k * step
        gap = sum(cmath.exp(1j * t * value) for value in values) / n - math.exp(-t * t / 2)
        weight = step / 2 if abs(k) == knots - 1 else step
        total += weight * abs(gap) ** 2 * math.exp(-t * t / 2)
    return n * total


def naive_sigreg(z, directions, knots, limit):
    total = 0.0
    for direction in directions.tolist():
        length = math.sqrt(sum(value * value for value in direction))
        values = [sum(a * b for a, b in zip(row, direction, strict=True)) / length for row in z.tolist()]
        total += naive_statistic(values, knots, limit)
    return total / len(directions)


def naive_lejepa(views, directions, weight, knots, limit):
    n_views, n, d = views.shape
    distance = 0.0
    for i in range(n):
        for j in range(d):
            column = [float(views[v, i, j]) for v in range(n_views)]
            distance += sum((value - sum(column) / n_views) ** 2 for value in column)
    normality = sum(naive_sigreg(view, directions, knots, limit) for view in views) / n_views
    return weight * normality + (1 - weight) * distance / (n_views * n * d)


def closed_form(values):
    """Epps and Pulley's statistic against the standard normal distribution, integrated over the whole line."""
    n = len(values)
    pairs = sum(math.exp(-((a - b) ** 2) / 2) for a in values for b in values) / n
    singles = sum(math.exp(-(a**2) / 4) for a in values)
    return math.sqrt(2 * math.pi) * (pairs - math.sqrt(2) * singles + n / math.sqrt(3))


@pytest.mark.parametrize(("knots", "limit"), [(17, 3.0), (2, 1.0), (9, 5.0)])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1), (3, 8)])
def test_equals_loops(shape, knots, limit):
    z, directions = embeddings(*shape), 3 * embeddings(5, shape[1], seed=1)
    expected = naive_sigreg(z, directions, knots, limit)
    assert float(sigreg_loss(z, directions, knots, limit)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(2, 3, 4), (4, 5, 2)])
def test_lejepa_equals_loops(shape, weight):
    views, directions = embeddings(*shape), embeddings(6, shape[2], seed=1)
    expected = naive_lejepa(views, directions, weight, 9, 2.0)
    assert float(lejepa_loss(views, directions, weight, 9, 2.0)) == pytest.approx(expected, rel=1e-9)


def test_defaults():
    views, directions = embeddings(2, 5, 4), embeddings(6, 4, seed=1)
    assert sigreg_loss(views, directions) == sigreg_loss(views, directions, knots=17, limit=3.0)
    assert sigreg_loss(views, directions) != sigreg_loss(views, directions, limit=5.0)
    defaults = lejepa_loss(views, directions)
    assert defaults == lejepa_loss(views, directions, weight=0.05, knots=17, limit=3.0)
    assert defaults != lejepa_loss(views, directions, weight=0.02)


def test_closed_form_of_the_integral():
    z = embeddings(12, 1)
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = closed_form(z[:, 0].tolist())
    assert float(sigreg_loss(z, one, knots=400, limit=10.0)) == pytest.approx(expected, rel=1e-9)
    # The window leaves little beyond the default end, and 17 knots are enough.
    assert float(sigreg_loss(z, one)) == pytest.approx(expected, rel=0.03)


def test_collapsed_embeddings():
    # The characteristic function of zeros is 1.
    integral, _ = quad(lambda t: (1 - math.exp(-t * t / 2)) ** 2 * math.exp(-t * t / 2), -3, 3)
    z, directions = torch.zeros(10, 4, dtype=torch.float64), embeddings(8, 4)
    assert float(sigreg_loss(z, directions, knots=200)) == pytest.approx(10 * integral, rel=1e-5)
    assert float(sigreg_loss(z, directions)) == pytest.approx(10 * integral, rel=1e-3)


def test_normal_embeddings_stay_at_the_expected_value():
    # For independent normal embeddings the expectation is sqrt(2 pi) (1 - 1 / sqrt(3)), whatever n.
    expected = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
    directions = torch.eye(200, dtype=torch.float64)
    for n in (8, 64):
        assert float(sigreg_loss(embeddings(n, 200), directions)) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("limit", [3.0, 5.0])
def test_normal_embeddings_score_lowest(limit):
    directions = embeddings(64, 8, seed=1)
    normal = embeddings(256, 8)
    least = sigreg_loss(normal, directions, limit=limit)
    others = [0 * normal, 0.5 * normal, 2 * normal, normal + 1, normal[:, :1].expand(256, 8), normal.sign() * 1.5]
    for other in others:
        assert sigreg_loss(other, directions, limit=limit) > 3 * least


def test_larger_sample_tells_more():
    directions = torch.eye(3)
    small, large = torch.zeros(4, 3), torch.zeros(40, 3)
    torch.testing.assert_close(sigreg_loss(large, directions), 10 * sigreg_loss(small, directions))


def test_length_sign_and_order_of_directions_change_nothing():
    z, directions = embeddings(9, 4), embeddings(6, 4, seed=1)
    expected = sigreg_loss(z, directions)
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(sigreg_loss(z, directions * scales), expected)
    torch.testing.assert_close(sigreg_loss(z, -directions), expected)
    torch.testing.assert_close(sigreg_loss(z, directions.flip(0)), expected)
    torch.testing.assert_close(sigreg_loss(z.flip(0), directions), expected)
    assert not torch.isclose(sigreg_loss(2 * z, directions), expected)


def test_views_are_tested_apart():
    views, directions = embeddings(3, 6, 4), embeddings(6, 4, seed=1)
    single = torch.stack([sigreg_loss(view, directions) for view in views])
    torch.testing.assert_close(sigreg_loss(views, directions), single.mean())
    assert not torch.isclose(sigreg_loss(views.flatten(0, 1), directions), single.mean())


def test_agreement():
    directions = embeddings(6, 4, seed=1)
    z = embeddings(6, 4)
    # Two views at distance 1 from their mean in each dimension.
    assert float(lejepa_loss([z + 1, z - 1], directions, weight=0.0)) == pytest.approx(1)
    assert float(lejepa_loss([z, z, z], directions, weight=0.0)) == pytest.approx(0, abs=1e-20)
    torch.testing.assert_close(lejepa_loss([z, z], directions, weight=1.0), sigreg_loss(z, directions))


def test_order_of_views_and_series():
    views, directions = embeddings(3, 6, 4), embeddings(6, 4, seed=1)
    expected = lejepa_loss(views, directions)
    torch.testing.assert_close(lejepa_loss(views.flip(0), directions), expected)
    torch.testing.assert_close(lejepa_loss(views.flip(1), directions), expected)
    torch.testing.assert_close(lejepa_loss(list(views), directions), expected)
    assert not torch.isclose(lejepa_loss([views[0].flip(0), *views[1:]], directions), expected)


def test_gradient():
    for shape in ((2, 5, 3), (2, 2, 6)):
        views, directions = embeddings(*shape).requires_grad_(), embeddings(4, shape[2], seed=1)
        assert torch.autograd.gradcheck(lambda z, u: lejepa_loss(z, u, 0.3), (views, directions))
        assert torch.autograd.gradcheck(sigreg_loss, (views[0], directions))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[300.0, 250.0, -300.0], [-300.0, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "one zero row", "zero"],
)
def test_finite(rows, dtype):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    directions = torch.tensor([[1.0, -1.0, 0.5], [0.0, 0.0, 0.0]], dtype=dtype)
    loss = lejepa_loss([z1, z2], directions)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    views, directions = embeddings(2, 32, 16, dtype=torch.float32), embeddings(8, 16, dtype=torch.float32, seed=1)
    expected = lejepa_loss(views, directions)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(lejepa_loss(views, directions), expected, rtol=0, atol=0)
    half = views.bfloat16()
    assert lejepa_loss(half, directions) == lejepa_loss(half.float(), directions)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 3), "`views` must hold 2 or more views, got 1"),
        ((2, 1, 3), "2 or more rows"),
        ((2, 3), r"must have the shape \(n, d\), got \(3,\)"),
        ((2, 4, 5), r"`directions` must have the shape \(K, d\) .* d = 5, got \(6, 3\)"),
    ],
)
def test_wrong_views(shape, message):
    with pytest.raises(ValueError, match=message):
        lejepa_loss(torch.zeros(shape), torch.zeros(6, 3))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (6, 2), (6, 3, 1)])
def test_wrong_directions(shape):
    with pytest.raises(ValueError, match=r"`directions` must have the shape \(K, d\) .* d = 3, got"):
        sigreg_loss(torch.zeros(4, 3), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_wrong_embeddings(shape):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., n, d\) for two or more series, got \("):
        sigreg_loss(torch.zeros(shape), torch.zeros(6, 3))


def test_wrong_arguments():
    views, directions = embeddings(2, 5, 4), embeddings(6, 4, seed=1)
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="`weight` must be a number from 0 to 1, got"):
            lejepa_loss(views, directions, weight)
    with pytest.raises(ValueError, match="`knots` must be 2 or more, got 1; LeJEPA uses 17"):
        lejepa_loss(views, directions, knots=1)
    for limit in (0.0, -3.0, math.inf):
        with pytest.raises(ValueError, match="`limit` must be a finite number above 0, got"):
            lejepa_loss(views, directions, limit=limit)
