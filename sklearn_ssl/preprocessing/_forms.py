"""The forms in which series come and go, and the names of their channels."""

from typing import Any

import numpy as np

from sklearn_ssl._input.collections import Collection, is_ragged


def has_channels(X: Any) -> bool:
    """Tell whether `X` holds series of shape (n_channels, n_timepoints), and not rows of numbers."""
    if hasattr(X, "ndim"):
        return X.ndim == 3 or is_ragged(X)
    return is_ragged(X) or (isinstance(X, (list, tuple)) and np.ndim(X[:1]) == 3)


def in_form_of(X: Any, collection: Collection) -> np.ndarray | list[np.ndarray]:
    """Return the series of a collection in the form of the input `X`.

    A list of arrays gives a list of arrays. If the series are still padded, each has as many steps as its input.
    Series of one channel become a 2-D array where `X` is 2-D. All others become a 3-D array.
    """
    if is_ragged(X):
        if collection.lengths is None:
            return list(collection.values)
        return [series[:, : np.shape(one)[1]] for series, one in zip(collection.values, X, strict=True)]
    n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    return collection.values[:, 0] if n_axes == 2 and collection.n_channels == 1 else collection.values


def channel_names(given: Any, n_channels: int) -> list[str]:
    """Return the names that were given to the channels, or else channel0, channel1, ...

    Raises
    ------
    ValueError
        If there are not as many names as channels.
    """
    if given is None:
        return [f"channel{channel}" for channel in range(n_channels)]
    if len(given) != n_channels:
        raise ValueError(
            f"input_features should have length equal to the number of channels ({n_channels}), got {len(given)}."
        )
    return list(given)


def for_series(tags: Any) -> Any:
    """Set the tags of scikit-learn that say that an estimator takes series with missing values."""
    tags.input_tags.three_d_array = True
    tags.input_tags.allow_nan = True
    return tags
