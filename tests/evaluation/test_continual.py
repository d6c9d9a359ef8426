"""The order of a stream, and the report on what an encoder knows along it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from sklearn_ssl import RandomEncoderTransformer, ReplayTransformer
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import StreamReport, knn_probe, sequential_order, stream_report

GROUPS = np.repeat(["a", "b", "c"], [3, 2, 4])
rng = np.random.default_rng(0)


def test_one_group_comes_after_the_other():
    rows = sequential_order(GROUPS, random_state=0)
    assert sorted(rows) == list(range(9))
    assert np.count_nonzero(GROUPS[rows][1:] != GROUPS[rows][:-1]) == 2


def test_groups_come_in_the_order_that_is_given():
    rows = sequential_order(GROUPS, order=["c", "a", "b"], random_state=0)
    assert "".join(GROUPS[rows]) == "ccccaaabb"


def test_rows_of_a_group_are_shuffled_and_groups_too():
    rows = [sequential_order(np.zeros(30, int), random_state=seed) for seed in (0, 0, 1)]
    assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], np.arange(30))
    assert len({"".join(dict.fromkeys(GROUPS[sequential_order(GROUPS, random_state=seed)])) for seed in range(20)}) > 2


@pytest.mark.parametrize("order", [["a", "b"], ["a", "b", "c", "c"], ["a", "b", "d"], ["a", "a", "b"]])
def test_an_order_without_every_group_once_is_refused(order):
    with pytest.raises(ValueError, match="`order` must have each of the groups"):
        sequential_order(GROUPS, order=order)


@pytest.mark.parametrize("groups", [[], [[1, 2]], 3])
def test_groups_have_one_value_for_each_series(groups):
    with pytest.raises(ValueError, match="`groups` must have one value for each series"):
        sequential_order(groups)


class Levels(TransformerMixin, BaseEstimator):
    """Features that tell a class from others once it has come."""

    def fit(self, X, y=None):
        raise AssertionError("a stream is learnt by partial_fit")

    def partial_fit(self, X, y=None):
        self.pieces_ = [*getattr(self, "pieces_", []), len(X)]
        self.known_ = getattr(self, "known_", set()) | {int(level) for level in X[:, 0, 0]}
        return self

    def transform(self, X):
        levels = X[:, 0, 0].astype(int)
        return np.eye(4)[np.where(np.isin(levels, list(self.known_)), levels, 3)]


X = np.repeat([0.0, 1.0, 2.0], 6)[:, None, None].repeat(4, axis=2)
y = np.repeat(["zero", "one", "two"], 6)
PARTS = {"X_test": X[::2], "y_test": y[::2]}


def report(**parameters):
    return stream_report(Levels(), X, y, **{**PARTS, "every": 1 / 3, "n_neighbors": 1, "piece": 6, **parameters})


def test_accuracy_and_forgetting_along_the_stream():
    result = report()
    assert_array_equal(result.n_seen, [6, 12, 18])
    assert_array_equal(result.tasks, ["one", "two", "zero"])
    assert result.by_task[0, 2] == 1  # the class that has come
    assert result.scores[0] < 1
    assert_allclose(result.by_task[2], 1)
    assert_allclose(result.scores, result.by_task.mean(axis=1))
    assert result.final == result.scores[-1]
    assert result.mean_over_stream == pytest.approx(result.scores.mean())


def handmade(by_task):
    by_task = np.array(by_task)
    return StreamReport("a", np.arange(1, len(by_task) + 1), by_task.mean(axis=1), by_task, np.array([0, 1]), None)


def test_forgetting_is_the_best_accuracy_minus_the_last():
    result = handmade([[0.5, 0.25], [1.0, 0.5], [0.75, 1.0]])
    assert_allclose(result.forgetting_by_task, [0.25, 0])
    assert result.forgetting == pytest.approx(0.125)
    assert str(result) == "a: accuracy 0.875 after 3 series, 0.667 on average along the stream, forgetting 0.125"
    assert repr(result) == f"<StreamReport: {result}>"
    frame = result.to_frame()
    assert list(frame.columns) == ["accuracy", "0", "1"]
    assert_array_equal(frame.index, [1, 2, 3])
    assert_allclose(frame["1"], [0.25, 0.5, 1])


def test_scores_are_those_of_nearest_neighbours_with_all_labels():
    rows = sequential_order(y, random_state=0)
    replay = ReplayTransformer(n_updates=1, stream_batch_size=9, random_state=0)
    replay.set_params(transformer__encoder=ResNetEncoder(depth=1, width=4))
    noisy = X + rng.normal(size=X.shape)
    result = stream_report(replay, noisy, y, X_test=noisy[::2], y_test=y[::2], order=rows, every=0.5)
    assert not hasattr(replay, "transformer_")
    assert_array_equal(result.n_seen, [9, 18])
    by_hand = replay.fit(noisy[rows])
    probe = knn_probe(by_hand, noisy, y, n_neighbors=20, metric="cosine", X_test=noisy[::2], y_test=y[::2])
    assert result.final == probe.score
    assert_array_equal(result.transformer.transform(noisy), by_hand.transform(noisy))
    assert result.name == "SimSiamTransformer"


@pytest.mark.parametrize(
    ("every", "piece", "n_seen"),
    [(0.5, 4, [12, 18]), (0.25, 6, [6, 12, 18]), (1, 5, [18]), (0.1, 9, [9, 18]), (0.4, 1, [8, 15, 18])],
)
def test_looks_are_at_the_ends_of_pieces(every, piece, n_seen):
    result = report(every=every, piece=piece, n_neighbors=2)
    assert_array_equal(result.n_seen, n_seen)
    assert sum(result.transformer.pieces_) == 18
    assert set(result.transformer.pieces_[:-1]) <= {piece}


def test_pieces_have_32_series_if_nothing_else_is_said():
    many = np.resize(X, (40, 1, 4))
    assert stream_report(Levels(), many, np.resize(y, 40), **PARTS, piece=None).transformer.pieces_ == [32, 8]


def test_tasks_of_the_test_series_may_be_others_than_the_classes():
    result = report(tasks=[1, 2] * 4 + [1], name="mine")
    assert_array_equal(result.tasks, [1, 2])
    assert result.by_task.shape == (3, 2)
    assert result.name == "mine"


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"every": 0}, ValueError, "`every` must be a share above 0 and at most 1, got 0"),
        ({"every": 1.5}, ValueError, "`every` must be"),
        ({"n_neighbors": 0}, ValueError, "`n_neighbors` must be"),
        ({"piece": 0}, ValueError, "`piece` must be"),
        ({"order": [0, 18]}, ValueError, "`order` must be numbers of series from 0 to 17"),
        ({"order": [-1, 0]}, ValueError, "`order` must be numbers"),
        ({"order": [0.5]}, ValueError, "`order` must be numbers"),
        ({"tasks": [1, 2]}, ValueError, "`tasks` must have one value for each of the 9 test series, got 2"),
        ({"X_test": None, "y_test": None}, ValueError, "a test part is needed"),
        ({"y_test": y[:3]}, ValueError, "y_test"),
    ],
)
def test_what_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        report(**wrong)


@pytest.mark.parametrize("transformer", [None, Levels, make_pipeline(RandomEncoderTransformer())])
def test_a_transformer_without_partial_fit_is_refused(transformer):
    with pytest.raises(TypeError, match="`transformer` must be an estimator with `partial_fit`"):
        stream_report(transformer, X, y, **PARTS)
