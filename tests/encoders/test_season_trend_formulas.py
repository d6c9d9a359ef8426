"""Trend and season as their formulas say, for series of any length."""

import numpy as np
import pytest
import torch

from sklearn_ssl.encoders import FCNEncoder, SeasonTrendEncoder
from sklearn_ssl.encoders.season_trend import Season, Trend


@pytest.fixture
def trend():
    return Trend(n_in=3, width=2, n_kernels=4).double().requires_grad_(False)


@pytest.fixture
def season():
    return Season(n_in=3, width=2, length=9, dropout=0.0).double().requires_grad_(False)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_the_trend_is_the_mean_of_causal_convolutions(trend, n):
    h = torch.randn(2, 3, n, dtype=torch.float64)
    expected = torch.zeros(2, 2, n, dtype=torch.float64)
    for one in trend.convolutions:
        size = one.kernel_size[0]
        for t in range(n):
            for back in range(min(size, t + 1)):
                expected[:, :, t] += h[:, :, t - back] @ one.weight[:, :, size - 1 - back].T / 4
            expected[:, :, t] += one.bias / 4
    torch.testing.assert_close(trend(h), expected)
    for t in range(n):
        torch.testing.assert_close(trend.last(h[:, :, : t + 1]), expected[:, :, t])


def changed(season, window):
    """Return the season of a window (3, 9) by the formula."""
    weight, bias = (torch.view_as_complex(one).numpy() for one in (season.weight, season.bias))
    steps = np.arange(9)
    total = np.zeros((2, 9))
    for k in range(5):
        wave = np.exp(2j * np.pi * k * steps / 9)
        coefficient = window @ wave.conj() @ weight[k] + bias[k]
        total += (1 if k == 0 else 2) * np.real(coefficient[:, None] * wave) / 9
    return total


@pytest.mark.parametrize("n", [9, 5, 1, 10, 24])
def test_the_season_is_that_of_windows_continued_by_zeros(season, n):
    h = torch.randn(2, 3, n, dtype=torch.float64)
    found = season(h)
    assert found.shape == (2, 2, n)
    for series in range(2):
        for start in range(0, n, 9):
            window = np.zeros((3, 9))
            part = h[series, :, start : start + 9].numpy()
            window[:, : part.shape[1]] = part
            expected = changed(season, window)[:, : part.shape[1]]
            np.testing.assert_allclose(found[series, :, start : start + 9], expected, atol=1e-12)


def test_trend_and_season_start_with_the_same_size():
    torch.manual_seed(0)
    h = torch.randn(4, 320, 50)
    trend, season = (part(h).detach().std() for part in (Trend(320, 160, 5), Season(320, 160, 50, 0.0)))
    assert 0.3 < float(season / trend) < 3, "a bound that counts the outputs too would make the season tiny"


def test_the_last_map_has_the_trend_and_then_the_season():
    encoder = SeasonTrendEncoder(FCNEncoder(width=4, norm="layer"), width=3, n_kernels=2, length=20).build(2).eval()
    x = torch.randn(2, 2, 20)
    *maps, both = encoder.layers(x)
    torch.testing.assert_close(both, torch.cat([encoder.trend(maps[-1]), encoder.season(maps[-1])], dim=1))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(maps, encoder.encoder.layers(x), strict=True))
    assert encoder.stages()[-1] == [encoder.trend, encoder.season]
    assert encoder.stages()[:-1] == encoder.encoder.stages()


def test_only_the_season_is_thinned_in_training():
    encoder = SeasonTrendEncoder(FCNEncoder(width=4, norm="layer"), width=50, length=20, dropout=0.5).build(2).train()
    zero = (encoder(torch.randn(2, 2, 20)) == 0).float().mean(dim=(0, 2))
    assert float(zero[:50].max()) == 0
    assert float(zero[50:].mean()) == pytest.approx(0.5, abs=0.1)
