import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_ssl.preprocessing import Decompose

NAN = np.nan


def seasonal_series(n_cases=3, n_channels=2, n_timepoints=48, period=8, seed=0):
    rng = np.random.default_rng(seed)
    steps = np.arange(n_timepoints)
    slope = rng.normal(size=(n_cases, n_channels, 1))
    season = 3 * np.sin(2 * np.pi * steps / period + rng.uniform(0, 6, size=(n_cases, n_channels, 1)))
    return 0.1 * slope * steps + season + 0.1 * rng.normal(size=season.shape)


def naive_classical(row, period):
    n_steps, half = len(row), period // 2
    weights = [1 / period] * period if period % 2 else [0.5 / period, *[1 / period] * (period - 1), 0.5 / period]
    trend = np.full(n_steps, NAN)
    for step in range(half, n_steps - half):
        trend[step] = sum(w * v for w, v in zip(weights, row[step - half : step + half + 1], strict=True))
    phases = []
    for phase in range(period):
        left = [row[step] - trend[step] for step in range(phase, n_steps, period) if not np.isnan(trend[step])]
        phases.append(sum(left) / len(left))
    seasonal = np.array([phases[step % period] - sum(phases) / period for step in range(n_steps)])
    trend[:half], trend[n_steps - half :] = trend[half], trend[n_steps - half - 1]
    return np.array([trend, seasonal, row - trend - seasonal])


@pytest.mark.parametrize("period", [2, 5, 8, 24])
def test_classical_agrees_with_loops(period):
    X = seasonal_series()
    result = Decompose(period=period).fit_transform(X)  # (n, 3 * C, L), trends first
    for one, parts in zip(X, result, strict=True):
        for channel, row in enumerate(one):
            np.testing.assert_allclose(parts[channel::2], naive_classical(row, period), atol=1e-10)


def test_without_a_period_the_trend_is_a_moving_average():
    X = seasonal_series(n_channels=1)
    result = Decompose(window=3).fit_transform(X)
    extended = np.concatenate([X[:, :, :1], X, X[:, :, -1:]], axis=2)
    trend = (extended[:, 0, :-2] + extended[:, 0, 1:-1] + extended[:, 0, 2:]) / 3
    np.testing.assert_allclose(result, np.stack([trend, X[:, 0] - trend], axis=1))


@pytest.mark.parametrize(
    "decompose",
    [
        Decompose(),
        Decompose(period=8),
        Decompose(method="stl", period=8),
        Decompose(method="stl", period=8, robust=True),
        Decompose(method="wavelet", level=2),
        Decompose(method="wavelet", wavelet="haar", level=4),
    ],
    ids=repr,
)
@pytest.mark.parametrize("n_timepoints", [48, 47])
def test_parts_add_up(decompose, n_timepoints):
    X = seasonal_series(n_timepoints=n_timepoints)
    parts = decompose.fit_transform(X)
    np.testing.assert_allclose(parts.reshape(3, -1, 2, n_timepoints).sum(axis=1), X, atol=1e-9)


@pytest.mark.parametrize("method", ["moving_average", "stl"])
def test_recovers_the_season(method):
    X = np.concatenate([np.sin(np.arange(64) * 2 * np.pi / 8), 5 + np.zeros(64)]).reshape(1, 2, 64)
    seasonal = Decompose(method=method, period=8, parts="seasonal").fit_transform(X + 0.05 * np.arange(64))
    np.testing.assert_allclose(seasonal, X - [[[0.0], [5.0]]], atol=0.05)


def test_haar_bands_agree_with_loops():
    X = seasonal_series()
    means = (X[:, :, ::2] + X[:, :, 1::2]) / 2
    approximation = means.repeat(2, axis=2)
    result = Decompose(method="wavelet", wavelet="haar", level=1).fit_transform(X)
    np.testing.assert_allclose(result, np.concatenate([approximation, X - approximation], axis=1), atol=1e-12)


@pytest.mark.parametrize("method", ["stl", "wavelet"])
def test_parts_are_chosen_in_order(method):
    X = seasonal_series()
    everything = Decompose(method=method, period=8, level=2).fit(X)
    names = [name.removeprefix("channel0_") for name in everything.get_feature_names_out()[::2]]
    values = everything.transform(X)
    chosen = Decompose(method=method, period=8, level=2, parts=[names[2], "original", names[0]]).fit_transform(X)
    np.testing.assert_array_equal(chosen, np.concatenate([values[:, 4:6], X, values[:, :2]], axis=1))


def test_names_of_bands():
    fitted = Decompose(method="wavelet", level=2).fit(seasonal_series(n_channels=1))
    assert list(fitted.get_feature_names_out()) == ["channel0_approximation", "channel0_detail2", "channel0_detail1"]


@pytest.mark.parametrize(
    "decompose", [Decompose(), Decompose(period=4), Decompose(method="wavelet", level=1)], ids=repr
)
def test_gaps_are_bridged_and_stay_missing(decompose):
    X = seasonal_series()
    gaps = np.zeros(X.shape, dtype=bool)
    gaps[1, 0, 10:12] = gaps[2, 1] = True
    bridge = X.copy()
    bridge[1, 0, 10:12] = X[1, 0, 9] + (X[1, 0, 12] - X[1, 0, 9]) * np.array([1, 2]) / 3
    result = decompose.fit_transform(np.where(gaps, NAN, X))
    missing = np.concatenate([gaps] * (result.shape[1] // 2), axis=1)
    np.testing.assert_allclose(result, np.where(missing, NAN, decompose.fit_transform(bridge)))


@pytest.mark.parametrize("parts", ["seasonal", ["trend", "noise"], [], 3, ("original", None), pd.DataFrame({"a": [1]})])
def test_unknown_parts(parts):
    with pytest.raises(ValueError, match="`parts` must be one or more of 'original', 'trend', 'residual'"):
        Decompose(parts=parts).fit(seasonal_series())


def test_a_seasonal_part_needs_a_period():
    with pytest.raises(ValueError, match="Set `period`"):
        Decompose(parts="seasonal").fit(seasonal_series())
    with pytest.raises(ValueError, match="needs `period`"):
        Decompose(method="stl").fit(seasonal_series())


@pytest.mark.parametrize("method", ["moving_average", "stl"])
def test_series_shorter_than_two_periods(method):
    decompose = Decompose(method=method, period=5)
    with pytest.raises(ValueError, match="period=5 and a series of 9 steps"):
        decompose.fit(seasonal_series(n_timepoints=9))
    ragged = [*seasonal_series(), seasonal_series(n_timepoints=9)[0]]
    with pytest.raises(ValueError, match="period=5 and a series of 9 steps"):
        decompose.fit(seasonal_series()).transform(ragged)


def test_series_too_short_for_the_level():
    with pytest.raises(ValueError, match="`level` must be at most 1 for a series of 14 steps and the wavelet 'db4'"):
        Decompose(method="wavelet").fit(seasonal_series(n_timepoints=14))


def test_unknown_wavelet():
    with pytest.raises(ValueError, match="got 'db4000'"):
        Decompose(method="wavelet", wavelet="db4000").fit(seasonal_series())


@pytest.mark.parametrize(
    ("module", "package", "decompose"),
    [
        ("pywt", "PyWavelets", Decompose(method="wavelet")),
        ("statsmodels.tsa.seasonal", "statsmodels", Decompose(period=4)),
        ("statsmodels.tsa.seasonal", "statsmodels", Decompose(method="stl", period=4)),
    ],
    ids=repr,
)
def test_says_how_to_install_what_is_missing(monkeypatch, module, package, decompose):
    monkeypatch.setitem(sys.modules, module, None)
    Decompose().fit(seasonal_series())
    with pytest.raises(ImportError, match=f"pip install {package}"):
        decompose.fit(seasonal_series())
