"""How much simple predictors find in an embedding: ridge, nearest neighbours and an SVM."""

import abc
import dataclasses
import numbers
from collections.abc import Callable
from typing import Any, Self, final

import numpy as np
import pandas as pd
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, check_cv
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import VALID_METRICS, KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from sklearn_ssl._seed import draw_seed
from sklearn_ssl.evaluation._representation import Representation, checked_embedding

ALPHAS = np.logspace(-3, 3, 10)
SVM_PENALTIES = 10.0 ** np.arange(-4, 5)
SVM_HARD_MARGIN = 1e4
SVM_FOLDS = 5
SVM_MOST_CASES = 10_000
SVM_FEWEST_CASES = {"classification": 50, "regression": 10}


def linear_probe(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = 5,
    task: str = "auto",
    random_state: Any = 0,
) -> "ProbeResult":
    """Score a linear predictor on the embedding: ridge on standardised features.

    The probe is ``StandardScaler()``, then ``RidgeClassifierCV`` or ``RidgeCV`` with ``alphas=np.logspace(-3, 3, 10)``,
    of which the best by leave-one-out is taken.

    With a test part the probe is fitted on `X` and scored once. Without, it is cross-validated on `X`, and never scored
    on a series that it was fitted on. The transformer is never refitted: it is the same in all folds. If it was trained
    on `X`, the series of the test folds were among its training series, without their labels, and the score is
    transductive. For a score without that, give a test part, or put the unfitted transformer in a Pipeline and use
    `sklearn.model_selection.cross_val_score`.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. In a Pipeline the embedding is what the
        encoder returns; the steps after it are left out. None: `X` is an embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part. A number means as many stratified folds, but no more than the
        smallest class has series and at least two, or plain folds for regression; both are shuffled. For series that
        belong together, such as those of a person, give a list of splits that keeps them together.
    task : {"auto", "classification", "regression"}, default="auto"
        What `y` is. "auto" takes numbers with a fractional part somewhere for regression and all else for classes. If
        whole numbers are quantities, set "regression".
    random_state : int, RandomState or None, default=0
        Seed of the shuffling.

    Returns
    -------
    ProbeResult
        The scores, the predictions and the probe fitted on all of `X`.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class only, or a parameter is out of range.
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import linear_probe
    >>> X, y = make_waves(n_cases=60, random_state=0)
    >>> transformer = RandomEncoderTransformer(random_state=0).fit(X)
    >>> result = linear_probe(transformer, X, y)
    >>> result.metric, len(result.scores["accuracy"])
    ('accuracy', 5)
    >>> bool(result.score > 0.6)
    True
    """
    return _probed(LinearProbe(), transformer, X, y, X_test, y_test, cv, task, random_state)


def knn_probe(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    n_neighbors: int = 1,
    metric: Any = "euclidean",
    weights: str = "uniform",
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = 5,
    task: str = "auto",
    random_state: Any = 0,
) -> "ProbeResult":
    """Score nearest neighbours on the embedding, whose features are standardised first.

    The probe is ``StandardScaler()``, then ``KNeighborsClassifier`` or ``KNeighborsRegressor``. It has nothing to
    learn, so it says how near in the embedding series of one class are.

    It is scored as by `linear_probe`, with the same meaning of transductive.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. None: `X` is an embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    n_neighbors : int, default=1
        Number of neighbours. Never more are used than the smallest training part has cases; the number used is in
        ``result.settings``.
    metric : str or callable, default="euclidean"
        The distance, by scikit-learn's name, for example "cosine".
    weights : {"uniform", "distance"}, default="uniform"
        Whether all neighbours count the same, or by the inverse of their distance.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part, as for `linear_probe`.
    task : {"auto", "classification", "regression"}, default="auto"
        What `y` is, as for `linear_probe`.
    random_state : int, RandomState or None, default=0
        Seed of the shuffling.

    Returns
    -------
    ProbeResult
        The scores, the predictions and the probe fitted on all of `X`.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class only, or a parameter is out of range.
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import knn_probe
    >>> H = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> result = knn_probe(None, H, ["a", "a", "a", "b", "b", "b"], n_neighbors=10, cv=3)
    >>> result.settings
    {'n_neighbors': 4}
    """
    probe = KNNProbe(n_neighbors, metric, weights)
    return _probed(probe, transformer, X, y, X_test, y_test, cv, task, random_state)


def svm_probe(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    scale: bool = False,
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = 5,
    task: str = "auto",
    random_state: Any = 0,
) -> "ProbeResult":
    r"""Score an RBF support vector machine on the embedding: the protocol of T-Loss and TS2Vec.

    ``SVC(kernel="rbf", gamma="scale")`` on the embedding as it is. Its penalty C is the best of
    :math:`10^{-4}, 10^{-3}, \dots, 10^4` by an inner cross-validation of five folds, or of as many as the smallest
    class has training cases. As in the code of both papers,

    - nothing is searched with fewer than five training cases a class on average or fewer than 50 in all, nor if a
      class has one training case. Then C is :math:`10^4`, close to a hard margin: with so few cases an embedding of
      many features is separable, and the margin is all there is to choose;
    - with more than 10 000 training cases, 10 000 are used, drawn by `random_state` in the shares of the classes.

    The authors also try an infinite C, which is left out here: it may take very long where classes overlap.

    For numbers the probe is ``SVR`` on the standardised target, since C and epsilon are in its units. C is the best of
    the same values by mean absolute error over five shuffled folds; below ten training cases it is 1, as a large C
    would only follow the noise. Each of several outputs has an SVR of its own.

    It is scored as by `linear_probe`, with the same meaning of transductive.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. None: `X` is an embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    scale : bool, default=False
        Whether to standardise the features. The protocol does not.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part, as for `linear_probe`.
    task : {"auto", "classification", "regression"}, default="auto"
        What `y` is, as for `linear_probe`.
    random_state : int, RandomState or None, default=0
        Seed of the shuffling and of the cases drawn from many.

    Returns
    -------
    ProbeResult
        The scores, the predictions and the probe fitted on all of `X`.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class only, or a parameter is out of range.
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.

    References
    ----------
    Franceschi, J.-Y., Dieuleveut, A. and Jaggi, M. (2019). Unsupervised scalable representation learning for
    multivariate time series. NeurIPS.

    Yue, Z. et al. (2022). TS2Vec: Towards universal representation of time series. AAAI.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import svm_probe
    >>> H = np.random.default_rng(0).normal(size=(60, 2))
    >>> result = svm_probe(None, H[:40], H[:40, 0] > 0, X_test=H[40:], y_test=H[40:, 0] > 0)
    >>> result.settings
    {'C': 10000.0}
    >>> bool(result.score > 0.8)
    True
    """
    if not isinstance(scale, (bool, np.bool_)):
        raise ValueError(f"`scale` must be True or False, got {scale!r}.")
    return _probed(SVMProbe(bool(scale)), transformer, X, y, X_test, y_test, cv, task, random_state)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ProbeResult:
    """What a probe found in an embedding.

    Attributes
    ----------
    metric : str
        Name of the main metric: "accuracy", or "mae" (mean absolute error) for regression.
    scores : dict of str to ndarray of shape (n_folds,)
        Every metric for each fold; one value for a test part. Classification has "accuracy" and "balanced_accuracy",
        regression "mae", "rmse", "mape" (a fraction, huge where y is zero) and "r2" (NaN for a fold of one case).
    predictions : ndarray of shape (n_cases,), (n_cases, n_outputs) or None
        Predictions for the test part, or for each case of X by the fold that did not train on it. None if `cv` does not
        test every case once.
    estimator : estimator
        The probe, fitted on all of X and y. It predicts from embeddings.
    settings : dict
        What the fitted probe settled on: "alpha" of the linear probe, "n_neighbors", or "C" (a list for several
        outputs).
    n_cases, n_features : int
        Shape of the embedding of X.
    n_folds : int or None
        Number of folds; None with a test part.
    """

    metric: str
    scores: dict[str, np.ndarray]
    predictions: np.ndarray | None
    estimator: Any
    settings: dict[str, Any]
    n_cases: int
    n_features: int
    n_folds: int | None

    @property
    def score(self) -> float:
        """The main metric, over folds its mean."""
        return float(np.mean(self.scores[self.metric]))

    @property
    def mean(self) -> float:
        """The same as `score`."""
        return self.score

    @property
    def std(self) -> float:
        """Standard deviation of the main metric over folds; NaN with a test part, which has no folds."""
        return float("nan") if self.n_folds is None else float(np.std(self.scores[self.metric]))

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater score is a better one."""
        return greater_is_better(self.metric)

    def to_frame(self) -> pd.DataFrame:
        """Return the scores as a table, a row for each fold and a column for each metric.

        Returns
        -------
        pandas.DataFrame
            The index is the number of the fold, or "test" for a test part.
        """
        index = ["test"] if self.n_folds is None else range(self.n_folds)
        return pd.DataFrame(self.scores, index=pd.Index(index, name="fold"))

    def __str__(self) -> str:
        digits = ".3f" if self.greater_is_better else ".4g"
        score = f"{self.metric} {self.score:{digits}}"
        if self.n_folds is None:
            return f"{score} (test part)"
        return f"{score} ± {self.std:{digits}} ({self.n_folds} folds)"

    def __repr__(self) -> str:
        return f"<ProbeResult: {self}>"


class Probe(abc.ABC):
    """A simple predictor, as yet without task and data."""

    @abc.abstractmethod
    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""

    @abc.abstractmethod
    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return what a fitted estimator settled on."""

    def for_cases(self, n_cases: int) -> "Probe":
        """Return the probe as it is used when the smallest training part has `n_cases`."""
        return self


@final
class LinearProbe(Probe):
    """Ridge on standardised features."""

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        ridge = RidgeClassifierCV(alphas=ALPHAS) if task == "classification" else RidgeCV(alphas=ALPHAS)
        return make_pipeline(StandardScaler(), ridge).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the ridge penalty."""
        return {"alpha": float(estimator[-1].alpha_)}


@final
@dataclasses.dataclass(frozen=True)
class KNNProbe(Probe):
    """Nearest neighbours on standardised features."""

    n_neighbors: int = 1
    metric: Any = "euclidean"
    weights: str = "uniform"

    def __post_init__(self) -> None:
        check_whole_number("n_neighbors", self.n_neighbors, least=1)
        known = sorted(set(VALID_METRICS["brute"]) - {"precomputed"})
        if not callable(self.metric) and self.metric not in known:
            raise ValueError(f"`metric` must be a function of two rows or one of {known}, got {self.metric!r}.")
        if self.weights not in ("uniform", "distance"):
            raise ValueError(f'`weights` must be "uniform" or "distance", got {self.weights!r}.')

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        kind = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
        neighbours = kind(n_neighbors=self.n_neighbors, metric=self.metric, weights=self.weights)
        return make_pipeline(StandardScaler(), neighbours).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the number of neighbours."""
        return {"n_neighbors": estimator[-1].n_neighbors}

    def for_cases(self, n_cases: int) -> "KNNProbe":
        """Return the probe with no more neighbours than cases."""
        return dataclasses.replace(self, n_neighbors=min(int(self.n_neighbors), n_cases))


@final
@dataclasses.dataclass(frozen=True)
class SVMProbe(Probe):
    """An RBF support vector machine, its penalty searched where there are cases enough."""

    scale: bool = False

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        if len(y) > SVM_MOST_CASES:
            rows = np.sort(random_order(y, task, np.random.RandomState(seed))[:SVM_MOST_CASES])
            H, y = H[rows], y[rows]
        if task == "classification":
            return self._classifier(y).fit(H, y)
        regressor = self._regressor(len(y), seed)
        return (regressor if y.ndim == 1 else MultiOutputRegressor(regressor)).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the penalty."""
        if isinstance(estimator, MultiOutputRegressor):
            return {"C": [_penalty(one) for one in estimator.estimators_]}
        return {"C": _penalty(estimator)}

    def _classifier(self, y: np.ndarray) -> Any:
        counts = np.unique(y, return_counts=True)[1]
        model = self._scaled(SVC(C=SVM_HARD_MARGIN))
        few = len(y) < max(SVM_FEWEST_CASES["classification"], 5 * len(counts))
        if few or counts.min() < 2:
            return model
        return GridSearchCV(model, {"svm__C": SVM_PENALTIES}, cv=min(SVM_FOLDS, int(counts.min())))

    def _regressor(self, n_cases: int, seed: int) -> Any:
        model = self._scaled(TransformedTargetRegressor(SVR(C=1.0), transformer=StandardScaler()))
        if n_cases < SVM_FEWEST_CASES["regression"]:
            return model
        folds = KFold(SVM_FOLDS, shuffle=True, random_state=seed)
        penalties = {"svm__regressor__C": SVM_PENALTIES}
        return GridSearchCV(model, penalties, cv=folds, scoring="neg_mean_absolute_error")

    def _scaled(self, model: Any) -> Pipeline:
        return Pipeline([("scale", StandardScaler() if self.scale else "passthrough"), ("svm", model)])


@final
@dataclasses.dataclass(frozen=True)
class Targets:
    """Valid targets: classes as they came, numbers as float64.

    Attributes
    ----------
    y : ndarray
        The targets to learn from.
    y_test : ndarray or None
        Those of the test part.
    task : {"classification", "regression"}
        What they are.
    """

    y: np.ndarray
    y_test: Any
    task: str

    @classmethod
    def checked(cls, X: Any, y: Any, X_test: Any, y_test: Any, task: str) -> Self:
        """Validate what the user gave.

        Raises
        ------
        ValueError
            If lengths differ, values are missing, or there is one class only.
        """
        if (X_test is None) != (y_test is None):
            missing = "X_test" if X_test is None else "y_test"
            raise ValueError(f"A test part needs both `X_test` and `y_test`; `{missing}` is missing.")
        y = _checked_target(X, y, "X", "y")
        task = _resolved_task(y, task)
        if y_test is not None:
            y_test = _checked_target(X_test, y_test, "X_test", "y_test")
            _check_same_kind(y, y_test, task)
        if task == "regression":
            return cls(y.astype(np.float64), None if y_test is None else y_test.astype(np.float64), task)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(f"y has one class only, {classes[0]!r}. A probe needs two classes or more.")
        return cls(y, y_test, task)


def embedder(transformer: Any) -> Callable[..., np.ndarray]:
    """Return the function that computes embeddings, or that checks them where `transformer` is None.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    """
    representation = None if transformer is None else _fitted_representation(transformer)

    def embed(X: Any, min_cases: int) -> np.ndarray:
        H = checked_embedding(X if representation is None else representation.embed(X), min_cases=min_cases)
        if len(H) != _num_samples(X):
            raise ValueError(
                f"The transformer made {len(H)} rows of {_num_samples(X)} series, so that labels no longer belong to "
                "rows. Cut windows before the probe, and give a label for each."
            )
        return H

    return embed


def random_order(y: np.ndarray, task: str, random: np.random.RandomState) -> np.ndarray:
    """Draw an order of rows of which the first n are a fair sample for every n.

    For classes, the first rows are one of each class, and the first n have the classes in their shares of y, as nearly
    as whole rows allow.
    """
    order = random.permutation(len(y))
    if task == "regression":
        return order
    _, codes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    place = np.empty(len(y))
    for code, count in enumerate(counts):
        place[codes == code] = [-1, *(np.arange(1, count) + 0.5) / count]
    return order[np.argsort(place, kind="stable")]


def all_scores(truth: np.ndarray, predicted: np.ndarray, task: str) -> dict[str, float]:
    """Compute every metric of a task, the main one first."""
    if task == "classification":
        return {"accuracy": _accuracy(truth, predicted), "balanced_accuracy": _balanced_accuracy(truth, predicted)}
    return {
        "mae": float(mean_absolute_error(truth, predicted)),
        "rmse": float(root_mean_squared_error(truth, predicted)),
        "mape": float(mean_absolute_percentage_error(truth, predicted)),
        "r2": float(r2_score(truth, predicted)) if len(truth) > 1 else float("nan"),
    }


def greater_is_better(metric: str) -> bool:
    """Tell whether a greater value of a main metric is better."""
    return metric == "accuracy"


def check_whole_number(name: str, value: Any, *, least: int) -> None:
    """Raise a ValueError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {value!r}.")


def _probed(
    probe: Probe,
    transformer: Any,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    cv: Any,
    task: str,
    random_state: Any,
) -> ProbeResult:
    seed = draw_seed(random_state) % 2**32
    targets = Targets.checked(X, y, X_test, y_test, task)
    embed = embedder(transformer)
    if targets.y_test is None:
        folds = _folds(targets, cv, seed)
        return _cross_validated(probe, embed(X, 2), targets, folds, seed)
    return _tested(probe, embed(X, 2), embed(X_test, 1), targets, seed)


def _tested(probe: Probe, H: np.ndarray, H_test: np.ndarray, targets: Targets, seed: int) -> ProbeResult:
    check_same_features(H, H_test)
    probe = probe.for_cases(len(H))
    estimator = probe.fitted(H, targets.y, targets.task, seed)
    predictions = estimator.predict(H_test)
    scores = [all_scores(targets.y_test, predictions, targets.task)]
    return _result(scores, predictions, estimator, probe, H, None)


def _cross_validated(
    probe: Probe, H: np.ndarray, targets: Targets, folds: list[tuple[np.ndarray, np.ndarray]], seed: int
) -> ProbeResult:
    y, task = targets.y, targets.task
    probe = probe.for_cases(min(len(train) for train, _ in folds))
    predicted = [probe.fitted(H[train], y[train], task, seed).predict(H[test]) for train, test in folds]
    scores = [all_scores(y[test], one, task) for (_, test), one in zip(folds, predicted, strict=True)]
    estimator = probe.fitted(H, y, task, seed)
    return _result(scores, _in_order(y, folds, predicted), estimator, probe, H, len(folds))


def _result(
    scores: list[dict[str, float]],
    predictions: np.ndarray | None,
    estimator: Any,
    probe: Probe,
    H: np.ndarray,
    n_folds: int | None,
) -> ProbeResult:
    return ProbeResult(
        metric=next(iter(scores[0])),
        scores={name: np.array([fold[name] for fold in scores]) for name in scores[0]},
        predictions=predictions,
        estimator=estimator,
        settings=probe.settings(estimator),
        n_cases=len(H),
        n_features=H.shape[1],
        n_folds=n_folds,
    )


def _in_order(y: np.ndarray, folds: list, predicted: list[np.ndarray]) -> np.ndarray | None:
    tested = np.concatenate([test for _, test in folds])
    if not np.array_equal(np.sort(tested), np.arange(len(y))):
        return None
    predictions = np.empty_like(y)
    predictions[tested] = np.concatenate(predicted)
    return predictions


def _folds(targets: Targets, cv: Any, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    y = targets.y
    splitter = _splitter(targets, cv, seed) if isinstance(cv, numbers.Number) else check_cv(cv)
    rows = np.arange(len(y))
    # Indexing turns masks and negative numbers into row numbers.
    folds = [(rows[train], rows[test]) for train, test in splitter.split(rows[:, None], y)]
    for number, (train, test) in enumerate(folds):
        _check_fold(f"Split {number} of `cv`", targets, train, test)
    return folds


def _fitted_representation(transformer: Any) -> Representation:
    try:
        return Representation.of(transformer)
    except NotFittedError as error:
        raise NotFittedError(
            f"This {type(transformer).__name__} is not fitted, and a probe never fits it. Call its `fit` first, or put "
            "it in a Pipeline with a classifier or regressor and use sklearn.model_selection.cross_val_score."
        ) from error


def _splitter(targets: Targets, cv: Any, seed: int) -> Any:
    check_whole_number("cv", cv, least=2)
    if targets.task == "regression":
        if len(targets.y) < 2:
            raise ValueError("Cross-validation needs at least two series, got 1. Give more.")
        return KFold(min(int(cv), len(targets.y)), shuffle=True, random_state=seed)
    counts = np.unique(targets.y, return_counts=True)[1]
    if counts.max() < 2:
        raise ValueError(
            "Cross-validation needs two series of a class, but each class of y has one. Give `X_test` and `y_test`, or "
            'set task="regression" if y are quantities.'
        )
    return StratifiedKFold(max(2, min(int(cv), int(counts.min()))), shuffle=True, random_state=seed)


def _check_fold(name: str, targets: Targets, train: np.ndarray, test: np.ndarray) -> None:
    if len(train) == 0 or len(test) == 0:
        raise ValueError(f"{name} has {len(train)} training and {len(test)} test cases; both need at least one.")
    shared = np.intersect1d(train, test)
    if len(shared) > 0:
        raise ValueError(f"{name} tests case {shared[0]}, on which it trains. Training and test must not overlap.")
    if targets.task == "classification" and len(np.unique(targets.y[train])) < 2:
        raise ValueError(
            f"{name} has one class only in its training part. Give more series of the rare classes, or a test part."
        )


def _checked_target(X: Any, y: Any, X_name: str, name: str) -> np.ndarray:
    y = y.detach().cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
    if y.dtype == object and y.ndim > 0:
        y = pd.Series(y.ravel()).infer_objects().to_numpy().reshape(y.shape)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise ValueError(f"`{name}` must have shape (n_cases,) or (n_cases, n_outputs), got shape {y.shape}.")
    n_cases = _num_samples(X)
    if len(y) != n_cases:
        raise ValueError(f"`{name}` has length {len(y)}, but `{X_name}` has {n_cases} series. Give one label a series.")
    if n_cases == 0:
        raise ValueError(f"`{X_name}` is empty. Give at least one series.")
    wrong = pd.isna(y) | (np.isinf(y) if y.dtype.kind == "f" else False)
    if wrong.any():
        raise ValueError(f"`{name}` is missing or infinite in row {np.argwhere(wrong)[0, 0]}. Leave such series out.")
    return y


def _resolved_task(y: np.ndarray, task: str) -> str:
    if task not in ("auto", "classification", "regression"):
        raise ValueError(f'`task` must be "auto", "classification" or "regression", got {task!r}.')
    if task == "regression":
        if y.dtype.kind not in "biuf":
            raise ValueError(f'task="regression" needs numbers in y, got dtype {y.dtype}.')
        return task
    kind = type_of_target(y)
    if task == "auto" and kind.startswith("continuous"):
        return "regression"
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"y is no vector of classes but {kind!r} in scikit-learn's words. Give one column of classes, or set "
            'task="regression" for numbers.'
        )
    return "classification"


def _check_same_kind(y: np.ndarray, y_test: np.ndarray, task: str) -> None:
    if y.shape[1:] != y_test.shape[1:]:
        raise ValueError(f"`y` has shape {y.shape} and `y_test` {y_test.shape}; both need the same outputs.")
    if task == "classification" and set(y.tolist()).isdisjoint(y_test.tolist()):
        raise ValueError(
            f"No class of `y_test` is among those of `y`: {np.unique(y_test)[:3]} and {np.unique(y)[:3]}, for example."
        )
    if task == "regression" and y_test.dtype.kind not in "biuf":
        raise ValueError(f"Regression needs numbers in `y_test`, got dtype {y_test.dtype}.")


def check_same_features(H: np.ndarray, H_test: np.ndarray) -> None:
    """Raise a ValueError unless two embeddings have the same features."""
    if H.shape[1] != H_test.shape[1]:
        raise ValueError(f"The embedding of `X` has {H.shape[1]} features, that of `X_test` {H_test.shape[1]}.")


def _accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean(truth == predicted))


def _balanced_accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean([_accuracy(truth[truth == one], predicted[truth == one]) for one in np.unique(truth)]))


def _penalty(estimator: Any) -> float:
    machine = getattr(estimator, "best_estimator_", estimator)[-1]
    return float(getattr(machine, "regressor_", machine).C)
