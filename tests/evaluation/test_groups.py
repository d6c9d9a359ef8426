"""Groups, marks of unlabelled series and NumPy's generator in probes, curves and reports."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.callbacks import OnlineProbe
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import dissect, knn_probe, label_efficiency, linear_probe, robustness_report, svm_probe
from sklearn_ssl.evaluation._folds import checked_folds
from sklearn_ssl.evaluation._targets import Targets

PROBES = [linear_probe, knn_probe, svm_probe]
PEOPLE = np.array(["ann", "bob", "cy", "di", "ed", "flo"])


@pytest.fixture
def people():
    """Return an embedding in which people are far apart and classes are not, with the classes and the people."""
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(PEOPLE, 10))
    y = rng.integers(0, 2, size=60)
    H = rng.normal(size=(60, 4)) + 20 * np.searchsorted(PEOPLE, groups)[:, None]
    return H, y, groups


def folds_of(people, cv, task="auto"):
    H, y, groups = people
    targets = Targets.checked(H, y, None, None, task, groups=groups)
    return checked_folds(targets, cv, seed=0)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("cv", [2, 5, 20, GroupKFold(3), LeaveOneGroupOut()])
def test_no_fold_tears_a_group_apart(people, cv, task):
    folds = folds_of(people, cv, task)
    groups = people[2]
    assert (
        len(folds) == {2: 2, 5: 5, 20: 6, GroupKFold: 3, LeaveOneGroupOut: 6}[cv if isinstance(cv, int) else type(cv)]
    )
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(60))


def test_a_number_of_folds_is_stratified_and_shuffled_by_the_seed(people):
    H, y, groups = people
    expected = StratifiedGroupKFold(3, shuffle=True, random_state=0).split(H, y, groups)
    for (train, test), (its_train, its_test) in zip(folds_of(people, 3), expected, strict=True):
        assert_array_equal(train, its_train)
        assert_array_equal(test, its_test)
    expected = GroupKFold(3, shuffle=True, random_state=0).split(H, y, groups)
    for (_, test), (_, its_test) in zip(folds_of(people, 3, "regression"), expected, strict=True):
        assert_array_equal(test, its_test)


def test_folds_are_no_more_than_the_groups_of_a_class(people):
    H, y, groups = people
    y = np.where(np.isin(groups, ["ann", "bob", "cy"]), y, 0)
    assert len(folds_of((H, y, groups), 5)) == 3


@pytest.mark.parametrize("probe", PROBES)
def test_probes_take_groups(people, probe):
    H, y, groups = people
    of_people = y.copy()
    for name in PEOPLE:
        of_people[groups == name] = len(name) == 2  # each person has one class, which is known if the person is known
    if probe is not linear_probe:
        assert probe(None, H, of_people, cv=3).score == 1
        assert probe(None, H, of_people, groups=groups, cv=3).score < 0.8
    by_splitter = probe(None, H / 100, y, groups=groups, cv=GroupKFold(2))
    by_list = probe(None, H / 100, y, cv=list(GroupKFold(2).split(H, y, groups)))
    assert_array_equal(by_splitter.predictions, by_list.predictions)


@pytest.mark.parametrize("kind", [list, lambda groups: [(name, 1) for name in groups], np.asarray])
def test_groups_of_every_kind(people, kind):
    H, y, groups = people
    given = kind(groups)
    if isinstance(given[0], tuple):
        given = np.fromiter(given, dtype=object, count=60)
    assert linear_probe(None, H, y, groups=given).scores["accuracy"].tolist() == (
        linear_probe(None, H, y, groups=groups).scores["accuracy"].tolist()
    )


def test_held_out_groups_are_whole(people):
    H, y, groups = people
    for task, target in (("classification", y), ("regression", H[:, 0])):
        curve = label_efficiency(None, H, target, groups=groups, fractions=(0.2, 1.0), n_draws=2, task=task)
        held_out = set(groups[curve.test_rows])
        assert held_out
        assert not held_out & {name for rows in curve.rows[-1] for name in groups[rows]}
        assert len(curve.test_rows) + len(curve.rows[-1][0]) == 60
        assert 10 <= len(curve.test_rows) <= 30


def test_held_out_groups_have_the_share_of_every_class():
    sizes = np.repeat(np.arange(8), [30, 4, 5, 6, 3, 4, 5, 3])
    y = np.tile([0, 1, 2], 20)
    curve = label_efficiency(None, np.random.default_rng(0).normal(size=(60, 2)), y, groups=sizes, fractions=[1.0])
    tested = np.bincount(y[curve.test_rows])
    assert np.abs(tested - 6).max() <= 1
    other = label_efficiency(None, np.zeros((60, 2)), y, groups=sizes, fractions=[1.0], random_state=3, test_size=0.6)
    assert 30 <= len(other.test_rows) <= 46


@pytest.mark.parametrize("score", [linear_probe, knn_probe, svm_probe, label_efficiency])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": [1, 2]}, "`groups` has shape (2,), but `X` has 60 series"),
        ({"groups": [None] + [1, 2] * 29 + [3]}, "`groups` is missing in row 0"),
        ({"groups": ["ann"] * 60}, "`groups` has one group only, 'ann'"),
        (
            {"groups": PEOPLE[np.arange(60) % 6], "X_test": np.zeros((5, 4)), "y_test": [0, 1, 0, 1, 1]},
            "a test part is given",
        ),
    ],
)
def test_bad_groups(people, score, changes, message):
    H, y, _ = people
    with pytest.raises(ValueError, match=re.escape(message)):
        score(None, H, y, **changes)


@pytest.mark.parametrize(
    ("cv", "grouped", "message"),
    [
        (
            StratifiedKFold(3),
            True,
            "of the cross-validation tests series of the group '",
        ),
        (KFold(3), True, "or set `groups` to None"),
        (GroupKFold(9), True, "does not fit the 60 series and the 6 groups"),
        (
            GroupKFold(3),
            False,
            "`cv`=GroupKFold(n_splits=3, random_state=None, shuffle=False) does not fit the 60 series",
        ),
        (StratifiedKFold(59), False, "does not fit the 60 series"),
    ],
)
def test_folds_that_do_not_fit_groups(people, cv, grouped, message):
    H, y, groups = people
    with pytest.raises(ValueError, match=re.escape(message)):
        linear_probe(None, H, y, cv=cv, groups=groups if grouped else None)


def test_a_class_of_one_group_has_a_message(people):
    H, _, groups = people
    with pytest.raises(ValueError, match=r"one class only in its training part\. Give more groups"):
        linear_probe(None, H, (groups == "ann").astype(int) + 5, groups=np.where(groups == "ann", 1, 2))
    with pytest.raises(ValueError, match="No choice of groups leaves every class in the training part: there are 2"):
        label_efficiency(None, H, groups == "ann", groups=np.where(groups == "ann", 1, 2))


def test_online_probe_takes_groups(people):
    _, y, groups = people
    probe = OnlineProbe(np.zeros((60, 1, 8)), y, groups=groups)
    dataset = type("Dataset", (), {"takes_channels": lambda n_channels: n_channels == 1})
    probe._prepare(None, dataset)
    for train, test in probe.folds_:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("score", [linear_probe, knn_probe, svm_probe, label_efficiency])
def test_a_mark_of_unlabelled_series_is_no_class_unless_said_so(people, score):
    H = people[0][:45] / 100
    y = np.random.default_rng(0).permutation(np.repeat([-1, 0, 1], 15))
    with pytest.raises(ValueError, match=r"`y` has -1 in row .* If it is a class, set `unlabelled` to None"):
        score(None, H, y)
    assert score(None, H, y, unlabelled=None) is not None
    assert score(None, H, y.astype(str)) is not None  # a text is never the number -1
    assert score(None, H[:9], y[:9].astype(float), task="regression") is not None
    with pytest.raises(ValueError, match="`y` has '0' in row"):
        score(None, H, y.astype(str), unlabelled="0")
    with pytest.raises(ValueError, match="`y_test` has -1 in row 1"):
        score(None, H, y + 1, X_test=H[:2], y_test=[0, -1])
    with pytest.raises(ValueError, match="`unlabelled` must be a number, a text or None, got"):
        score(None, H, y, unlabelled=[1])


def test_robustness_leaves_out_what_the_model_takes_for_unlabelled():
    X, y = make_waves(n_cases=24, n_timepoints=20, n_classes=2, random_state=0)
    partly = np.where(np.arange(24) < 16, np.array(["a", "b"])[y], "?")
    transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0)
    model = make_pipeline(SSLClassifier(transformer, unlabelled="?", random_state=0)).fit(X, partly)
    for one in (model, model[-1]):
        assert robustness_report(one, X, partly, corruptions=["gaps"], severities=[0.5]).n_cases == 16


def test_dissection_refuses_a_mark_too():
    X, y = np.random.default_rng(0).normal(size=(12, 1, 20)), np.tile([-1, 0, 1], 4)
    encoder = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"set `unlabelled` to None"):
        dissect(encoder, X, y=y)
    assert set(dissect(encoder, X, y=y, unlabelled=None).table["class"].dropna()) <= {-1, 0, 1}


def numpy_state():
    return np.random.get_state()[1].tolist(), np.random.get_state()[2]  # noqa: NPY002


@pytest.mark.parametrize(
    "call",
    [
        lambda H, y, z: svm_probe(None, H, y),
        lambda H, y, z: svm_probe(None, H, z),
        lambda H, y, z: svm_probe(None, H, y, X_test=H, y_test=y, scale=True),
        lambda H, y, z: label_efficiency(None, H, y, probe="svm", fractions=[0.5]),
        lambda H, y, z: label_efficiency(None, H, z, probe=SVR(), fractions=[0.5]),
        lambda H, y, z: label_efficiency(None, H, z, probe=make_pipeline(StandardScaler(), SVR()), fractions=[0.5]),
        lambda H, y, z: label_efficiency(None, H, z, probe=GridSearchCV(SVR(), {"C": [1, 2]}), fractions=[0.5]),
        lambda H, y, z: label_efficiency(None, H, y, probe=SVC(), fractions=[0.5]),
        lambda H, y, z: linear_probe(None, H, y),
        lambda H, y, z: knn_probe(None, H, y),
    ],
)
def test_numpys_generator_is_left_alone(people, call):
    H = people[0] / 100
    before = numpy_state()
    call(H, H[:, 0] > 0.5, H[:, 0] + H[:, 1])
    assert numpy_state() == before


def test_svm_probe_draws_nothing_while_other_threads_draw(people, monkeypatch):
    """A generator that is put back afterwards would undo the draws that other threads made meanwhile."""
    H = people[0] / 100
    touched = []
    for name in ("get_state", "set_state"):
        monkeypatch.setattr(np.random, name, lambda *a, name=name: touched.append(name))
    svm_probe(None, H, H[:, 0] > 0.5)
    svm_probe(None, H[:9], H[:9, 0])
    assert not touched
