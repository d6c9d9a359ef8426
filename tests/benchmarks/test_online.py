"""What the experiment on streams is built from: equal passes, which rows there are, curves."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose


@pytest.fixture
def online():
    return importlib.import_module("online")


def test_passes_are_those_of_the_methods(online):
    for name, learner in online.LEARNERS.items():
        passes = learner.n_windows * learner.window_ratio if hasattr(learner, "n_windows") else 2
        assert online.PASSES[name] == pytest.approx(passes)
        assert online.UPDATES["passes"][name] * passes == pytest.approx(16)
        assert online.UPDATES["updates"][name] == 4


def test_every_cell_has_all_orders_and_seeds_once(online):
    options = SimpleNamespace(
        seeds=2, orders=3, streams=[*online.BUFFERS, online.SHUFFLED], methods=None, buffers=None, budgets=["updates"]
    )
    keys = online.rows_of(options)
    assert len(set(keys)) == len(keys)
    by_cell = {}
    for key in keys:
        by_cell.setdefault(key[:4], []).append(key[4:])
    assert {len(rows) for cell, rows in by_cell.items() if cell[0] != online.SHUFFLED} == {6}
    assert {len(rows) for cell, rows in by_cell.items() if cell[0] == online.SHUFFLED} == {2}
    assert all((stream, "untrained", "-", "-") in by_cell for stream in online.BUFFERS)


def test_curves_are_averaged_at_equal_places(online):
    places, scores = online.mean_curve(["32:0.5 64:0.7", "32:0.7 64:0.9"])
    assert_allclose(places, [32, 64])
    assert_allclose(scores, [0.6, 0.8])


def test_a_row_of_each_kind(online, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 8)
    X = (rng.normal(size=(16, 1, 20)) + 3 * y[:, None, None]).astype(np.float32)
    monkeypatch.setattr(online, "parts", lambda stream, options, seed: ((X, y, y), (X, y)))
    monkeypatch.setattr(online, "fine_tuned", lambda *given: "0.5")
    row = online.row_of("UCIHAR by class", "MinRed", "8", "updates", "0", "0", None)
    assert set(row) == set(online.FIELDS)
    assert (row["steps"], row["passes"], row["fine-tuned"]) == (4, "16.0", "0.5")
    assert row["curve"].startswith("16:")
