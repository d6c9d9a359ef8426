"""The losses of generative adversarial networks against loops, and their signs."""

import math

import pytest
import torch
from torch.nn import functional as F

from sklearn_ssl.losses import context_loss, gan_loss, masked_mse_loss, ssgan_loss

OBJECTIVES = ("non-saturating", "hinge", "minimax")
every_objective = pytest.mark.parametrize("objective", OBJECTIVES)


def probability(score):
    """Return what the critic gives to "real"."""
    return 1 / (1 + math.exp(-score))


def value_function(real, fake):
    """Return V of a pair of scores, which the critic maximises."""
    return math.log(probability(real)) + math.log(1 - probability(fake))


LOOPS = {
    "non-saturating": (value_function, lambda fooled: -math.log(probability(fooled))),
    "hinge": (lambda real, fake: -max(0, 1 - real) - max(0, 1 + fake), lambda fooled: -fooled),
    "minimax": (value_function, lambda fooled: math.log(1 - probability(fooled))),
}


@pytest.fixture
def games():
    torch.manual_seed(0)
    real, fake, fooled, slope = 2 * torch.randn(4, 5, dtype=torch.float64)
    return real, fake, fooled, slope.square()


@pytest.fixture
def guesses():
    torch.manual_seed(1)
    return torch.tensor([0, 2, 1, 1, 2]), *torch.randn(2, 5, 3, dtype=torch.float64)


@every_objective
def test_against_loops(games, objective):
    to_maximise, of_generator = LOOPS[objective]
    expected = 0.0
    for real, fake, fooled, slope in zip(*(one.tolist() for one in games), strict=True):
        expected += (-to_maximise(real, fake) + of_generator(fooled) + 0.3 / 2 * slope) / 5
    assert float(gan_loss(*games, objective=objective, penalty=0.3)) == pytest.approx(expected)


def test_at_chance():
    zero = torch.zeros(3)
    assert float(gan_loss(zero, zero, zero, zero)) == pytest.approx(3 * math.log(2))


@every_objective
@pytest.mark.parametrize("loss", ["GAN", "SS-GAN"])
def test_signs(games, guesses, objective, loss):
    """Descent lifts real scores and lowers fake ones for the critic, and lifts fake ones for the generator."""
    leaves = [one.clone().requires_grad_() for one in games]
    total = gan_loss(*leaves, objective=objective)
    if loss == "SS-GAN":
        total = ssgan_loss(*leaves, *guesses, objective=objective)
    real, fake, fooled, slope = torch.autograd.grad(total, leaves)
    assert (real <= 0).all()
    assert (real < 0).any()
    assert (fake >= 0).all()
    assert (fake > 0).any()
    assert (fooled < 0).all()
    assert (slope > 0).all()


def test_printed_losses_need_minus_the_value_function(games, guesses):
    """Surveys print -V - alpha E log Q for the generator, and V - beta E log Q for the critic, both minimised."""
    real, fake, fooled, _ = games
    number, real_logits, fooled_logits = guesses
    minus_v = F.softplus(-real).mean() + F.softplus(fake).mean()  # in the place of V
    of_generator = F.softplus(fooled).mean()  # what of it the generator reaches
    log_q = [logits.log_softmax(1)[torch.arange(5), number].mean() for logits in (real_logits, fooled_logits)]
    printed = (minus_v - 1.0 * log_q[0]) + (-of_generator - 0.2 * log_q[1])
    torch.testing.assert_close(ssgan_loss(*games, *guesses, objective="minimax", penalty=0.0), printed)


def test_minimax_is_slow_where_the_critic_is_right(games):
    fooled = torch.tensor([-8.0], requires_grad=True)
    zero = torch.zeros(1)
    slopes = [torch.autograd.grad(gan_loss(zero, zero, fooled, zero, objective=one), fooled)[0] for one in OBJECTIVES]
    assert slopes[0] < -0.99
    assert slopes[1] == -1
    assert -0.001 < slopes[2] < 0


def test_guesses_are_added(games, guesses):
    number, real_logits, fooled_logits = guesses
    more = ssgan_loss(*games, *guesses, critic_weight=3.0, generator_weight=0.5) - gan_loss(*games)
    expected = 3 * F.cross_entropy(real_logits, number) + 0.5 * F.cross_entropy(fooled_logits, number)
    torch.testing.assert_close(more, expected)
    alone = ssgan_loss(*games, *guesses, critic_weight=0.0, generator_weight=0.0, objective="hinge", penalty=2.0)
    assert torch.equal(alone, gan_loss(*games, objective="hinge", penalty=2.0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"objective": "wasserstein"}, r"`objective` must be one of \'non-saturating\', \'hinge\', \'minimax\'"),
        ({"penalty": -1.0}, "`penalty` must be 0 or more, got -1.0; use 0 for none"),
    ],
)
def test_wrong_parameters(games, wrong, message):
    with pytest.raises(ValueError, match=message):
        gan_loss(*games, **wrong)


@pytest.mark.parametrize("name", ["generator_weight", "critic_weight"])
def test_wrong_weights(games, guesses, name):
    with pytest.raises(ValueError, match=f"`{name}` must be 0 or more"):
        ssgan_loss(*games, *guesses, **{name: -0.1})


def test_wrong_shapes(games):
    with pytest.raises(ValueError, match=r"`slope` must have the shape \(n,\) with one number.* got \(5, 1\)"):
        gan_loss(*games[:3], games[3][:, None])


def test_context_loss_is_the_error_and_both_games(games):
    torch.manual_seed(2)
    prediction, target, weight = torch.randn(3, 5, 2, 4, dtype=torch.float64).abs()
    error = masked_mse_loss(prediction, target, weight)
    assert torch.equal(context_loss(prediction, target, weight, adversarial=0.3), error)
    real, fake, fooled, slope = games
    critic = F.softplus(-real).mean() + F.softplus(fake).mean() + 0.7 / 2 * slope.mean()
    expected = error + critic + 0.3 * F.softplus(-fooled).mean()
    both = context_loss(prediction, target, weight, *games, adversarial=0.3, penalty=0.7)
    torch.testing.assert_close(both, expected)
    with pytest.raises(ValueError, match="`adversarial` must be 0 or more, got -1"):
        context_loss(prediction, target, weight, *games, adversarial=-1.0)
