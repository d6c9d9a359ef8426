import math

import pytest
import torch
from loops import cosine, mean, normal, scales, softmax

from sklearn_ssl.losses import timemcl_loss

WEIGHTS = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0, 0.35], dtype=torch.float64)


def naive(z1, z2, z_mixed, weights, temperature):
    n = len(z_mixed)
    series = z1.tolist() + z2.tolist()
    losses = []
    for i, mixture in enumerate(z_mixed.tolist()):
        shares = softmax([cosine(mixture, other) / temperature for other in series])
        losses.append(-weights[i] * math.log(shares[i]) - (1 - weights[i]) * math.log(shares[n + i]))
    return mean(losses)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
def test_equals_loops(temperature):
    views = normal(3, 6, 4)
    expected = naive(*views, WEIGHTS.tolist(), temperature)
    assert float(timemcl_loss(*views, WEIGHTS, temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [0, 0.3, 1, torch.tensor(0.7, dtype=torch.float64)])
def test_one_weight_for_all_and_the_published_temperature(weight):
    views = normal(3, 1, 4) if weight == 0 else normal(3, 6, 4)
    expected = naive(*views, [float(weight)] * len(views[0]), 0.5)
    assert float(timemcl_loss(*views, weight)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 100.0])
def test_identical_embeddings_are_at_chance_level(temperature):
    z = torch.full((6, 3), 0.7)
    assert float(timemcl_loss(z, z, z, WEIGHTS, temperature)) == pytest.approx(math.log(12), rel=1e-5)


def test_orthogonal_series():
    # The mixture has cosine 1 / sqrt(2) to both of its series and 0 to the two others.
    z = torch.eye(4)
    similarity = 1 / math.sqrt(2) / 0.5
    expected = math.log(2 * math.exp(similarity) + 2) - similarity
    assert float(timemcl_loss(z[:2], z[2:], z[:2] + z[2:], 0.3)) == pytest.approx(expected, rel=1e-6)


def test_lowest_where_similarities_tell_the_shares():
    # Among mixtures on the circle between two series, the best one has the shares of the softmax at 3 to 1.
    angles = torch.linspace(0, math.pi / 2, 91, dtype=torch.float64)
    first, second = torch.eye(2, dtype=torch.float64)
    circle = angles.cos()[:, None] * first + angles.sin()[:, None] * second
    losses = torch.stack([timemcl_loss(first[None], second[None], z[None], 0.75) for z in circle])
    best = circle[losses.argmin()]
    assert float((best @ (first - second) / 0.5).sigmoid()) == pytest.approx(0.75, abs=0.01)


def test_ignores_scales_and_the_exchange_of_series():
    z1, z2, z_mixed = normal(3, 6, 4)
    expected = timemcl_loss(z1, z2, z_mixed, WEIGHTS)
    torch.testing.assert_close(timemcl_loss(7 * z1, scales(6, 1) * z2, scales(6, 1) * z_mixed, WEIGHTS), expected)
    torch.testing.assert_close(timemcl_loss(z2, z1, z_mixed, 1 - WEIGHTS), expected)
    assert not torch.isclose(timemcl_loss(z2, z1, z_mixed, WEIGHTS), expected)


def test_shares_in_half_precision_are_not_rounded_again():
    # 1 less a share needs more digits than half precision has.
    views, shares = normal(3, 6, 4).half(), torch.full((6,), 0.001, dtype=torch.float16)
    assert timemcl_loss(*views, shares) == timemcl_loss(*views.float(), shares.float())


@pytest.mark.parametrize("weight", [WEIGHTS[:, None], WEIGHTS[:5], WEIGHTS[:1]])
def test_weights_of_a_wrong_shape(weight):
    message = r"`weight` must have the shape \(6,\), one number per row, got \(.*; pass the share of the first series"
    with pytest.raises(ValueError, match=message):
        timemcl_loss(*normal(3, 6, 4), weight)


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan])
def test_wrong_weight(weight):
    with pytest.raises(ValueError, match=f"`weight` must be a number from 0 to 1, got {weight}; pass the share"):
        timemcl_loss(*normal(3, 6, 4), weight)
