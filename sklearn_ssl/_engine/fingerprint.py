"""The identity of a fit: its hyper-parameters and its data."""

import hashlib
from typing import Any

import joblib
import numpy as np

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.lengths import CHUNK_BYTES


def fingerprint(estimator: Any, dataset: SeriesDataset, ignore: tuple[str, ...]) -> str:
    """Return a hash that is the same for an equal estimator on equal series with equal companions, in any process.

    Parameters
    ----------
    estimator : Hyperparameters
        The estimator.
    dataset : SeriesDataset
        The series and what goes with them.
    ignore : tuple of str
        Parameters that do not change what is learnt.
    """
    state = estimator.__getstate__()
    parameters = {name: state[name] for name in estimator.get_params(deep=False) if name not in ignore}
    digest = hashlib.blake2b(joblib.hash((type(estimator).__qualname__, parameters)).encode(), digest_size=16)
    for collection in dataset.collections:
        _add_series(digest, collection)
    if dataset.companion is not None:
        digest.update(dataset.companion.content())
    return digest.hexdigest()


def hash_of_series(collection: Collection) -> str:
    """Return a hash that is the same for equal series, in any process."""
    digest = hashlib.blake2b(digest_size=16)
    _add_series(digest, collection)
    return digest.hexdigest()


def _add_series(digest: Any, collection: Collection) -> None:
    digest.update(repr((collection.values.shape, collection.values.dtype)).encode())
    rows = max(1, CHUNK_BYTES // max(1, collection.values[:1].nbytes))
    for start in range(0, len(collection), rows):
        digest.update(np.ascontiguousarray(collection.values[start : start + rows]).tobytes())
