import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, FillMissing, SeriesWise, Smooth

METHODS = ["forward", "linear", "spline", "constant", "mean"]
ACTIONS = ["clip", "nan", "interpolate"]

values = st.floats(-1e3, 1e3, width=32)
shapes = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
complete_series = arrays(np.float64, shapes, elements=values)
gappy_series = arrays(np.float64, shapes, elements=values | st.just(np.nan))
few = settings(max_examples=12, deadline=None, derandomize=True)


def with_a_complete_series(X):
    """Add a series, so that no channel is missing everywhere, and a step to each, so that none is missing."""
    X = np.concatenate([X, np.linspace(-1, 1, X[0].size).reshape(1, *X.shape[1:])])
    X[:, 0, 0] = np.where(np.isnan(X[:, 0, 0]), 0.5, X[:, 0, 0])
    return X


@pytest.mark.parametrize("padding", ["keep", "fill"])
@pytest.mark.parametrize("method", METHODS)
@few
@given(gappy_series)
def test_filling_leaves_observed_values_untouched(method, padding, X):
    X = with_a_complete_series(X)
    filled = FillMissing(method=method, padding=padding).fit_transform(X)
    observed = ~np.isnan(X)
    np.testing.assert_array_equal(filled[observed], X[observed])
    padded = np.cumsum(observed.any(axis=1)[:, ::-1], axis=1)[:, ::-1] == 0  # (n, L)
    np.testing.assert_array_equal(np.isnan(filled).any(axis=1), padded & (padding == "keep"))


@pytest.mark.parametrize("method", ["forward", "linear", "constant", "mean"])
@few
@given(gappy_series)
def test_filling_stays_within_the_observed_range(method, X):
    X = with_a_complete_series(X)
    filled = FillMissing(method=method, fill_value=0.5, padding="fill").fit_transform(X)
    assert filled.min() >= min(0.5, np.nanmin(X)) - 1e-9
    assert filled.max() <= max(0.5, np.nanmax(X)) + 1e-9


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()], ids=repr)
@few
@given(gappy_series)
def test_scaling_inverts(scaler, X):
    X = with_a_complete_series(X)
    scale = ChannelWise(scaler)
    np.testing.assert_allclose(scale.inverse_transform(scale.fit_transform(X)), X, atol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["zscore", "iqr"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@few
@given(gappy_series, st.floats(0.1, 2))
def test_clipping_is_idempotent(method, action, dtype, X, threshold):
    X = with_a_complete_series(X).astype(dtype)
    clip = ClipOutliers(method=method, action=action, threshold=threshold).fit(X)
    once = clip.transform(X)
    np.testing.assert_array_equal(clip.transform(once), once)


@pytest.mark.parametrize("method", ["zscore", "iqr", "hampel"])
@few
@given(gappy_series, st.floats(0.1, 2))
def test_clipping_keeps_gaps_and_values_within_the_limits(method, X, threshold):
    X = with_a_complete_series(X)
    clipped = ClipOutliers(method=method, threshold=threshold).fit_transform(X)
    marked = ClipOutliers(method=method, threshold=threshold, action="nan").fit_transform(X)
    np.testing.assert_array_equal(np.isnan(clipped), np.isnan(X))
    kept = ~np.isnan(marked)
    np.testing.assert_array_equal(clipped[kept], X[kept])
    assert (clipped[np.isnan(marked) & ~np.isnan(X)] != X[np.isnan(marked) & ~np.isnan(X)]).all()


@pytest.mark.parametrize(
    "transformer",
    [
        FillMissing(),
        FillMissing(method="spline", padding="fill"),
        FillMissing(method="mean"),
        ClipOutliers(threshold=1),
        ClipOutliers(method="iqr", threshold=0.5, action="interpolate"),
        ClipOutliers(method="hampel", threshold=1),
        ChannelWise(),
        ChannelWise(RobustScaler()),
        SeriesWise(),
        Smooth(),
        Smooth(method="median"),
        Smooth(method="exponential"),
    ],
    ids=repr,
)
@few
@given(gappy_series, st.randoms(use_true_random=False))
def test_the_order_of_the_series_does_not_matter(transformer, X, random):
    X = with_a_complete_series(X)
    order = random.sample(range(len(X)), len(X))
    there, reordered = transformer.fit_transform(X), transformer.fit_transform(X[order])
    np.testing.assert_allclose(there[order], reordered, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "transformer",
    [
        FillMissing(method="linear"),
        ClipOutliers(threshold=1, action="interpolate"),
        ClipOutliers(method="hampel", threshold=1, action="interpolate"),
        ChannelWise(),
        SeriesWise(MinMaxScaler()),
        *(Smooth(method=method) for method in ("moving_average", "exponential", "savgol", "median", "gaussian")),
        Smooth(method="wavelet", wavelet="haar"),
    ],
    ids=repr,
)
@few
@given(complete_series, st.data())
def test_unequal_length_equals_padding(transformer, X, data):
    lengths = data.draw(st.lists(st.integers(1, X.shape[2]), min_size=len(X), max_size=len(X)))
    ragged = [series[:, :steps] for series, steps in zip(X, lengths, strict=True)]
    for series, steps in zip(X, lengths, strict=True):
        series[:, steps:] = np.nan
    results = transformer.fit_transform([np.array(series) for series in ragged])
    for result, padded, steps in zip(results, transformer.fit_transform(X), lengths, strict=True):
        np.testing.assert_array_equal(result, padded[:, :steps])
        assert np.isnan(padded[:, steps:]).all()
