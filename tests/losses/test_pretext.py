"""Losses of context tasks against loops, and what they promise."""

import math

import pytest
import torch
from loops import cross_entropy, normal, one_hot, softmax

from sklearn_ssl.losses import colorization_loss, pretext_loss


def test_pretext_loss_against_loops():
    logits, number = normal(6, 5), torch.tensor([0, 4, 4, 1, 3, 2])
    each = [cross_entropy(one_hot(place, 5), row) for place, row in zip(number.tolist(), logits.tolist(), strict=True)]
    assert float(pretext_loss(number, logits)) == pytest.approx(sum(each) / 6)


def test_equal_logits_are_at_chance():
    assert float(pretext_loss(torch.tensor([0, 6]), torch.zeros(2, 7))) == pytest.approx(math.log(7))
    soft = torch.rand(2, 7, 3).softmax(1)
    assert float(colorization_loss(torch.zeros(2, 7, 3), soft, torch.ones(2, 3))) == pytest.approx(math.log(7))


@pytest.mark.parametrize("number", [torch.zeros(3), torch.zeros(3, dtype=torch.bool)])
def test_numbers_must_be_whole(number):
    with pytest.raises(
        TypeError, match=r"`number` must hold integers, got torch\.\w+; pass the numbers of the changes"
    ):
        pretext_loss(number, torch.zeros(3, 4))


def test_colorization_loss_against_loops():
    logits, soft = normal(3, 4, 5), normal(3, 4, 5, seed=1).softmax(1)
    weight = normal(3, 5, seed=2).abs()
    total = weights = 0.0
    for case in range(3):
        for step in range(5):
            shares = softmax(logits[case, :, step].tolist())
            error = -sum(s * math.log(p) for s, p in zip(soft[case, :, step].tolist(), shares, strict=True))
            total += float(weight[case, step]) * error
            weights += float(weight[case, step])
    assert float(colorization_loss(logits, soft, weight)) == pytest.approx(total / weights)


def test_steps_without_weight_have_no_influence():
    logits, soft = normal(2, 4, 6), normal(2, 4, 6, seed=1).softmax(1)
    weight = (torch.arange(6) < torch.tensor([[6], [2]])).double()
    shorter = colorization_loss(logits, soft, weight)
    logits[1, :, 2:], soft[1, :, 2:] = 7.0, 0.5
    assert torch.equal(colorization_loss(logits, soft, weight), shorter)


def test_nothing_to_predict_gives_the_loss_zero():
    logits = normal(2, 4, 3).requires_grad_()
    loss = colorization_loss(logits, normal(2, 4, 3).softmax(1), torch.zeros(2, 3))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("logits", "soft", "weight", "message"),
    [
        ((2, 4, 3), (2, 4, 5), (2, 3), "`soft` must have the shape of `logits`"),
        ((2, 4, 3), (2, 4, 3), (2, 4), r"`weight` must have one number for each step.*\(2, 4\) and \(2, 4, 3\)"),
        ((2, 4), (2, 4), (2, 4), "`weight` must have one number for each step"),
    ],
)
def test_shapes_must_fit(logits, soft, weight, message):
    with pytest.raises(ValueError, match=message):
        colorization_loss(torch.zeros(logits), torch.zeros(soft), torch.zeros(weight))
