import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import timemcl_loss

WEIGHTS = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0, 0.35], dtype=torch.float64)


def triple(n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(3)]


def naive(z1, z2, z_mixed, weights, temperature):
    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))

    n = len(z_mixed)
    series = z1.tolist() + z2.tolist()
    total = 0.0
    for i, mixture in enumerate(z_mixed.tolist()):
        exponentials = [math.exp(cosine(mixture, other) / temperature) for other in series]
        total -= weights[i] * math.log(exponentials[i] / sum(exponentials))
        total -= (1 - weights[i]) * math.log(exponentials[n + i] / sum(exponentials))
    return total / n


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
def test_equals_loops(temperature):
    views = triple()
    expected = naive(*views, WEIGHTS.tolist(), temperature)
    assert float(timemcl_loss(*views, WEIGHTS, temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [0, 0.3, 1, torch.tensor(0.7, dtype=torch.float64)])
def test_one_weight_for_all_equals_loops(weight):
    views = triple(1) if weight == 0 else triple()
    expected = naive(*views, [float(weight)] * len(views[0]), 0.5)
    assert float(timemcl_loss(*views, weight)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 100.0])
def test_identical_embeddings_are_at_chance_level(temperature):
    z = torch.full((5, 3), 0.7)
    loss = timemcl_loss(z, z, z, torch.tensor([0.0, 0.1, 0.5, 0.8, 1.0]), temperature)
    assert float(loss) == pytest.approx(math.log(10), rel=1e-5)


def test_orthogonal_series():
    # The mixture has cosine 1 / sqrt(2) to both of its series and 0 to the two others.
    z = torch.eye(4)
    similarity = 1 / math.sqrt(2) / 0.5
    expected = math.log(2 * math.exp(similarity) + 2) - similarity
    assert float(timemcl_loss(z[:2], z[2:], z[:2] + z[2:], 0.3)) == pytest.approx(expected, rel=1e-6)


def test_lowest_where_similarities_tell_the_shares():
    # Among mixtures on the circle between two series, the best one has the shares of the softmax at 3 to 1.
    angles = torch.linspace(0, math.pi / 2, 9001, dtype=torch.float64)
    first, second = torch.eye(2, dtype=torch.float64)
    circle = angles.cos()[:, None] * first + angles.sin()[:, None] * second
    losses = torch.stack([timemcl_loss(first[None], second[None], z[None], 0.75) for z in circle[::100]])
    best = circle[::100][losses.argmin()]
    assert float((best @ (first - second) / 0.5).sigmoid()) == pytest.approx(0.75, abs=0.01)


def test_default_temperature():
    views = triple()
    assert timemcl_loss(*views, WEIGHTS) == timemcl_loss(*views, WEIGHTS, temperature=0.5)
    assert timemcl_loss(*views, WEIGHTS) != timemcl_loss(*views, WEIGHTS, temperature=0.2)


def test_invariant_to_scale_order_and_exchange_of_series():
    z1, z2, z_mixed = triple()
    expected = timemcl_loss(z1, z2, z_mixed, WEIGHTS)
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(timemcl_loss(7 * z1, scales * z2, scales * z_mixed, WEIGHTS), expected)
    torch.testing.assert_close(timemcl_loss(z1[order], z2[order], z_mixed[order], WEIGHTS[order]), expected)
    torch.testing.assert_close(timemcl_loss(z2, z1, z_mixed, 1 - WEIGHTS), expected)
    assert not torch.isclose(timemcl_loss(z2, z1, z_mixed, WEIGHTS), expected)


def test_all_embeddings_receive_a_gradient():
    views = [view.requires_grad_() for view in triple()]
    assert torch.autograd.gradcheck(lambda *views: timemcl_loss(*views, WEIGHTS, 0.2), views)
    timemcl_loss(*views, WEIGHTS).backward()
    assert all(view.grad.abs().min() > 0 for view in views)


@pytest.mark.parametrize("temperature", [0.01, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "rows",
    [[[1.0, -2.0], [0.5, 0.1]], [[300.0, 300.0], [-300.0, 300.0]], [[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]],
    ids=["plain", "large", "one zero row", "all zero"],
)
def test_finite_in_half_precision(rows, dtype, temperature):
    views = [torch.tensor(order, dtype=dtype, requires_grad=True) for order in (rows, rows, rows[::-1])]
    loss = timemcl_loss(*views, torch.tensor([0.0, 0.4], dtype=dtype), temperature)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert all(torch.isfinite(view.grad).all() for view in views)


def test_full_precision_under_autocast():
    views = triple(6, 16, torch.float32)
    expected = timemcl_loss(*views, 0.3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(timemcl_loss(*views, 0.3), expected, rtol=0, atol=0)


def test_wrong_shapes():
    z1, z2, z_mixed = triple()
    message = r"`z1`, `z2` and `z_mixed` must have the same shape, got \(6, 4\), \(5, 4\) and \(6, 4\); row i of each"
    with pytest.raises(ValueError, match=message):
        timemcl_loss(z1, z2[:5], z_mixed, 0.5)
    with pytest.raises(ValueError, match=r"`z1` must have the shape \(n, d\), got \(6,\); pool or flatten"):
        timemcl_loss(z1[:, 0], z2[:, 0], z_mixed[:, 0], 0.5)
    with pytest.raises(ValueError, match=r"`weight` must have the shape \(6,\), one number per row, got \(6, 1\)"):
        timemcl_loss(z1, z2, z_mixed, WEIGHTS[:, None])


@pytest.mark.parametrize("weight", [-0.1, 1.1, np.nan])
def test_wrong_weight(weight):
    with pytest.raises(ValueError, match="`weight` must be a number from 0 to 1, got"):
        timemcl_loss(*triple(), weight)


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_wrong_temperature(temperature):
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        timemcl_loss(*triple(), 0.5, temperature)
