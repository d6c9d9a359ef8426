import math
import statistics

import numpy as np
import pytest

from sklearn_ssl.preprocessing import ClipOutliers

NAN = np.nan


def spiky(seed=0, shape=(7, 2, 30)):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=shape).cumsum(axis=2)
    X[rng.random(shape) < 0.08] *= 20
    X[rng.random(shape) < 0.1] = NAN
    X[:, :, 0] = 1.0
    X[2, :, 20:] = NAN
    return X


def quantile(ordered, share):
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def naive_limits(X, method, factor):
    limits = []
    for channel in range(X.shape[1]):
        known = sorted(v for one in X for v in one[channel] if not math.isnan(v))
        if method == "zscore":
            mean = math.fsum(known) / len(known)
            spread = math.sqrt(math.fsum((v - mean) ** 2 for v in known) / len(known))
            limits.append((mean - factor * spread, mean + factor * spread))
        else:
            first, third = quantile(known, 0.25), quantile(known, 0.75)
            limits.append((first - factor * (third - first), third + factor * (third - first)))
    return np.transpose(limits)


def naive_hampel(row, window, factor):
    lower, upper = [], []
    for step in range(len(row)):
        near = [v for v in row[max(0, step - window // 2) : step + window // 2 + 1] if not math.isnan(v)]
        median = statistics.median(near) if near else NAN
        spread = 1.4826 * statistics.median([abs(v - median) for v in near]) if near else NAN
        lower.append(median - factor * spread)
        upper.append(median + factor * spread)
    return np.array(lower), np.array(upper)


def naive_action(row, lower, upper, action):
    result = row.copy()
    beyond = [step for step, v in enumerate(row) if not math.isnan(v) and not lower[step] <= v <= upper[step]]
    kept = [step for step, v in enumerate(row) if not math.isnan(v) and step not in beyond]
    for step in beyond:
        if action == "nan":
            result[step] = NAN
        elif action == "clip" or not kept:
            result[step] = min(max(row[step], lower[step]), upper[step])
        else:
            result[step] = np.interp(step, kept, row[kept])
    return result


@pytest.mark.parametrize("action", ["clip", "nan", "interpolate"])
@pytest.mark.parametrize(("method", "threshold"), [("zscore", 1.0), ("iqr", 0.5)])
def test_agrees_with_loops(method, threshold, action):
    train, test = spiky(), spiky(seed=1)
    clip = ClipOutliers(method=method, threshold=threshold, action=action).fit(train)
    lower, upper = naive_limits(train, method, threshold)
    np.testing.assert_allclose(clip.lower_, lower)
    np.testing.assert_allclose(clip.upper_, upper)
    expected = [
        [
            naive_action(row, np.full(30, lower[channel]), np.full(30, upper[channel]), action)
            for channel, row in enumerate(one)
        ]
        for one in test
    ]
    np.testing.assert_allclose(clip.transform(test), expected, rtol=1e-9)


@pytest.mark.parametrize("window", [3, 7, 101])
@pytest.mark.parametrize("action", ["clip", "nan", "interpolate"])
def test_hampel_agrees_with_loops(window, action):
    X = spiky()
    expected = [[naive_action(row, *naive_hampel(row, window, 2.0), action) for row in one] for one in X]
    result = ClipOutliers(method="hampel", window=window, threshold=2.0, action=action).fit_transform(X)
    np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_hampel_is_the_same_in_one_chunk_and_in_many(monkeypatch):
    X = spiky(shape=(50, 2, 30))
    whole = ClipOutliers(method="hampel").fit_transform(X)
    monkeypatch.setattr("sklearn_ssl.preprocessing._outliers.CHUNK_BYTES", 5000)
    np.testing.assert_array_equal(ClipOutliers(method="hampel").fit_transform(X), whole)


@pytest.mark.parametrize(("method", "factor"), [("zscore", 3.0), ("iqr", 1.5), ("hampel", 3.0)])
def test_default_thresholds(method, factor):
    X = spiky()
    np.testing.assert_array_equal(
        ClipOutliers(method=method).fit_transform(X), ClipOutliers(method=method, threshold=factor).fit_transform(X)
    )


@pytest.mark.parametrize("step", [0, 9])
def test_hampel_sees_spikes_at_the_ends(step):
    X = np.arange(10.0)[None, None]
    X[..., step] = 500.0
    assert ClipOutliers(method="hampel").fit_transform(X)[0, 0, step] < 25


def test_hampel_sees_a_spike_in_a_flat_series():
    X = np.zeros((1, 1, 20))
    X[..., 8] = 5.0
    assert (ClipOutliers(method="hampel").fit_transform(X) == 0).all()


@pytest.mark.parametrize("method", ["zscore", "iqr"])
def test_a_channel_without_spread_has_no_limits(method):
    train = np.full((4, 1, 25), 0.1)
    clip = ClipOutliers(method=method).fit(train)
    test = np.array([[[0.1, 0.3, -7.0]]])
    np.testing.assert_array_equal(clip.transform(test), test)


def test_a_channel_beyond_the_limits_throughout_is_clipped_instead_of_interpolated():
    clip = ClipOutliers(action="interpolate").fit(np.linspace(-1, 1, 50)[None, None])
    result = clip.transform(np.array([[[100.0, 200.0, NAN]]]))
    np.testing.assert_allclose(result[0, 0], [clip.upper_[0], clip.upper_[0], NAN])


def test_interpolation_does_not_fill_gaps():
    clip = ClipOutliers(action="interpolate").fit(np.linspace(-1, 1, 50)[None, None])
    result = clip.transform(np.array([[[0.0, NAN, 100.0, 0.9, NAN]]]))
    np.testing.assert_allclose(result[0, 0], [0.0, NAN, 0.6, 0.9, NAN])


def test_limits_are_those_of_the_training_series():
    clip = ClipOutliers().fit(spiky())
    lower = clip.lower_.copy()
    clip.transform(1e6 * spiky(seed=1))
    np.testing.assert_array_equal(clip.lower_, lower)


def test_hampel_learns_nothing():
    clip = ClipOutliers().fit(spiky()).set_params(method="hampel").fit(spiky())
    assert clip.lower_ is None
    assert clip.upper_ is None


@pytest.mark.parametrize("centre", [0, 5000])
def test_limits_of_single_precision_are_computed_in_double(centre):
    X = np.random.default_rng(0).normal(centre, 1, size=(400, 1, 50)).astype(np.float32)
    fitted = ClipOutliers().fit(X)
    expected = naive_limits(X.astype(np.float64), "zscore", 3)
    np.testing.assert_allclose([fitted.lower_, fitted.upper_], expected, rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("resolution", "offset"), [(1.0, 0.0), (0.1, 0.0), (0.1, 1000.0), (1 / 3, -7.0)])
def test_hampel_knows_the_resolution_of_a_quantised_signal(dtype, resolution, offset):
    rng = np.random.default_rng(0)
    smooth = 4 * np.sin(np.linspace(0, 6, 300)) + rng.normal(scale=0.4, size=(5, 2, 300))
    X = (np.round(smooth) * resolution + offset).astype(dtype)
    np.testing.assert_array_equal(ClipOutliers(method="hampel").fit_transform(X), X)
    spiked = X.copy()
    spiked[2, 1, 150] += 20 * resolution
    clipped = ClipOutliers(method="hampel", action="nan").fit_transform(spiked)
    assert np.argwhere(np.isnan(clipped)).tolist() == [[2, 1, 150]]


def test_hampel_sees_several_spikes_in_a_flat_series():
    X = np.zeros((1, 1, 40))
    X[0, 0, [10, 30]] = 50, 53
    assert (ClipOutliers(method="hampel").fit_transform(X) < 7).all()
