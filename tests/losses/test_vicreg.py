import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import vicreg_covariance_loss, vicreg_invariance_loss, vicreg_loss, vicreg_variance_loss


def pair(n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [0.6 * torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def naive_invariance(z1, z2):
    n, d = z1.shape
    return sum((float(z1[i, j]) - float(z2[i, j])) ** 2 for i in range(n) for j in range(d)) / (n * d)


def naive_covariances(z):
    n, d = z.shape
    rows = z.tolist()
    means = [sum(row[j] for row in rows) / n for j in range(d)]
    return [
        [sum((row[j] - means[j]) * (row[k] - means[k]) for row in rows) / (n - 1) for k in range(d)] for j in range(d)
    ]


def naive_variance(z):
    d = z.shape[1]
    covariances = naive_covariances(z)
    return sum(max(0.0, 1 - math.sqrt(covariances[j][j] + 1e-4)) for j in range(d)) / d


def naive_covariance(z):
    d = z.shape[1]
    covariances = naive_covariances(z)
    return sum(covariances[j][k] ** 2 for j in range(d) for k in range(d) if j != k) / d


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1), (3, 8)])
def test_equals_loops(shape):
    z1, z2 = pair(*shape)
    assert float(vicreg_invariance_loss(z1, z2)) == pytest.approx(naive_invariance(z1, z2), rel=1e-9)
    assert float(vicreg_variance_loss(z1)) == pytest.approx(naive_variance(z1), rel=1e-9)
    assert float(vicreg_covariance_loss(z1)) == pytest.approx(naive_covariance(z1), rel=1e-9)
    expected = (
        2 * naive_invariance(z1, z2)
        + 3 * (naive_variance(z1) + naive_variance(z2)) / 2
        + 5 * (naive_covariance(z1) + naive_covariance(z2))
    )
    assert float(vicreg_loss(z1, z2, 2, 3, 5)) == pytest.approx(expected, rel=1e-9)


def test_defaults():
    z1, z2 = pair()
    assert vicreg_loss(z1, z2) == vicreg_loss(z1, z2, invariance=25.0, variance=25.0, covariance=1.0)
    assert vicreg_loss(z1, z2) != vicreg_loss(z1, z2, covariance=2.0)


def test_variance_term_is_halved():
    # Collapsed views: each variance term is 1 - sqrt(1e-4); the formula of the paper, without the half, gives 49.5.
    z = torch.zeros(4, 8)
    assert float(vicreg_loss(z, z)) == pytest.approx(25 * 0.99, rel=1e-5)


def test_orthogonal_embeddings():
    # Centred columns of length 2 sqrt(3), pairwise orthogonal: covariance 4 I with n - 1 = 3.
    columns = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * math.sqrt(3)
    z = torch.tensor(columns)
    assert float(vicreg_covariance_loss(z)) == pytest.approx(0, abs=1e-20)
    assert float(vicreg_variance_loss(z)) == 0
    assert float(vicreg_loss(z, z)) == pytest.approx(0, abs=1e-20)
    assert float(vicreg_loss(z, -z)) == pytest.approx(25 * 4 * 3)


def test_two_equal_dimensions():
    # Unbiased variance of (1, -1, 1, -1) is 4/3; the two off-diagonal covariances are the same, d = 2.
    z = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, -1.0]])
    assert float(vicreg_covariance_loss(z)) == pytest.approx((4 / 3) ** 2)


def test_unbiased_variance():
    # Values 0 and 0.8: variance 0.32 with n - 1, 0.16 with n.
    z = torch.tensor([[0.0], [0.8]], dtype=torch.float64)
    assert float(vicreg_variance_loss(z)) == pytest.approx(1 - math.sqrt(0.32 + 1e-4), rel=1e-9)


def test_translation_changes_no_variance_and_no_covariance():
    z1, z2 = pair()
    shift = torch.tensor([3.0, -2.0, 0.5, 100.0], dtype=torch.float64)
    torch.testing.assert_close(vicreg_variance_loss(z1 + shift), vicreg_variance_loss(z1))
    torch.testing.assert_close(vicreg_covariance_loss(z1 + shift), vicreg_covariance_loss(z1))
    torch.testing.assert_close(vicreg_loss(z1 + shift, z2 + shift), vicreg_loss(z1, z2))
    assert vicreg_loss(z1 + shift, z2) > vicreg_loss(z1, z2)


def test_order_of_series_dimensions_and_views():
    z1, z2 = pair()
    expected = vicreg_loss(z1, z2)
    torch.testing.assert_close(vicreg_loss(z2, z1), expected)
    torch.testing.assert_close(vicreg_loss(z1.flip(0), z2.flip(0)), expected)
    torch.testing.assert_close(vicreg_loss(z1.flip(1), z2.flip(1)), expected)


def test_gradient():
    z1, z2 = (z.requires_grad_() for z in pair())
    assert torch.autograd.gradcheck(vicreg_loss, (z1, z2))
    assert torch.autograd.gradcheck(vicreg_variance_loss, (z1,))
    assert torch.autograd.gradcheck(vicreg_covariance_loss, (z1,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[300.0, 250.0, -300.0], [-300.0, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[2.0, 1.0, -1.0], [2.0, -1.0, 1.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "constant dimension", "zero"],
)
def test_finite(rows, dtype):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    loss = vicreg_loss(z1, z2, covariance=1e-3)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    z1, z2 = pair(32, 16, torch.float32)
    expected = vicreg_loss(z1, z2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(vicreg_loss(z1, z2), expected, rtol=0, atol=0)
        torch.testing.assert_close(vicreg_covariance_loss(z1), vicreg_covariance_loss(z=z1), rtol=0, atol=0)
        assert vicreg_covariance_loss(z1).dtype == torch.float32


@pytest.mark.parametrize("loss", [vicreg_loss, vicreg_invariance_loss])
def test_views_of_different_shapes(loss):
    with pytest.raises(ValueError, match=r"the same shape, got \(4, 3\) and \(4, 1\); row i of each"):
        loss(torch.zeros(4, 3), torch.zeros(4, 1))


@pytest.mark.parametrize("loss", [vicreg_variance_loss, vicreg_covariance_loss, lambda z: vicreg_loss(z, z)])
@pytest.mark.parametrize(
    ("shape", "message"), [((1, 3), r"\(1, 3\); use a larger batch"), ((4, 3, 2), r"got \(4, 3, 2\); pool or flatten")]
)
def test_wrong_shapes(loss, shape, message):
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(shape))
