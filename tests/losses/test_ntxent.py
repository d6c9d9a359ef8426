import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import ntxent_loss


def pair(n=6, d=5, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def naive(z1, z2, temperature):
    views = [list(map(float, row)) for row in (*z1, *z2)]
    n = len(z1)

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))

    total = 0.0
    for i, anchor in enumerate(views):
        similarities = [math.exp(cosine(anchor, other) / temperature) for other in views]
        positive = similarities[(i + n) % (2 * n)]
        total -= math.log(positive / (sum(similarities) - similarities[i]))
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize("n", [2, 7])
def test_equals_loops(n, temperature):
    z1, z2 = pair(n, dtype=torch.float64)
    assert float(ntxent_loss(z1, z2, temperature)) == pytest.approx(naive(z1, z2, temperature), rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 100.0])
@pytest.mark.parametrize("n", [2, 5, 64])
def test_identical_embeddings_are_at_chance_level(n, temperature):
    z = torch.full((n, 3), 0.7)
    assert float(ntxent_loss(z, z, temperature)) == pytest.approx(math.log(2 * n - 1), rel=1e-5)


def test_orthogonal_series_with_equal_views():
    # Each view sees its positive at cosine 1 and four others at cosine 0.
    z = torch.eye(3)
    assert float(ntxent_loss(z, z, 0.5)) == pytest.approx(math.log(math.exp(2) + 4) - 2, rel=1e-6)


def test_two_opposite_series():
    # Positive at cosine 1, the two negatives at -1.
    z = torch.tensor([[1.0], [-1.0]])
    assert float(ntxent_loss(z, z, 1.0)) == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-6)


def test_default_temperature():
    z1, z2 = pair()
    assert ntxent_loss(z1, z2) == ntxent_loss(z1, z2, temperature=0.5)
    assert ntxent_loss(z1, z2) != ntxent_loss(z1, z2, temperature=0.4)


def test_invariant_to_scale_order_and_exchange_of_views():
    z1, z2 = pair(dtype=torch.float64)
    expected = ntxent_loss(z1, z2)
    row_scales = torch.logspace(-3, 3, len(z1), dtype=torch.float64)[:, None]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(ntxent_loss(row_scales * z1, z2), expected)
    torch.testing.assert_close(ntxent_loss(z1[order], z2[order]), expected)
    torch.testing.assert_close(ntxent_loss(z2, z1), expected)
    assert not torch.isclose(ntxent_loss(z1[order], z2), expected)


def test_gradient():
    z1, z2 = (z.requires_grad_() for z in pair(4, 3, torch.float64))
    assert torch.autograd.gradcheck(lambda a, b: ntxent_loss(a, b, 0.2), (z1, z2))


@pytest.mark.parametrize("temperature", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[300.0, 300.0, 300.0], [-300.0, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "one zero row", "all zero"],
)
def test_finite_in_half_precision(rows, dtype, temperature):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    loss = ntxent_loss(z1, z2, temperature)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    z1, z2 = pair(32, 16)
    expected = ntxent_loss(z1, z2, 0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (z1 @ z2.T).dtype == torch.bfloat16
        torch.testing.assert_close(ntxent_loss(z1, z2, 0.05), expected, rtol=0, atol=0)
        torch.testing.assert_close(ntxent_loss(z1=z1, z2=z2, temperature=0.05), expected, rtol=0, atol=0)


def test_half_precision_equals_single_precision_of_the_same_values():
    z1, z2 = pair(8, 4, torch.bfloat16)
    assert ntxent_loss(z1, z2, 0.1) == ntxent_loss(z1.float(), z2.float(), 0.1)


@pytest.mark.parametrize(
    ("shape1", "shape2", "message"),
    [
        ((4, 3), (4, 2), r"the same shape, got \(4, 3\) and \(4, 2\)"),
        ((4, 3), (5, 3), r"the same shape, got \(4, 3\) and \(5, 3\)"),
        ((1, 3), (1, 3), r"must have 2 or more rows, got \(1, 3\); use a larger batch"),
        ((0, 3), (0, 3), r"2 or more rows"),
        ((4, 3, 2), (4, 3, 2), r"shape \(n, d\), got \(4, 3, 2\)"),
        ((4,), (4,), r"shape \(n, d\), got \(4,\)"),
        ((4, 0), (4, 0), r"shape \(n, d\), got \(4, 0\)"),
    ],
)
def test_wrong_shapes(shape1, shape2, message):
    with pytest.raises(ValueError, match=message):
        ntxent_loss(torch.zeros(shape1), torch.zeros(shape2))


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, np.nan, np.inf])
def test_wrong_temperature(temperature):
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        ntxent_loss(*pair(), temperature)
