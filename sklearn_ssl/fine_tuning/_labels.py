"""Targets of which some are not known: -1 among classes, NaN among numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_consistent_length, column_or_1d

from sklearn_ssl._input.labels import UNLABELLED, is_unlabelled


@dataclasses.dataclass(frozen=True)
class Labels:
    """What is known of the targets of some series.

    Attributes
    ----------
    rows : int array of shape (n_labelled,)
        The series of which something is known.
    target : array of shape (n_labelled,) or (n_labelled, n_outputs)
        Numbers of classes, or values, NaN where unknown.
    weight : float array of shape (n_labelled,)
        Weights of these series.
    """

    rows: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: np.ndarray) -> "Labels":
        return Labels(self.rows[which], self.target[which], self.weight[which])


def is_labelled(y: Any) -> np.ndarray:
    """Tell of which series the class or the number is known.

    Parameters
    ----------
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        Classes, of which -1 stands for unknown, or numbers, of which NaN does; whole numbers stored as floats count as
        classes. With several outputs one known suffices.

    Returns
    -------
    labelled : bool array of shape (n_cases,)
        True where known.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.fine_tuning import is_labelled
    >>> is_labelled([1, -1, 0])
    array([ True, False,  True])
    >>> is_labelled(np.array(["walk", -1], dtype=object))
    array([ True, False])
    >>> is_labelled([0.5, np.nan])
    array([ True, False])
    """
    y = np.asarray(y)
    if y.dtype.kind == "f":
        known = ~np.isnan(y)
        if known.all() and (y == np.floor(y)).all():
            known = y != UNLABELLED
        return known if known.ndim == 1 else known.any(axis=1)
    if y.dtype == object:
        return np.array([not is_unlabelled(one) for one in y], dtype=bool)
    return y != UNLABELLED if y.dtype.kind in "iu" else np.ones(len(y), dtype=bool)


def checked_classes(estimator: Any, y: Any, n_cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which series are labelled, and the classes of those.

    Raises
    ------
    ValueError
        If there is no `y`, if it has another length than X, if it has None or NaN, if nothing is labelled, or if labels
        are no classes.
    """
    y = _required(estimator, y)
    y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    if y.dtype.kind in "US" and (y == str(UNLABELLED)).any():
        raise ValueError(
            "y holds strings, '-1' among them. If that stands for series without label, give an object array with the "
            "number -1: np.array(['walk', -1], dtype=object)."
        )
    missing = np.flatnonzero(pd.isna(y))
    if len(missing):
        raise ValueError(
            f"y has {y[missing[0]]} in series {missing[0]}. Give series without label the number -1, for example by "
            "numpy.where(pandas.isna(y), -1, y)."
        )
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name="y")
    labelled = is_labelled(y)
    _check_any(estimator, labelled)
    classes = np.array(y[labelled].tolist()) if y.dtype == object else y[labelled]
    check_classification_targets(classes)
    return np.flatnonzero(labelled), classes


def checked_numbers(estimator: Any, y: Any, n_cases: int) -> np.ndarray:
    """Return the numbers to predict, of shape (n_cases,) or (n_cases, n_outputs), NaN where unknown.

    Raises
    ------
    ValueError
        If there is no `y`, if it has another length than X, if nothing is labelled, or if it is not numeric.
    """
    y = _required(estimator, y)
    _check_numeric(estimator, y)
    y = check_array(
        y,
        ensure_2d=False,
        allow_nd=False,
        dtype=[np.float32, np.float64],  # whole numbers become single precision, which predictions have
        ensure_all_finite="allow-nan",
        input_name="y",
    )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    known = ~np.isnan(y)
    _check_any(estimator, known)
    return y


def _check_numeric(estimator: Any, y: Any) -> None:
    values = np.asarray(y)
    if values.dtype.kind not in "OSU":
        return
    try:
        values[~pd.isna(values)].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"y must be numbers for {type(estimator).__name__}, NaN where unknown ({error}). Convert them, or take "
            "SSLClassifier if they are classes."
        ) from error


def weights(sample_weight: Any, n_cases: int) -> np.ndarray:
    """Return a weight for every series, 1 where none is given.

    Raises
    ------
    ValueError
        If there is not one for each series, or if one is negative.
    """
    return _check_sample_weight(sample_weight, np.empty((n_cases, 1)), dtype=np.float64, ensure_non_negative=True)


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weight of each series that its class gives it; classes without series take no part in a balance."""
    weighted = classes if isinstance(class_weight, Mapping) else np.unique(y)
    each = compute_class_weight(class_weight, classes=weighted, y=y)
    return each[np.searchsorted(weighted, y)]


def _required(estimator: Any, y: Any) -> Any:
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    return y


def _check_any(estimator: Any, known: np.ndarray) -> None:
    if not known.any(axis=0).all():
        raise ValueError(
            f"{type(estimator).__name__} needs labelled series, and y has none: all are unknown (-1 or NaN). For an "
            "embedding without labels fit the transformer itself."
        )
