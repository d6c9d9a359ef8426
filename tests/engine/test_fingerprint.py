"""What makes another fingerprint of a training."""

import numpy as np
import pytest
import torch
from shared import small

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.fingerprint import fingerprint
from sklearn_ssl._input.collections import Collection

VALUES = np.arange(48, dtype=np.float32).reshape(4, 2, 6)


def of(values, estimator=None, ignore=("verbose",)):
    return fingerprint(estimator or small(), SeriesDataset(Collection(values, None), torch.device("cpu")), ignore)


def test_equal_series_have_one_fingerprint():
    assert of(VALUES) == of(VALUES.copy()) == of(np.asfortranarray(VALUES))
    assert of(VALUES, small(verbose=1)) == of(VALUES)


@pytest.mark.parametrize(
    "values",
    [VALUES + 1, VALUES.reshape(2, 4, 6), VALUES.reshape(4, 3, 4), VALUES.view(np.int32), VALUES[:3], VALUES[::-1]],
    ids=["values", "channels", "steps", "type", "fewer", "order"],
)
def test_other_series_have_another(values):
    assert of(values) != of(VALUES)


def test_another_estimator_has_another():
    assert of(VALUES, small(lr=0.5)) != of(VALUES)
