"""The loss of variational autoencoders against loops."""

import math

import pytest
import torch

from sklearn_ssl.losses import masked_mse_loss, vae_loss


def by_loops(prediction, target, weight, mean, log_variance, beta):
    values = (one.flatten().tolist() for one in (prediction, target, weight))
    error = sum(w * (p - t) ** 2 for p, t, w in zip(*values, strict=True))
    divergence = 0.0
    for mu, log in zip(mean.flatten().tolist(), log_variance.flatten().tolist(), strict=True):
        divergence += 0.5 * (mu**2 + math.exp(log) - 1 - log)
    return (error + beta * divergence) / float(weight.sum())


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    prediction, target, weight = torch.randn(3, 4, 2, 5, dtype=torch.float64)
    mean, log_variance = torch.randn(2, 4, 3, dtype=torch.float64)
    return prediction, target, weight.gt(0).double(), mean, log_variance


@pytest.mark.parametrize("beta", [0, 0.3, 2.0])
def test_against_loops(inputs, beta):
    assert float(vae_loss(*inputs, beta=beta)) == pytest.approx(by_loops(*inputs, beta))


def test_divergence_against_torch(inputs):
    mean, log_variance = inputs[3:]
    codes = torch.distributions.Normal(mean, (log_variance / 2).exp())
    divergence = torch.distributions.kl_divergence(codes, torch.distributions.Normal(0.0, 1.0)).sum()
    x = torch.zeros(4, 7, dtype=torch.float64)
    assert float(vae_loss(x, x, torch.ones_like(x), mean, log_variance)) == pytest.approx(float(divergence) / 28)
    no_code = torch.zeros_like(mean)
    torch.testing.assert_close(vae_loss(*inputs[:3], no_code, no_code), masked_mse_loss(*inputs[:3]))


def test_large_variances_are_pulled_back(inputs):
    log_variance = torch.tensor([[9.0, 10.0, 11.0, 500.0]], requires_grad=True)
    x = torch.zeros(1, 1)
    loss = vae_loss(x, x, torch.ones_like(x), torch.zeros(1, 4), log_variance, beta=2.0)
    loss.backward()
    expected = [math.exp(9) - 1] + [math.exp(10) - 1] * 3
    assert log_variance.grad[0].tolist() == pytest.approx(expected, rel=1e-4)


def test_codes_of_another_batch(inputs):
    with pytest.raises(ValueError, match="`mean` must have a row for each of 4 series, got 3"):
        vae_loss(*inputs[:3], inputs[3][:3], inputs[4][:3])
