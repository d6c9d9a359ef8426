"""Permutation importance of the features of an embedding."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.collections import depth_of, is_ragged
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._representation import Representation


def embedding_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scoring: Any = None,
    n_repeats: int = 10,
    groups: Any = None,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    r"""Measure how much the score of a prediction drops when features of the embedding are shuffled between series.

    .. math:: I_j = s - \frac{1}{R} \sum_{r=1}^{R} s_{jr}

    where s is the score of the predictor on the embedding, :math:`s_{jr}` is its score after the r-th permutation of
    feature j over the series, and R is `n_repeats`. The features of a group are permuted together. The series are
    embedded once, and `sklearn.inspection.permutation_importance` is called on the predictor. Features with the same
    information hide each other's importance, so put them into one group. Use series that the model was not trained on.

    Parameters
    ----------
    estimator : estimator
        A fitted Pipeline with a transformer of series and a predictor after it, or a fitted predictor that was
        trained on an embedding.
    X : array or list of arrays
        The series; for a predictor alone, and for a Pipeline without `encode` given a 2-D array, the embedding
        (n_cases, n_features).
    y : array-like of shape (n_cases,)
        The targets.
    scoring : str, callable or None, default=None
        The score. None takes the predictor's own score.
    n_repeats : int, default=10
        Number of permutations R of each feature or group.
    groups : "unit", array-like of shape (n_features,) or None, default=None
        The group of each feature. "unit" groups all pooled statistics of the same unit of the same layer. None permutes
        every feature by itself.
    random_state : int, RandomState or None, default=0
        Seed of the permutations.
    n_jobs : int or None, default=None
        Number of processes, as in scikit-learn.

    Returns
    -------
    DataFrame
        The columns are feature (a name or a group), importance_mean and importance_std over the repeats. The most
        important feature comes first.

    Raises
    ------
    TypeError
        If nothing in the estimator predicts, or if `X` has series and the estimator has no transformer.
    ValueError
        If a parameter does not fit the embedding.

    References
    ----------
    Breiman, "Random Forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import FCNEncoder
    >>> from sklearn_ssl.evaluation import embedding_importance
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> transformer = RandomEncoderTransformer(encoder=FCNEncoder(width=4), random_state=0)
    >>> model = make_pipeline(transformer, LogisticRegression(C=0.01)).fit(X, y)
    >>> embedding_importance(model, X, y, groups="unit", n_repeats=2).shape
    (16, 3)
    """
    representation = _representation(estimator, X)
    predictor = _predictor(representation, estimator)
    check_consistent_length(X, y)
    if isinstance(scoring, list | tuple | set | dict):
        raise ValueError(f"`scoring` must be one score, got {shown(scoring)}. Call once for each.")
    repeated = {"n_repeats": n_repeats, "random_state": draw_numpy_seed(random_state), "n_jobs": n_jobs}
    H = representation.embed(X, min_cases=2)  # (n, F)
    members = _members(groups, _feature_names(representation, X, H), representation)
    score = _ScoreOfRows(check_scoring(predictor, scoring=scoring), H, list(members.values()))
    # Row numbers are permuted, one column per group. Then the features of a group stay together.
    rows = np.repeat(np.arange(len(H))[:, None], len(members), axis=1)  # (n, n_groups)
    return _table(list(members), permutation_importance(predictor, rows, y, scoring=score, **repeated))


def _predictor(representation: Representation, estimator: Any) -> Any:
    predictor = representation.after
    if not hasattr(predictor, "predict"):
        raise TypeError(
            "`estimator` must be a fitted Pipeline that ends in a predictor, or a fitted predictor, got "
            f"{shown(estimator)}."
        )
    check_is_fitted(predictor)
    return predictor


def _table(features: list[Any], result: Any) -> pd.DataFrame:
    means, deviations = result.importances_mean, result.importances_std
    table = pd.DataFrame({"feature": features, "importance_mean": means, "importance_std": deviations})
    return table.sort_values("importance_mean", ascending=False, kind="stable", ignore_index=True)


class _ScoreOfRows:
    """A scorer of an embedding; each group of columns has an order of rows of its own."""

    def __init__(self, scorer: Any, H: np.ndarray, members: list[np.ndarray]) -> None:
        self.scorer = scorer
        self.H = H
        self.group = np.empty(H.shape[1], dtype=np.intp)  # the group of every column
        for number, columns in enumerate(members):
            self.group[columns] = number

    def __call__(self, predictor: Any, rows: np.ndarray, y: Any) -> float:
        H: Any = np.ascontiguousarray(np.take_along_axis(self.H, rows[:, self.group], axis=0))  # (n, F)
        names = getattr(predictor, "feature_names_in_", None)
        return self.scorer(predictor, H if names is None else pd.DataFrame(H, columns=names), y)


def _representation(estimator: Any, X: Any) -> Representation:
    """Return the transformer and the predictor after it, or the predictor alone if X is an embedding."""
    is_embedding = not is_ragged(X) and depth_of(X) == 2
    try:
        representation = Representation.of(estimator)
    except TypeError:
        if not is_embedding:
            raise
        return Representation(None, after=estimator)
    encodes = hasattr(representation.transformer, "encode")
    return representation if encodes or not is_embedding else Representation(None, after=estimator)


def _feature_names(representation: Representation, X: Any, H: np.ndarray) -> list[str]:
    names = None
    if representation.transformer is None:
        names = getattr(X, "columns", None)
    elif hasattr(representation.transformer, "get_feature_names_out"):
        names = representation.transformer.get_feature_names_out()
    return [f"x{column}" for column in range(H.shape[1])] if names is None else [str(name) for name in names]


def _members(groups: Any, names: list[str], representation: Representation) -> dict[Any, np.ndarray]:
    """Return the columns of every group, in the order in which groups first appear."""
    if groups is None:
        return {name: np.array([column]) for column, name in enumerate(names)}
    labels = _units(representation) if isinstance(groups, str) and groups == "unit" else np.asarray(groups)
    if labels.shape != (len(names),):
        raise ValueError(
            f'`groups` must be "unit", None or one label for each of the {len(names)} features, got {shown(groups)}.'
        )
    return {label: np.flatnonzero(labels == label) for label in pd.unique(labels)}


def _units(representation: Representation) -> np.ndarray:
    """Name the unit of every pooled feature; features are in the order of layers, then statistics, then units."""
    module: Any = getattr(representation.net, "module_", None)
    pooling: Any = getattr(module, "pooling", None)
    if not hasattr(pooling, "statistics"):
        raise ValueError('`groups`: "unit" needs a transformer that pools an encoder. Give one label per feature.')
    layers = list(enumerate(module.widths))[slice(None) if pooling.every_layer else slice(-1, None)]
    return np.array(
        [f"layer{layer}_unit{unit}" for layer, width in layers for _ in pooling.statistics for unit in range(width)]
    )
