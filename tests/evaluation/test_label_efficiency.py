import re
import warnings
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from shared import small
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifierCV
from sklearn.metrics import accuracy_score, mean_absolute_error
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation._label_efficiency import LabelEfficiencyResult, label_efficiency
from sklearn_ssl.evaluation._probes import knn_probe, linear_probe, svm_probe
from sklearn_ssl.preprocessing import ChannelWise


def embedded_classes(n_cases=120, n_classes=3, n_features=8, spread=0.6):
    random = np.random.default_rng(0)
    y = np.arange(n_cases) % n_classes
    return np.eye(n_features)[y] + spread * random.normal(size=(n_cases, n_features)), y


def embedded_amounts(n_cases=80):
    H = np.random.default_rng(0).normal(size=(n_cases, 4))
    return H, H @ [1.0, 2.0, 0.0, -1.0] + 0.1 * np.random.default_rng(1).normal(size=n_cases)


def waves(n_cases=40):
    return make_waves(n_cases, n_channels=2, n_timepoints=64, n_classes=2, random_state=0)


def small_transformer():
    return small(RandomEncoderTransformer)


@pytest.mark.parametrize(
    ("name", "probe"),
    [("linear", linear_probe), ("knn", knn_probe), ("svm", svm_probe)],
)
def test_scores_are_those_of_the_probe_on_the_labelled_rows(name, probe):
    H, y = embedded_classes(80)
    curve = label_efficiency(None, H, y, fractions=(0.05, 0.3, 1.0), probe=name, n_draws=2)
    for rows, scores, estimators in zip(curve.rows, curve.scores, curve.estimators, strict=True):
        for labelled, score, estimator in zip(rows, scores, estimators, strict=True):
            test = curve.test_rows
            expected = probe(None, H[labelled], y[labelled], X_test=H[test], y_test=y[test])
            assert score == expected.score
            assert_array_equal(estimator.predict(H), expected.estimator.predict(H))
    assert curve.metric == "accuracy"
    assert curve.greater_is_better


def test_agrees_with_scikit_learn_by_hand():
    H, y = embedded_classes()
    curve = label_efficiency(None, H[:80], y[:80], X_test=H[80:], y_test=y[80:], fractions=(0.1, 1.0), n_draws=2)
    assert curve.test_rows is None
    for rows, scores in zip(curve.rows, curve.scores, strict=True):
        for labelled, score in zip(rows, scores, strict=True):
            model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
            assert score == accuracy_score(y[80:], model.fit(H[labelled], y[labelled]).predict(H[80:]))


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(C=0.1), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_given_classifier(estimator):
    H, y = embedded_classes()
    curve = label_efficiency(None, H, y, fractions=(0.1, 0.5), probe=estimator, n_draws=2)
    labelled, test = curve.rows[0][1], curve.test_rows
    fitted = curve.estimators[0][1]
    assert curve.scores[0, 1] == accuracy_score(y[test], fitted.predict(H[test]))
    expected = clone(estimator).fit(H[labelled], y[labelled])
    assert_array_equal(fitted.predict_proba(H), expected.predict_proba(H))
    assert not hasattr(estimator, "classes_")


@pytest.mark.parametrize(("fraction", "n_labels"), [(0.25, 8), (0.21, 6), (0.19, 6), (0.01, 3), (1.0, 30)])
def test_numbers_of_labels_are_rounded(fraction, n_labels):
    H, y = embedded_classes(60)
    curve = label_efficiency(None, H[:30], y[:30], X_test=H[30:], y_test=y[30:], fractions=(fraction,), n_draws=1)
    assert curve.n_labels.tolist() == [n_labels]


def test_regression():
    H, y = embedded_amounts()
    curve = label_efficiency(None, H, y, fractions=(0.001, 0.2, 1.0), probe=Ridge(), n_draws=3)
    assert (curve.metric, curve.greater_is_better) == ("mae", False)
    assert curve.n_labels.tolist() == [2, 11, 56]
    labelled, test = curve.rows[1][2], curve.test_rows
    expected = Ridge().fit(H[labelled], y[labelled]).predict(H[test])
    assert curve.scores[1, 2] == mean_absolute_error(y[test], expected)
    assert curve.mean[0] > curve.mean[-1]


def test_regression_on_whole_numbers():
    H, y = embedded_amounts()
    whole = np.round(10 * y).astype(int)
    by_task = label_efficiency(None, H, whole, fractions=(0.5,), task="regression")
    assert by_task.metric == "mae"
    assert label_efficiency(None, H, whole, fractions=(0.5,), probe=Ridge()).metric == "mae"


def test_several_outputs():
    H, y = embedded_amounts()
    for probe in ("linear", "knn", "svm"):
        curve = label_efficiency(None, H, np.c_[y, -y], fractions=(0.05, 0.1), probe=probe, n_draws=1)
        assert curve.scores.shape == (2, 1)


def test_draws_are_stratified_and_nested():
    y = np.repeat(["a", "b", "c"], [140, 54, 6])
    curve = label_efficiency(None, np.random.default_rng(0).normal(size=(200, 2)), y, n_draws=4)
    train = np.setdiff1d(np.arange(200), curve.test_rows)
    assert curve.n_labels.tolist() == [3, 3, 7, 14, 28, 70, 140]
    for draw in range(4):
        inner = set()
        for rows, n in zip(curve.rows, curve.n_labels, strict=True):
            labelled = rows[draw]
            assert len(labelled) == n == len(set(labelled))
            assert set(labelled) <= set(train)
            assert inner <= set(labelled)
            shares = np.array([np.sum(y[labelled] == one) for one in "abc"])
            assert shares.min() >= 1
            assert np.all(np.abs(shares - n * np.array([0.70, 0.27, 0.03])) <= 2)
            inner = set(labelled)
    assert len({tuple(rows) for rows in curve.rows[2]}) == 4


def test_held_out_part_is_stratified():
    y = np.repeat([0, 1], [80, 20])
    curve = label_efficiency(None, np.random.default_rng(0).normal(size=(100, 2)), y, test_size=0.2, n_draws=1)
    assert len(curve.test_rows) == 20
    assert np.bincount(y[curve.test_rows]).tolist() == [16, 4]


def test_the_only_series_of_a_class_is_for_training():
    y = np.array([0] * 30 + [1] * 29 + [2])
    for seed in range(10):
        curve = label_efficiency(None, np.eye(60), y, fractions=(0.01,), n_draws=1, probe="knn", random_state=seed)
        assert 59 not in curve.test_rows
        assert 59 in curve.rows[0][0]


def test_labels_are_the_same_whatever_the_transformer():
    X, y = waves()
    first = label_efficiency(small_transformer(), X, y, n_draws=3, probe="linear")
    second = label_efficiency(None, np.random.default_rng(0).normal(size=(40, 3)), y, n_draws=3, probe="knn")
    assert_array_equal(first.test_rows, second.test_rows)
    for one, other in zip(chain(*first.rows), chain(*second.rows), strict=True):
        assert_array_equal(one, other)


def test_random_state():
    H, y = embedded_classes()
    options = {"probe": "knn", "fractions": (0.05, 0.2, 1.0)}
    first = label_efficiency(None, H, y, random_state=0, **options)
    again = label_efficiency(None, H, y, random_state=0, **options)
    other = label_efficiency(None, H, y, random_state=1, **options)
    assert_array_equal(first.scores, again.scores)
    assert not np.array_equal(first.test_rows, other.test_rows)
    assert not np.array_equal(first.rows[1][0], other.rows[1][0])
    more = label_efficiency(None, H, y, n_draws=7, **options)
    assert_array_equal(more.scores[:, :5], first.scores)
    assert label_efficiency(None, H, y, random_state=None, **options).scores.shape == (3, 5)


def test_all_labels_have_one_score():
    H, y = embedded_classes()
    curve = label_efficiency(None, H, y, fractions=(0.05, 1.0), n_draws=4)
    assert curve.std[0] > 0
    assert curve.std[1] == 0
    assert len({id(estimator) for estimator in curve.estimators[1]}) == 1


def test_curve_rises():
    H, y = embedded_classes(n_cases=400, n_features=40)
    curve = label_efficiency(None, H, y, fractions=(0.01, 0.1, 1.0))
    assert np.all(np.diff(curve.mean) > 0.05)


class Watcher(TransformerMixin, BaseEstimator):
    """Notes which series it was fitted on, and how often it was asked."""

    fits: list = []
    transforms: list = []

    def fit(self, X, y=None):
        assert y is None
        self.mean_ = np.mean(X, axis=0)
        Watcher.fits.append(np.asarray(X))
        return self

    def transform(self, X):
        Watcher.transforms.append(np.asarray(X))
        return np.asarray(X) - self.mean_


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(Watcher, "fits", [])
    monkeypatch.setattr(Watcher, "transforms", [])
    return Watcher


def test_unfitted_transformer_is_fitted_once_on_training_series_alone(watched):
    H, y = embedded_classes()
    transformer = watched()
    curve = label_efficiency(transformer, H, y, fractions=(0.1, 0.5, 1.0))
    train = np.setdiff1d(np.arange(len(y)), curve.test_rows)
    assert len(watched.fits) == 1
    assert_array_equal(watched.fits[0], H[train])
    assert len(watched.transforms) == 2
    assert_array_equal(watched.transforms[1], H[curve.test_rows])
    assert not hasattr(transformer, "mean_")
    assert_array_equal(curve.transformer.mean_, H[train].mean(axis=0))


def test_unfitted_transformer_with_a_test_part(watched):
    H, y = embedded_classes()
    label_efficiency(watched(), H[:90], y[:90], X_test=H[90:], y_test=y[90:], fractions=(0.1,))
    assert_array_equal(watched.fits[0], H[:90])


def test_fitted_transformer_is_taken_as_it_is(watched):
    H, y = embedded_classes()
    transformer = watched().fit(H[:10])
    curve = label_efficiency(transformer, H, y, fractions=(0.1, 0.5))
    assert len(watched.fits) == 1
    assert len(watched.transforms) == 2
    assert curve.transformer is transformer
    expected = label_efficiency(None, H - H[:10].mean(axis=0), y, fractions=(0.1, 0.5))
    assert_array_equal(curve.scores, expected.scores)


def test_unfitted_pipeline_is_fitted_without_its_predictor():
    X, y = waves()
    pipeline = make_pipeline(ChannelWise(StandardScaler()), small_transformer(), PCA(2), KNeighborsClassifier())
    curve = label_efficiency(pipeline, X, y, fractions=(0.5, 1.0))
    train = np.setdiff1d(np.arange(len(y)), curve.test_rows)
    alone = make_pipeline(ChannelWise(StandardScaler()), small_transformer()).fit(X[train])
    assert_array_equal(curve.scores, label_efficiency(alone, X, y, fractions=(0.5, 1.0)).scores)
    assert not hasattr(pipeline[1], "net_")
    assert curve.name == "RandomEncoderTransformer"


def test_the_encoder_may_come_right_before_the_predictor():
    X, y = waves()
    curve = label_efficiency(
        make_pipeline(ChannelWise(StandardScaler()), small_transformer(), KNeighborsClassifier()), X, y
    )
    alone = label_efficiency(make_pipeline(ChannelWise(StandardScaler()), small_transformer()), X, y)
    assert_array_equal(curve.scores, alone.scores)
    assert curve.name == "RandomEncoderTransformer"


def test_series_of_unequal_length():
    X, y = make_waves(30, n_channels=2, n_timepoints=64, n_classes=2, unequal_length=True, random_state=0)
    curve = label_efficiency(small_transformer(), X, y, fractions=(0.2, 1.0))
    assert curve.scores.shape == (2, 5)


def test_one_label_for_each_of_many_classes_is_no_reason_to_warn():
    H = np.random.default_rng(0).normal(size=(120, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for probe in ("linear", "knn", "svm"):
            curve = label_efficiency(None, H, np.arange(120) % 25, fractions=(0.01,), probe=probe, n_draws=1)
            assert curve.n_labels.tolist() == [25]


def test_fractions_are_sorted():
    H, y = embedded_classes()
    curve = label_efficiency(None, H, y, fractions=[1.0, 0.01, 0.5, 0.5], probe="knn")
    assert curve.fractions.tolist() == [0.01, 0.5, 1.0]
    assert curve.n_labels.tolist() == [3, 42, 84]


class Refuses:
    def transform(self, X):
        raise AssertionError("embedded before the input was checked")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"fractions": (0.0, 0.5)}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"fractions": (0.5, 1.5)}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"fractions": (0.5, np.nan)}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"fractions": 10**400}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"fractions": "x" * 999}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"n_draws": 10**400}, ValueError, "`n_draws` must be a whole number from 1 to 2147483647, got 1000"),
        ({"fractions": ()}, ValueError, "`fractions` must be shares above 0 and at most 1"),
        ({"n_draws": 0}, ValueError, "`n_draws` must be a whole number of at least 1, got 0"),
        ({"test_size": 0}, ValueError, "`test_size` must be a share above 0 and below 1, got 0"),
        ({"test_size": 1.0}, ValueError, "`test_size` must be a share above 0 and below 1, got 1.0"),
        ({"test_size": "all"}, ValueError, "`test_size` must be a share above 0 and below 1, got 'all'"),
        ({"probe": "forest"}, ValueError, "`probe` must be one of ['knn', 'linear', 'svm']"),
        ({"probe": KMeans()}, TypeError, "`probe` must be one of ['knn', 'linear', 'svm'], a classifier"),
        ({"probe": LogisticRegression}, TypeError, "`probe` must be one of ['knn', 'linear', 'svm'], a classifier"),
        ({"probe": Ridge(), "task": "classification"}, ValueError, "`probe` is for regression, but `task` is 'class"),
        ({"y": [0, 1] * 9}, ValueError, "`y` has length 18, but `X` has 20 series"),
        ({"y": [1] * 20}, ValueError, "one class only"),
        ({"y": [0, np.nan] * 10}, ValueError, "`y` is missing or infinite in row 1"),
        ({"y": list(range(10)) * 2}, ValueError, "holds out 6, but at least 10 are needed for the test"),
        ({"test_size": 0.95}, ValueError, "at least 2 are needed for the test and 2 for training"),
        ({"test_size": 0.01}, ValueError, "holds out 0, but at least 2 are needed for the test"),
        ({"X_test": np.ones((2, 3))}, ValueError, "`y_test` is missing"),
        ({"X": np.ones((1, 3)), "y": [0.5], "X_test": np.ones((2, 3)), "y_test": [1, 2]}, ValueError, "At least 2 tr"),
        ({"random_state": -1}, ValueError, "`random_state`"),
        ({"transformer": KNeighborsClassifier()}, TypeError, "A fitted transformer"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_bad_input_is_an_error_before_anything_is_embedded(changed, error, message):
    transformer = FunctionTransformer(Refuses().transform)
    arguments = {"transformer": transformer, "X": np.ones((20, 3)), "y": [0, 1] * 10} | changed
    with pytest.raises(error, match=re.escape(message)):
        label_efficiency(**arguments)


def test_test_part_with_other_features():
    H, y = embedded_classes()
    with pytest.raises(ValueError, match="8 features, but the embedding of `X_test` has 3"):
        label_efficiency(None, H, y, X_test=H[:9, :3], y_test=y[:9])


def test_pooled_results_have_the_draws_of_all():
    H, y = embedded_classes()
    curves = [label_efficiency(None, H, y, fractions=(0.2, 1.0), n_draws=2, random_state=seed) for seed in range(3)]
    pooled = LabelEfficiencyResult.pooled(curves)
    assert_array_equal(pooled.scores, np.hstack([curve.scores for curve in curves]))
    assert [len(row) for row in pooled.estimators] == [len(row) for row in pooled.rows] == [6, 6]
    assert pooled.estimators[0][2] is curves[1].estimators[0][0]
    assert_array_equal(pooled.rows[1][5], curves[2].rows[1][1])
    assert len(pooled.to_frame()) == 12


def test_results_that_do_not_belong_together_are_not_pooled():
    H, y = embedded_classes()
    curves = [label_efficiency(None, H, y, fractions=fractions) for fractions in ((0.2, 1.0), (0.5, 1.0))]
    for wrong in ([], curves):
        with pytest.raises(ValueError, match="same metric, shares and numbers of labels"):
            LabelEfficiencyResult.pooled(wrong)


def test_names():
    H, y = embedded_classes()
    X, labels = waves()
    fitted = small_transformer().fit(X)
    assert label_efficiency(None, H, y, fractions=(1.0,)).name == "embedding"
    assert label_efficiency(fitted, X, labels, fractions=(1.0,)).name == "RandomEncoderTransformer"
    assert label_efficiency(fitted.net_, X, labels, fractions=(1.0,)).name == "SSLNet"
    assert label_efficiency(None, H, y, fractions=(1.0,), name="mine").name == "mine"


def test_text_and_table():
    curve = LabelEfficiencyResult(
        name="mine",
        fractions=np.array([0.1, 1.0]),
        n_labels=np.array([4, 40]),
        metric="accuracy",
        scores=np.array([[0.4, 0.6], [0.9, 0.9]]),
        estimators=[[None, None], [None, None]],
        rows=[],
        test_rows=None,
        transformer=None,
    )
    assert repr(curve) == "<LabelEfficiencyResult: mine, accuracy (labels): 0.500 (4), 0.900 (40)>"
    expected = pd.DataFrame(
        {
            "name": ["mine"] * 4,
            "fraction": [0.1, 0.1, 1.0, 1.0],
            "n_labels": [4, 4, 40, 40],
            "draw": [0, 1, 0, 1],
            "accuracy": [0.4, 0.6, 0.9, 0.9],
        }
    )
    pd.testing.assert_frame_equal(curve.to_frame(), expected)
    with pytest.raises(AttributeError):
        curve.metric = "mae"
