import math

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from sklearn_ssl.preprocessing import FillMissing

NAN = np.nan


def series_with_gaps(seed=0, shape=(8, 3, 20), share=0.4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=shape)
    X[rng.random(shape) < share] = NAN
    X[1, 2] = NAN  # a channel missing in one series
    X[2, 0, 15:] = NAN  # a trailing gap of one channel
    X[3, :, 12:] = NAN  # padding
    X[:, 1, 0] = 1.0
    return X


def n_steps(one):
    observed = [step for step in range(one.shape[1]) if not np.isnan(one[:, step]).all()]
    return observed[-1] + 1


def naive(X, method, padding, fill_value=0.0):
    means = [np.mean([v for one in X for v in one[channel] if not math.isnan(v)]) for channel in range(X.shape[1])]
    result = X.copy()
    for case, one in enumerate(X):
        end = n_steps(one) if padding == "keep" else X.shape[2]
        for channel, row in enumerate(one):
            known = [step for step in range(end) if not math.isnan(row[step])]
            for step in range(end):
                if step in known:
                    continue
                before = [k for k in known if k < step]
                after = [k for k in known if k > step]
                if method == "constant":
                    value = fill_value
                elif method == "mean" or not known:
                    value = means[channel]
                elif not before:
                    value = row[after[0]]
                elif not after or method == "forward":
                    value = row[before[-1]]
                elif method == "linear":
                    left, right = before[-1], after[0]
                    value = row[left] + (row[right] - row[left]) * (step - left) / (right - left)
                else:
                    value = CubicSpline(known, row[known], bc_type="natural")(step)
                result[case, channel, step] = value
    return result


@pytest.mark.parametrize("padding", ["keep", "fill"])
@pytest.mark.parametrize("method", ["forward", "linear", "spline", "constant", "mean"])
def test_agrees_with_loops(method, padding):
    X = series_with_gaps()
    filled = FillMissing(method=method, padding=padding, fill_value=-2.5).fit_transform(X)
    np.testing.assert_allclose(filled, naive(X, method, padding, -2.5), rtol=1e-12, atol=1e-12)


def test_splines_of_many_rows_do_not_touch():
    X = series_with_gaps(shape=(40, 3, 25))
    fill = FillMissing(method="spline").fit(X)
    np.testing.assert_array_equal(fill.transform(X)[7:8], fill.transform(X[7:8]))


def test_spline_of_a_straight_line_is_straight():
    X = np.linspace(-3, 7, 30)[None, None].repeat(5, axis=0)
    gappy = X.copy()
    gappy[np.arange(5), 0, np.arange(3, 8)] = gappy[:, 0, 15:25] = NAN
    np.testing.assert_allclose(FillMissing(method="spline").fit_transform(gappy), X)


def test_a_gap_of_all_channels_inside_is_filled_and_trailing_is_padding():
    X = np.array([[[1.0, NAN, 3.0, NAN], [5.0, NAN, 7.0, NAN]]])
    np.testing.assert_array_equal(FillMissing().fit_transform(X), [[[1.0, 1.0, 3.0, NAN], [5.0, 5.0, 7.0, NAN]]])


def test_trailing_gap_of_one_channel_is_a_gap():
    X = np.array([[[1.0, NAN, NAN], [5.0, 6.0, 7.0]]])
    np.testing.assert_array_equal(FillMissing().fit_transform(X)[0, 0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("method", ["forward", "linear", "spline", "mean"])
def test_a_channel_missing_in_a_series_takes_the_mean_of_training(method):
    train = np.array([[[1.0, 3.0], [10.0, NAN]], [[5.0, NAN], [20.0, 30.0]]])
    fill = FillMissing(method=method).fit(train)
    np.testing.assert_allclose(fill.channel_means_, [3.0, 20.0])
    np.testing.assert_allclose(fill.transform(np.array([[[7.0, 8.0], [NAN, NAN]]]))[0, 1], 20.0)


def test_does_not_look_across_series():
    X = series_with_gaps()
    fill = FillMissing(method="linear").fit(X)
    other = X.copy()
    other[[0, 2, 4, 5, 6, 7]] = 99.0
    np.testing.assert_array_equal(fill.transform(X)[[1, 3]], fill.transform(other)[[1, 3]])


def test_all_lengths_become_that_of_the_longest_when_padding_is_filled():
    filled = FillMissing(padding="fill").fit_transform([np.array([[1.0, 2.0]]), np.array([[1.0, NAN, 3.0, 4.0]])])
    np.testing.assert_array_equal(np.stack(filled), [[[1.0, 2.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 4.0]]])


def test_series_without_values_when_padding_is_filled():
    filled = FillMissing(padding="fill").fit_transform(np.array([[[1.0, 3.0]], [[NAN, NAN]]]))
    np.testing.assert_array_equal(filled, [[[1.0, 3.0]], [[2.0, 2.0]]])


def test_series_without_values_when_padding_is_kept():
    fill = FillMissing().fit(np.array([[[1.0, 3.0]]]))
    with pytest.raises(ValueError, match=r'Series 1 of X has no observed value.*padding="fill"'):
        fill.transform(np.array([[[1.0, 3.0]], [[NAN, NAN]]]))


def test_large_float32_collections_have_accurate_means():
    X = np.full((200, 1, 5000), 0.1, dtype=np.float32)
    X[:, :, ::7] = NAN
    assert FillMissing(method="mean").fit(X).channel_means_[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


NAN = np.nan
LIMITED = np.array([[[NAN, 1, NAN, 3, NAN, NAN, NAN, 7, NAN, NAN]], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9.0]]])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("forward", [1, 1, 1, 3, NAN, NAN, NAN, 7, 7, 7]),
        ("linear", [1, 1, 2, 3, NAN, NAN, NAN, 7, 7, 7]),
        ("spline", [1, 1, 2, 3, NAN, NAN, NAN, 7, 7, 7]),
        ("constant", [9, 1, 9, 3, NAN, NAN, NAN, 7, 9, 9]),
        ("mean", [4, 1, 4, 3, NAN, NAN, NAN, 7, 4, 4]),
    ],
)
def test_gaps_above_the_limit_stay(method, expected):
    X = np.concatenate([LIMITED, np.full((1, 1, 10), NAN)])
    filler = FillMissing(method=method, fill_value=9.0, limit=2, padding="fill").fit(X[1:2] - 0.5)
    np.testing.assert_allclose(filler.transform(X)[0, 0], expected, atol=1e-12)
    assert np.isnan(filler.transform(X)[2]).all()
    whole = FillMissing(method=method, fill_value=9.0, padding="fill").fit(X[1:2] - 0.5)
    np.testing.assert_array_equal(filler.set_params(limit=10).transform(X), whole.transform(X))
