"""SimMTM's loss against loops, and its weights of similar series."""

import math

import pytest
import torch

from sklearn_ssl.losses import simmtm_loss
from sklearn_ssl.losses._simmtm import similarity_logits


def by_loops(views, prediction, target, weight, log_scales, temperature):
    z, n_series = views.flatten(0, 1), views.shape[1]
    n_rows = len(z)
    cosine = [[float(torch.cosine_similarity(a, b, dim=0)) / temperature for b in z] for a in z]
    contrast = 0.0
    for a in range(n_rows):
        total = sum(math.exp(cosine[a][b]) for b in range(n_rows) if b != a)
        for b in range(n_rows):
            if b != a and b % n_series == a % n_series:
                contrast -= math.log(math.exp(cosine[a][b]) / total)
    error = sum(float(w * (p - t) ** 2) for p, t, w in zip(prediction, target, weight, strict=True)) / float(
        weight.sum()
    )
    loss = 0.0
    for term, log_scale in zip((contrast / n_rows, error), log_scales.tolist(), strict=True):
        variance = math.exp(log_scale) ** 2
        loss += term / (2 * variance) + math.log(1 + variance)
    return loss


@pytest.mark.parametrize("n_copies", [1, 3])
def test_against_loops(n_copies):
    torch.manual_seed(0)
    views = torch.randn(n_copies + 1, 4, 5, dtype=torch.float64)
    prediction, target = torch.randn(2, 4, dtype=torch.float64)
    weight, scales = torch.tensor([1.0, 0.0, 2.0, 1.0]).double(), torch.tensor([0.3, -0.4]).double()
    loss = simmtm_loss(views, prediction, target, weight, scales, temperature=0.3)
    assert float(loss) == pytest.approx(by_loops(views, prediction, target, weight, scales, 0.3))


def test_no_row_counts_for_itself():
    weights = similarity_logits(torch.randn(6, 3), 0.2).softmax(1)
    assert weights.diagonal().eq(0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(6))


def test_scales_that_fit_the_terms():
    views, x = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    scales = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    simmtm_loss(views, x, x, torch.ones_like(x), scales).backward()
    assert scales.grad[1] == pytest.approx(1.0)  # no error: the scale should fall
    with pytest.raises(ValueError, match=r"`log_scales` must have the shape \(2,\)"):
        simmtm_loss(views, x, x, torch.ones_like(x), torch.zeros(3))
