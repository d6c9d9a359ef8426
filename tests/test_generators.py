"""What generators promise: shapes, series that do not depend on each other, and their blocks."""

import pickle

import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl.generators import ConvGenerator, NoiseInput, TrendSeasonGenerator

SMALL = {
    "conv": ConvGenerator(width=8),
    "even": ConvGenerator(width=6, kernel_size=4),
    "odd": ConvGenerator(width=3, kernel_size=1),
    "trend": TrendSeasonGenerator(residual=ConvGenerator(width=4)),
    "seasons": TrendSeasonGenerator(degree=0, periods=(2, 3), residual=ConvGenerator(width=4)),
}
every_generator = pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)


@every_generator
@pytest.mark.parametrize("n_timepoints", [3, 16, 31, 100])
def test_series_have_their_shape_and_do_not_depend_on_each_other(recipe, n_timepoints):
    torch.manual_seed(0)
    generator, z = recipe.build(n_noise=5, n_channels=2, n_timepoints=n_timepoints), torch.randn(4, 5)
    series = generator(z)
    assert series.shape == (4, 2, n_timepoints)
    torch.testing.assert_close(torch.cat([generator(one) for one in z.split(1)]), series)
    assert series.std(0).gt(0).all()  # every value depends on z
    series.square().sum().backward()
    assert all(bool(weight.grad.any()) for weight in generator.parameters())


def test_a_series_of_one_step():
    for name in ("conv", "trend"):
        assert SMALL[name].build(n_noise=5, n_channels=2, n_timepoints=1)(torch.randn(1, 5)).shape == (1, 2, 1)


@pytest.mark.parametrize(
    ("n_timepoints", "n_doublings", "first"),
    [(1, 0, 1), (15, 0, 15), (16, 1, 8), (31, 1, 16), (33, 2, 9), (128, 4, 8), (1000, 4, 63)],
)
def test_series_start_coarse(n_timepoints, n_doublings, first):
    generator = ConvGenerator(width=4).build(n_noise=2, n_channels=1, n_timepoints=n_timepoints)
    assert sum(isinstance(part, nn.Upsample) for part in generator) == n_doublings
    assert generator[1](generator[0](torch.zeros(1, 2))).shape == (1, 4, first)
    assert sum(isinstance(part, nn.GroupNorm) for part in generator) == n_doublings + 1


def test_values_are_not_bounded():
    generator = ConvGenerator(width=4).build(n_noise=2, n_channels=1, n_timepoints=20)
    last = [part for part in generator if isinstance(part, nn.Conv1d)][-1]
    with torch.no_grad():
        last.weight.mul_(1e4)
    assert generator(torch.randn(8, 2)).abs().max() > 100


def test_noise_inputs_are_off_at_first_and_of_their_own_for_each_step_and_channel():
    built = []
    for noise_inputs in (False, True):
        torch.manual_seed(0)
        recipe = ConvGenerator(width=4, noise_inputs=noise_inputs)
        built.append(recipe.build(n_noise=2, n_channels=2, n_timepoints=40))
    z = torch.randn(1, 2)
    torch.testing.assert_close(built[1](z), built[0](z), rtol=0, atol=0)
    inputs = [part for part in built[1] if isinstance(part, NoiseInput)]
    assert len(inputs) == sum(isinstance(part, nn.Conv1d) for part in built[1])
    torch.nn.init.constant_(inputs[-1].scales, 0.5)
    noise = (built[1](z.expand(500, 2)) - built[0](z)).flatten(1)  # (500, 2 * 40)
    torch.testing.assert_close(noise.std(0).mean(), torch.tensor(0.5), rtol=0.02, atol=0)
    assert noise.T.corrcoef().fill_diagonal_(0).abs().max() < 0.25  # 1 if channels or steps shared a draw


def test_a_trend_is_a_polynomial():
    torch.manual_seed(0)
    trend = TrendSeasonGenerator(degree=2).build(n_noise=3, n_channels=2, n_timepoints=20).trend
    z = torch.randn(4, 3)
    weights, time = trend.weights(z), torch.arange(20) / 20
    expected = sum(weights[:, :, k, None] * time**k for k in range(3))
    torch.testing.assert_close(trend(z), expected)
    level = TrendSeasonGenerator(degree=0).build(n_noise=3, n_channels=2, n_timepoints=20).trend(z)
    torch.testing.assert_close(level, level[:, :, :1].expand_as(level))


def test_seasons_repeat():
    torch.manual_seed(0)
    built = TrendSeasonGenerator(periods=(4, 6)).build(n_noise=3, n_channels=2, n_timepoints=20)
    z = torch.randn(5, 3)
    for period, season in zip((4, 6), built.seasons, strict=True):
        values = season(z)
        assert torch.equal(values[:, :, period:], values[:, :, :-period])
        assert values[:, :, :period].std(2).gt(0).all()
    parts = [built.trend(z), built.residual(z), *(season(z) for season in built.seasons)]
    torch.testing.assert_close(built(z), torch.stack(parts).sum(0))


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (ConvGenerator(width=1), "width"),
        (ConvGenerator(kernel_size=0), "kernel_size"),
        (TrendSeasonGenerator(degree=-1), "degree"),
        (TrendSeasonGenerator(periods=(1,)), "periods"),
        (TrendSeasonGenerator(periods=12), "periods"),
        (TrendSeasonGenerator(periods=(4.0,)), "periods"),
        (TrendSeasonGenerator(residual=ConvGenerator(width=0)), "width"),
    ],
)
def test_ranges_of_parameters(recipe, name):
    with pytest.raises(ValueError, match=f"Generator: `{name}` must be"):
        recipe.build(n_noise=2, n_channels=1, n_timepoints=8)


def test_periods_longer_than_the_series():
    with pytest.raises(ValueError, match="`periods` must be at most the 8 time steps of the longest series, got 9"):
        TrendSeasonGenerator(periods=(4, 9)).build(n_noise=2, n_channels=1, n_timepoints=8)
    TrendSeasonGenerator(periods=(4, 8)).build(n_noise=2, n_channels=1, n_timepoints=8)


@every_generator
def test_clone_pickle_and_seed(recipe):
    series = []
    for copy in (clone(recipe), pickle.loads(pickle.dumps(recipe))):
        torch.manual_seed(1)
        series.append(copy.build(n_noise=2, n_channels=1, n_timepoints=20)(torch.ones(1, 2)))
    assert torch.equal(*series)
