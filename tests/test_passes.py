"""How many series go through an encoder or an augmentation at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_ssl._input.collections import Collection
from sklearn_ssl.architectures._closed_form import ClosedFormArchitecture
from sklearn_ssl.evaluation._representation import random_views
from sklearn_ssl.evaluation._trials import Attack
from sklearn_ssl.evaluation._units import _encoded

LENGTH = 2100
VALUES = np.zeros((40, 1, LENGTH), dtype=np.float32)
MOST = 16  # series of so many steps have some thirty thousand


def sizes_of_views(sizes):
    def augmentation(x, lengths):
        sizes.append(len(x))
        return x

    list(random_views(Collection(VALUES, None), augmentation, 1, 0))


def sizes_of_units(sizes):
    list(_encoded(lambda values: sizes.append(len(values)), VALUES))


def sizes_of_attacks(sizes):
    attack = SimpleNamespace(collection=Collection(VALUES, None))
    sizes += map(len, Attack._batches(attack, np.arange(len(VALUES))))


def sizes_of_closed_forms(sizes):
    def pooled(x, lengths):
        sizes.append(len(x))
        return x[:, 0]

    ClosedFormArchitecture._pooled_in_pieces(SimpleNamespace(pooled=pooled), torch.from_numpy(VALUES), None)


@pytest.mark.parametrize("run", [sizes_of_views, sizes_of_units, sizes_of_attacks, sizes_of_closed_forms])
def test_a_pass_takes_as_many_series_as_have_some_thirty_thousand_steps(run):
    sizes = []
    run(sizes)
    assert sizes == [MOST, MOST, len(VALUES) - 2 * MOST]
