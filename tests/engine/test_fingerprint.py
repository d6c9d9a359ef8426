"""What makes another fingerprint of a training."""

import numpy as np
import pytest
import torch
from shared import small
from stores import Chunked

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.fingerprint import fingerprint, hash_of_series
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.datasets import OnDisk

VALUES = np.arange(48, dtype=np.float32).reshape(4, 2, 6)


def of(values, estimator=None, ignore=("verbose",)):
    return fingerprint(estimator or small(), SeriesDataset(Collection(values, None), torch.device("cpu")), ignore)


def test_equal_series_have_one_fingerprint():
    assert of(VALUES) == of(VALUES.copy()) == of(np.asfortranarray(VALUES))
    assert of(VALUES, small(verbose=1)) == of(VALUES)


@pytest.mark.parametrize("n_bytes", [1, 100, 10**6])
@pytest.mark.parametrize(
    "given", [np.asarray, OnDisk, lambda X: OnDisk(Chunked(X, 3))], ids=["array", "rows", "blocks"]
)
def test_neither_the_store_nor_the_pieces_in_which_it_is_read_matter(given, n_bytes, monkeypatch):
    expected = of(VALUES), hash_of_series(Collection(VALUES, None))
    monkeypatch.setattr("sklearn_ssl._engine.fingerprint.CHUNK_BYTES", n_bytes)
    assert (of(given(VALUES)), hash_of_series(Collection(given(VALUES), None))) == expected
    assert [len(name) for name in expected] == [32, 32]


@pytest.mark.parametrize("row", [0, 2, 3])
def test_a_single_value_makes_another(row):
    values = VALUES.copy()
    values[row, 1, 5] = np.nan
    assert of(values) != of(VALUES)
    assert hash_of_series(Collection(values, None)) != hash_of_series(Collection(VALUES, None))


@pytest.mark.parametrize(
    "values",
    [VALUES + 1, VALUES.reshape(2, 4, 6), VALUES.reshape(4, 3, 4), VALUES.view(np.int32), VALUES[:3], VALUES[::-1]],
    ids=["values", "channels", "steps", "type", "fewer", "order"],
)
def test_other_series_have_another(values):
    assert of(values) != of(VALUES)


def test_another_estimator_has_another():
    assert of(VALUES, small(lr=0.5)) != of(VALUES)
