import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_ssl.preprocessing import ChannelWise

NAN = np.nan
LENGTHS = [20, 7, 20, 1, 13]


def series(n_cases=5, n_channels=3, n_timepoints=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(loc=[[5.0], [-3.0], [0.0]][:n_channels], size=(n_cases, n_channels, n_timepoints))


def table(X, lengths):
    """Return one row per observed time step, series after series."""
    return np.array([one[:, step] for one, end in zip(X, lengths, strict=True) for step in range(end)])


def untable(rows, X, lengths):
    result = np.full((len(X), rows.shape[1], X.shape[2]), NAN)
    places = [(case, step) for case, end in enumerate(lengths) for step in range(end)]
    for (case, step), row in zip(places, rows, strict=True):
        result[case, :, step] = row
    return result


def padded(X):
    X = X.copy()
    for one, end in zip(X, LENGTHS, strict=True):
        one[:, end:] = NAN
    return X


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        MinMaxScaler((-1, 1)),
        MaxAbsScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=10),
        PowerTransformer(),
        Normalizer(),
        PCA(2),
        PolynomialFeatures(2),
        make_pipeline(StandardScaler(), PCA(2)),
        KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("pad", [False, True])
def test_is_the_transformer_on_the_table_of_steps(transformer, pad):
    train, test = series(), series(seed=1)
    lengths = LENGTHS if pad else [20] * 5
    expected = clone(transformer).fit(table(train, lengths)).transform(table(test, lengths))
    expected = expected.toarray() if sparse.issparse(expected) else expected
    train, test = (padded(train), padded(test)) if pad else (train, test)
    result = ChannelWise(transformer).fit(train).transform(test)
    np.testing.assert_allclose(result, untable(expected, test, lengths), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        RobustScaler(),
        SimpleImputer(),
        SimpleImputer(strategy="median"),
        SimpleImputer(strategy="most_frequent"),
        KNNImputer(),
    ],
    ids=repr,
)
def test_gaps_are_for_the_transformer(transformer):
    X = padded(series().round(1))
    X[0, 1, 3:5] = X[2, :, 6] = X[4, 2, 12] = NAN
    expected = clone(transformer).fit_transform(table(X, LENGTHS))
    result = ChannelWise(transformer).fit_transform(X)
    np.testing.assert_allclose(result, untable(expected, X, LENGTHS), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_do_not_show(scaler, dtype, monkeypatch):
    X = padded(series()).astype(dtype)
    X[0, 0] = X[1:3, 1] = NAN  # channels that whole batches lack
    expected = ChannelWise(scaler).fit_transform(X)
    monkeypatch.setattr("sklearn_ssl.preprocessing._pieces._VALUES_IN_CACHE", 20)
    result = ChannelWise(scaler).fit_transform(X)
    np.testing.assert_allclose(result, expected, rtol=2e-6 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_batches_learn_as_one_fit(monkeypatch):
    X = series()
    expected = StandardScaler().fit(table(X, [20] * 5))
    monkeypatch.setattr("sklearn_ssl.preprocessing._pieces._VALUES_IN_CACHE", 20)
    scaler = ChannelWise().fit(X).transformer_
    np.testing.assert_allclose(scaler.mean_, expected.mean_)
    np.testing.assert_allclose(scaler.scale_, expected.scale_)
    assert scaler.n_samples_seen_ == expected.n_samples_seen_


@pytest.mark.parametrize("value", [0.1, 1e6, -3e-8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_channels_become_zero(value, dtype):
    X = series().astype(dtype)
    X[:, 1] = value
    np.testing.assert_allclose(ChannelWise().fit_transform(X)[:, 1], 0, atol=1e-9 * max(1, abs(value)))
    np.testing.assert_array_equal(ChannelWise(MinMaxScaler()).fit_transform(X)[:, 1], 0)


@pytest.mark.parametrize("form", ["3-D", "2-D", "list", "gappy"])
@pytest.mark.parametrize("transformer", [StandardScaler(), RobustScaler(), PCA(1), PCA(3)], ids=repr)
def test_inverse_transform(form, transformer):
    X = series(n_channels=1 if form == "2-D" or "=1" in repr(transformer) else 3)
    if form == "2-D" and "=3" in repr(transformer):
        return
    X = {"3-D": X, "2-D": X[:, 0], "list": [one[:, :end] for one, end in zip(X, LENGTHS, strict=True)]}.get(form, X)
    if form == "gappy" and not isinstance(transformer, PCA):
        X = padded(X)
        X[0, 0, 2] = NAN
    scale = ChannelWise(transformer)
    back = scale.inverse_transform(scale.fit_transform(X))
    assert type(back) is type(X)
    for one, other in zip(back, X, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_inverse_transform_to_more_channels():
    X = series()
    reduce = ChannelWise(PCA(1)).fit(X)
    assert reduce.inverse_transform(reduce.transform(X)).shape == X.shape
    assert reduce.inverse_transform(reduce.transform(X)[:, 0]).shape == X.shape


def test_inverse_transform_of_other_channels():
    with pytest.raises(ValueError, match=r"X has 2 channel\(s\), but this ChannelWise returns 3"):
        ChannelWise().fit(series()).inverse_transform(series(n_channels=2))


def test_inverse_transform_does_not_forget_the_fit():
    scale = ChannelWise().fit(series(n_channels=1)[:, 0])
    scale.inverse_transform(series(n_channels=1))
    assert scale.n_features_in_ == 20


def test_methods_are_those_of_the_transformer():
    assert hasattr(ChannelWise(), "partial_fit")
    assert hasattr(ChannelWise(), "inverse_transform")
    assert not hasattr(ChannelWise(RobustScaler()), "partial_fit")
    assert not hasattr(ChannelWise(KNNImputer()), "inverse_transform")


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=repr)
def test_partial_fit_is_fit(scaler):
    X = series()
    scale = ChannelWise(scaler).partial_fit(X[:2]).partial_fit(list(X[2:]))
    np.testing.assert_allclose(scale.transform(X), ChannelWise(scaler).fit_transform(X), atol=1e-12)


def test_partial_fit_of_a_bad_batch_changes_nothing():
    X, bad = series(), series()
    bad[:, 1] = NAN
    scale = ChannelWise().partial_fit(X)
    before = scale.transform(X)
    with pytest.raises(ValueError, match="Channel 1"):
        scale.partial_fit(bad)
    with pytest.raises(ValueError, match=r"2 channel\(s\)"):
        scale.partial_fit(X[:, :2])
    np.testing.assert_array_equal(scale.transform(X), before)
    assert scale.transformer_.n_samples_seen_ == 100


def test_the_given_transformer_is_not_fitted():
    scaler = StandardScaler()
    ChannelWise(scaler).fit(series())
    assert not hasattr(scaler, "mean_")


@pytest.mark.parametrize("n_channels", [1, 3])
def test_transformers_that_write_into_their_input_do_not_reach_it(n_channels):
    X = series(n_channels=n_channels)
    before = X.copy()
    ChannelWise(StandardScaler(copy=False)).fit_transform(X)
    ChannelWise(SimpleImputer(copy=False)).fit_transform(X)
    np.testing.assert_array_equal(X, before)


def test_data_frames_of_the_transformer_are_series_again():
    X = series()
    framed = ChannelWise(PCA(2).set_output(transform="pandas")).fit_transform(X)
    np.testing.assert_array_equal(framed, ChannelWise(PCA(2)).fit_transform(X))


def test_nested_parameters():
    scale = ChannelWise().set_params(transformer__with_mean=False)
    assert scale.transformer.with_mean is False
    assert ChannelWise(MinMaxScaler()).get_params()["transformer__feature_range"] == (0, 1)


@pytest.mark.parametrize("transformer", ["passthrough", StandardScaler, 3], ids=repr)
def test_what_is_no_transformer_is_named(transformer):
    with pytest.raises(TypeError, match="`transformer` must be an object with fit and transform"):
        ChannelWise(transformer).fit(series())


class DropsRows(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:-1]


def test_transformers_that_drop_rows_are_named():
    with pytest.raises(ValueError, match=r"DropsRows\(\) must return a row for each"):
        ChannelWise(DropsRows()).fit(series())


def test_no_series_has_values():
    with pytest.raises(ValueError, match="Channel 0 of X is missing"):
        ChannelWise().fit(np.full((3, 2, 4), NAN))


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(2)], ids=repr)
def test_only_series_without_values_come_back(transformer):
    result = ChannelWise(transformer).fit(series()).transform(np.full((2, 3, 4), NAN))
    assert np.isnan(result).all()
    assert result.shape == (2, 2 if isinstance(transformer, PCA) else 3, 4)


def test_infinite_results_are_the_transformers_own():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(ChannelWise().fit_transform(np.zeros((3, 2, 5)))).all()


@pytest.mark.parametrize("n_kept", [1, 2])
def test_channels_are_named_where_the_transformer_has_no_names(n_kept):
    X = np.random.default_rng(0).normal(size=(3, 2, 4))
    transformer = ChannelWise(FunctionTransformer(lambda x: x[:, :n_kept])).fit(X)
    assert transformer.get_feature_names_out().tolist() == ["channel0", "channel1"][:n_kept]
