import math

import pytest
import torch
from loops import cosine, mean, normal, scales

from sklearn_ssl.losses import ntxent_loss


def naive(z1, z2, temperature):
    views = z1.tolist() + z2.tolist()
    n = len(z1)
    losses = []
    for i, anchor in enumerate(views):
        similarities = [math.exp(cosine(anchor, other) / temperature) for other in views]
        positive = similarities[(i + n) % (2 * n)]
        losses.append(-math.log(positive / (sum(similarities) - similarities[i])))
    return mean(losses)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize("n", [2, 7])
def test_equals_loops(n, temperature):
    z1, z2 = normal(2, n, 5)
    assert float(ntxent_loss(z1, z2, temperature)) == pytest.approx(naive(z1, z2, temperature), rel=1e-9)


def test_published_temperature():
    z1, z2 = normal(2, 6, 5)
    assert float(ntxent_loss(z1, z2)) == pytest.approx(naive(z1, z2, 0.5), rel=1e-9)


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


def test_ignores_scales_and_the_exchange_of_views():
    z1, z2 = normal(2, 6, 5)
    expected = ntxent_loss(z1, z2)
    torch.testing.assert_close(ntxent_loss(scales(6, 1) * z1, z2), expected)
    torch.testing.assert_close(ntxent_loss(z2, z1), expected)


@pytest.mark.parametrize(
    ("shape1", "shape2", "message"),
    [
        ((4, 3), (5, 3), r"`z1` and `z2` must have the same shape, got \(4, 3\) and \(5, 3\); row i of each must come"),
        ((1, 3), (1, 3), r"`z1` must have 2 or more rows, got \(1, 3\); use a larger batch"),
        ((4, 3, 2), (4, 3, 2), r"`z1` must have the shape \(n, d\), got \(4, 3, 2\); pool or flatten it first"),
        ((4, 0), (4, 0), r"`z1` must have the shape \(n, d\), got \(4, 0\)"),
    ],
)
def test_messages_of_wrong_shapes(shape1, shape2, message):
    with pytest.raises(ValueError, match=message):
        ntxent_loss(torch.zeros(shape1), torch.zeros(shape2))
