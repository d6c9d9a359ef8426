import math
import statistics
import sys

import numpy as np
import pytest

from sklearn_ssl.preprocessing import Smooth

NAN = np.nan


def noisy(seed=0, shape=(4, 2, 23)):
    return np.random.default_rng(seed).normal(size=shape).cumsum(axis=2)


def beyond(row, step):
    return row[min(max(step, 0), len(row) - 1)]


def windows(row, half):
    return [[beyond(row, step + i) for i in range(-half, half + 1)] for step in range(len(row))]


def naive_savgol(row, half, degree):
    offsets = np.arange(-half, half + 1)
    return [np.polyval(np.polyfit(offsets, near, degree), 0) for near in windows(row, half)]


def naive_gaussian(row, sigma):
    radius = int(4 * sigma + 0.5)
    weights = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(-radius, radius + 1)]
    return [sum(w * v for w, v in zip(weights, near, strict=True)) / sum(weights) for near in windows(row, radius)]


def naive_exponential(row, alpha):
    smooth = [row[0]]
    for value in row[1:]:
        smooth.append(alpha * value + (1 - alpha) * smooth[-1])
    return smooth


def naive_haar(row):
    pairs = list(zip(row[::2], row[1::2], strict=True))
    sums = [(a + b) / math.sqrt(2) for a, b in pairs]
    differences = [(a - b) / math.sqrt(2) for a, b in pairs]
    threshold = 1.4826 * statistics.median(abs(d) for d in differences) * math.sqrt(2 * math.log(len(row)))
    shrunk = [math.copysign(max(abs(d) - threshold, 0), d) for d in differences]
    return [v for s, d in zip(sums, shrunk, strict=True) for v in ((s + d) / math.sqrt(2), (s - d) / math.sqrt(2))]


@pytest.mark.parametrize(
    ("smooth", "naive"),
    [
        (Smooth(window=7), lambda row: [statistics.fmean(near) for near in windows(row, 3)]),
        (Smooth(window=51), lambda row: [statistics.fmean(near) for near in windows(row, 25)]),
        (Smooth(method="median", window=3), lambda row: [statistics.median(near) for near in windows(row, 1)]),
        (Smooth(method="savgol"), lambda row: naive_savgol(row, 2, 2)),
        (Smooth(method="savgol", window=9, polyorder=3), lambda row: naive_savgol(row, 4, 3)),
        (Smooth(method="gaussian", sigma=1.7), lambda row: naive_gaussian(row, 1.7)),
        (Smooth(method="exponential", alpha=0.4), lambda row: naive_exponential(row, 0.4)),
    ],
    ids=lambda value: str(value) if isinstance(value, Smooth) else "naive",
)
def test_agrees_with_loops(smooth, naive):
    X = noisy()
    expected = [[naive(row) for row in one] for one in X]
    np.testing.assert_allclose(smooth.fit_transform(X), expected, rtol=1e-7, atol=1e-9)


def test_wavelet_agrees_with_loops():
    X = noisy(shape=(4, 2, 24))
    expected = [[naive_haar(row) for row in one] for one in X]
    result = Smooth(method="wavelet", wavelet="haar", level=1).fit_transform(X)
    np.testing.assert_allclose(result, expected, atol=1e-12)


def test_wavelet_removes_noise():
    signal = np.sin(np.linspace(0, 12, 512))[None, None].repeat(5, axis=0)
    noise = np.random.default_rng(0).normal(scale=0.3, size=signal.shape)
    smooth = Smooth(method="wavelet").fit_transform(signal + noise)
    assert np.abs(smooth - signal).mean() < 0.3 * np.abs(noise).mean()


def test_wavelet_leaves_series_that_cannot_be_halved():
    X = noisy(shape=(4, 2, 5))
    np.testing.assert_array_equal(Smooth(method="wavelet", wavelet="db4").fit_transform(X), X)


def test_wavelet_of_a_flat_series_is_flat():
    X = np.full((2, 1, 32), 3.0)
    np.testing.assert_allclose(Smooth(method="wavelet").fit_transform(X), X)


METHODS = ["moving_average", "exponential", "savgol", "median", "gaussian", "wavelet"]


@pytest.mark.parametrize("method", METHODS)
def test_gaps_are_bridged_and_stay_missing(method):
    X = noisy()
    bridge = X.copy()
    bridge[0, 0, 5:8] = X[0, 0, 4] + (X[0, 0, 8] - X[0, 0, 4]) * np.array([0.25, 0.5, 0.75])
    bridge[1, 1, :3] = X[1, 1, 3]
    bridge[2, 1, 19:] = X[2, 1, 18]
    gaps = np.zeros(X.shape, dtype=bool)
    gaps[0, 0, 5:8] = gaps[1, 1, :3] = gaps[2, 1, 19:] = True
    result = Smooth(method=method).fit_transform(np.where(gaps, NAN, X))
    expected = np.where(gaps, NAN, Smooth(method=method).fit_transform(bridge))
    np.testing.assert_allclose(result, expected)


@pytest.mark.parametrize("method", METHODS)
def test_a_channel_missing_in_a_series_stays_missing_and_alone(method):
    X = noisy()
    expected = Smooth(method=method).fit_transform(X)
    X[1, 0] = expected[1, 0] = NAN
    np.testing.assert_array_equal(Smooth(method=method).fit_transform(X), expected)


@pytest.mark.parametrize("method", METHODS)
def test_constant_series_stay(method):
    X = np.full((2, 1, 40), -1.25)
    np.testing.assert_allclose(Smooth(method=method).fit_transform(X), X)


def test_savgol_needs_a_window_above_the_degree():
    with pytest.raises(ValueError, match="`polyorder` must be below `window`, got polyorder=5 and window=5"):
        Smooth(method="savgol", polyorder=5).fit(noisy())


def test_unknown_wavelet():
    with pytest.raises(ValueError, match="got 'morl'"):
        Smooth(method="wavelet", wavelet="morl").fit(noisy())


def test_says_how_to_install_pywavelets(monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    Smooth().fit(noisy())
    with pytest.raises(ImportError, match=r"pip install PyWavelets"):
        Smooth(method="wavelet").fit(noisy())
