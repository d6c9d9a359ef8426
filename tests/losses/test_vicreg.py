import math

import pytest
import torch
from loops import covariances, mean, missing_spread, normal

from sklearn_ssl.losses import vicreg_covariance_loss, vicreg_invariance_loss, vicreg_loss, vicreg_variance_loss


def pair(n=6, d=4):
    return 0.6 * normal(2, n, d)


def naive_invariance(z1, z2):
    return mean((a - b) ** 2 for a, b in zip(z1.flatten().tolist(), z2.flatten().tolist(), strict=True))


def naive_covariance(z):
    matrix = covariances(z)
    d = len(matrix)
    return sum(matrix[j][k] ** 2 for j in range(d) for k in range(d) if j != k) / d


def naive(z1, z2, invariance, variance, covariance):
    spread = (missing_spread(z1) + missing_spread(z2)) / 2
    redundancy = naive_covariance(z1) + naive_covariance(z2)
    return invariance * naive_invariance(z1, z2) + variance * spread + covariance * redundancy


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (5, 1), (3, 8)])
def test_equals_loops(shape):
    z1, z2 = pair(*shape)
    assert float(vicreg_invariance_loss(z1, z2)) == pytest.approx(naive_invariance(z1, z2), rel=1e-9)
    assert float(vicreg_variance_loss(z1)) == pytest.approx(missing_spread(z1), rel=1e-9)
    assert float(vicreg_covariance_loss(z1)) == pytest.approx(naive_covariance(z1), rel=1e-9)
    assert float(vicreg_loss(z1, z2, 2, 3, 5)) == pytest.approx(naive(z1, z2, 2, 3, 5), rel=1e-9)


def test_published_weights():
    z1, z2 = pair()
    assert float(vicreg_loss(z1, z2)) == pytest.approx(naive(z1, z2, 25, 25, 1), rel=1e-9)


def test_variance_term_is_halved():
    # Collapsed views: each variance term is 1 - sqrt(1e-4); the formula of the paper, without the half, gives 49.5.
    z = torch.zeros(4, 8)
    assert float(vicreg_loss(z, z)) == pytest.approx(25 * 0.99, rel=1e-5)


def test_orthogonal_embeddings():
    # Centred columns of length 2 sqrt(3), pairwise orthogonal: covariance 4 I with n - 1 = 3.
    signs = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)
    z = signs * math.sqrt(3)
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


def test_order_of_dimensions_and_exchange_of_views():
    z1, z2 = pair()
    expected = vicreg_loss(z1, z2)
    torch.testing.assert_close(vicreg_loss(z2, z1), expected)
    torch.testing.assert_close(vicreg_loss(z1.flip(1), z2.flip(1)), expected)
