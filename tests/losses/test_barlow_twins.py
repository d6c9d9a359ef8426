import math

import pytest
import torch

from sklearn_ssl.losses import barlow_twins_loss

ORTHOGONAL = [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]


def pair(n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def naive(z1, z2, redundancy):
    n, d = z1.shape

    def standardised(z, j):
        values = [float(z[i, j]) for i in range(n)]
        mean = sum(values) / n
        variance = sum((value - mean) ** 2 for value in values) / n
        return [(value - mean) / math.sqrt(variance + 1e-5) for value in values]

    total = 0.0
    for j in range(d):
        for k in range(d):
            a, b = standardised(z1, j), standardised(z2, k)
            correlation = sum(x * y for x, y in zip(a, b, strict=True)) / n
            total += (1 - correlation) ** 2 if j == k else redundancy * correlation**2
    return total


@pytest.mark.parametrize("redundancy", [0.0, 5e-3, 2.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1)])
def test_equals_loops(shape, redundancy):
    z1, z2 = pair(*shape)
    assert float(barlow_twins_loss(z1, z2, redundancy)) == pytest.approx(naive(z1, z2, redundancy), rel=1e-9)


def test_default_redundancy():
    z1, z2 = pair()
    assert barlow_twins_loss(z1, z2) == barlow_twins_loss(z1, z2, redundancy=5e-3)
    assert barlow_twins_loss(z1, z2) != barlow_twins_loss(z1, z2, redundancy=0.1)


def test_perfectly_correlated_and_decorrelated():
    z = torch.tensor(ORTHOGONAL)
    assert float(barlow_twins_loss(z, z)) == pytest.approx(0, abs=1e-6)


def test_opposite_views():
    # Each of three dimensions correlates at -1 with itself: (1 + 1)^2 each.
    z = torch.tensor(ORTHOGONAL)
    assert float(barlow_twins_loss(z, -z)) == pytest.approx(12, rel=1e-4)


def test_exchanged_dimensions():
    # Rotated by one, no dimension meets itself (3) and three pairs correlate fully.
    z = torch.tensor(ORTHOGONAL)
    assert float(barlow_twins_loss(z, z.roll(1, dims=1), 0.1)) == pytest.approx(3 + 3 * 0.1, rel=1e-4)


def test_fully_redundant_dimensions():
    # All five dimensions equal: nothing on the diagonal, 20 correlations of one.
    z = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]).repeat(1, 5)
    assert float(barlow_twins_loss(z, z, 0.01)) == pytest.approx(0.2, rel=1e-4)


def test_identical_series_correlate_with_nothing():
    z = torch.full((4, 7), 0.3)
    assert float(barlow_twins_loss(z, z)) == pytest.approx(7)


def test_affine_map_of_each_dimension_changes_nothing():
    z1, z2 = pair(16)
    scale = torch.tensor([1.0, 3.0, 10.0, 50.0], dtype=torch.float64)
    shift = torch.tensor([0.0, -5.0, 2.0, 100.0], dtype=torch.float64)
    expected = barlow_twins_loss(z1, z2)
    torch.testing.assert_close(barlow_twins_loss(scale * z1 + shift, z2), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(barlow_twins_loss(z1, scale * z2 + shift), expected, rtol=1e-4, atol=0)
    assert not torch.isclose(barlow_twins_loss(-scale * z1, z2), expected, rtol=1e-2)


def test_order_of_series_dimensions_and_views():
    z1, z2 = pair()
    expected = barlow_twins_loss(z1, z2)
    torch.testing.assert_close(barlow_twins_loss(z2, z1), expected)
    torch.testing.assert_close(barlow_twins_loss(z1.flip(0), z2.flip(0)), expected)
    torch.testing.assert_close(barlow_twins_loss(z1.flip(1), z2.flip(1)), expected)


def test_gradient():
    z1, z2 = (z.requires_grad_() for z in pair())
    assert torch.autograd.gradcheck(lambda a, b: barlow_twins_loss(a, b, 0.1), (z1, z2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[3e4, 250.0, -3e4], [-3e4, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[2.0, 1.0, -1.0], [2.0, -1.0, 1.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "constant dimension", "zero"],
)
def test_finite(rows, dtype):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    loss = barlow_twins_loss(z1, z2)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    z1, z2 = pair(32, 16, torch.float32)
    expected = barlow_twins_loss(z1, z2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(barlow_twins_loss(z1, z2), expected, rtol=0, atol=0)


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
        barlow_twins_loss(torch.zeros(shape1), torch.zeros(shape2))
