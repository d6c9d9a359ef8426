"""Which series have a label: -1 marks an unknown class, NaN an unknown number."""

from typing import Any

import numpy as np

from sklearn_ssl._input.labels import UNLABELLED, is_unlabelled


def is_labelled(y: Any) -> np.ndarray:
    """Tell which series have a known class or number.

    Parameters
    ----------
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        Classes, where -1 marks an unknown one, or numbers, where NaN marks an unknown one. Whole numbers stored as
        floats count as classes. With several outputs a series is labelled if at least one is known.

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
