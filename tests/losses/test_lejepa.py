import cmath
import math

import pytest
import torch
from loops import dot, mean, normal, scales, unit
from scipy.integrate import quad

from sklearn_ssl.losses import lejepa_loss, sigreg_loss


def naive_statistic(values, knots, limit):
    step = limit / (knots - 1)
    total = 0.0
    for k in range(-knots + 1, knots):
        t = k * step
        gap = mean(cmath.exp(1j * t * value) for value in values) - math.exp(-t * t / 2)
        weight = step / 2 if abs(k) == knots - 1 else step
        total += weight * abs(gap) ** 2 * math.exp(-t * t / 2)
    return len(values) * total


def naive_sigreg(z, directions, knots, limit):
    units = [unit(direction) for direction in directions.tolist()]
    return mean(naive_statistic([dot(row, u) for row in z.tolist()], knots, limit) for u in units)


def naive_lejepa(views, directions, weight, knots, limit):
    columns = views.flatten(1).T.tolist()  # the views of one value
    distance = mean(mean((value - mean(column)) ** 2 for value in column) for column in columns)
    normality = mean(naive_sigreg(view, directions, knots, limit) for view in views)
    return weight * normality + (1 - weight) * distance


def closed_form(values):
    """Epps and Pulley's statistic against the standard normal distribution, integrated over the whole line."""
    n = len(values)
    pairs = sum(math.exp(-((a - b) ** 2) / 2) for a in values for b in values) / n
    singles = sum(math.exp(-(a**2) / 4) for a in values)
    return math.sqrt(2 * math.pi) * (pairs - math.sqrt(2) * singles + n / math.sqrt(3))


@pytest.mark.parametrize(("knots", "limit"), [(17, 3.0), (2, 1.0), (9, 5.0)])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1), (3, 8)])
def test_equals_loops(shape, knots, limit):
    z, directions = normal(*shape), 3 * normal(5, shape[1], seed=1)
    expected = naive_sigreg(z, directions, knots, limit)
    assert float(sigreg_loss(z, directions, knots, limit)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(2, 3, 4), (4, 5, 2)])
def test_lejepa_equals_loops(shape, weight):
    views, directions = normal(*shape), normal(6, shape[2], seed=1)
    expected = naive_lejepa(views, directions, weight, 9, 2.0)
    assert float(lejepa_loss(views, directions, weight, 9, 2.0)) == pytest.approx(expected, rel=1e-9)


def test_published_weight_and_integration():
    views, directions = normal(2, 5, 4), normal(6, 4, seed=1)
    assert float(sigreg_loss(views[0], directions)) == pytest.approx(naive_sigreg(views[0], directions, 17, 3.0))
    assert float(lejepa_loss(views, directions)) == pytest.approx(naive_lejepa(views, directions, 0.05, 17, 3.0))


def test_closed_form_of_the_integral():
    z = normal(12, 1)
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = closed_form(z[:, 0].tolist())
    assert float(sigreg_loss(z, one, knots=400, limit=10.0)) == pytest.approx(expected, rel=1e-9)
    # The window leaves little beyond the default end, and 17 knots are enough.
    assert float(sigreg_loss(z, one)) == pytest.approx(expected, rel=0.03)


def test_collapsed_embeddings():
    # The characteristic function of zeros is 1.
    integral, _ = quad(lambda t: (1 - math.exp(-t * t / 2)) ** 2 * math.exp(-t * t / 2), -3, 3)
    assert float(sigreg_loss(0 * normal(10, 4), normal(8, 4))) == pytest.approx(10 * integral, rel=1e-3)


def test_normal_embeddings_stay_at_the_expected_value():
    # For independent normal embeddings the expectation is sqrt(2 pi) (1 - 1 / sqrt(3)), whatever n.
    expected = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
    directions = torch.eye(200, dtype=torch.float64)
    for n in (8, 64):
        assert float(sigreg_loss(normal(n, 200), directions)) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("limit", [3.0, 5.0])
def test_normal_embeddings_score_lowest(limit):
    directions, z = normal(64, 8, seed=1), normal(256, 8)
    least = sigreg_loss(z, directions, limit=limit)
    for other in [0 * z, 0.5 * z, 2 * z, z + 1, z[:, :1].expand(256, 8), z.sign() * 1.5]:
        assert sigreg_loss(other, directions, limit=limit) > 3 * least


def test_length_sign_and_order_of_directions_change_nothing():
    z, directions = normal(9, 4), normal(6, 4, seed=1)
    expected = sigreg_loss(z, directions)
    torch.testing.assert_close(sigreg_loss(z, directions * scales(6, 1)), expected)
    torch.testing.assert_close(sigreg_loss(z, -directions), expected)
    torch.testing.assert_close(sigreg_loss(z, directions.flip(0)), expected)
    assert not torch.isclose(sigreg_loss(2 * z, directions), expected)


def test_a_direction_of_zeros_is_allowed():
    # All projections on it are 0, as those of collapsed embeddings on any direction.
    z, zeros = normal(9, 4), torch.zeros(1, 4, dtype=torch.float64)
    torch.testing.assert_close(sigreg_loss(z, zeros), sigreg_loss(0 * z, torch.eye(4, dtype=torch.float64)))


def test_views_are_tested_apart():
    views, directions = normal(3, 6, 4), normal(6, 4, seed=1)
    single = torch.stack([sigreg_loss(view, directions) for view in views])
    torch.testing.assert_close(sigreg_loss(views, directions), single.mean())
    assert not torch.isclose(sigreg_loss(views.flatten(0, 1), directions), single.mean())


def test_agreement():
    z, directions = normal(6, 4), normal(6, 4, seed=1)
    # Two views at distance 1 from their mean in each dimension.
    assert float(lejepa_loss([z + 1, z - 1], directions, weight=0.0)) == pytest.approx(1)
    assert float(lejepa_loss([z, z, z], directions, weight=0.0)) == pytest.approx(0, abs=1e-20)
    torch.testing.assert_close(lejepa_loss([z, z], directions, weight=1.0), sigreg_loss(z, directions))


def test_order_of_views():
    views, directions = normal(3, 6, 4), normal(6, 4, seed=1)
    expected = lejepa_loss(views, directions)
    torch.testing.assert_close(lejepa_loss(views.flip(0), directions), expected)
    assert not torch.isclose(lejepa_loss([views[0].flip(0), *views[1:]], directions), expected)


def test_too_few_views():
    with pytest.raises(ValueError, match="`views` must hold 2 or more views, got 1; make more views per series"):
        lejepa_loss(normal(1, 4, 3), normal(6, 3))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (6, 2), (6, 3, 1)])
def test_wrong_directions(shape):
    with pytest.raises(ValueError, match=r"`directions` must have the shape \(K, d\) with d = 3 .*, got .*; draw K"):
        sigreg_loss(normal(4, 3), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 0)])
def test_wrong_embeddings(shape):
    message = r"`z` must have the shape \(\.\.\., n, d\) with 2 or more rows n, got \("
    with pytest.raises(ValueError, match=message):
        sigreg_loss(torch.zeros(shape), torch.zeros(6, 3))
