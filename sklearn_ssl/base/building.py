"""What builds the module of a transformer for series of a shape."""

from functools import partial
from typing import Any

from sklearn_ssl._engine.recipes import with_own_recipes


def module_of(estimator: Any, *, n_channels: int, n_timepoints: int, n_cases: int) -> partial:
    """Return what builds the architecture of a transformer.

    Parameters
    ----------
    estimator : EmbeddingTransformer
        The transformer.
    n_channels : int
        Number of channels of the series.
    n_timepoints : int
        Number of time steps of the longest series.
    n_cases : int
        Number of series.
    """
    return with_own_recipes(
        estimator._architecture(),
        encoder=estimator.resolved("encoder"),
        pooling=estimator.pooling,
        n_channels=n_channels,
        n_timepoints=n_timepoints,
        n_cases=n_cases,
    )
