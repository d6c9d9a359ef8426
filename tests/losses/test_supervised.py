"""The losses of labels against loops."""

import math

import pytest
import torch

from sklearn_ssl.losses import ntxent_loss, semi_supervised_loss, weighted_cross_entropy, weighted_squared_error


def test_cross_entropy_is_the_weighted_mean_of_surprises():
    torch.manual_seed(0)
    logits, target, weight = torch.randn(7, 3), torch.tensor([0, 2, 1, 1, 0, 2, 2]), torch.rand(7)
    total = 0.0
    for row, label, w in zip(logits.tolist(), target.tolist(), weight.tolist(), strict=True):
        total += w * -math.log(math.exp(row[label]) / sum(math.exp(value) for value in row))
    assert weighted_cross_entropy(logits, target, weight).item() == pytest.approx(total / weight.sum().item(), rel=1e-5)


def test_squared_error_counts_known_targets_only():
    torch.manual_seed(0)
    prediction, target, weight = torch.randn(5, 2), torch.randn(5, 2), torch.rand(5)
    target[1, 0] = target[3, 0] = target[3, 1] = torch.nan
    total, count = 0.0, 0.0
    for i in range(5):
        for j in range(2):
            if not math.isnan(target[i, j].item()):
                total += weight[i].item() * (prediction[i, j] - target[i, j]).item() ** 2
                count += weight[i].item()
    assert weighted_squared_error(prediction, target, weight).item() == pytest.approx(total / count, rel=1e-5)


def test_unknown_targets_have_no_gradient():
    prediction = torch.ones(2, 1, requires_grad=True)
    weighted_squared_error(prediction, torch.tensor([[torch.nan], [3.0]]), torch.ones(2)).backward()
    assert prediction.grad.tolist() == [[0.0], [-4.0]]


@pytest.mark.parametrize("loss", [weighted_cross_entropy, weighted_squared_error])
def test_gradients_and_batches_without_weight(loss):
    torch.manual_seed(0)
    outputs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2, 1]) if loss is weighted_cross_entropy else torch.randn(4, 3, dtype=torch.float64)
    weight = torch.rand(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: loss(z, target, weight), outputs)
    assert loss(outputs, target, torch.zeros(4)).item() == 0
    with pytest.raises(ValueError, match=r"`weight` must have the shape \(4,\), one number per row, got \(3,\)"):
        loss(outputs, target, torch.ones(3))


def test_half_precision_does_not_overflow():
    logits = torch.tensor([[60000.0, -60000.0]], dtype=torch.float16)
    assert weighted_cross_entropy(logits, torch.tensor([1]), torch.ones(1)).item() == pytest.approx(120000, rel=1e-3)


def test_semi_supervised_loss_is_the_weighted_sum():
    torch.manual_seed(0)
    labelled = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1]), torch.rand(5)
    z = torch.randn(2, 6, 4, dtype=torch.float64, requires_grad=True)
    terms = {"supervised": weighted_cross_entropy, "self_supervised": ntxent_loss}
    total = 0.0
    for row, label, w in zip(labelled[0].tolist(), labelled[1].tolist(), labelled[2].tolist(), strict=True):
        total += w * (math.log(sum(math.exp(value) for value in row)) - row[label])
    total /= labelled[2].sum().item()
    both = semi_supervised_loss(*labelled, *z, ssl_weight=0.3, **terms)
    assert both.item() == pytest.approx(total + 0.3 * ntxent_loss(*z).item(), rel=1e-6)
    assert semi_supervised_loss(*labelled, **terms).item() == pytest.approx(total, rel=1e-6)
    assert torch.autograd.gradcheck(lambda z: semi_supervised_loss(*labelled, *z, **terms), z)
    with pytest.raises(ValueError, match="`ssl_weight` must be 0 or more, got -1"):
        semi_supervised_loss(*labelled, *z, ssl_weight=-1, **terms)
