"""How much simple predictors find in an embedding: ridge, nearest neighbours and an SVM."""

import dataclasses
from typing import Any, final

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._parameters.arguments import check_flag
from sklearn_ssl.evaluation._checks import n_cases_of
from sklearn_ssl.evaluation._folds import Folds, checked_folds, fold_predictions, in_order
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.evaluation._predictors import KNNProbe, LinearProbe, Probe, SVMProbe
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._targets import Targets, all_scores, greater_is_better


def linear_probe(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = 5,
    groups: Any = None,
    task: str = "auto",
    unlabelled: Any = UNLABELLED,
    random_state: Any = 0,
) -> "ProbeResult":
    """Score a linear predictor on the embedding: ridge on standardised features.

    The probe is ``StandardScaler()``, then ``RidgeClassifierCV`` or ``RidgeCV`` with ``alphas=np.logspace(-3, 3, 10)``.
    Leave-one-out chooses the best of these ten penalties.

    With a test part the probe is fitted on `X` and scored once. Without a test part the probe is cross-validated on
    `X`, and is never scored on a series that it was fitted on. The transformer is never refitted: it is the same in all
    folds. If the transformer was trained on `X`, it has seen the series of the test folds, although not their labels.
    Such a score is called transductive. To avoid that, give a test part, or put the unfitted transformer in a Pipeline
    and use `sklearn.model_selection.cross_val_score`.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. In a Pipeline the encoder's
        features are probed, and the steps after the encoder are left out. None if `X` is an embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part. A number is the number of shuffled folds. Folds of classes are
        stratified, and there are no more of them than the smallest class has series, or groups, but at least two.
    groups : array-like of shape (n_cases,), default=None
        The group of each series of `X`, such as the person, or the recording that windows come from. No group is in the
        training and the test part of a fold. A splitter as `cv` gets the groups; it has to keep them together too.
    task : {"auto", "classification", "regression"}, default="auto"
        Whether `y` has classes or numbers. "auto" chooses regression if any number has a fractional part, and
        classification otherwise. If whole numbers are quantities, set "regression".
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
    targets = Targets.checked(X, y, X_test, y_test, task, groups=groups, unlabelled=unlabelled)
    return _probed(LinearProbe(), transformer, X, X_test, targets, cv, random_state)


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
    groups: Any = None,
    task: str = "auto",
    unlabelled: Any = UNLABELLED,
    random_state: Any = 0,
) -> "ProbeResult":
    """Score nearest neighbours on the embedding, whose features are standardised first.

    The probe is ``StandardScaler()``, then ``KNeighborsClassifier`` or ``KNeighborsRegressor``. It learns no weights,
    so its score tells how near to each other series of the same class are in the embedding.

    It is scored in the same way as `linear_probe`, and its score may be transductive in the same way.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. None if `X` is an
        embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    n_neighbors : int, default=1
        Number of neighbours. It is lowered to the size of the smallest training part where it is larger. The number
        used is in ``result.settings``.
    metric : str or callable, default="euclidean"
        The distance: a name that scikit-learn knows, for example "cosine", or a function of two rows.
    weights : {"uniform", "distance"}, default="uniform"
        Whether all neighbours count the same, or each by the inverse of its distance.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part, as for `linear_probe`.
    groups : array-like of shape (n_cases,), default=None
        The group of each series, which no fold tears apart, as for `linear_probe`.
    task : {"auto", "classification", "regression"}, default="auto"
        Whether `y` has classes or numbers, as for `linear_probe`.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `linear_probe`.
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
    targets = Targets.checked(X, y, X_test, y_test, task, groups=groups, unlabelled=unlabelled)
    return _probed(probe, transformer, X, X_test, targets, cv, random_state)


def svm_probe(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    scale: bool = False,
    X_test: Any = None,
    y_test: Any = None,
    cv: Any = 5,
    groups: Any = None,
    task: str = "auto",
    unlabelled: Any = UNLABELLED,
    random_state: Any = 0,
) -> "ProbeResult":
    r"""Score an RBF support vector machine on the embedding: the protocol of T-Loss and TS2Vec.

    The probe is ``SVC(kernel="rbf", gamma="scale")`` on the features as they are. An inner cross-validation chooses its
    penalty C from :math:`10^{-4}, 10^{-3}, \dots, 10^4`. It has five folds, or as many as the smallest class has
    training cases. As in the code of both papers,

    - no penalty is searched if there are fewer than five training cases per class on average, fewer than 50 in all, or
      a class with a single training case. Then C is :math:`10^4`, close to a hard margin: an embedding of many features
      separates so few cases, and a search would have nothing to choose from;
    - of more than 10 000 training cases, 10 000 are used. They are drawn by `random_state` in the shares of the
      classes.

    The authors also try an infinite C. It is left out here because it may take very long where classes overlap.

    For numbers the probe is ``SVR`` on the standardised target, since C and epsilon have the target's units. The mean
    absolute error over five shuffled folds chooses C from the same values. With fewer than ten training cases C is 1,
    because a large C would follow the noise. Each of several outputs has an SVR of its own.

    It is scored in the same way as `linear_probe`, and its score may be transductive in the same way.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a fitted Pipeline with one, or a net in training. None if `X` is an
        embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    scale : bool, default=False
        Whether to standardise the features. The protocol does not do it.
    X_test, y_test : optional
        A test part, like `X` and `y`.
    cv : int, splitter or iterable of (train, test), default=5
        How to cross-validate without a test part, as for `linear_probe`.
    groups : array-like of shape (n_cases,), default=None
        The group of each series, which no fold tears apart, as for `linear_probe`.
    task : {"auto", "classification", "regression"}, default="auto"
        Whether `y` has classes or numbers, as for `linear_probe`.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `linear_probe`.
    random_state : int, RandomState or None, default=0
        Seed of the shuffling, and of the draw from more than 10 000 cases.

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
    check_flag("scale", scale)
    targets = Targets.checked(X, y, X_test, y_test, task, groups=groups, unlabelled=unlabelled)
    return _probed(SVMProbe(bool(scale)), transformer, X, X_test, targets, cv, random_state)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ProbeResult(ShownAsText):
    """The scores and predictions of a probe on an embedding.

    Attributes
    ----------
    metric : str
        Name of the main metric: "accuracy", or "mae" (mean absolute error) for regression.
    scores : dict of str to ndarray of shape (n_folds,)
        Every metric for each fold; one value for a test part. Classification has "accuracy" and "balanced_accuracy",
        regression has "mae", "rmse", "mape" (a fraction, huge where y is zero) and "r2" (NaN for a fold of one case).
    predictions : ndarray of shape (n_cases,), (n_cases, n_outputs) or None
        Predictions for the test part, or for each case of X by the fold that did not train on it. None if `cv` does not
        test every case exactly once.
    estimator : estimator
        The probe, fitted on all of X and y. It predicts from embeddings.
    settings : dict
        The settings that the fitted probe chose: "alpha" of the linear probe, "n_neighbors", or "C" (a list for
        several outputs).
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
        """The main metric, averaged over the folds."""
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
        """Return the scores as a table with one row per fold and one column per metric.

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


def fitted_representation(transformer: Any) -> Representation:
    """Return the representation of a fitted transformer, or of embeddings where `transformer` is None.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    """
    try:
        return Representation.of(transformer)
    except NotFittedError as error:
        raise NotFittedError(
            f"This {type(transformer).__name__} is not fitted, and a probe never fits it. Call its `fit` first, or put "
            "it in a Pipeline with a classifier or regressor and use sklearn.model_selection.cross_val_score."
        ) from error


def labelled_rows(representation: Representation, X: Any, min_cases: int) -> np.ndarray:
    """Return the embedding of X, which must have one row per series for labels to belong to rows."""
    H = representation.embed(X, min_cases=min_cases)
    if len(H) != n_cases_of(X):
        raise ValueError(
            f"The transformer made {len(H)} rows of {n_cases_of(X)} series, so labels do not belong to rows. Cut "
            "windows before the probe, and give one label per window."
        )
    return H


def both_parts(representation: Representation, X: Any, X_test: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the embeddings of a training and a test part, which must have the same features."""
    H, H_test = labelled_rows(representation, X, 2), labelled_rows(representation, X_test, 1)
    if H.shape[1] != H_test.shape[1]:
        raise ValueError(
            f"The embedding of `X` has {H.shape[1]} features, but the embedding of `X_test` has {H_test.shape[1]}. "
            "Give both from the same transformer."
        )
    return H, H_test


def _probed(
    probe: Probe, transformer: Any, X: Any, X_test: Any, targets: Targets, cv: Any, random_state: Any
) -> ProbeResult:
    seed = draw_numpy_seed(random_state)
    representation = fitted_representation(transformer)
    if targets.y_test is None:
        folds = checked_folds(targets, cv, seed)
        return _cross_validated(probe, labelled_rows(representation, X, 2), targets, folds, seed)
    return _tested(probe, *both_parts(representation, X, X_test), targets, seed)


def _tested(probe: Probe, H: np.ndarray, H_test: np.ndarray, targets: Targets, seed: int) -> ProbeResult:
    probe = probe.for_cases(len(H))
    estimator = probe.fitted(H, targets.y, targets.task, seed)
    predictions = estimator.predict(H_test)
    scores = [all_scores(targets.y_test, predictions, targets.task)]
    return _result(scores, predictions, estimator, probe, H, None)


def _cross_validated(probe: Probe, H: np.ndarray, targets: Targets, folds: Folds, seed: int) -> ProbeResult:
    y, task = targets.y, targets.task
    probe = probe.for_cases(min(len(train) for train, _ in folds))
    predicted = fold_predictions(probe, H, targets, folds, seed)
    scores = [all_scores(y[test], one, task) for (_, test), one in zip(folds, predicted, strict=True)]
    estimator = probe.fitted(H, y, task, seed)
    return _result(scores, in_order(y, folds, predicted), estimator, probe, H, len(folds))


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
