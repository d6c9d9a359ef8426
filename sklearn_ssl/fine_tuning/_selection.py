"""Model selection where some targets are unknown."""

import dataclasses
import numbers
from collections import Counter
from collections.abc import Iterator
from typing import Any, final

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator, StratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import _check_method_params

from sklearn_ssl._input.labels import UNLABELLED, values_of
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, mark
from sklearn_ssl.fine_tuning._targets import is_labelled, of_one_type


@final
class LabelledScorer(Hyperparameters):
    """Scorer that ignores series whose target is unknown.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        Scorer of the labelled series, or its name, such as "balanced_accuracy". None is the estimator's own `score`.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, as `unlabelled` of `SSLClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_ssl.fine_tuning import LabelledScorer
    >>> X, y = np.zeros((4, 10)), np.array([1, 1, 0, -1])
    >>> always = DummyClassifier(strategy="constant", constant=1).fit(X, y)
    >>> round(LabelledScorer("accuracy")(always, X, y), 3)
    0.667
    """

    scoring: Any = dataclasses.field(default=None, kw_only=False)
    unlabelled: Any = mark(default=UNLABELLED)

    def __call__(self, estimator: Any, X: Any, y: Any, **params: Any) -> float:
        """Score an estimator on the labelled series.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.
        X : array or list of arrays
            The series.
        y : array-like of shape (n_cases,)
            Their targets, `unlabelled` or NaN where unknown, see `is_labelled`.
        **params : dict
            Further arguments of the scorer, such as `sample_weight`. Arguments with one entry per series are cut to
            the labelled series.

        Returns
        -------
        float
            The score.

        Raises
        ------
        ValueError
            If no series is labelled.
        """
        self.check_hyperparameters()
        rows = np.flatnonzero(is_labelled(y, self.unlabelled))
        if len(rows) == 0:
            raise ValueError("y has no labelled series to score on. Use LabelledSplit, which puts some into each fold.")
        known = _known(y, rows)
        params = _check_method_params(X, params, indices=rows)
        return check_scoring(estimator, self.scoring)(estimator, _safe_indexing(X, rows), known, **params)


@final
class LabelledSplit(BaseCrossValidator):
    """Cross-validation over the labelled series that keeps all unlabelled series in every training part.

    Parameters
    ----------
    cv : int or splitter, default=5
        How to split the labelled series. An int is the number of folds, which are stratified for classes and plain for
        numbers. Whole numbers stored as floats are classes if `unlabelled` is among them.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, as `unlabelled` of `SSLClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.fine_tuning import LabelledSplit
    >>> y = np.array([0, -1, 1, 0, 1, -1])
    >>> for train, test in LabelledSplit(2).split(np.zeros((6, 10)), y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 5] [3 4]
    """

    def __init__(self, cv: Any = 5, unlabelled: Any = UNLABELLED) -> None:
        self.cv = cv
        self.unlabelled = unlabelled

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of the training part and of the test part of each fold.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        y : array-like of shape (n_cases,)
            Their targets, `unlabelled` or NaN where unknown, see `is_labelled`.
        groups : array-like of shape (n_cases,), default=None
            Groups of the series, for splitters that keep groups together. Unlabelled series of every group stay in
            training. If they must not, leave them out of X.

        Yields
        ------
        train, test : int array
            Row numbers. All unlabelled series are in every `train`.
        """
        X, y, groups = indexable(X, y, groups)
        if y is None:
            raise ValueError("LabelledSplit needs y, which tells which series are labelled. Pass it to `split`.")
        labelled = is_labelled(y, self.unlabelled)
        rows, others = np.flatnonzero(labelled), np.flatnonzero(~labelled)
        known = _known(y, rows)
        of_known = None if groups is None else _safe_indexing(groups, rows)
        for train, test in self._splitter(y, rows).split(np.empty((len(rows), 1)), known, of_known):
            yield np.sort(np.concatenate([rows[train], others])), rows[test]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            As for `split`.

        Returns
        -------
        int
            The number of folds.
        """
        if isinstance(self.cv, numbers.Integral) or y is None:
            return check_cv(self.cv).get_n_splits(X, y, groups)
        rows = np.flatnonzero(is_labelled(y, self.unlabelled))
        of_known = None if groups is None else _safe_indexing(groups, rows)
        return check_cv(self.cv).get_n_splits(np.empty((len(rows), 1)), _known(y, rows), of_known)

    def get_metadata_routing(self) -> Any:
        """Return the metadata that `split` requests: the groups, if `cv` splits by them.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            The request, for scikit-learn's metadata routing.
        """
        return get_routing_for_object(check_cv(self.cv))

    def _splitter(self, y: Any, rows: np.ndarray) -> Any:
        values, known = values_of(y), _known(y, rows)
        has_nan = values.dtype.kind == "f" and bool(np.isnan(values).any())
        is_classes = known.dtype.kind != "f" or (len(rows) < len(values) and not has_nan)
        splitter = check_cv(self.cv, known, classifier=is_classes)
        if isinstance(self.cv, numbers.Integral):
            _check_enough(int(self.cv), known, isinstance(splitter, StratifiedKFold))
        return splitter


def _known(y: Any, rows: np.ndarray) -> np.ndarray:
    """Return the targets of labelled series in the type that these alone have."""
    return of_one_type(values_of(y)[rows])


def _check_enough(n_folds: int, known: np.ndarray, stratified: bool) -> None:
    """Refuse more folds than there are labelled series, or such series in the largest class if folds are stratified."""
    most = max(Counter(known.tolist()).values(), default=0) if stratified else len(known)
    if n_folds > most:
        kind = "labelled series of one class" if stratified else "labelled series"
        fewer = f"Use LabelledSplit({most}), or label more series." if most > 1 else "Label more series."
        raise ValueError(f"{n_folds} folds need at least {n_folds} {kind}, and y has at most {most}. {fewer}")
