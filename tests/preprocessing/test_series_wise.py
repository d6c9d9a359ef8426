import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_ssl.preprocessing import SeriesWise

NAN = np.nan
LENGTHS = [20, 7, 20, 3, 13]


def series(n_channels=3, seed=0):
    X = np.random.default_rng(seed).normal(loc=4, scale=3, size=(5, n_channels, 20))
    return [one[:, :end] for one, end in zip(X, LENGTHS, strict=True)]


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        MinMaxScaler(),
        MaxAbsScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=3),
        PowerTransformer(),
        PCA(2),
        FunctionTransformer(np.log1p),
    ],
    ids=repr,
)
def test_is_one_fit_per_series(transformer):
    X = [np.abs(one) for one in series()]
    for one, result in zip(X, SeriesWise(transformer).fit_transform(X), strict=True):
        np.testing.assert_allclose(result, clone(transformer).fit_transform(one.T).T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("transformer", [StandardScaler(), RobustScaler(), SimpleImputer()], ids=repr)
def test_gaps_are_for_the_transformer(transformer):
    X = series()
    X[0][1, 3:6] = X[2][:, 0] = X[4][0, 12] = NAN
    for one, result in zip(X, SeriesWise(transformer).fit_transform(X), strict=True):
        np.testing.assert_allclose(result, clone(transformer).fit_transform(one.T).T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()], ids=repr)
def test_a_channel_missing_in_a_series_stays_missing(scaler):
    X = np.stack([one[:, :3] for one in series()])
    expected = SeriesWise(scaler).fit_transform(X)
    X[0, 1] = X[3, 0] = expected[0, 1] = expected[3, 0] = NAN
    np.testing.assert_array_equal(SeriesWise(scaler).fit_transform(X), expected)


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler()], ids=repr)
def test_batches_do_not_show(scaler, monkeypatch):
    expected = SeriesWise(scaler).fit_transform(series())
    monkeypatch.setattr("sklearn_ssl.preprocessing._pieces._VALUES_IN_CACHE", 20)
    for one, other in zip(SeriesWise(scaler).fit_transform(series()), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_learns_nothing_from_training():
    X = series(seed=1)
    for one, other in zip(SeriesWise().fit(series()).transform(X), SeriesWise().fit(X).transform(X), strict=True):
        np.testing.assert_array_equal(one, other)


def test_constant_channels_become_zero():
    X = np.full((2, 2, 6), 0.7)
    np.testing.assert_allclose(SeriesWise().fit_transform(X), 0, atol=1e-12)


def test_there_is_no_way_back():
    assert not hasattr(SeriesWise(), "inverse_transform")
    assert not hasattr(SeriesWise(), "partial_fit")


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_transformer_that_drops_channels_of_one_series_is_named():
    X = series()
    X[3][1] = NAN
    with pytest.raises(ValueError, match=r"SimpleImputer\(\) returned 2 channel\(s\) for series 3 of X, and 3 at fit"):
        SeriesWise(SimpleImputer()).fit_transform(X)


def test_what_is_no_transformer_is_named():
    with pytest.raises(TypeError, match="SeriesWise: `transformer` must be an object with fit and transform"):
        SeriesWise("passthrough").fit(series())


def test_bad_parameters_of_a_scaler_are_an_error_at_fit():
    with pytest.raises(ValueError, match="feature range"):
        SeriesWise(MinMaxScaler((1, 0))).fit(series())


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(1)], ids=repr)
def test_no_series_has_values(transformer):
    with pytest.raises(ValueError, match="no observed value"):
        SeriesWise(transformer).fit(np.full((3, 2, 4), NAN))


def test_the_first_series_may_be_without_values():
    X = np.stack([one[:, :3] for one in series()])
    X[0] = NAN
    for transformer in (StandardScaler(), PCA(2)):
        result = SeriesWise(transformer).fit_transform(X)
        assert np.isnan(result[0]).all()
        assert np.isfinite(result[1:]).all()


class Careless(TransformerMixin, BaseEstimator):
    """Writes into the table that it gets."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X[:] = 0
        return X


def test_a_transformer_that_writes_into_its_table_leaves_the_series_alone():
    X = np.random.default_rng(0).normal(size=(2, 3, 5))
    before = X.copy()
    assert not SeriesWise(Careless()).fit_transform(X).any()
    np.testing.assert_array_equal(X, before)
