import cmath
import math

import pytest
import torch
from loops import normal

from sklearn_ssl.losses import cost_loss, queue_contrastive_loss


def coefficients(season):
    """Return the Fourier coefficients of the unit vectors of each step: series, frequencies, features."""
    n, d, m = season.shape
    unit = season / season.norm(dim=1, keepdim=True)
    waves = [[cmath.exp(-2j * math.pi * k * t / m) for t in range(m)] for k in range(m // 2 + 1)]
    return [
        [[sum(w * complex(unit[i, c, t]) for t, w in enumerate(wave)) for c in range(d)] for wave in waves]
        for i in range(n)
    ]


def contrast(first, second, product):
    """Return the mean cross-entropy of finding the other view, with the rows of each frequency."""
    n, n_frequencies = len(first), len(first[0])
    total = 0.0
    for mine, other in ((first, second), (second, first)):
        for i in range(n):
            for k in range(n_frequencies):
                terms = [product(mine[i][k], other[j][k]) for j in range(n)]
                terms += [product(mine[i][k], mine[j][k]) for j in range(n) if j != i]
                total += math.log(sum(map(math.exp, terms))) - terms[i]
    return total / (2 * n * n_frequencies)


def of_amplitudes(a, b):
    return sum(abs(p) * abs(q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize(("temperature", "seasonal"), [(0.07, 5e-4), (0.5, 2.0)])
@pytest.mark.parametrize("m", [1, 6, 7])
def test_equals_the_formula_term_by_term(temperature, seasonal, m):
    (query, key), queue = normal(2, 4, 3), normal(5, 3, seed=1)
    seasons = normal(2, 4, 2, m, seed=2)
    c1, c2 = (coefficients(season) for season in seasons)
    smallest = 1e-4 * m / 2

    def of_phases(a, b):
        a, b = ([p / math.sqrt(abs(p) ** 2 + smallest) for p in one] for one in (a, b))
        return sum((p * q.conjugate()).real for p, q in zip(a, b, strict=True))

    expected = float(queue_contrastive_loss(query, key, queue, temperature))
    expected += seasonal / 2 * (contrast(c1, c2, of_amplitudes) + contrast(c1, c2, of_phases))
    assert float(cost_loss(query, key, queue, *seasons, temperature, seasonal)) == pytest.approx(expected, rel=1e-9)


def test_published_numbers():
    (query, key), queue, seasons = normal(2, 4, 3), normal(5, 3, seed=1), normal(2, 4, 2, 6, seed=2)
    assert torch.equal(cost_loss(query, key, queue, *seasons), cost_loss(query, key, queue, *seasons, 0.07, 5e-4))


def of_phase(angles):
    """Return seasons with one oscillation, whose phase is given for each series and feature."""
    steps = torch.arange(16, dtype=torch.float64)
    return 1 + 0.1 * torch.cos(2 * math.pi * 3 * steps / 16 + angles[..., None])


def test_phases_at_both_ends_of_their_range_are_near():
    z, angles = torch.ones(4, 3, dtype=torch.float64), torch.tensor([[3.13, -3.13], [0.5, 2], [-1, 1], [-2, 0.3]])
    same, next_to = (
        float(cost_loss(z, z, z, of_phase(angles), of_phase(angles + turn), seasonal=1.0)) for turn in (0.0, 0.03)
    )
    assert next_to == pytest.approx(same, abs=0.01)
    far = float(cost_loss(z, z, z, of_phase(angles), of_phase(angles + math.pi), seasonal=1.0))
    assert far > same + 0.05


def test_seasons_without_oscillation_have_no_steep_gradient():
    z, season = torch.ones(4, 3), torch.full((4, 5, 20), 0.3, requires_grad=True)
    cost_loss(z, z, z, season, season.detach() * (1 + 1e-7), seasonal=1.0).backward()
    assert float(season.grad.abs().max()) < 1e-2


def test_inputs_that_are_all_the_same():
    z, season = torch.ones(6, 3), torch.ones(6, 2, 9)
    expected = math.log(11) + 0.5 * math.log(11)
    assert float(cost_loss(z, z, torch.ones(10, 3), season, season, seasonal=0.5)) == pytest.approx(expected, rel=1e-5)
