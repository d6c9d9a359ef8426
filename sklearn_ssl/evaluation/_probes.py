"""How much simple predictors find in an embedding: ridge, nearest neighbours and an SVM."""

import dataclasses
import numbers
from collections.abc import Callable
from typing import Any, final

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils.validation import _num_samples

from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl.evaluation._predictors import KNNProbe, LinearProbe, Probe, SVMProbe
from sklearn_ssl.evaluation._representation import Representation, checked_embedding
from sklearn_ssl.evaluation._targets import Targets, all_scores, check_whole_number, greater_is_better


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


def check_same_features(H: np.ndarray, H_test: np.ndarray) -> None:
    """Raise a ValueError unless two embeddings have the same features."""
    if H.shape[1] != H_test.shape[1]:
        raise ValueError(f"The embedding of `X` has {H.shape[1]} features, that of `X_test` {H_test.shape[1]}.")
