"""Checks of parameters and embeddings that several reports share."""

import math
import numbers
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from sklearn_ssl._numerics.vectors import without_torch
from sklearn_ssl._parameters.shown import shown


def check_whole_number(name: str, value: Any, *, least: int) -> None:
    """Raise a ValueError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {shown(value)}.")


def check_positive(name: str, value: Any) -> None:
    """Raise a ValueError unless `value` is a finite number above 0."""
    if not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, got {shown(value)}.")


def check_augmentation(augmentation: Any) -> None:
    """Raise a TypeError unless `augmentation` is an augmentation, or a function in its place."""
    if isinstance(augmentation, type) or not callable(augmentation):
        raise TypeError(
            f"`augmentation` must be an augmentation such as Compose(jitter=Jitter()), and no class, got "
            f"{shown(augmentation)}."
        )


def check_space(space: Any) -> None:
    """Raise a ValueError unless `space` names an embedding of a transformer."""
    if space not in ("features", "projections"):
        raise ValueError(f'`space` must be "features" or "projections", got {shown(space)}.')


def checked_embedding(H: Any, *, min_cases: int = 2) -> np.ndarray:
    """Return an embedding as an array (n_cases, n_features), float64 unless it is float32.

    Raises
    ------
    ValueError
        If it is not 2-D, not finite, or has too few rows.
    """
    return check_array(
        without_torch(H), dtype=[np.float64, np.float32], ensure_min_samples=min_cases, input_name="the embedding"
    )


def checked_views(views: Any, *, min_cases: int = 2) -> np.ndarray:
    """Return the embeddings of views as an array (n_cases, n_views, n_features) with two views or more.

    Raises
    ------
    ValueError
        If it is not 3-D, not finite, or has too few series or views.
    """
    views = np.asarray(without_torch(views))
    if views.ndim != 3 or views.shape[0] < min_cases or views.shape[1] < 2:
        raise ValueError(
            f"`views` must have the shape (n_cases, n_views, n_features) with {min_cases} or more series and two or "
            f"more views, got {views.shape}."
        )
    return checked_embedding(views.reshape(math.prod(views.shape[:2]), views.shape[2])).reshape(views.shape)
