"""Targets of predictors: which are known, and whether they are valid."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_consistent_length, column_or_1d

from sklearn_ssl._input.labels import UNLABELLED, is_mark, values_of
from sklearn_ssl._input.plain import readable_errors
from sklearn_ssl._parameters.notices import warn_caller
from sklearn_ssl._parameters.ranges import Mark
from sklearn_ssl._parameters.shown import shown

FARTHEST = 1e15  # from the mean, in standard deviations
LARGEST = 1e150  # whose square is finite
LARGEST_SINGLE = 1e30  # far from the ends of single precision, as its inverse is
FINEST = 1e-4  # standard deviations

# A share of this much of the largest class, or less, may be a class itself.
LARGEST_DOUBTFUL_SHARE = 1.5


def is_labelled(y: Any, unlabelled: Any = UNLABELLED) -> np.ndarray:
    """Tell which series have a known class or number.

    Parameters
    ----------
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        Classes or numbers. Missing values, such as NaN, are unknown. Whole numbers stored as floats count as classes
        if no value is missing. With several outputs a series is labelled if at least one of its targets is known.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, as `unlabelled` of `SSLClassifier`. None says that no label marks
        them.

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
    >>> is_labelled(["walk", -1])
    array([ True, False])
    >>> is_labelled([0.5, np.nan])
    array([ True, False])
    >>> is_labelled(["walk", "?"], unlabelled="?")
    array([ True, False])
    """
    if unlabelled not in Mark():
        raise ValueError(f"`unlabelled` must be {Mark()}, got {shown(unlabelled)}.")
    y = values_of(y)
    known = ~pd.isna(y)
    is_numbers = y.dtype.kind == "f" and not (known.all() and (y == np.floor(y)).all())
    if not is_numbers:
        known &= ~is_mark(y, unlabelled)
    return known.any(axis=1) if known.ndim == 2 else known


def checked_classes(name: str, y: Any, n_cases: int, unlabelled: Any = UNLABELLED) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the labelled series, and their classes.

    Raises
    ------
    ValueError
        If `y` is None, has another length than X, has None or NaN, or has no label, or if its labels are no classes.
    """
    y = column_or_1d(values_of(_required(name, y)), warn=True)
    check_consistent_length(np.empty(n_cases), y)
    marked = is_mark(y, unlabelled)
    _check_complete(y, marked)
    _check_no_blank(y, marked)
    if y.dtype.kind == "f":
        check_array(y[~marked], ensure_2d=False, ensure_min_samples=0, input_name="y")
    _check_any(name, ~marked)
    classes = of_one_type(y[~marked])
    check_classification_targets(classes)
    return np.flatnonzero(~marked), classes


def accuracy(name: str, predicted: np.ndarray, y: Any, sample_weight: Any, unlabelled: Any) -> float:
    """Return the share of right predictions among the labelled series."""
    rows, classes = checked_classes(name, y, len(predicted), unlabelled)
    weight = None if sample_weight is None else weights(sample_weight, len(predicted))[rows]
    return float(accuracy_score(classes, predicted[rows], sample_weight=weight))


def check_marks(classes: np.ndarray, n_cases: int, unlabelled: Any) -> None:
    """Warn or raise where -1, which marks series without a label, may be a class, or the text "-1" no class.

    Parameters
    ----------
    classes : ndarray of shape (n_labelled,)
        The classes of the labelled series.
    n_cases : int
        Number of all series.
    unlabelled : number, str or None
        The mark. Nothing is in doubt if it is not the number -1.
    """
    if not (isinstance(unlabelled, numbers.Number) and unlabelled == UNLABELLED):
        return
    values, counts = np.unique(classes, return_counts=True)
    if classes.dtype.kind in "US":
        _check_no_mark_in_text(values.astype(str))
        return
    n_marked = n_cases - len(classes)
    is_doubtful = n_marked <= LARGEST_DOUBTFUL_SHARE * counts.max() or (values < 0).any()
    if n_marked and len(values) > 1 and is_doubtful:
        warn_caller(
            f"{n_marked} of {n_cases} series have the label -1, which says that their class is unknown. If -1 is a "
            "class, set `unlabelled` to None. If it is not, give these series another mark, such as -999, and set "
            "`unlabelled` to it; then nothing is in doubt.",
        )


def expected_classes(classes: Any, unlabelled: Any) -> np.ndarray:
    """Return the sorted classes that are expected beforehand.

    Raises
    ------
    ValueError
        If they are no classes, or if the mark of unlabelled series is among them.
    """
    values = np.unique(of_one_type(column_or_1d(values_of(classes))))
    check_classification_targets(np.repeat(values, 2))  # of single ones scikit-learn says that they may be numbers
    if is_mark(values, unlabelled).any():
        raise ValueError(
            f"`classes` has {shown(unlabelled)}, which marks series without a label. Leave it out, or set "
            "`unlabelled` to None if it is a class."
        )
    return values


def of_one_type(labels: np.ndarray) -> np.ndarray:
    """Return labels as an array of texts, bytes, booleans or numbers.

    Raises
    ------
    ValueError
        If objects are of different types, or neither texts nor numbers.
    """
    if labels.dtype != object or len(labels) == 0:
        return labels
    if not any(all(isinstance(label, kind) for label in labels) for kind in (str, bytes, numbers.Number, np.bool_)):
        kinds = {type(label).__name__: label for label in labels[::-1]}
        shown_kinds = ", ".join(f"{shown(label)} ({name})" for name, label in kinds.items())
        raise ValueError(f"Classes must be all texts or all numbers, and y has {shown_kinds}. Convert them to text.")
    return np.array(labels.tolist())


def checked_numbers(name: str, y: Any, n_cases: int) -> np.ndarray:
    """Return the numbers to predict, of shape (n_cases,) or (n_cases, n_outputs), NaN where unknown.

    Raises
    ------
    ValueError
        If `y` is None, has another length than X, has no known number in an output, or is not numeric.
    """
    with readable_errors("y"):
        y = check_array(
            _as_numbers(name, values_of(_required(name, y))),
            ensure_2d=False,
            dtype=np.float64,  # whatever the container: equal numbers then give equal predictions
            ensure_all_finite="allow-nan",
            input_name="y",
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    _check_any(name, ~np.isnan(y))
    _check_squares(y)
    return y


def check_spread(y: np.ndarray, scale: np.ndarray) -> None:
    """Raise a ValueError if numbers differ, and so little that their squares vanish."""
    spans = np.nanmax(y, axis=0) - np.nanmin(y, axis=0)
    if ((spans > 0) & (scale < 1 / LARGEST)).any():
        raise ValueError(
            f"The numbers of y differ by {np.max(spans):.3g} only, whose square is zero. Multiply y by a constant, and "
            "divide predictions by it."
        )


def precision_of(y: np.ndarray, scale: np.ndarray) -> type:
    """Return float32, or float64 for several outputs and where single precision would blur the targets."""
    rounding = np.finfo(np.float32).eps * np.nanmax(np.abs(y), axis=0)
    is_fine = (rounding < FINEST * scale).all()
    in_range = np.nanmax(np.abs(y)) < LARGEST_SINGLE and scale.min() > 1 / LARGEST_SINGLE
    is_single = y.ndim == 1 and is_fine and in_range  # scikit-learn expects double precision of several outputs
    return np.float32 if is_single else np.float64


def standardised(y: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return numbers (n_cases,) or (n_cases, n_outputs) standardised, in single precision and as columns (n, K).

    Raises
    ------
    ValueError
        If a number is too far from the mean to be learnt.
    """
    columns = ((y - mean) / scale).reshape(len(y), -1)  # (n, K)
    if np.nanmax(np.abs(columns)) > FARTHEST:
        raise ValueError(
            f"y has a number {np.nanmax(np.abs(columns)):.3g} standard deviations away from the mean of the targets "
            "that were learnt first. Give targets in the same unit, or call fit again."
        )
    return columns.astype(np.float32)


def weights(sample_weight: Any, n_cases: int) -> np.ndarray:
    """Return a weight for every series, 1 if none is given.

    Raises
    ------
    ValueError
        If there is not one weight per series, or if one is negative.
    """
    return _check_sample_weight(sample_weight, np.empty((n_cases, 1)), dtype=np.float64, ensure_non_negative=True)


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weight that each series has by its class. "balanced" counts only the classes that `y` has."""
    if not (isinstance(class_weight, Mapping) or (isinstance(class_weight, str) and class_weight == "balanced")):
        raise ValueError(f'`class_weight` must be "balanced", a dictionary or None, got {shown(class_weight)}.')
    weighted = classes if isinstance(class_weight, Mapping) else np.unique(y)
    each = compute_class_weight(class_weight, classes=weighted, y=y)
    if not (np.isfinite(each) & (each >= 0)).all():
        raise ValueError(f"`class_weight` must have finite numbers of at least 0, got {shown(class_weight)}.")
    return each[np.searchsorted(weighted, y)]


def _check_complete(y: np.ndarray, marked: np.ndarray) -> None:
    missing = np.flatnonzero(pd.isna(y) & ~marked)
    if len(missing):
        raise ValueError(
            f"y has {y[missing[0]]} in series {missing[0]}. If missing labels mean that the class is unknown, set "
            "`unlabelled` to numpy.nan, or give these series the number -1 by numpy.where(pandas.isna(y), -1, y)."
        )


def _check_no_blank(y: np.ndarray, marked: np.ndarray) -> None:
    """Refuse empty texts: a cell of a table without a label would become a class of its own."""
    for row in np.flatnonzero(~marked) if y.dtype.kind in "OU" else ():
        if isinstance(y[row], str) and not y[row].strip():
            blank = shown(y[row])
            raise ValueError(
                f"y has the text {blank} in series {row}. If it marks series without a label, set `unlabelled` to "
                f"{blank}; if it is a class, give it a name."
            )


def _check_no_mark_in_text(values: np.ndarray) -> None:
    """Accept the text "-1" next to one other number as text, as in several sets of the UCR archive."""
    others = values[values != str(UNLABELLED)]
    if len(others) == len(values) or (len(others) == 1 and _is_number(others[0])):
        return
    remedy = "If '-1' marks series without a label, set `unlabelled` to '-1'; if it is a class, set it to None."
    if not all(map(_is_number, others)):
        raise ValueError(f"y has texts, and '-1' is among them. {remedy}")
    warn_caller(f"y has the text '-1', and it is learnt as a class. {remedy}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_numbers(name: str, values: np.ndarray) -> np.ndarray:
    """Return numbers that are stored as objects or texts as floats, NaN where missing."""
    if values.dtype.kind in "biufc":
        return values
    try:
        if values.dtype.kind in "mM":
            raise ValueError(f"got times, of dtype {values.dtype}")
        return np.where(pd.isna(values), np.nan, values.astype(object)).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"y must be numbers for {name}, NaN where unknown ({shown(error)}). Convert them to numbers, or use "
            "SSLClassifier if they are classes."
        ) from error


def _check_squares(y: np.ndarray) -> None:
    largest = float(np.nanmax(np.abs(y)))
    if largest > LARGEST:
        raise ValueError(
            f"y has a number of size {largest:.3g}, whose square is infinite. Divide y by a constant, for example by "
            f"{largest:.0e}, and multiply predictions by it."
        )


def _required(name: str, y: Any) -> Any:
    if y is None:
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    return y


def _check_any(name: str, known: np.ndarray) -> None:
    if not known.any(axis=0).all():
        raise ValueError(
            f"{name} needs labelled series, and y has none: all are unknown. To get an embedding without labels, fit "
            "the transformer itself."
        )
