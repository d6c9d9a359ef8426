import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, SSLRegressor
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import _predictors, rankme_scorer
from sklearn_ssl.evaluation._probes import ProbeResult, knn_probe, linear_probe, svm_probe
from sklearn_ssl.evaluation._targets import random_order
from sklearn_ssl.preprocessing import ChannelWise

PROBES = [linear_probe, knn_probe, svm_probe]


def embedding(n_cases=60, n_features=4, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=(n_cases, n_features)).astype(dtype)


def classes(H, n_classes=3):
    noisy = H[:, 0] + 0.3 * np.random.default_rng(1).normal(size=len(H))
    return np.argsort(np.argsort(noisy)) * n_classes // len(H)


def amounts(H, n_outputs=None):
    noise = np.random.default_rng(1).normal(size=(len(H), n_outputs or 1))
    y = np.sin(H[:, :1]) + H[:, 1:2] + 0.3 * noise
    return y if n_outputs else y[:, 0]


def searched(model, name, **options):
    return GridSearchCV(model, {name: _predictors.SVM_PENALTIES}, **options)


def standardised_svr():
    return TransformedTargetRegressor(SVR(), transformer=StandardScaler())


BY_HAND = {
    "linear classes": (
        linear_probe,
        {},
        classes,
        lambda: make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))),
    ),
    "linear amounts": (
        linear_probe,
        {},
        amounts,
        lambda: make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-3, 3, 10))),
    ),
    "linear outputs": (
        linear_probe,
        {},
        lambda H: amounts(H, 2),
        lambda: make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-3, 3, 10))),
    ),
    "knn classes": (
        knn_probe,
        {"n_neighbors": 3, "metric": "cosine", "weights": "distance"},
        classes,
        lambda: make_pipeline(
            StandardScaler(), KNeighborsClassifier(n_neighbors=3, metric="cosine", weights="distance")
        ),
    ),
    "knn outputs": (
        knn_probe,
        {},
        lambda H: amounts(H, 2),
        lambda: make_pipeline(StandardScaler(), KNeighborsRegressor(n_neighbors=1)),
    ),
    "svm classes": (svm_probe, {}, lambda H: classes(H, 2), lambda: searched(SVC(), "C", cv=5)),
    "svm scaled": (
        svm_probe,
        {"scale": True},
        lambda H: classes(H, 2),
        lambda: searched(make_pipeline(StandardScaler(), SVC()), "svc__C", cv=5),
    ),
    "svm amounts": (
        svm_probe,
        {},
        amounts,
        lambda: searched(
            standardised_svr(),
            "regressor__C",
            cv=KFold(5, shuffle=True, random_state=3),
            scoring="neg_mean_absolute_error",
        ),
    ),
    "svm outputs": (
        svm_probe,
        {},
        lambda H: amounts(H, 2),
        lambda: MultiOutputRegressor(
            searched(
                standardised_svr(),
                "regressor__C",
                cv=KFold(5, shuffle=True, random_state=3),
                scoring="neg_mean_absolute_error",
            )
        ),
    ),
}


@pytest.fixture(params=BY_HAND, ids=str)
def by_hand(request):
    return BY_HAND[request.param]


def expected_scores(truth, predicted, is_regression):
    if not is_regression:
        return {
            "accuracy": accuracy_score(truth, predicted),
            "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        }
    return {
        "mae": mean_absolute_error(truth, predicted),
        "rmse": root_mean_squared_error(truth, predicted),
        "mape": mean_absolute_percentage_error(truth, predicted),
        "r2": r2_score(truth, predicted),
    }


@pytest.mark.usefixtures("two_penalties")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_test_part_agrees_with_scikit_learn_by_hand(by_hand, dtype):
    probe, options, targets, make = by_hand
    H = embedding(100, dtype=dtype)
    y = targets(H)
    result = probe(None, H[:70], y[:70], X_test=H[70:], y_test=y[70:], random_state=3, **options)
    predicted = make().fit(H[:70], y[:70]).predict(H[70:])
    assert_array_equal(result.predictions, predicted)
    expected = expected_scores(y[70:], predicted, y.dtype.kind == "f")
    assert {name: one.tolist() for name, one in result.scores.items()} == {name: [e] for name, e in expected.items()}
    assert result.score == result.mean == expected[result.metric]
    assert math.isnan(result.std)
    assert (result.n_cases, result.n_features, result.n_folds) == (70, 4, None)


@pytest.fixture
def two_penalties(monkeypatch):
    """For tests of something else, as a search takes long."""
    monkeypatch.setattr(_predictors, "SVM_PENALTIES", np.array([0.01, 10.0]))


def test_all_penalties_are_searched():
    H = embedding()
    assert svm_probe(None, H, classes(H), cv=2, X_test=H, y_test=classes(H)).estimator.param_grid[
        "svm__C"
    ].tolist() == [
        1e-4,
        1e-3,
        1e-2,
        1e-1,
        1.0,
        10.0,
        100.0,
        1e3,
        1e4,
    ]


@pytest.mark.usefixtures("two_penalties")
def test_folds_agree_with_scikit_learn_by_hand(by_hand):
    probe, options, targets, make = by_hand
    H = embedding(100)
    y = targets(H)
    if y.dtype.kind == "f":  # enough for a search by regressors
        H, y = H[:20], y[:20]
    splitter = KFold if y.dtype.kind == "f" else StratifiedKFold
    result = probe(None, H, y, cv=2, random_state=3, **options)
    for fold, (train, test) in enumerate(splitter(2, shuffle=True, random_state=3).split(H, y)):
        predicted = make().fit(H[train], y[train]).predict(H[test])
        assert_array_equal(result.predictions[test], predicted)
        for name, expected in expected_scores(y[test], predicted, y.dtype.kind == "f").items():
            assert result.scores[name][fold] == expected
    main = result.scores[result.metric]
    assert (result.score, result.std, result.n_folds) == (main.mean(), main.std(), 2)
    assert_array_equal(result.estimator.predict(H), make().fit(H, y).predict(H))


def test_main_metric():
    H = embedding()
    of_classes, of_amounts = linear_probe(None, H, classes(H)), linear_probe(None, H, amounts(H))
    assert (of_classes.metric, of_classes.greater_is_better) == ("accuracy", True)
    assert (of_amounts.metric, of_amounts.greater_is_better) == ("mae", False)


def waves(n_cases=24):
    return make_waves(n_cases, n_channels=2, n_timepoints=64, n_classes=2, random_state=0)


def small_transformer():
    return small(RandomEncoderTransformer)


@pytest.mark.parametrize("probe", PROBES)
def test_fitted_transformer_and_pipeline(probe):
    X, y = waves()
    transformer = small_transformer().fit(X)
    expected = probe(None, transformer.transform(X), y)
    for one in (transformer, FrozenEstimator(transformer), transformer.net_):
        assert_array_equal(probe(one, X, y).predictions, expected.predictions)
    pipeline = make_pipeline(ChannelWise(StandardScaler()), small_transformer(), PCA(2), KNeighborsClassifier())
    pipeline.fit(X, y)
    expected = probe(None, pipeline[:2].transform(X), y)
    assert_array_equal(probe(pipeline, X, y).predictions, expected.predictions)
    assert expected.n_features == pipeline[:2].transform(X).shape[1]


@pytest.mark.parametrize("kind", [SSLClassifier, SSLRegressor])
def test_a_pipeline_that_ends_in_a_predictor_with_its_own_encoder(kind):
    X, y = waves()
    pipeline = make_pipeline(ChannelWise(StandardScaler()), kind(small_transformer(), mode="probe")).fit(X, y)
    with pytest.raises(TypeError, match=f"ends in {kind.__name__}, which has its encoder within"):
        linear_probe(pipeline, X, y)
    with pytest.raises(TypeError, match="has its encoder within"):
        rankme_scorer(FrozenEstimator(pipeline), X)


def test_test_series_may_be_of_another_length():
    X, y = waves()
    transformer = small_transformer().fit(X)
    shorter = [series[:, :50] for series in X[20:]]
    result = knn_probe(transformer, X[:20], y[:20], X_test=shorter, y_test=y[20:])
    expected = KNeighborsClassifier(n_neighbors=1).fit(
        (scaler := StandardScaler().fit(transformer.transform(X[:20]))).transform(transformer.transform(X[:20])), y[:20]
    )
    assert_array_equal(result.predictions, expected.predict(scaler.transform(transformer.transform(shorter))))


class Refuses:
    """Fails if it is fitted, or if it transforms before the errors are out."""

    fitted_ = True

    def fit(self, X, y=None):
        raise AssertionError("a probe must not fit the transformer")

    def transform(self, X):
        raise AssertionError("embedded before the input was checked")


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": [0, 1] * 5}, "`y` has length 10, but `X` has 12 series"),
        ({"y": [1] * 12}, "one class only"),
        ({"y": [0.0, np.nan] * 6}, "`y` is missing or infinite in row 1"),
        ({"y": [0.5, np.inf] * 6}, "`y` is missing or infinite in row 1"),
        ({"y": ["a", None] * 6}, "`y` is missing or infinite in row 1"),
        ({"y": pd.Series([1, pd.NA] * 6, dtype="Int64")}, "`y` is missing or infinite in row 1"),
        ({"y": np.zeros((12, 2, 2))}, "shape (12, 2, 2)"),
        ({"y": 3}, "`y` must have shape (n_cases,) or (n_cases, n_outputs), got shape ()"),
        ({"y": [[0, 1], [1, 0], [1, 1]] * 4}, "not a vector of classes: scikit-learn calls it 'multilabel-indicator'"),
        ({"y": ["a", "b", -1] * 4}, "`y` has text, and in row 2 the number -1"),
        ({"y": list(range(12))}, "each class of y has one"),
        ({"y": [0] * 11 + [1]}, "one class only in its training part"),
        ({"y": ["a", "b"] * 6, "task": "regression"}, 'task="regression" needs numbers'),
        (
            {"y": [0.5, 1.5] * 6, "task": "classification"},
            "scikit-learn calls it 'continuous'",
        ),
        ({"task": "ranking"}, "`task` must be"),
        ({"X_test": np.ones((2, 3))}, "`y_test` is missing"),
        ({"y_test": [0, 1]}, "`X_test` is missing"),
        ({"X_test": np.ones((2, 3)), "y_test": [0, 1, 1]}, "`y_test` has length 3, but `X_test` has 2 series"),
        ({"X_test": np.ones((2, 3)), "y_test": [7, 8]}, "`y_test` and `y` have no class in common"),
        ({"X_test": np.ones((0, 3)), "y_test": []}, "`X_test` is empty"),
        ({"y": np.ones((12, 2)) / 3, "X_test": np.ones((2, 3)), "y_test": [0.5, 1]}, "both need the same outputs"),
        ({"y": np.ones(12) / 3, "X_test": np.ones((2, 3)), "y_test": ["a", "b"]}, "numbers in `y_test`"),
        ({"X": np.ones((1, 3)), "y": [0.5]}, "at least two series"),
        ({"cv": 1}, "`cv` must be a whole number of at least 2, got 1"),
        ({"cv": True}, "`cv` must be a whole number of at least 2, got True"),
        ({"cv": 2.5}, "`cv` must be a whole number of at least 2, got 2.5"),
        (
            {"cv": "x" * 999},
            "`cv` must be a number of folds, a splitter of scikit-learn such as KFold(5), or a list of",
        ),
        ({"cv": KFold}, "`cv` must be a number of folds, a splitter"),
        ({"cv": [1, 2]}, "`cv`=[1, 2] does not fit the 12 series. cannot unpack"),
        ({"cv": [([0, 1], [99])]}, "`cv`=[([0, 1], [99])] does not fit the 12 series. index 99 is out of bounds"),
        ({"task": pd.NA}, "`task` must be one of 'auto', 'classification', 'regression', got <NA>"),
        ({"task": pd.DataFrame({"a": [1]})}, "`task` must be one of 'auto', 'classification', 'regression', got"),
        ({"y": ["a", 1] * 6}, "`y` has texts, and 1 in row 1. Give classes of one kind, for example [str(label)"),
        ({"cv": [([0, 1, 2], [2, 3])]}, "Fold 0 of the cross-validation tests case 2, on which it trains"),
        ({"cv": [([0, 1, 2], [3]), ([0, 1], [])]}, "Fold 1 of the cross-validation has 2 training and 0 test cases"),
        ({"cv": [([0, 2, 4], [1, 3])]}, "Fold 0 of the cross-validation has one class only"),
        ({"random_state": -1}, "`random_state`"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_bad_input_is_an_error_before_anything_is_embedded(probe, changed, message):
    arguments = {"X": np.ones((12, 3)), "y": [0, 1] * 6} | changed
    with pytest.raises(ValueError, match=re.escape(message)):
        probe(FunctionTransformer(Refuses().transform), **arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 0}, "`n_neighbors` must be a whole number of at least 1, got 0"),
        ({"n_neighbors": 1.5}, "`n_neighbors`"),
        ({"metric": "unheard of"}, "`metric` must be"),
        ({"metric": "precomputed"}, "`metric` must be"),
        ({"metric": pd.NA}, "`metric` must be a function"),
        ({"metric": dict}, "`metric` must be a function"),
        ({"weights": pd.NA}, "`weights` must be"),
        ({"weights": "heavy"}, "`weights` must be"),
    ],
)
def test_bad_options_of_knn(options, message):
    with pytest.raises(ValueError, match=message):
        knn_probe(FunctionTransformer(Refuses().transform), np.ones((12, 3)), [0, 1] * 6, **options)


@pytest.mark.parametrize("groups", [[[0], [1]] * 6, [{0}, {1}] * 6, [{"a": 0}, {"a": 1}] * 6])
def test_groups_that_cannot_be_compared(groups):
    groups = pd.Series(groups, dtype=object)
    with pytest.raises(TypeError, match=r"`groups` has .* in row 0, which cannot be told from others"):
        linear_probe(None, np.ones((12, 3)), [0, 1] * 6, groups=groups)


@pytest.mark.parametrize("X", [None, 3.5, (one for one in [1]), {1, 2}, pd.DataFrame({"a": [1], "b": 2}).groupby("a")])
def test_what_has_no_rows(X):
    with pytest.raises(TypeError, match="`X` must be an array, a list of arrays or a data frame of series, got"):
        linear_probe(None, X, [0, 1] * 6)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tensors_that_are_stored_in_other_ways():
    H, y = torch.tensor(np.random.default_rng(0).normal(size=(12, 3))), [0, 1] * 6
    stored = [H.to_sparse(), torch.complex(H, -H).conj().imag, torch.nested.nested_tensor(list(H))]
    assert {linear_probe(None, one, y, cv=2).score for one in stored} == {linear_probe(None, H, y, cv=2).score}


def test_bad_scale_of_svm():
    with pytest.raises(ValueError, match="`scale` must be True or False, got 'yes'"):
        svm_probe(None, np.ones((12, 3)), [0, 1] * 6, scale="yes")


@pytest.mark.parametrize("probe", PROBES)
def test_bad_embeddings(probe):
    H = embedding(12)
    y = [0, 1] * 6
    with pytest.raises(ValueError, match="dim 3"):
        probe(None, H[:, :, None], y)
    with pytest.raises(ValueError, match="4 features, but the embedding of `X_test` has 3"):
        probe(None, H, y, X_test=H[:2, :3], y_test=[0, 1])
    H[3, 1] = np.nan
    with pytest.raises(ValueError, match="the embedding contains NaN"):
        probe(None, H, y)


@pytest.mark.parametrize("probe", PROBES)
def test_unfitted_transformer(probe):
    X, y = waves()
    for transformer in (small_transformer(), make_pipeline(ChannelWise(StandardScaler()), small_transformer())):
        with pytest.raises(NotFittedError, match=r"is not fitted, .*Call its `fit` first.*cross_val_score"):
            probe(transformer, X, y)
        assert not hasattr(transformer, "net_")
    with pytest.raises(TypeError, match="A fitted transformer"):
        probe(KNeighborsClassifier().fit(embedding(12), y[:12]), X, y)


def test_transformer_that_makes_other_rows():
    with pytest.raises(ValueError, match="made 24 rows of 12 series"):
        linear_probe(FunctionTransformer(lambda X: np.repeat(X, 2, axis=0)), embedding(12), [0, 1] * 6)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        torch.tensor,
        pd.Series,
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: pd.DataFrame({"y": y}),
        lambda y: np.array(y)[:, None],
        lambda y: np.array(y, dtype=object),
    ],
)
def test_forms_of_y(convert):
    H = embedding(30)
    y = classes(H).tolist()
    assert_array_equal(linear_probe(None, H, convert(y)).predictions, linear_probe(None, H, y).predictions)


@pytest.mark.parametrize("convert", [torch.tensor, pd.DataFrame, np.ndarray.tolist, np.asfortranarray])
def test_forms_of_embeddings(convert):
    H = embedding(30, dtype=np.float32)
    y = classes(H)
    assert_array_equal(linear_probe(None, convert(H), y).predictions, linear_probe(None, H, y).predictions)


@pytest.mark.usefixtures("two_penalties")
@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("name", [lambda y: np.array(["low", "middle", "high"])[y], lambda y: y == 2])
def test_names_of_classes(probe, name):
    H = embedding(60)
    y = name(classes(H))
    result = probe(None, H, y)
    assert result.predictions.dtype == y.dtype
    assert result.score == np.mean([np.mean(y[test] == result.predictions[test]) for test in fold_tests(H, y)])


def fold_tests(H, y):
    return [test for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(H, y)]


def test_whole_numbers_are_classes_unless_said_otherwise():
    H = embedding(60)
    y = classes(H)
    assert linear_probe(None, H, y).metric == "accuracy"
    as_amounts = linear_probe(None, H, y, task="regression")
    assert_array_equal(as_amounts.predictions, linear_probe(None, H, y.astype(float), task="regression").predictions)
    assert as_amounts.metric == "mae"


def test_folds_are_no_more_than_the_smallest_class_has_cases():
    H = embedding(30)
    assert linear_probe(None, H, [0] * 27 + [1] * 3, cv=10).n_folds == 3
    assert linear_probe(None, H, amounts(H), cv=100).n_folds == 30
    with pytest.warns(UserWarning, match="least populated class"):
        assert linear_probe(None, H, [0] * 15 + [1] * 14 + [2]).n_folds == 2


@pytest.mark.parametrize(
    "other", [{"cv": [([0], [1]), ([1], [0])]}, {"X_test": np.array([[0.0], [1.0]]), "y_test": [2.5, 1.0]}]
)
def test_two_series_are_enough(other):
    result = knn_probe(None, np.array([[0.0], [1.0]]), [1.0, 2.5], n_neighbors=1, **other)
    assert (result.scores["mae"] == 1.5).all()


def test_given_splits():
    H = embedding(40)
    y, groups = classes(H), np.arange(40) % 5
    splits = list(GroupKFold(5).split(H, y, groups))
    result = linear_probe(None, H, y, cv=splits)
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    assert_array_equal(result.predictions, cross_val_predict(model, H, y, cv=splits))
    masked = linear_probe(None, H, y, cv=[(groups != one, groups == one) for one in range(5)])
    assert_array_equal(masked.predictions, result.predictions)
    assert linear_probe(None, H, y, cv=ShuffleSplit(3, random_state=0)).predictions is None


def test_folds_of_one_case_have_no_r2():
    H = embedding(12)
    result = linear_probe(None, H, amounts(H), cv=LeaveOneOut())
    assert np.isnan(result.scores["r2"]).all()
    assert np.isfinite(result.scores["mae"]).all()


def test_random_state():
    H = embedding(40)
    y = classes(H)
    first = linear_probe(None, H, y, random_state=0).scores["accuracy"]
    assert_array_equal(linear_probe(None, H, y, random_state=0).scores["accuracy"], first)
    assert not np.array_equal(linear_probe(None, H, y, random_state=1).scores["accuracy"], first)
    state = np.random.RandomState(0)
    assert linear_probe(None, H, y, random_state=state).n_folds == 5
    assert linear_probe(None, H, y, random_state=None).n_folds == 5


def test_neighbours_are_no_more_than_training_cases():
    H = embedding(12)
    y = [0, 1] * 6
    result = knn_probe(None, H, y, n_neighbors=50, cv=3)
    assert result.settings == {"n_neighbors": 8}
    expected = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=8))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    assert_array_equal(result.predictions, cross_val_predict(expected, H, y, cv=folds))
    assert knn_probe(None, H[:5], y[:5], X_test=H[5:], y_test=y[5:], n_neighbors=50).settings == {"n_neighbors": 5}
    assert knn_probe(None, H, y, n_neighbors=2, cv=3).settings == {"n_neighbors": 2}


@pytest.mark.usefixtures("two_penalties")
@pytest.mark.parametrize(
    ("y", "is_searched"),
    [
        ([0, 1] * 24 + [0], False),  # 49 in all
        ([0, 1] * 25, True),
        (list(range(11)) * 5, True),
        (list(range(11)) * 4 + [0] * 10, False),  # 54 of 11 classes
        ([0, 1] * 30 + [2], False),  # a class of one
        ([0, 1] * 30 + [2] * 2, True),
    ],
)
def test_penalty_of_svm_is_searched_with_cases_enough(y, is_searched):
    H = embedding(len(y), n_features=2)
    estimator = svm_probe(None, H, y, X_test=H[:2], y_test=y[:2]).estimator
    assert isinstance(estimator, GridSearchCV) == is_searched
    if is_searched:
        assert estimator.n_splits_ == min(5, np.bincount(y).min())
    else:
        assert estimator[-1].C == 1e4


def test_penalty_of_svr_is_fixed_below_ten_cases():
    H = embedding(40)
    y = amounts(H)
    few = svm_probe(None, H[:9], y[:9], X_test=H[9:], y_test=y[9:])
    expected = TransformedTargetRegressor(SVR(C=1.0), transformer=StandardScaler()).fit(H[:9], y[:9]).predict(H[9:])
    assert_array_equal(few.predictions, expected)
    assert few.settings == {"C": 1.0}
    assert isinstance(svm_probe(None, H[:10], y[:10], X_test=H[10:], y_test=y[10:]).estimator, GridSearchCV)


@pytest.mark.usefixtures("two_penalties")
def test_settings_of_the_fitted_probe():
    H = embedding(60)
    y, two = classes(H), amounts(H[:20], 2)
    linear = linear_probe(None, H, y, X_test=H, y_test=y)
    assert linear.settings == {"alpha": linear.estimator[-1].alpha_}
    svm = svm_probe(None, H, y, X_test=H, y_test=y)
    assert svm.settings == {"C": svm.estimator.best_params_["svm__C"]}
    outputs = svm_probe(None, H[:20], two, X_test=H[:20], y_test=two)
    assert outputs.settings == {"C": [one.best_params_["svm__regressor__C"] for one in outputs.estimator.estimators_]}


@pytest.mark.usefixtures("two_penalties")
def test_svm_takes_a_fair_sample_of_many_cases(monkeypatch):
    monkeypatch.setattr(_predictors, "SVM_MOST_CASES", 60)
    H = embedding(200)
    y = (np.arange(200) % 10 == 0).astype(int)
    result = svm_probe(None, H, y, X_test=H, y_test=y, random_state=4)
    rows = np.sort(random_order(y, "classification", np.random.RandomState(4))[:60])
    assert np.bincount(y[rows]).tolist() == [54, 6]
    expected = searched(SVC(), "C", cv=5).fit(H[rows], y[rows]).predict(H)
    assert_array_equal(result.predictions, expected)
    all_of_60 = svm_probe(None, H[:60], y[:60], X_test=H, y_test=y, random_state=4)
    assert_array_equal(all_of_60.predictions, searched(SVC(), "C", cv=5).fit(H[:60], y[:60]).predict(H))


def test_random_order_has_every_class_first_and_then_its_share():
    y = np.repeat([0, 1, 2], [70, 27, 3])
    for seed in range(20):
        order = random_order(y, "classification", np.random.RandomState(seed))
        assert_array_equal(np.sort(order), np.arange(100))
        assert set(y[order[:3]]) == {0, 1, 2}
        for n in range(3, 101):
            counts = np.bincount(y[order[:n]], minlength=3)
            assert np.all(np.abs(counts - n * np.array([0.70, 0.27, 0.03])) <= 1.5)
    orders = [random_order(y, "classification", np.random.RandomState(seed)).tolist() for seed in range(2)]
    assert orders[0] != orders[1]
    many_and_few = np.repeat([0, 1], [8, 2])  # the second of class 1 belongs to three quarters
    for seed in range(5):
        order = random_order(many_and_few, "classification", np.random.RandomState(seed))
        assert many_and_few[order[2:]].tolist() == [0] * 5 + [1] + [0] * 2


@pytest.mark.usefixtures("two_penalties")
@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_and_wide_embeddings(probe, dtype):
    constant = np.full((30, 3), 0.3, dtype=dtype)
    assert 0 <= probe(None, constant, np.arange(30) % 2, cv=2).score <= 1
    assert np.isfinite(probe(None, constant, amounts(embedding(30)), cv=2).score)
    wide = embedding(10, n_features=200, dtype=dtype)
    assert 0 <= probe(None, wide, np.arange(10) % 2, cv=2).score <= 1
    assert np.isfinite(probe(None, wide, np.full(10, 0.5), cv=2).score)


def test_text_and_table():
    scores = {"accuracy": np.array([0.9, 0.8]), "balanced_accuracy": np.array([0.7, 0.6])}
    parts = {"predictions": None, "estimator": None, "settings": {}, "n_cases": 9, "n_features": 2}
    folds = ProbeResult(metric="accuracy", scores=scores, n_folds=2, **parts)
    assert str(folds) == "accuracy 0.850 ± 0.050 (2 folds)"
    assert repr(folds) == "<ProbeResult: accuracy 0.850 ± 0.050 (2 folds)>"
    pd.testing.assert_frame_equal(folds.to_frame(), pd.DataFrame(scores, index=pd.RangeIndex(2, name="fold")))
    test = ProbeResult(metric="mae", scores={"mae": np.array([0.00123456])}, n_folds=None, **parts)
    assert str(test) == "mae 0.001235 (test part)"
    assert test.to_frame().index.tolist() == ["test"]
    with pytest.raises(AttributeError):
        folds.metric = "mae"


@pytest.mark.usefixtures("two_penalties")
def test_information_is_found_and_noise_is_not():
    H = embedding(120)
    y = (H[:, 0] > 0).astype(int)
    noise = np.random.default_rng(2).integers(2, size=120)
    for probe in PROBES:
        assert probe(None, H, y, cv=3).score > 0.75
        assert abs(probe(None, H, noise, cv=3).score - 0.5) < 0.12
