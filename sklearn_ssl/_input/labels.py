"""Labels: texts or numbers, and the mark of series without a label, which is the number -1 if nothing else is named."""

import numbers
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.collections import plain
from sklearn_ssl._parameters.shown import shown

UNLABELLED = -1
KINDS_OF_MARKS = (numbers.Number, str)


def values_of(values: Any) -> np.ndarray:
    """Return an array, without turning numbers into texts where a list mixes both.

    A list of both becomes an array of objects. Masked values become NaN, or None among texts and objects.

    Raises
    ------
    ValueError
        If the values have named fields.
    """
    array = np.asarray(plain(values))
    if array.dtype.names is not None:
        raise ValueError(
            f"Labels or targets are records with the fields {array.dtype.names}. Give one field, such as "
            f"y[{shown(array.dtype.names[0])}]."
        )
    if array.dtype.kind not in "SU" or hasattr(values, "dtype"):
        return array
    each = np.array(values, dtype=object)
    alike = any(all(isinstance(one, kind) for one in each.ravel()) for kind in (str, bytes))
    return array if alike else each


def sorted_codes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different labels in sorted order, numbers before texts, and the place of each label among them.

    Parameters
    ----------
    labels : ndarray of shape (n_cases,)
        The labels.

    Returns
    -------
    codes : ndarray of shape (n_cases,)
        The places, such that ``values[codes]`` are the labels.
    values : ndarray of shape (n_values,)
        The different labels.
    """
    if labels.dtype != object:
        values, codes = np.unique(labels, return_inverse=True)
        return codes, values
    codes, values = pd.factorize(labels, sort=True, use_na_sentinel=False)
    return codes, values


def check_comparable(name: str, values: np.ndarray) -> None:
    """Raise a TypeError if values, one per series, are lists, sets or the like, which have no hash."""
    for row, value in enumerate(values if values.dtype == object else ()):
        if not isinstance(value, Hashable):
            raise TypeError(
                f"`{name}` has {shown(value)} in row {row}, which cannot be told from others. Give numbers or texts, "
                f"for example [str(one) for one in {name}]."
            )


def is_unlabelled(label: Any) -> bool:
    """Tell whether a label is the number -1, which marks a series without a label."""
    return isinstance(label, numbers.Number) and label == UNLABELLED


def is_mark(labels: np.ndarray, unlabelled: Any) -> np.ndarray:
    """Tell of each label whether it is the mark of series without a label.

    Parameters
    ----------
    labels : ndarray
        The labels.
    unlabelled : number, str or None
        The mark. Numbers are compared with numbers only, and texts with texts. A missing value, such as NaN, means
        all missing values. None says that there is no mark.

    Returns
    -------
    marked : bool ndarray
        In the shape of `labels`.
    """
    if unlabelled is None:
        return np.zeros(labels.shape, dtype=bool)
    if pd.isna(unlabelled):
        return pd.isna(labels)
    if labels.dtype == object:
        return np.array([_is_same(label, unlabelled) for label in labels.ravel()], dtype=bool).reshape(labels.shape)
    comparable = any(
        labels.dtype.kind in kinds and isinstance(unlabelled, kind)
        for kinds, kind in (("iuf", numbers.Number), ("U", str))
    )
    return labels == unlabelled if comparable else np.zeros(labels.shape, dtype=bool)


def _is_same(label: Any, mark: Any) -> bool:
    return any(isinstance(label, kind) and isinstance(mark, kind) and label == mark for kind in KINDS_OF_MARKS)


def unlabelled_among_text(labels: np.ndarray) -> np.ndarray:
    """Tell of each label whether it is the number -1 while other labels are texts."""
    if labels.dtype != object or not any(isinstance(label, (str, bytes)) for label in labels.ravel()):
        return np.zeros(labels.shape, dtype=bool)
    return np.array([is_unlabelled(label) for label in labels.ravel()], dtype=bool).reshape(labels.shape)


def check_all_labelled(name: str, labels: np.ndarray) -> None:
    """Raise a ValueError if the number -1 is among texts."""
    unknown = unlabelled_among_text(labels)
    if unknown.any():
        raise ValueError(
            f"`{name}` has text, and in row {np.argwhere(unknown)[0, 0]} the number -1, which marks a series without "
            "a label. Leave such series out: sklearn_ssl.fine_tuning.is_labelled tells which series have a label."
        )
