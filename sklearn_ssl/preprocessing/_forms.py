"""Telling series from feature vectors."""

from typing import Any

import numpy as np

from sklearn_ssl._input.collections import is_ragged


def has_channels(X: Any) -> bool:
    """Tell whether `X` holds series of shape (n_channels, n_timepoints), not rows of numbers."""
    if hasattr(X, "ndim"):
        return X.ndim == 3 or is_ragged(X)
    return is_ragged(X) or (isinstance(X, (list, tuple)) and np.ndim(X[:1]) == 3)
