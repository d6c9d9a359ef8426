"""When the monitor of a collapse looks."""

import numpy as np
import pytest
from shared import small

from sklearn_ssl import VICRegTransformer
from sklearn_ssl._engine.guards import CollapseMonitor

X = np.random.default_rng(0).normal(size=(24, 1, 10)).astype(np.float32)


@pytest.fixture
def looks(monkeypatch):
    """Return the list of the steps after which the monitor looks."""
    steps = []
    monkeypatch.setattr(CollapseMonitor, "_look", lambda self, net, dataset: steps.append(net.steps_))
    return steps


@pytest.mark.parametrize(
    ("max_epochs", "expected"),
    [(20, [6, 30, 60]), (10, [3, 15, 30]), (3, [3, 6, 9]), (1, [3, 3])],
)
def test_after_a_tenth_and_a_half_of_the_steps_and_at_the_end(looks, max_epochs, expected):
    small(VICRegTransformer, batch_size=8, max_epochs=max_epochs).fit(X)
    assert looks == expected


def test_in_the_first_second_fourth_and_eighth_call_of_partial_fit(looks):
    transformer = small(VICRegTransformer, batch_size=8)
    for _ in range(9):
        transformer.partial_fit(X)
    assert looks == [3, 6, 12, 24]


def test_no_look_without_training(looks):
    small(VICRegTransformer, max_epochs=0).fit(X)
    assert looks == []
