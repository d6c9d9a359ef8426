"""A hidden channel reaches no input; bins, soft targets and weights are those of the formulas."""

import math

import numpy as np
import pytest
import torch
from small_architectures import built

from sklearn_ssl.architectures import Batch, HiddenChannelArchitecture

LENGTHS = torch.tensor([24, 9, 16, 4, 2, 23])
CHANNEL = torch.tensor([0, 1, 2, 2, 1, 0])
NONE_WHOLE = torch.zeros(6, dtype=torch.bool)


def hiding(n_channels=3, **parameters):
    return built(HiddenChannelArchitecture, **{"n_channels": n_channels, "n_timepoints": 24, **parameters}).eval()


def series(n_channels=3, n_cases=6):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n_cases, n_channels, 24, generator=generator) * torch.tensor([1.0, 5.0, 0.1])[:n_channels, None]
    return x + torch.tensor([0.0, 10.0, -3.0])[:n_channels, None]


def batch_of(x, lengths=LENGTHS):
    return Batch(torch.where(torch.arange(24) < lengths[:, None, None], x, 0), lengths)


def adapted(n_channels=3, n_cases=6, **parameters):
    module = hiding(n_channels, **parameters)
    x = series(n_channels, n_cases)
    module.adapt(x)
    return module, x


# What is seen


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
def test_logits_have_no_gradient_at_the_hidden_channel(lengths):
    module, x = adapted()
    x.requires_grad_()
    module.logits(Batch(x, lengths), CHANNEL, NONE_WHOLE).square().sum().backward()
    hidden = torch.nn.functional.one_hot(CHANNEL, 3).bool()
    assert not x.grad[hidden].any()
    assert x.grad[~hidden].flatten(1).any(1).all()


def test_whole_series_are_seen_as_they_are():
    module, x = adapted()
    is_whole = torch.arange(6) % 2 == 0
    seen = module.seen(Batch(x), CHANNEL, is_whole)
    assert torch.equal(seen[is_whole], x[is_whole])
    for row in (1, 3, 5):
        assert not seen[row, CHANNEL[row]].any()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_one_series_in_as_many_as_channels_and_one_is_whole_and_does_not_count(n_channels):
    module, x = adapted(n_channels, n_cases=400)
    seen = []
    seen_of = module.seen
    module.seen = lambda batch, channel, is_whole: seen.append((channel, is_whole)) or seen_of(batch, channel, is_whole)
    _, _, weight = module(Batch(x))
    ((channel, is_whole),) = seen
    assert torch.equal((weight == 0).all(1), is_whole)
    assert torch.equal((weight > 0).all(1), ~is_whole)
    shares = torch.bincount(torch.where(is_whole, n_channels, channel), minlength=n_channels + 1) / 400
    torch.testing.assert_close(shares, torch.full_like(shares, 1 / (n_channels + 1)), atol=0.08, rtol=0)


def test_targets_are_the_values_after_the_augmentation():
    module, x = adapted(augmentation=lambda x, lengths: 2 * x)
    torch.manual_seed(0)
    _, soft, weight = module(Batch(x))
    drawn = weight.any(1)
    matches = [torch.stack(module.targets(Batch(2 * x), torch.full((6,), c))[:1])[0] for c in range(3)]
    for row in torch.nonzero(drawn).flatten().tolist():
        assert any(torch.equal(soft[row], one[row]) for one in matches)
    assert not any(torch.equal(soft[0], module.targets(Batch(x), torch.full((6,), c))[0][0]) for c in range(3))


def test_padding_has_no_weight_and_no_influence():
    module, x = adapted()
    _, weight = module.targets(batch_of(x), CHANNEL)
    assert not weight[torch.arange(24) >= LENGTHS[:, None]].any()
    assert weight[torch.arange(24) < LENGTHS[:, None]].all()
    shorter = hiding()
    shorter.adapt(batch_of(x).x, LENGTHS)
    other = hiding()
    other.adapt(torch.where(batch_of(x).observed, x, 1e6), LENGTHS)
    for name in ("centres", "shares", "step_weights"):
        assert torch.equal(getattr(shorter, name), getattr(other, name))
    assert not torch.equal(shorter.centres, module.centres)


# A single channel


@pytest.mark.parametrize(("n_timepoints", "window"), [(2, 2), (3, 3), (24, 3), (64, 4), (160, 10)])
def test_windows_of_a_single_channel(n_timepoints, window):
    assert hiding(1, n_timepoints=n_timepoints).window == window


def test_means_of_windows_against_loops():
    module, x = adapted(1)
    batch = batch_of(x)
    coarse, details = module.coarse(batch), module.colours(batch)
    for row, length in enumerate(LENGTHS.tolist()):
        for first in range(0, length, 3):
            window = x[row, 0, first : min(first + 3, length)]
            torch.testing.assert_close(coarse[row, 0, first : first + len(window)], window.mean().expand(len(window)))
            torch.testing.assert_close(details[row, 0, first : first + len(window)], window - window.mean())
        assert not coarse[row, 0, length:].any()
    assert torch.equal(module.seen(batch, torch.zeros(6, dtype=torch.long), NONE_WHOLE), coarse)


# Bins


def test_centres_are_equally_spaced_between_quantiles_of_each_channel():
    module, x = adapted(n_cases=100)
    for centres, values in zip(module.centres, x.transpose(0, 1).flatten(1), strict=True):
        ends = np.quantile(values.numpy(), [0.005, 0.995], method="nearest")
        np.testing.assert_allclose(centres.numpy(), np.linspace(*ends, 7), rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([2.0] * 24, 1.5, 2.5),
        ([0.0] * 599 + [4.0], 0.0, 4.0),
        ([7e5] * 24, 7e5 - 0.5, 7e5 + 0.5),
        ([2e9] * 24, 2e9 - 1e3, 2e9 + 1e3),
    ],
)
def test_bins_of_values_that_hardly_differ(values, low, high):
    module = hiding(2)
    x = torch.tensor(values).expand(1, 2, -1)
    module.adapt(x)
    torch.testing.assert_close(module.centres[0], torch.linspace(low, high, 7))
    assert module.step_weights.isfinite().all()


def nearest(value, centres):
    return min(range(len(centres)), key=lambda q: abs(value - centres[q]))


def test_soft_targets_and_weights_against_loops():
    module, x = adapted(n_cases=6)
    soft, weight = module.targets(Batch(x), CHANNEL)
    for row, channel in enumerate(CHANNEL.tolist()):
        centres = module.centres[channel].tolist()
        s = (centres[1] - centres[0]) / 2
        for step, given in enumerate(x[row, channel].tolist()):
            value = min(max(given, centres[0]), centres[-1])
            closest = sorted(range(7), key=lambda q: abs(value - centres[q]))[:5]
            shares = [math.exp(-((value - centres[q]) ** 2) / (2 * s**2)) if q in closest else 0 for q in range(7)]
            expected = torch.tensor([share / sum(shares) for share in shares])
            torch.testing.assert_close(soft[row, :, step], expected, atol=1e-4, rtol=1e-3)
            assert float(weight[row, step]) == float(module.step_weights[channel, nearest(value, centres)])


@pytest.mark.parametrize("n_bins", [2, 4, 5, 6])
def test_few_bins(n_bins):
    module, x = adapted(n_bins=n_bins)
    soft, _ = module.targets(Batch(x), CHANNEL)
    torch.testing.assert_close(soft.sum(1), torch.ones(6, 24))
    assert (soft > 0).sum(1).max() == min(n_bins, 5)


@pytest.mark.parametrize("rebalancing", [0.0, 0.5, 0.9])
def test_weights_of_bins_against_loops(rebalancing):
    module, x = adapted(n_cases=50, rebalancing=rebalancing)
    for channel in range(3):
        centres = module.centres[channel].tolist()
        counts = [0] * 7
        for value in x[:, channel].flatten().tolist():
            counts[nearest(value, centres)] += 1
        smooth = [np.mean(counts[max(q - 1, 0) : q + 2]) for q in range(7)]
        shares = np.array(smooth) / sum(smooth)
        inverse = 1 / (rebalancing * shares + (1 - rebalancing) / 7)
        expected = inverse / (shares * inverse).sum()
        np.testing.assert_allclose(module.shares[channel], shares, rtol=1e-4)
        np.testing.assert_allclose(module.step_weights[channel], expected, rtol=1e-4)
        assert float((module.shares[channel] * module.step_weights[channel]).sum()) == pytest.approx(1)


def test_each_channel_has_weights_of_its_own():
    module, x = adapted()
    logits = module.logits(Batch(x), CHANNEL, NONE_WHOLE)
    seen = module.seen(Batch(x), CHANNEL, NONE_WHOLE)
    h = module.feature_maps(seen)
    for row, channel in enumerate(CHANNEL.tolist()):
        head = module.classifier
        expected = head.weight[channel] @ h[row] + head.bias[channel][:, None]
        torch.testing.assert_close(logits[row], expected, rtol=1e-4, atol=1e-5)


# Prediction


@pytest.mark.parametrize("n_channels", [2, 3])
def test_annealed_mean_against_loops(n_channels):
    module, x = adapted(n_channels)
    with torch.no_grad():
        predicted = module.annealed_mean(Batch(x), 1, 0.38)
        logits = module.logits(Batch(x), torch.full((6,), 1), NONE_WHOLE)
    centres = module.centres[1].tolist()
    for row in range(6):
        for step in (0, 11, 23):
            shares = [math.exp(value) for value in logits[row, :, step].tolist()]
            log_shares = [math.log(share / sum(shares)) / 0.38 for share in shares]
            annealed = [math.exp(value) for value in log_shares]
            mean = sum(a * m for a, m in zip(annealed, centres, strict=True)) / sum(annealed)
            assert float(predicted[row, step]) == pytest.approx(mean, rel=1e-4)


def test_a_single_channel_is_predicted_on_top_of_its_means():
    module, x = adapted(1)
    with torch.no_grad():
        predicted = module.annealed_mean(batch_of(x), 0, 1.0)
        shares = module.logits(batch_of(x), torch.zeros(6, dtype=torch.long), NONE_WHOLE).softmax(1)
    details = torch.einsum("bql,q->bl", shares, module.centres[0])
    torch.testing.assert_close(predicted, module.coarse(batch_of(x))[:, 0] + details)
