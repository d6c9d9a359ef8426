"""Checks of parameters and embeddings that several reports share."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_array

from sklearn_ssl._input.plain import plain, readable_errors
from sklearn_ssl._parameters.shown import shown


def check_augmentation(augmentation: Any) -> None:
    """Raise a TypeError unless `augmentation` is an augmentation, or a function in its place."""
    if isinstance(augmentation, type) or not callable(augmentation):
        raise TypeError(
            f"`augmentation` must be an augmentation such as Compose(jitter=Jitter()), and no class, got "
            f"{shown(augmentation)}."
        )


def with_rows(X: Any, name: str = "X") -> Any:
    """Return series, or an embedding, in a form that has one row per series.

    Raises
    ------
    TypeError
        If they have no such form.
    """
    X = plain(X)
    is_sequence = isinstance(X, Sequence) and not isinstance(X, (str, bytes))
    if not is_sequence and not isinstance(getattr(X, "shape", None), tuple):
        raise TypeError(f"`{name}` must be an array, a list of arrays or a data frame of series, got {shown(X)}.")
    return X


def n_cases_of(X: Any, name: str = "X") -> int:
    """Return the number of series."""
    return _num_samples(with_rows(X, name))


def cases_of(X: Any, rows: np.ndarray) -> Any:
    """Return some of the series."""
    return _safe_indexing(with_rows(X), rows)


def checked_embedding(H: Any, *, min_cases: int = 2) -> np.ndarray:
    """Return an embedding as an array (n_cases, n_features), float64 unless it is float32.

    Raises
    ------
    ValueError
        If it is not 2-D, not finite, or has too few rows.
    """
    with readable_errors("The embedding"):
        return check_array(
            plain(H), dtype=[np.float64, np.float32], ensure_min_samples=min_cases, input_name="the embedding"
        )


def checked_views(views: Any, *, min_cases: int = 2) -> np.ndarray:
    """Return the embeddings of views as an array (n_cases, n_views, n_features) with two views or more.

    Raises
    ------
    ValueError
        If it is not 3-D, not finite, or has too few series or views.
    """
    with readable_errors("`views`"):
        views = np.asarray(plain(views))
    if views.ndim != 3 or views.shape[0] < min_cases or views.shape[1] < 2:
        raise ValueError(
            f"`views` must have the shape (n_cases, n_views, n_features) with {min_cases} or more series and two or "
            f"more views, got {views.shape}."
        )
    return checked_embedding(views.reshape(math.prod(views.shape[:2]), views.shape[2])).reshape(views.shape)
