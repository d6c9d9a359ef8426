import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    TransformerMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import ChannelWise, IQRDetector, OutlierFiltered, ZScoreDetector

N_CASES = 40
PLANTED = [3, 17, 30]
KEPT = np.setdiff1d(np.arange(N_CASES), PLANTED)
CAREFUL = ZScoreDetector(threshold=8, spread="mad")


@pytest.fixture
def X():
    X = np.random.default_rng(0).normal(size=(N_CASES, 2, 15))
    X[PLANTED, 1] += 50
    return X


@pytest.fixture
def y():
    return np.arange(N_CASES) % 2


class Recorder(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Notes what fit received; says for every series which row it is."""

    def fit(self, X, y=None, sample_weight=None, names=None, other=None):
        self.X_, self.y_, self.sample_weight_, self.names_, self.other_ = X, y, sample_weight, names, other
        self.classes_ = None if y is None else np.unique(y)
        return self

    def transform(self, X):
        return np.arange(len(X))[:, None]

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def score(self, X, y=None, sample_weight=None):
        return float(np.sum(np.ones(len(X)) if sample_weight is None else sample_weight))


class FixedDetector(BaseEstimator):
    """Returns what it was given."""

    def __init__(self, labels):
        self.labels = labels

    def fit_predict(self, X):
        return self.labels


class Seeing(BaseEstimator):
    """Keeps everything, and what it saw."""

    def fit_predict(self, X):
        self.seen_ = X
        return np.ones(len(X), dtype=int)


def planted_only(*rows):
    return FixedDetector(np.where(np.isin(np.arange(N_CASES), rows), -1, 1))


@parametrize_with_checks(
    [
        OutlierFiltered(RidgeClassifier()),
        OutlierFiltered(Ridge(), detector=IQRDetector()),
        OutlierFiltered(StandardScaler(), detector=IsolationForest(n_estimators=5, random_state=0)),
        OutlierFiltered(make_pipeline(StandardScaler(), KNeighborsClassifier())),
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_inner_estimator_receives_exactly_the_kept_rows(X, y):
    weights = np.linspace(1, 2, N_CASES)
    names = [f"series {case}" for case in range(N_CASES)]
    model = OutlierFiltered(Recorder(), detector=CAREFUL)
    model.fit(X, y, sample_weight=weights, names=names, other="n" * N_CASES)
    inner = model.estimator_
    assert_array_equal(inner.X_, X[KEPT])
    assert_array_equal(inner.y_, y[KEPT])
    assert_array_equal(inner.sample_weight_, weights[KEPT])
    assert inner.names_ == [names[case] for case in KEPT]
    assert inner.other_ == "n" * N_CASES  # a text is no list of letters
    assert_array_equal(np.flatnonzero(~model.inlier_mask_), PLANTED)
    assert model.n_outliers_ == 3
    assert_array_equal(model.classes_, [0, 1])


@pytest.mark.parametrize("other", [None, 5, "ab", [1, 2, 3], dict.fromkeys(range(N_CASES)), np.array(7)], ids=repr)
def test_metadata_of_another_size_is_passed_on_as_it_is(other, X):
    assert OutlierFiltered(Recorder(), detector=CAREFUL).fit(X, other=other).estimator_.other_ is other


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        (list, lambda X: np.stack(X)),
        (torch.from_numpy, np.asarray),
        (lambda X: X.tolist(), np.asarray),
        (lambda X: [one[:, : 8 + case % 7] for case, one in enumerate(X)], None),
    ],
    ids=["list", "tensor", "nested list", "unequal length"],
)
def test_series_of_every_form(form, rows, X, y):
    given = form(X)
    model = OutlierFiltered(Recorder(), detector=CAREFUL).fit(given, list(y))
    received = model.estimator_.X_
    assert isinstance(received, type(given))
    if rows is None:
        assert all(one is given[case] for one, case in zip(received, KEPT, strict=True))
    else:
        assert_array_equal(rows(received), X[KEPT])
    assert model.estimator_.y_ == [y[case] for case in KEPT]
    assert len(model.transform(given)) == N_CASES


def test_tables_of_every_form(X, y):
    frame = pd.DataFrame(X[:, 1], index=[f"r{case}" for case in range(N_CASES)]).add_prefix("t")
    target = pd.Series(y, index=frame.index)
    inner = OutlierFiltered(Recorder(), detector=CAREFUL).fit(frame, target).estimator_
    pd.testing.assert_frame_equal(inner.X_, frame.iloc[KEPT])
    pd.testing.assert_series_equal(inner.y_, target.iloc[KEPT])
    forest = IsolationForest(contamination=3 / N_CASES, random_state=0)
    sparse = OutlierFiltered(Recorder(), detector=forest).fit(csr_array(X[:, 1]), y[:, None])
    assert_array_equal(sparse.estimator_.X_.toarray(), X[KEPT, 1])
    assert_array_equal(sparse.estimator_.y_, y[KEPT, None])


def test_without_outliers_nothing_is_copied(X, y):
    model = OutlierFiltered(Recorder(), detector=ZScoreDetector(threshold=1e6)).fit(X, y)
    assert model.estimator_.X_ is X
    assert model.n_outliers_ == 0
    assert model.inlier_mask_.all()


def test_every_series_is_passed_through(X, y):
    model = OutlierFiltered(Recorder(), detector=CAREFUL).fit(X, y)
    assert_array_equal(model.transform(X)[:, 0], np.arange(N_CASES))
    assert_array_equal(model.fit_transform(X, y)[:, 0], np.arange(N_CASES))
    assert len(model.estimator_.X_) == len(KEPT)
    assert len(model.predict(X)) == N_CASES
    assert model.score(X, y) == N_CASES
    assert model.score(X, y, sample_weight=np.full(N_CASES, 2.0)) == 2 * N_CASES


def test_result_is_that_of_the_inner_estimator_on_kept_rows(X, y):
    weights = np.random.default_rng(0).random(N_CASES)
    table = X[:, 1]
    expected = LogisticRegression().fit(table[KEPT], y[KEPT], sample_weight=weights[KEPT])
    model = OutlierFiltered(LogisticRegression(), detector=CAREFUL).fit(table, y, sample_weight=weights)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert_array_equal(getattr(model, method)(table), getattr(expected, method)(table))
    assert model.score(table, y, sample_weight=weights) == expected.score(table, y, sample_weight=weights)
    scaler = OutlierFiltered(ChannelWise(StandardScaler()), detector=CAREFUL).fit(X)
    assert_array_equal(scaler.transform(X), ChannelWise(StandardScaler()).fit(X[KEPT]).transform(X))
    assert_array_equal(scaler.inverse_transform(X), scaler.estimator_.inverse_transform(X))
    assert scaler.n_channels_in_ == 2


def test_default_is_robust_scaling(X):
    model = OutlierFiltered(detector=CAREFUL)
    assert_array_equal(model.fit_transform(X), ChannelWise(StandardScaler()).fit(X[KEPT]).transform(X))
    assert OutlierFiltered().fit(X[:, :1]).detector_.get_params() == ZScoreDetector().get_params()


def test_encode_is_the_encoder_s(X):
    encoder = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0, device="cpu")
    model = OutlierFiltered(encoder, detector=CAREFUL).fit(X)
    assert_array_equal(model.encode(X), clone(encoder).fit(X[KEPT]).encode(X))
    assert not hasattr(OutlierFiltered(), "encode")


@pytest.mark.parametrize(
    ("inner", "present", "absent"),
    [
        (StandardScaler(), ["transform", "fit_transform", "inverse_transform"], ["predict", "score", "predict_proba"]),
        (LinearRegression(), ["predict", "score"], ["transform", "fit_transform", "predict_proba", "set_output"]),
        (KNeighborsClassifier(), ["predict", "predict_proba", "score"], ["decision_function", "transform"]),
        (make_pipeline(StandardScaler(), Ridge()), ["predict", "score"], ["transform", "decision_function"]),
    ],
    ids=repr,
)
def test_methods_are_those_of_the_inner_estimator(inner, present, absent, y):
    model = OutlierFiltered(inner)
    table = np.random.default_rng(0).normal(size=(N_CASES, 4))
    for _ in range(2):  # unfitted, then fitted
        assert [name for name in present + absent if hasattr(model, name)] == present
        model.fit(table, y)
    with pytest.raises(AttributeError, match=f"has no attribute '{absent[0]}'"):
        getattr(model, absent[0])


def test_tags_and_attributes_are_those_of_the_inner_estimator(X, y):
    assert is_classifier(OutlierFiltered(KNeighborsClassifier()))
    assert is_regressor(OutlierFiltered(make_pipeline(StandardScaler(), Ridge())))
    assert OutlierFiltered().__sklearn_tags__().input_tags.three_d_array
    assert OutlierFiltered().__sklearn_tags__().input_tags.allow_nan
    assert not OutlierFiltered(StandardScaler(with_mean=False)).__sklearn_tags__().input_tags.sparse
    assert (
        OutlierFiltered(StandardScaler(with_mean=False), detector=IsolationForest())
        .__sklearn_tags__()
        .input_tags.sparse
    )
    frame = pd.DataFrame(X[:, 0]).add_prefix("t")
    model = OutlierFiltered(KNeighborsClassifier()).fit(frame, np.array(["no", "yes"])[y])
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.n_features_in_ == 15
    assert model.feature_names_in_.tolist() == frame.columns.tolist()
    assert not hasattr(model, "n_channels_in_")
    assert not hasattr(clone(model), "classes_")
    with pytest.raises(NotFittedError):
        clone(model).predict(frame)


def test_set_output(X):
    frame = pd.DataFrame(X[:, 1]).add_prefix("t")
    scaler = StandardScaler()
    model = OutlierFiltered(scaler, detector=CAREFUL).set_output(transform="pandas")
    for one in (model, clone(model), pickle.loads(pickle.dumps(model))):
        result = one.fit_transform(frame)
        assert result.columns.tolist() == one.get_feature_names_out().tolist() == frame.columns.tolist()
    assert isinstance(scaler.fit_transform(frame), np.ndarray)
    assert isinstance(model.set_output(transform=None).transform(frame), pd.DataFrame)
    assert isinstance(model.set_output(transform="default").transform(frame), np.ndarray)
    pipeline = make_pipeline(OutlierFiltered(StandardScaler())).set_output(transform="pandas")
    assert isinstance(pipeline.fit_transform(frame), pd.DataFrame)


@pytest.mark.parametrize(
    "detector",
    [
        IsolationForest(contamination=3 / N_CASES, random_state=0),
        LocalOutlierFactor(n_neighbors=5, contamination=3 / N_CASES),
        EllipticEnvelope(contamination=3 / N_CASES, random_state=0),
        make_pipeline(StandardScaler(), LocalOutlierFactor(n_neighbors=5, contamination=3 / N_CASES)),
        CAREFUL,
        IQRDetector(factor=4),
    ],
    ids=lambda detector: type(detector).__name__,
)
@pytest.mark.parametrize("form", ["3-D", "ragged", "2-D"])
def test_detectors_find_planted_outliers(detector, form, X, y):
    if form == "2-D":
        X = X[:, 1, :5]
    if form == "ragged":
        X = [one[:, : 10 + case % 4] for case, one in enumerate(X)]
    model = OutlierFiltered(Recorder(), detector=detector).fit(X, y)
    assert_array_equal(np.flatnonzero(~model.inlier_mask_), PLANTED)


def test_what_detectors_see(X):
    def seen(given, features):
        return OutlierFiltered(Recorder(), detector=Seeing(), features=features).fit(given).detector_.seen_

    summary = np.stack(
        [X.mean(axis=2), X.std(axis=2), X.min(axis=2), X.max(axis=2), (np.diff(X, axis=2) ** 2).mean(axis=2)], axis=2
    ).reshape(N_CASES, 10)
    np.testing.assert_allclose(seen(X, "summary"), summary)
    np.testing.assert_allclose(seen(X, "auto"), summary)
    np.testing.assert_allclose(seen(list(X), "auto"), summary)
    np.testing.assert_allclose(seen(X.tolist(), "auto"), summary)
    np.testing.assert_allclose(seen(X[:, 0], "summary"), summary[:, :5])
    assert_array_equal(seen(X, "flat"), X.reshape(N_CASES, 30))
    assert seen(X, "series") is X
    table = X[:, 0]
    assert seen(table, "auto") is table


def test_missing_values_in_summaries(X):
    X[5] = np.nan
    X[6, 0] = np.nan
    X[7, :, 9:] = np.nan
    model = OutlierFiltered(Recorder(), detector=Seeing(), features="summary").fit(X)
    assert np.flatnonzero(~model.inlier_mask_).tolist() == [5]
    assert len(model.detector_.seen_) == N_CASES - 1
    others = np.delete(X[:, 0], [5, 6], axis=0)
    np.testing.assert_allclose(model.detector_.seen_[5, 0], np.median(np.nanmean(others, axis=1)))  # of series 6
    X[:, 1] = np.nan
    assert (OutlierFiltered(Recorder(), detector=Seeing()).fit(X).detector_.seen_[:, 5:] == 0).all()


def test_whole_pipelines(X, y):
    detector = planted_only(*PLANTED)

    def model(filtered):
        scale, knn = ChannelWise(StandardScaler()), KNeighborsClassifier(1)
        encode = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0, device="cpu")
        if filtered == "each step":
            return make_pipeline(
                *(OutlierFiltered(step, detector=planted_only(*PLANTED)) for step in (scale, encode, knn))
            )
        inner = make_pipeline(scale, encode, knn)
        return OutlierFiltered(inner, detector=detector) if filtered == "whole" else inner

    expected = model("by hand").fit(X[KEPT], y[KEPT]).predict(X)
    assert_array_equal(model("each step").fit(X, y).predict(X), expected)
    assert_array_equal(model("whole").fit(X, y).predict(X), expected)


def test_frozen_estimators_stay_as_they_are(X, y):
    inner = LogisticRegression().fit(X[:, 0], y)
    model = OutlierFiltered(FrozenEstimator(inner)).fit(X[:, 0], y)
    assert_array_equal(model.predict_proba(X[:, 0]), inner.predict_proba(X[:, 0]))


def test_metadata_is_routed_and_filtered(X, y):
    weights = np.linspace(1, 2, N_CASES)
    with config_context(enable_metadata_routing=True):
        inner = Recorder().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        model = OutlierFiltered(inner, detector=CAREFUL)
        for fitted in (model.fit(X, y, sample_weight=weights), clone(model)):
            fitted.fit_transform(X, y, sample_weight=weights)
            assert_array_equal(fitted.estimator_.sample_weight_, weights[KEPT])
        assert model.score(X, y, sample_weight=weights) == weights.sum()
        assert len(model.predict(X)) == N_CASES
        pipeline = make_pipeline(OutlierFiltered(ChannelWise(StandardScaler())), model)
        pipeline.fit(X, y, sample_weight=weights)
        assert_array_equal(pipeline[-1].estimator_.sample_weight_, weights[KEPT])
        inner_pipeline = OutlierFiltered(make_pipeline(ChannelWise(StandardScaler()), inner), detector=CAREFUL)
        inner_pipeline.fit(X, y, sample_weight=weights)
        assert_array_equal(inner_pipeline.estimator_[-1].sample_weight_, weights[KEPT])
        with pytest.raises(UnsetMetadataPassedError, match="names"):
            model.fit(X, y, names=weights)


@pytest.mark.parametrize("routing", [True, False])
def test_grid_search_with_weights(routing, X, y):
    weights = np.random.default_rng(0).random(N_CASES)
    table = X[:, 1, :4]
    with config_context(enable_metadata_routing=routing):
        inner = RidgeClassifier()
        if routing:
            inner.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = Pipeline([("scale", OutlierFiltered(StandardScaler())), ("model", OutlierFiltered(inner))])
        if routing:
            pipeline["scale"].estimator.set_fit_request(sample_weight=False)
        grid = {
            "model__estimator__alpha": [0.1, 10.0],
            "model__detector__threshold": [3.0, 1e6],
            "model__detector": [CAREFUL],
        }
        search = GridSearchCV(pipeline, grid, cv=KFold(3), error_score="raise")
        search.fit(table, y, **{"sample_weight" if routing else "model__sample_weight": weights})
    best = search.best_estimator_
    scaled = best["scale"].transform(table)
    kept = best["model"].inlier_mask_
    expected = clone(best["model"].estimator).fit(scaled[kept], y[kept], sample_weight=weights[kept])
    assert_array_equal(best["model"].estimator_.coef_, expected.coef_)
    rejecting = search.cv_results_["param_model__detector__threshold"] == 3.0
    assert rejecting.sum() == 2
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


@pytest.mark.parametrize(
    "detector",
    [
        IsolationForest(n_estimators=10, random_state=0),
        LocalOutlierFactor(n_neighbors=5),
        EllipticEnvelope(random_state=0),
        make_pipeline(StandardScaler(), EllipticEnvelope(random_state=0)),
        IQRDetector(factor=4),
    ],
    ids=repr,
)
def test_every_detector_stands_metadata_routing(detector, X, y):
    expected = OutlierFiltered(Recorder(), detector=detector).fit(X, y).inlier_mask_
    weights = np.linspace(1, 2, N_CASES)
    with config_context(enable_metadata_routing=True):
        inner = Recorder().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        model = OutlierFiltered(inner, detector=detector)
        search = GridSearchCV(model, {"min_cases": [2, 3]}, cv=KFold(3), error_score="raise")
        search.fit(X, y, sample_weight=weights)
    assert 0 < search.best_estimator_.n_outliers_ < N_CASES / 2
    assert_array_equal(search.best_estimator_.inlier_mask_, expected)
    assert_array_equal(search.best_estimator_.estimator_.sample_weight_, weights[expected])


def test_only_training_folds_matter(X, y):
    folds = list(KFold(4).split(X))
    model = OutlierFiltered(Recorder(), detector=CAREFUL)
    before = cross_validate(model, X, y, cv=folds, return_estimator=True)["estimator"]
    for (train, test), fitted in zip(folds, before, strict=True):
        changed = X.copy()
        changed[test] *= 1000
        again = cross_validate(model, changed, y, cv=[(train, test)], return_estimator=True)["estimator"][0]
        assert_array_equal(again.inlier_mask_, fitted.inlier_mask_)
        assert_array_equal(again.detector_.scale_, fitted.detector_.scale_)
        assert_array_equal(train[~fitted.inlier_mask_], np.intersect1d(train, PLANTED))


def test_parameters_are_searchable_through_the_defaults():
    model = OutlierFiltered(StandardScaler()).set_params(detector__threshold=7.0, estimator__with_mean=False)
    assert model.detector.threshold == 7.0
    assert model.estimator.with_mean is False
    assert (
        OutlierFiltered().set_params(estimator__transformer__with_mean=False).estimator.transformer.with_mean is False
    )


def test_given_estimators_stay_unfitted(X):
    scaler, detector = ChannelWise(StandardScaler()), ZScoreDetector()
    OutlierFiltered(scaler, detector=detector).fit(X)
    assert not hasattr(scaler, "n_channels_in_")
    assert not hasattr(detector, "scale_")


def test_fitted_model_pickles(X):
    model = OutlierFiltered(detector=CAREFUL).fit(X)
    assert_array_equal(pickle.loads(pickle.dumps(model)).transform(X), model.transform(X))


def test_too_few_series(X, y):
    with pytest.raises(ValueError, match=r"leaves 1 of 40 sample\(s\) to fit on, and `min_cases`=2"):
        OutlierFiltered(Recorder(), detector=planted_only(*range(39))).fit(X, y)
    with pytest.raises(ValueError, match=r"leaves 37 of 40 sample\(s\) to fit on, and `min_cases`=38"):
        OutlierFiltered(Recorder(), detector=CAREFUL, min_cases=38).fit(X, y)
    assert OutlierFiltered(Recorder(), detector=CAREFUL, min_cases=37).fit(X, y).n_outliers_ == 3
    with pytest.raises(ValueError, match=r"leaves 0 of 40"):
        OutlierFiltered(Recorder(), detector=Seeing(), features="summary").fit(np.full(X.shape, np.nan))


@pytest.mark.parametrize("labels", [np.array(["rare", "usual"]), np.array([1, 0]), np.array([1.0, 0.0])], ids=repr)
def test_lost_classes(labels, X):
    y = labels[np.isin(np.arange(N_CASES), KEPT).astype(int)]
    model = OutlierFiltered(Recorder(), detector=CAREFUL)
    with pytest.raises(ValueError, match=rf"every series of class\(es\) \['{labels[0]}'\] for an outlier"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="every series of class"):
        model.fit(X, y[:, None])
    assert model.set_params(allow_lost_classes=True).fit(X, y).classes_.tolist() == [labels[1]]
    regressor = OutlierFiltered(LinearRegression(), detector=planted_only(*PLANTED))
    assert regressor.fit(X[:, 0], np.arange(N_CASES)).n_outliers_ == 3  # values of a regression are no classes
    OutlierFiltered(ChannelWise(StandardScaler()), detector=CAREFUL).fit(X, y)  # a transformer needs no classes


@pytest.mark.parametrize("unknown", [(5,), (5, PLANTED[0])], ids=str)
def test_series_without_label_are_no_class_that_is_lost(unknown, X):
    labels = np.array(["a", "b"], dtype=object)[np.arange(N_CASES) % 2]
    labels[list(unknown)] = -1
    encoder = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0)
    model = OutlierFiltered(SSLClassifier(encoder, mode="probe"), detector=CAREFUL).fit(X, labels)
    assert model.classes_.tolist() == ["a", "b"]
    assert_array_equal(np.flatnonzero(~model.inlier_mask_), PLANTED)


def test_lost_classes_of_several_outputs(X, y):
    first = np.where(np.isin(np.arange(N_CASES), KEPT), y, 7)
    table, several = X[:, 0], np.column_stack([first, y])
    model = OutlierFiltered(KNeighborsClassifier(), detector=planted_only(*PLANTED))
    for given in (several, several.tolist(), pd.DataFrame(several)):
        with pytest.raises(ValueError, match=r"every series of class\(es\) \['7 of output 0'\] for an outlier"):
            model.fit(table, given)
    assert model.fit(table, np.column_stack([y, 1 - y])).n_outliers_ == 3
    labels = csr_array(np.column_stack([first == 7, y == 1]).astype(int))
    with pytest.raises(ValueError, match=r"\['1 of output 0'\]"):
        model.fit(table, labels)
    model.set_params(allow_lost_classes=True).fit(table, several)
    assert [classes.tolist() for classes in model.classes_] == [[0, 1], [0, 1]]


class Deaf(BaseEstimator):
    def fit(self, X):
        return self


@pytest.mark.parametrize("detector", [Deaf(), LocalOutlierFactor(novelty=True), StandardScaler(), "zscore"], ids=repr)
def test_detector_without_fit_predict(detector, X):
    with pytest.raises(TypeError, match="`detector` must have fit_predict, got"):
        OutlierFiltered(Recorder(), detector=detector).fit(X)


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (KMeans(3, n_init=1, random_state=0), "1 for every inlier and -1 for every outlier"),
        (FixedDetector(np.ones(5)), "1 for every inlier and -1 for every outlier"),
    ],
)
def test_detector_that_is_none(detector, message, X):
    with pytest.raises(ValueError, match=message):
        OutlierFiltered(Recorder(), detector=detector).fit(X)


@pytest.mark.parametrize("inner", ["scaler", StandardScaler, 3])
def test_no_estimator(inner, X):
    with pytest.raises(TypeError, match="`estimator` must be an estimator with fit, got"):
        OutlierFiltered(inner).fit(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "flat"}, 'features="flat" needs series of equal length. Use features="summary".'),
        ({"features": "all"}, "`features` must be one of 'auto', 'series', 'summary', 'flat', got 'all'"),
        ({"min_cases": 0}, "`min_cases` must be a whole number at least 1, got 0"),
        ({"allow_lost_classes": "yes"}, "`allow_lost_classes` must be one of False, True, got 'yes'"),
        ({"detector": ZScoreDetector(threshold=-1)}, "`threshold` must be a number above 0, got -1"),
        ({"estimator": KNeighborsClassifier(metric="precomputed")}, "`estimator` works on precomputed distances"),
    ],
)
def test_bad_parameters(options, message, X):
    ragged = [one[:, : 9 + case % 5] for case, one in enumerate(X)]
    with pytest.raises(ValueError, match=re.escape(message)):
        OutlierFiltered(**{"estimator": Recorder(), "detector": IsolationForest(), **options}).fit(ragged)


def test_bad_input_leaves_the_fitted_model_as_it_was(X, y):
    model = OutlierFiltered(detector=CAREFUL).fit(X)
    expected = model.transform(X)
    infinite = X.copy()
    infinite[2, 0, 3] = np.inf
    with pytest.raises(ValueError, match="infinite value"):
        model.fit(infinite)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    model.detector = planted_only(*range(N_CASES))
    with pytest.raises(ValueError, match="leaves 0 of 40"):
        model.fit_transform(X)
    assert_array_equal(model.transform(X), expected)
    assert model.n_outliers_ == 3


@pytest.mark.parametrize("call", ["encode", "transform", "get_feature_names_out"])
def test_an_unfitted_filter_says_that_it_is_not_fitted(call):
    filtered = OutlierFiltered(RandomEncoderTransformer())
    with pytest.raises(NotFittedError):
        getattr(filtered, call)(*([np.zeros((4, 1, 8))] if call != "get_feature_names_out" else []))
