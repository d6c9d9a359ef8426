"""Labels: classes that may be text, numbers, or both where -1 stands for unknown among text."""

import numbers
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.collections import plain

UNLABELLED = -1


def values_of(values: Any) -> np.ndarray:
    """Return an array in which the text of a list has not swallowed its other values; None or NaN is masked."""
    array = np.asarray(plain(values))
    if array.dtype.kind not in "SU" or hasattr(values, "dtype"):
        return array
    each = np.array(values, dtype=object)
    alike = any(all(isinstance(one, kind) for one in each.ravel()) for kind in (str, bytes))
    return array if alike else each


def sorted_codes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of each label (n,) among the different ones, and these, sorted, numbers before text."""
    if labels.dtype != object:
        values, codes = np.unique(labels, return_inverse=True)
        return codes, values
    codes, values = pd.factorize(labels, sort=True, use_na_sentinel=False)
    return codes, values


def is_unlabelled(label: Any) -> bool:
    """Tell whether an object is the number that stands for an unknown class."""
    return isinstance(label, numbers.Number) and label == UNLABELLED


def unlabelled_among_text(labels: np.ndarray) -> np.ndarray:
    """Tell of each label (n,) whether it is the number that stands for an unknown class where others are text."""
    if labels.dtype != object or not any(isinstance(label, (str, bytes)) for label in labels.ravel()):
        return np.zeros(labels.shape, dtype=bool)
    return np.array([is_unlabelled(label) for label in labels.ravel()], dtype=bool).reshape(labels.shape)


def check_all_labelled(name: str, labels: np.ndarray) -> None:
    """Raise a ValueError if -1 stands among text."""
    unknown = unlabelled_among_text(labels)
    if unknown.any():
        raise ValueError(
            f"`{name}` has text, and in row {np.argwhere(unknown)[0, 0]} the number -1, which stands for a series "
            "without label. Leave such series out: sklearn_ssl.fine_tuning.is_labelled tells which have one."
        )
