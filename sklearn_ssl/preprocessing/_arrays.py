"""Arrays, and lists of them, with the channels or the time as their last axis."""

from typing import Any

import numpy as np

from sklearn_ssl._input.on_disk import OnDisk
from sklearn_ssl._input.plain import plain
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._tables import as_array


def plain_arrays(X: Any, order: str) -> Any:
    """Return series as an array or a list of arrays whose last axis is the time.

    Parameters
    ----------
    X : array, list of arrays, nested list or any other object
        The series. Objects of any other kind are returned as they are, for others to refuse.
    order : {"time-last", "channels-last"}
        The axes of `X`.
    """
    X = _joined(plain(X))
    if order == "time-last":
        return X
    if isinstance(X, list):
        return [one.T if np.ndim(one) == 2 and len(one) > 1 else one for one in X]
    if getattr(X, "ndim", 0) != 3:
        return X
    return X.changed(_turned) if isinstance(X, OnDisk) else _turned(X)


def _turned(rows: np.ndarray) -> np.ndarray:
    return rows.swapaxes(1, 2)


def _joined(X: Any) -> Any:
    if not isinstance(X, (list, tuple)) and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return X
    series = [_one_series(one, case) for case, one in enumerate(X)]
    shapes = {one.shape for one in series}
    dimensions = {len(shape) for shape in shapes}
    if len(shapes) == 1 and dimensions <= {1, 2}:
        return np.stack(series)
    return [np.atleast_2d(one) for one in series] if dimensions in ({1}, {2}) else X


def _one_series(one: Any, case: int) -> np.ndarray:
    try:
        return as_array(one)
    except ValueError as error:
        lengths = [np.size(channel) for channel in one]
        raise ValueError(
            f"The channels of series {case} of X differ in length: {shown(lengths)}. If they were recorded at "
            "different rates, bring them to one, for example by [[sklearn_ssl.preprocessing.Resample("
            f"{max(lengths)}).fit_transform([channel])[0] for channel in series] for series in X]. If one ended early, "
            "put NaN at its end."
        ) from error
