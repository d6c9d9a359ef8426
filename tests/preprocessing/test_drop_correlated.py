import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.preprocessing import DropCorrelated, _drop_correlated, as_collection


def naive_correlation(left, right):
    pairs = [(a, b) for a, b in zip(left, right, strict=True) if not (math.isnan(a) or math.isnan(b))]
    if len(pairs) < 3 or len({a for a, _ in pairs}) == 1 or len({b for _, b in pairs}) == 1:
        return 0.0
    mean_a, mean_b = sum(a for a, _ in pairs) / len(pairs), sum(b for _, b in pairs) / len(pairs)
    product = sum((a - mean_a) * (b - mean_b) for a, b in pairs)
    return product / math.sqrt(sum((a - mean_a) ** 2 for a, _ in pairs) * sum((b - mean_b) ** 2 for _, b in pairs))


def naive_support(table, threshold):
    columns = [[row[feature] for row in table] for feature in range(len(table[0]))]
    kept = []
    for feature, column in enumerate(columns):
        if all(abs(naive_correlation(columns[other], column)) <= threshold for other in kept):
            kept.append(feature)
    return [feature in kept for feature in range(len(columns))]


def related_features(seed, n_cases=12, n_features=14):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_cases, 4)) @ rng.normal(size=(4, n_features)) + 0.2 * rng.normal(size=(n_cases, n_features))
    X[:, rng.integers(n_features)] = 0.1  # a constant, of which the mean is not exact
    return X * 10.0 ** rng.integers(-3, 4, size=n_features) + rng.integers(-3, 4, size=n_features)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), threshold=st.floats(0.3, 0.97), missing=st.sampled_from([0.0, 0.2, 0.7]))
def test_support_is_that_of_the_naive_loop(seed, threshold, missing):
    X = related_features(seed)
    X[np.random.default_rng(seed).random(X.shape) < missing] = np.nan
    assert DropCorrelated(threshold=threshold).fit(X).get_support().tolist() == naive_support(X.tolist(), threshold)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("block", [1, 3, 14])
def test_blocks_change_nothing(block, missing, monkeypatch):
    X = related_features(0)
    if missing:
        X[3, 2:5] = np.nan
    expected = naive_support(X.tolist(), 0.6)
    assert 1 < sum(expected) < 13
    monkeypatch.setattr(_drop_correlated, "BLOCK", block)
    assert DropCorrelated(threshold=0.6).fit(X).get_support().tolist() == expected


def test_chain_keeps_what_is_correlated_only_with_a_dropped_one():
    time = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    X = np.stack([np.sin(time), np.sin(time + 0.5), np.sin(time + 1.0)], axis=1)  # r = cos of the difference
    selector = DropCorrelated(threshold=0.8).fit(X)
    assert selector.get_support(indices=True).tolist() == [0, 2]
    assert_array_equal(selector.transform(X), X[:, [0, 2]])
    assert DropCorrelated(threshold=0.9).fit(X).get_support().all()


def test_negative_and_perfect_correlation():
    X = np.random.default_rng(0).normal(size=(20, 1)) @ np.array([[1.0, -3.0, 1e-9, 1e9]])
    assert DropCorrelated().fit(X).get_support().tolist() == [True, False, False, False]
    assert DropCorrelated(threshold=1).fit(X).get_support().all()
    assert DropCorrelated(threshold=0).fit(X + np.eye(20, 4)).get_support().tolist() == [True, False, False, False]


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_size_and_offset_do_not_matter(scale):
    x = np.random.default_rng(0).normal(size=50)
    X = np.stack([x, x * scale, -x + 1e6], axis=1)
    assert DropCorrelated(threshold=0.99).fit(X).get_support().tolist() == [True, False, False]


@pytest.mark.parametrize("missing", [False, True])
def test_constant_features_are_kept_and_drop_none(missing):
    X = np.random.default_rng(0).normal(size=(30, 4))
    X[:, 0], X[:, 2] = 0.3, 0.3
    if missing:
        X[5, 1] = np.nan
    assert DropCorrelated(threshold=0.9).fit(X).get_support().all()


def test_too_few_common_rows_are_no_correlation():
    X = np.arange(8.0)[:, None] * [1.0, 1.0]
    X[:4, 0], X[6:, 1] = np.nan, np.nan  # two rows in common
    assert DropCorrelated().fit(X).get_support().all()
    assert DropCorrelated().fit(np.eye(2)).get_support().all()
    assert DropCorrelated().fit(X[:1]).get_support().all()
    X[3, 0] = 3
    assert DropCorrelated().fit(X).get_support().tolist() == [True, False]


def channels():
    X = np.random.default_rng(0).normal(size=(6, 4, 10))
    X[:, 2] = -2 * X[:, 0] + 1
    return X


def test_channels_are_compared_over_all_steps_of_all_series():
    X = channels()
    X[:, 3] = X[:, 1]
    X[::2, 3] += 5  # correlated within each series, hardly over all
    table = [step for series in X.tolist() for step in zip(*series, strict=True)]
    expected = naive_support(table, 0.9)
    selector = DropCorrelated(threshold=0.9).fit(X)
    assert selector.get_support().tolist() == expected == [True, True, False, True]
    assert_array_equal(selector.transform(X), X[:, [0, 1, 3]])
    assert selector.get_feature_names_out().tolist() == ["channel0", "channel1", "channel3"]
    assert selector.get_feature_names_out(["x", "y", "z", "t"]).tolist() == ["x", "y", "t"]
    with pytest.raises(ValueError, match="number of channels \\(4\\), got 1"):
        selector.get_feature_names_out(["x"])


def test_channels_of_unequal_length_and_with_gaps():
    X = channels()
    padded = np.where(np.arange(10) < 4 + np.arange(6)[:, None, None], X, np.nan)
    padded[2, 0, 1] = np.nan
    ragged = [series[:, : 4 + case] for case, series in enumerate(padded)]
    selector = DropCorrelated().fit(ragged)
    assert_array_equal(selector.support_, DropCorrelated().fit(padded).support_)
    assert selector.support_.tolist() == [True, True, False, True]
    for kept, series in zip(selector.transform(ragged), ragged, strict=True):
        assert_array_equal(kept, series[[0, 1, 3]])
    restored = selector.inverse_transform(selector.transform(ragged))
    assert_array_equal(restored[1], ragged[1] * np.array([1, 1, 0, 1])[:, None])


def test_inverse_transform_has_zeros():
    X = channels()
    selector = DropCorrelated().fit(X)
    restored = selector.inverse_transform(selector.transform(X))
    assert_array_equal(restored[:, [0, 1, 3]], X[:, [0, 1, 3]])
    assert (restored[:, 2] == 0).all()
    table = X[:, :, 0]
    selector.fit(table[:, [0, 0, 1]])
    assert_array_equal(selector.inverse_transform(table[:, :2]), table[:, :2] @ [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    X = channels().astype(dtype)
    assert DropCorrelated().fit_transform(X).dtype == dtype
    assert DropCorrelated().fit_transform(X[:, 0]).dtype == dtype


def test_data_frames_and_set_output():
    frame = pd.DataFrame(related_features(0), columns=[f"f{column}" for column in range(14)])
    frame["twice"] = 2 * frame["f1"]
    selector = DropCorrelated().set_output(transform="pandas")
    kept = selector.fit_transform(frame)
    assert "twice" not in kept
    assert kept.columns.tolist() == selector.get_feature_names_out().tolist()
    pd.testing.assert_frame_equal(kept, frame[kept.columns])
    assert isinstance(selector.fit_transform(channels()), np.ndarray)


def test_in_a_pipeline():
    X = np.random.default_rng(0).normal(size=(30, 3))[:, [0, 1, 0, 2]]
    assert make_pipeline(StandardScaler(), DropCorrelated()).fit_transform(X).shape == (30, 3)


def test_folds_learn_from_their_training_rows_only():
    X = np.random.default_rng(0).normal(size=(30, 6)) @ np.random.default_rng(1).normal(size=(6, 6))
    changed = X.copy()
    changed[20:] = X[20:, :1]  # all features are one
    model = make_pipeline(DropCorrelated(threshold=0.5), Ridge())
    learnt = [
        cross_validate(model, data, np.arange(30.0), cv=KFold(3), return_estimator=True)["estimator"][2][0].support_
        for data in (X, changed)
    ]
    assert_array_equal(*learnt)
    assert DropCorrelated(threshold=0.5).fit(changed).support_.tolist() != learnt[0].tolist()


def test_transform_needs_the_form_of_fit():
    X = channels()
    with pytest.raises(ValueError, match="X has 2-D features, but fit was given series"):
        DropCorrelated().fit(X).transform(X[:, :, 0])
    with pytest.raises(ValueError, match="X has series, but fit was given 2-D features"):
        DropCorrelated().fit(X[:, :, 0]).transform(X)
    with pytest.raises(ValueError, match="X has 2 channel"):
        DropCorrelated().fit(X).transform(X[:, :2])


def test_refit_on_the_other_form_forgets_the_first():
    X = channels()
    selector = DropCorrelated().fit(X).fit(X[:, :, 0])
    assert not hasattr(selector, "n_channels_in_")
    assert selector.fit(X).n_channels_in_ == 4
    assert not hasattr(selector, "n_features_in_")


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "high", float("nan")])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match="`threshold` must be a number at least 0 and at most 1"):
        DropCorrelated(threshold=threshold).fit(np.eye(4))


@pytest.mark.parametrize("X", [channels(), channels()[:, :, 0]], ids=["series", "features"])
def test_infinite_values(X):
    X[1] = np.inf
    with pytest.raises(ValueError, match="inf"):
        DropCorrelated().fit(X)


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_other_channels_cannot_be_put_back(n_channels):
    X = np.random.default_rng(0).normal(size=(20, 4, 10))
    X[:, 3] = X[:, 0]
    selector = DropCorrelated().fit(X)
    for kept in (X[:, :n_channels], list(X[:, :n_channels])):
        with pytest.raises(ValueError, match=rf"X has {n_channels} channel\(s\), but DropCorrelated keeps 3"):
            selector.inverse_transform(kept)


def test_what_a_masked_table_hides_is_missing():
    X = np.random.default_rng(0).normal(size=(100, 2))
    X[:, 1] = X[:, 0]
    X[:50, 1] = np.random.default_rng(1).normal(size=50)
    hidden = np.ma.masked_array(X, mask=np.zeros(X.shape, dtype=bool))
    hidden[:50, 1] = np.ma.masked
    missing = hidden.filled(np.nan)
    assert DropCorrelated().fit(X).get_support().tolist() == [True, True]
    assert DropCorrelated().fit(hidden).get_support().tolist() == [True, False]
    keeping = DropCorrelated(threshold=1).fit(hidden)
    assert_array_equal(keeping.transform(hidden), keeping.transform(missing))


def test_names_of_channels_are_objects():
    X = np.random.default_rng(0).normal(size=(5, 3, 20))
    names = DropCorrelated().fit(X).get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == ["channel0", "channel1", "channel2"]


def table_with(column):
    values = np.random.default_rng(0).normal(size=(20, 2))
    return pd.DataFrame(values, columns=["a", "b"]).assign(c=column)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.arange(5.0)] * 20, "Column 'c' of X has series in its cells"),
        ([pd.Series([1.0, 2.0])] * 20, r"Turn it into series by sklearn_ssl\.preprocessing\.as_collection\(X\)"),
        (pd.Categorical(["x", "y"] * 10), r"Column 'c' of X has no numbers .* Leave it out by X\.drop\(columns='c'\)"),
        (["walk"] * 20, "Column 'c' of X has no numbers .*could not convert string to float: 'walk'"),
        (pd.Timestamp("2024-03-01"), r"Column 'c' of X has no numbers .*datetime64"),
        (pd.Timestamp("2024-03-01", tz="UTC"), "Column 'c' of X has no numbers"),
        (pd.Timedelta("1s"), r"Column 'c' of X has no numbers .*timedelta64"),
        (pd.Period("2024"), "Column 'c' of X has no numbers"),
    ],
)
def test_columns_without_numbers_are_named(column, message):
    X = table_with(column)
    with pytest.raises(ValueError, match=message):
        DropCorrelated().fit(X)
    assert DropCorrelated().fit_transform(X.drop(columns="c")).shape == (20, 2)  # this is what the message advises


def test_dates_at_transform_are_named():
    selector = DropCorrelated().fit(table_with(1.0))
    with pytest.raises(ValueError, match="Column 'c' of X has no numbers"):
        selector.transform(table_with(pd.Timestamp("2024-03-01")))


def test_arrays_of_series_are_refused_with_the_remedy():
    cells = np.empty((4, 2), dtype=object)
    cells[:] = [[np.arange(5.0), np.ones(5)]] * 4
    with pytest.raises(ValueError, match=r"X has series in its cells.*as_collection\(pandas\.DataFrame\(X\)\)"):
        DropCorrelated().fit(cells)
    assert DropCorrelated().fit(as_collection(pd.DataFrame(cells))).support_.shape == (2,)


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan])
def test_missing_values_of_every_kind(missing):
    X = table_with([missing, *range(19)])
    X["d"] = X["c"]
    for form in (X, X.astype(object), X.to_records(index=False)):
        assert DropCorrelated().fit(form).support_.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("cell", "message"), [(1j, "X has complex numbers"), (10**400, "whole number that is too large")]
)
def test_values_beyond_floating_point_numbers(cell, message):
    with pytest.raises(ValueError, match=message) as raised:
        DropCorrelated().fit(np.full((5, 4), cell))
    assert "\n" not in str(raised.value)
