"""Losses at hidden places against loops, and what they promise."""

import math

import pytest
import torch

from sklearn_ssl.losses import (
    masked_cosine_loss,
    masked_cross_entropy_loss,
    masked_l1_loss,
    masked_mse_loss,
    masked_smooth_l1_loss,
)
from sklearn_ssl.losses._reconstruction import normalised_windows

PER_VALUE = {
    masked_mse_loss: lambda e: e**2,
    masked_l1_loss: abs,
    masked_smooth_l1_loss: lambda e: e**2 / 2 if abs(e) <= 1 else abs(e) - 0.5,
}
every_loss = pytest.mark.parametrize("loss", PER_VALUE)


@pytest.fixture
def values():
    generator = torch.Generator().manual_seed(0)
    prediction, target = 2 * torch.randn(2, 3, 2, 5, generator=generator, dtype=torch.float64)
    return prediction, target, (torch.rand(3, 2, 5, generator=generator) < 0.4).double()


@every_loss
def test_against_loops(loss, values):
    total = n = 0.0
    for prediction, target, weight in zip(*(one.flatten().tolist() for one in values), strict=True):
        total, n = total + weight * PER_VALUE[loss](prediction - target), n + weight
    assert float(loss(*values)) == pytest.approx(total / n)


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_beta_of_the_smooth_loss(values, beta):
    prediction, target, weight = values
    error = (prediction - target).abs()
    expected = torch.where(error <= beta, error**2 / (2 * beta), error - beta / 2)
    loss = masked_smooth_l1_loss(prediction, target, weight, beta=beta)
    torch.testing.assert_close(loss, (weight * expected).sum() / weight.sum())


def test_gradient_of_the_absolute_error_is_its_sign_by_the_number_of_hidden_values(values):
    prediction, target, weight = values
    prediction.requires_grad_()
    masked_l1_loss(prediction, target, weight).backward()
    assert torch.equal(prediction.grad, weight * (prediction - target).sign().detach() / weight.sum())


@every_loss
def test_visible_values_have_no_influence(loss, values):
    prediction, target, weight = values
    noise = torch.randn_like(target) * (1 - weight)
    assert torch.equal(loss(prediction + noise, target - 2 * noise, weight), loss(prediction, target, weight))


@pytest.mark.parametrize("loss", [*PER_VALUE, masked_cosine_loss, masked_cross_entropy_loss])
def test_nothing_hidden_is_zero_without_gradient(loss):
    prediction = torch.randn(2, 3, 4, requires_grad=True)
    target = torch.zeros(2, 3, dtype=torch.long) if loss is masked_cross_entropy_loss else torch.randn(2, 3, 4)
    weight = torch.zeros(2, 3, 4) if loss in PER_VALUE else torch.zeros(2, 3)
    value = loss(prediction, target, weight > 0 if loss is masked_cross_entropy_loss else weight)
    value.backward()
    assert value == 0
    assert prediction.grad.eq(0).all()


def test_cosines_against_loops():
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, 3, 4, 6, generator=generator, dtype=torch.float64)
    weight = torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]).double()
    total = sum(
        float(weight[i, t] * (1 - torch.cosine_similarity(prediction[i, t], target[i, t], dim=0)))
        for i in range(3)
        for t in range(4)
    )
    assert float(masked_cosine_loss(prediction, target, weight)) == pytest.approx(total / float(weight.sum()))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_against_loops(smoothing):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    codes = torch.randint(5, (3, 4), generator=generator)
    hidden = torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]).bool()
    total = 0.0
    for i, t in hidden.nonzero().tolist():
        shares = [math.exp(score) for score in logits[i, t].tolist()]
        logs = [math.log(share / sum(shares)) for share in shares]
        total -= (1 - smoothing) * logs[int(codes[i, t])] + smoothing * sum(logs) / 5
    codes[~hidden] = -1  # what padded windows have
    loss = masked_cross_entropy_loss(logits, codes, hidden, label_smoothing=smoothing)
    assert float(loss) == pytest.approx(total / int(hidden.sum()))


def test_equal_logits_are_at_chance():
    loss = masked_cross_entropy_loss(torch.ones(2, 3, 8), torch.zeros(2, 3).long(), torch.ones(2, 3).bool())
    assert float(loss) == pytest.approx(math.log(8))


def test_normalised_windows():
    values = torch.tensor([[1.0, 3.0, 99.0], [5.0, 5.0, 5.0]])
    observed = torch.tensor([[True, True, False], [True, True, True]])
    scaled = normalised_windows(values, observed, eps=0.01)
    torch.testing.assert_close(scaled, torch.tensor([[-1, 1, 0], [0, 0, 0]]) / 1.01**0.5)
    assert normalised_windows(values, torch.zeros_like(observed), eps=0.01).eq(0).all()
