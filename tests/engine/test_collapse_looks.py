"""When the monitor of a collapse looks, and at which projections."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from shared import small

from sklearn_ssl import SimCLRTransformer, VICRegTransformer
from sklearn_ssl._engine import guards
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


@pytest.fixture
def monitor():
    """Return a monitor at the beginning of a training of twenty steps."""
    monitor = CollapseMonitor()
    monitor.milestones_, monitor.before_, monitor.compared_ = [2.0, 10.0], {}, None
    monitor.collapsed_, monitor.same_series_, monitor.n_calls_ = False, False, 1
    return monitor


def step(number, planned=20):
    return SimpleNamespace(steps_=number, planned_steps_=planned)


def differing(scale=1.0):
    """Return projections (8, 3) that are centred, on which nothing else depends."""
    return scale * torch.eye(8)[:, :3].requires_grad_()


class TestProjections:
    def test_the_first_step_is_the_measure_of_all_others(self, monitor):
        monitor.on_batch_end(step(1), training=True, y_pred=(differing(),))
        before = monitor.before_["projections"]
        assert 0.5 < before < 1
        monitor.on_batch_end(step(2), training=True, y_pred=(differing() + 100,))
        assert monitor.before_ == {"projections": before}

    def test_those_of_the_last_step_that_is_due_are_looked_at(self, monitor, monkeypatch):
        monkeypatch.setattr(CollapseMonitor, "_spread_of_features", lambda *of: 0.5)
        monitor.before_ = {"features": 0.5}
        for number in (1, 2, 3):
            shift = 0 if number < 3 else 1e4
            monitor.on_batch_end(step(number), training=True, y_pred=(differing() + shift,))
        assert not monitor.compared_.requires_grad
        with pytest.warns(UserWarning, match="^The projections collapsed: after 3 steps"):
            monitor.on_epoch_end(step(3))
        assert monitor.milestones_ == [10.0]
        assert monitor.collapsed_

    def test_the_host_waits_in_the_first_step_and_in_a_look_alone(self, monitor, monkeypatch):
        measured = []
        monkeypatch.setattr(guards, "spread_of", lambda h: measured.append(len(h)) or 0.5)
        for number in range(1, 10):
            monitor.on_batch_end(step(number), training=True, y_pred=(differing(),))
        assert measured == [8]

    @pytest.mark.parametrize(
        "other",
        [
            {"training": False, "y_pred": (differing(),)},
            {"training": True, "y_pred": differing()},
            {"training": True, "y_pred": (torch.zeros(4, 3, 2),)},
            {"training": True},
            {"y_pred": (differing(),)},
        ],
        ids=["validation", "one tensor", "three axes", "none", "not said to be training"],
    )
    def test_what_is_no_projection_of_training_is_not_looked_at(self, other, monitor):
        monitor.on_batch_end(step(2), **other)
        assert monitor.compared_ is None
        assert monitor.before_ == {}

    @pytest.mark.parametrize(("call", "is_due"), [(1, True), (2, True), (3, False), (4, True), (6, False)])
    def test_a_call_of_partial_fit_without_a_look_keeps_none(self, call, is_due, monitor):
        monitor.n_calls_, monitor.milestones_, monitor.before_ = call, [], {"projections": 0.5}
        monitor.on_batch_end(step(7, planned=0), training=True, y_pred=(differing(),))
        assert (monitor.compared_ is not None) == is_due

    def test_each_training_forgets_those_of_the_one_before(self):
        stream = small(SimCLRTransformer, batch_size=8)
        kept = []
        for _ in range(4):
            stream.partial_fit(X)
            kept.append(dict(stream.net_.callbacks_)["collapse"].compared_ is not None)
        assert kept == [True, True, False, True]  # the third call has no look

    @pytest.mark.parametrize(("epochs", "calls"), [(0, 1), (3, 5)], ids=["another net", "the same net"])
    def test_a_training_begins_without_them(self, epochs, calls, monitor, monkeypatch):
        monkeypatch.setattr(CollapseMonitor, "_spread_of_features", lambda *of: 0.5)
        monkeypatch.setattr(guards, "_same_series", lambda *of: False)
        monitor.compared_, monitor.ranks_, monitor.n_calls_ = differing(), {"features": 1.0}, 4
        monitor.on_train_begin(SimpleNamespace(epochs_=epochs, planned_steps_=20), X=SimpleNamespace(largest=X))
        assert (monitor.compared_, monitor.ranks_, monitor.n_calls_) == (None, {}, calls)
        assert monitor.milestones_ == [2.0, 10.0]

    def test_they_are_not_pickled(self):
        """They are on a device that another machine may not have."""
        fitted = small(SimCLRTransformer, batch_size=8).fit(X)
        monitor = dict(fitted.net_.callbacks_)["collapse"]
        loaded = pickle.loads(pickle.dumps(monitor))
        assert monitor.compared_.ndim == 2
        assert vars(loaded) == {**vars(monitor), "compared_": None}
