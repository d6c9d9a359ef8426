"""Folds and scores where some targets are unknown."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, LeaveOneOut, cross_validate
from small_predictors import PARTLY, X, Y, classifier, simclr

from sklearn_ssl.fine_tuning import LabelledScorer, LabelledSplit, is_labelled


def test_labelled_split_trains_on_all_unlabelled_series():
    for train, test in LabelledSplit(4).split(X, PARTLY):
        assert set(np.flatnonzero(PARTLY == -1)) <= set(train)
        assert (PARTLY[test] != -1).all()
        assert not set(train) & set(test)
    assert LabelledSplit(4).get_n_splits(X, PARTLY) == 4


@pytest.mark.parametrize(
    ("y", "folds", "message"),
    [
        (
            [0, 1, 0, 1, -1],
            5,
            r"at least 5 labelled series of one class.* at most 2\. Use LabelledSplit\(2\)",
        ),
        ([0, 1, -1, -1, -1], 2, r"at most 1\. Label more series"),
        ([0.5, 1.5, 2.5, np.nan, np.nan], 4, r"4 labelled series, and y has at most 3\. Use LabelledSplit\(3\)"),
    ],
)
def test_more_folds_than_labels(y, folds, message):
    with pytest.raises(ValueError, match=message):
        next(LabelledSplit(folds).split(X[:5], y))


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, -1, 2], [True, False, True]),
        ([0.0, -1.0], [True, False]),
        ([0.5, -1.0], [True, True]),
        ([0.5, np.nan], [True, False]),
        ([[0.5, np.nan], [np.nan, np.nan]], [True, False]),
        (["a", "b"], [True, True]),
        (np.array(["a", -1], dtype=object), [True, False]),
        (np.array([], dtype=object), []),
    ],
)
def test_is_labelled(y, expected):
    assert_array_equal(is_labelled(y), expected)
    assert is_labelled(y).dtype == bool


def test_folds_of_classes_stored_as_floats_are_stratified():
    ordered = np.where(np.arange(60) < 40, np.sort(Y), -1.0)
    assert {len(np.unique(ordered[test])) for _, test in LabelledSplit(4).split(X, ordered)} == {2}
    numbers = np.where(np.arange(60) < 40, np.arange(60.0), np.nan)
    assert [len(test) for _, test in LabelledSplit(4).split(X, numbers)] == [10] * 4
    for all_known in (np.arange(60.0), (np.arange(60) / 7).astype(object)):
        assert [len(test) for _, test in LabelledSplit(4).split(X, all_known)] == [15] * 4


def test_labelled_scorer_takes_weights_of_all_series():
    model = classifier(simclr(max_epochs=0), mode="probe").fit(X, PARTLY)
    weight = np.random.default_rng(0).uniform(size=60)
    rows = PARTLY >= 0
    expected = accuracy_score(Y[rows], model.predict(X[rows]), sample_weight=weight[rows])
    assert LabelledScorer("accuracy")(model, X, PARTLY, sample_weight=weight) == pytest.approx(expected)


def test_labelled_split_requests_groups_if_its_splitter_does():
    groups = np.arange(60) % 6
    with config_context(enable_metadata_routing=True):
        scores = cross_validate(
            DummyClassifier(),
            X[:, 0],
            PARTLY,
            params={"groups": groups},
            cv=LabelledSplit(GroupKFold(2)),
            scoring=LabelledScorer("accuracy"),
        )
    assert len(scores["test_score"]) == 2
    assert LabelledSplit(3).get_metadata_routing().split.requests.get("groups") is not True


def test_what_tells_nothing_of_labels_is_refused():
    with pytest.raises(ValueError, match="LabelledSplit needs y"):
        next(LabelledSplit(2).split(X))
    with pytest.raises(ValueError, match="no labelled series to score on"):
        LabelledScorer()(DummyClassifier(), X, np.full(60, -1))


def test_folds_are_counted_over_labelled_series():
    groups = np.arange(60) // 6
    assert LabelledSplit(LeaveOneOut()).get_n_splits(X, PARTLY) == 24
    assert LabelledSplit(LeaveOneGroupOut()).get_n_splits(X, PARTLY, groups) == 4
    assert len(list(LabelledSplit(LeaveOneGroupOut()).split(X, PARTLY, groups))) == 4
    assert LabelledSplit(3).get_n_splits() == 3


def test_folds_have_all_series_in_order():
    labelled = []
    for train, test in LabelledSplit(3).split(X, PARTLY):
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(60))
        assert (np.diff(train) > 0).all()
        labelled.extend(test)
    assert sorted(labelled) == list(range(24))
