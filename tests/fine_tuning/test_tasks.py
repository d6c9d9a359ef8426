"""Labels as a companion of the series, and the two tasks."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_ssl.fine_tuning import is_labelled
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.fine_tuning._tasks import ClassTask, Labels, NumberTask
from sklearn_ssl.losses import weighted_cross_entropy, weighted_squared_error

LABELS = Labels(np.array([1, 3]), np.array([4, 5]), np.array([0.5, 2.0]))
CPU = torch.device("cpu")


def test_labels_alone_are_those_of_the_labelled_series():
    rows = LABELS.alone().of_rows(torch.tensor([1, 0]))
    assert rows["target"].tolist() == [5, 4]
    assert rows["weight"].tolist() == [2.0, 0.5]
    assert rows["weight"].dtype == torch.float32


def test_labels_among_all_series_have_zeros_for_the_others():
    every = LABELS.among(5).to(CPU)
    assert every.target.tolist() == [0, 4, 0, 5, 0]
    assert every.weight.tolist() == [0, 0.5, 0, 2.0, 0]
    assert every.target.dtype == torch.int64


def test_some_of_the_labels():
    part = LABELS[np.array([1])]
    assert (part.rows.tolist(), part.target.tolist(), part.weight.tolist()) == ([3], [5], [2.0])
    assert len(part) == 1


def test_content_tells_targets_and_weights_apart():
    others = [
        Labels(LABELS.rows, np.array([4, 6]), LABELS.weight),
        Labels(LABELS.rows, LABELS.target, np.array([0.5, 1.0])),
        Labels(np.array([1, 2]), LABELS.target, LABELS.weight),
    ]
    contents = {one.among(5).content() for one in [LABELS, *others]}
    assert len(contents) == 4
    assert LABELS.among(5).content() == Labels(LABELS.rows, LABELS.target, LABELS.weight).among(5).content()


def test_the_first_labels_fix_the_classes():
    task = ClassTask("Model", None)
    labels = task.labels(["b", "a", "b"], 3, None)
    assert_array_equal(task.classes, ["a", "b"])
    assert labels.target.tolist() == [1, 0, 1]
    assert task.labels(["b"], 1, None).target.tolist() == [1]
    with pytest.raises(ValueError, match=r"classes \['c'\], but the classes to expect are \['a', 'b'\]"):
        task.labels(["c"], 1, None)
    assert task.n_outputs == 2


def test_classes_can_be_given():
    assert ClassTask("Model", None, classes=[2, 0, 2]).labels([2, -1], 2, None).target.tolist() == [1]


def test_weights_of_classes_and_series_multiply():
    labels = ClassTask("Model", {0: 2.0, 1: 3.0}, classes=[0, 1]).labels([0, 1, -1, 1], 4, [1.0, 1.0, 9.0, 0.5])
    assert labels.weight.tolist() == [2.0, 3.0, 1.5]
    assert labels.rows.tolist() == [0, 1, 3]


def test_series_of_two_classes_with_a_weight_are_needed():
    task = ClassTask("Model", None)
    with pytest.raises(ValueError, match=r"Model needs .* one class only: \[1\]"):
        task.check_learnable(task.labels([0, 1], 2, [0.0, 1.0]))
    task.check_learnable(task.labels([0, 1], 2, [0.5, 1.0]))


def test_a_hold_out_keeps_the_shares_of_classes_only():
    task = ClassTask("Model", None)
    assert task.strata(task.labels([0, 1, 1], 3, None)).tolist() == [0, 1, 1]
    assert NumberTask("Model").strata(LABELS) is None


def test_the_first_numbers_fix_the_scale():
    task = NumberTask("Model")
    labels = task.labels([1.0, np.nan, 3.0], 3, None)
    assert labels.target.ravel().tolist() == [-1.0, 1.0]
    assert labels.rows.tolist() == [0, 2]
    assert task.labels([4.0], 1, None).target.ravel().tolist() == [2.0]
    assert task.predictions(np.array([[0.0], [2.0]])).tolist() == [2.0, 4.0]
    assert task.n_outputs == 1


def test_several_numbers_of_a_series():
    task = NumberTask("Model")
    labels = task.labels(np.array([[1.0, 10.0], [3.0, np.nan], [np.nan, 10.0], [np.nan, np.nan]]), 4, None)
    assert_array_equal(labels.target, [[-1.0, 0.0], [1.0, np.nan], [np.nan, 0.0]])
    assert task.scale.tolist() == [1.0, 1.0]
    assert task.predictions(np.zeros((2, 2))).tolist() == [[2.0, 10.0]] * 2
    with pytest.raises(ValueError, match="y has the shape"):
        task.labels([1.0, 2.0], 2, None)
    with pytest.raises(ValueError, match="with a weight above 0"):
        task.labels(np.array([[1.0, 1.0], [np.nan, np.nan]]), 2, [0.0, 1.0])


def test_heads_start_from_ridge():
    rng = np.random.default_rng(0)
    H = rng.normal(size=(30, 3)).astype(np.float32)
    task = NumberTask("Model")
    weight, bias, error = task.start(H, task.labels(H @ [1.0, 2.0, 0.0] + 5, 30, None), 1e-3)
    assert weight.ravel() * task.scale == pytest.approx([1, 2, 0], abs=1e-2)
    assert bias.shape == (1,)
    assert 0 < error < 1e-4
    classes = ClassTask("Model", None, classes=[0, 1, 2])
    weight, bias, _ = classes.start(H, classes.labels((H[:, 0] > 0).astype(int), 30, None), 1.0)
    assert weight.shape == (3, 3)
    assert not weight[2].any()  # nothing is known of the third class
    assert bias[2] < min(bias[:2])
    assert weight[1, 0] > 0 > weight[0, 0]
    assert not classes.start(H[:2], classes.labels([1, 1], 2, None), 1.0)[0].any()


def test_targets_are_not_rounded():
    labels = NumberTask("Model").labels([0.0, 1.0, 5.0], 3, [0.25, 1.5, 1.0])
    np.testing.assert_allclose(labels.target.ravel(), (np.array([0, 1, 5]) - 2) / np.sqrt(14 / 3), rtol=1e-6)
    assert labels.target.dtype == np.float32
    assert labels.alone().weight.tolist() == [0.25, 1.5, 1.0]


def test_constant_targets_are_only_shifted():
    task = NumberTask("Model")
    assert task.labels([3.0, 3.0], 2, None).target.ravel().tolist() == [0.0, 0.0]
    assert task.scale == 1


NUMBERS = np.array([0.25, 1.5, 1.0, 7.0])
WAYS_TO_GIVE_NUMBERS = {
    "list": NUMBERS.tolist(),
    "float32": NUMBERS.astype(np.float32),
    "series": pd.Series(NUMBERS, index=[3, 1, 2, 0]),
    "nullable": pd.Series(NUMBERS, dtype="Float64"),
    "objects": NUMBERS.astype(object),
    "texts": [str(one) for one in NUMBERS],
    "tensor": torch.tensor(NUMBERS),
    "masked": np.ma.masked_array(NUMBERS),
}


@pytest.mark.parametrize("y", WAYS_TO_GIVE_NUMBERS.values(), ids=WAYS_TO_GIVE_NUMBERS.keys())
def test_equal_numbers_are_learnt_alike_in_whatever_container(y):
    expected, task = NumberTask("Model"), NumberTask("Model")
    assert_array_equal(task.labels(y, 4, None).target, expected.labels(NUMBERS, 4, None).target)
    predicted = task.predictions(np.ones((2, 1), np.float32))
    assert predicted.dtype == np.float32
    assert_array_equal(predicted, expected.predictions(np.ones((2, 1), np.float32)))


CLASSES = np.array([3, 1, -1, 1])
WAYS_TO_GIVE_CLASSES = {
    "list": CLASSES.tolist(),
    "float": CLASSES.astype(float),
    "int8": CLASSES.astype(np.int8),
    "objects": CLASSES.astype(object),
    "series": pd.Series(CLASSES, index=[3, 1, 2, 0]),
    "nullable": pd.Series(CLASSES, dtype="Int64"),
    "categories": pd.Series(CLASSES, dtype="category"),
    "tensor": torch.tensor(CLASSES),
}


@pytest.mark.parametrize("y", WAYS_TO_GIVE_CLASSES.values(), ids=WAYS_TO_GIVE_CLASSES.keys())
def test_equal_classes_are_learnt_alike_in_whatever_container(y):
    task = ClassTask("Model", None, classes=[1, 3])
    labels = task.labels(y, 4, None)
    assert labels.rows.tolist() == [0, 1, 3]
    assert labels.target.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "y",
    [
        ["b", -1, "a"],
        np.array(["b", -1, "a"], dtype=object),
        pd.Series(["b", -1, "a"]),
        pd.Categorical(["b", -1, "a"]),
    ],
)
def test_minus_one_marks_series_among_texts(y):
    task = ClassTask("Model", None)
    assert task.labels(y, 3, None).rows.tolist() == [0, 2]
    assert task.classes.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("mark", "y", "classes"),
    [
        (None, [1, -1, 1], [-1, 1]),
        (-9, [1, -9, -1], [-1, 1]),
        (0, [1, 0, 2.0], [1, 2]),
        ("?", ["b", "?", "a"], ["a", "b"]),
        ("-1", ["b", "-1", "a"], ["a", "b"]),
        (np.nan, [1, np.nan, 2], [1, 2]),
        (np.nan, ["b", None, "a"], ["a", "b"]),
        (np.nan, pd.Series(["b", pd.NA, "a"], dtype="string"), ["a", "b"]),
        (pd.NA, pd.Series([1, pd.NA, 2], dtype="Int64"), [1, 2]),
        (np.nan, [2, -1, -1], [-1, 2]),
    ],
)
def test_the_mark_of_unlabelled_series_can_be_named(mark, y, classes):
    task = ClassTask("Model", None, unlabelled=mark)
    labels = task.labels(y, 3, None)
    assert task.classes.tolist() == classes
    assert_array_equal(np.isin([0, 1, 2], labels.rows), is_labelled(y, mark))


@pytest.mark.parametrize("y", [["-1", "1", "-1"], np.array(["-1.0", "1.0", "1.0"])])
def test_labels_of_the_archive_are_classes(y):
    task = ClassTask("Model", None)
    assert task.labels(y, 3, None).rows.tolist() == [0, 1, 2]
    assert len(task.classes) == 2


def test_the_text_minus_one_is_a_doubt_that_the_parameter_ends():
    for y, kept in (["walk", "run", "-1"], ["walk", "run"]), (["walk", "-1", "-1"], ["walk"]):
        with pytest.raises(ValueError, match=r"texts, and '-1' is among them.*`unlabelled` to '-1'.*to None"):
            ClassTask("Model", None).labels(y, 3, None)
        for mark, classes in (("-1", kept), (None, [*kept, "-1"])):
            task = ClassTask("Model", None, unlabelled=mark)
            task.labels(y, 3, None)
            assert task.classes.tolist() == sorted(classes)
    with pytest.warns(UserWarning, match=r"text '-1', and it is learnt as a class.*`unlabelled` to '-1'"):
        ClassTask("Model", None).labels(["0", "1", "-1"], 3, None)


@pytest.mark.parametrize("y", [[-1, 0, 1] * 5, [-1, 1, 2, 3, 1] * 2, [-2, -1, 0] + [-1] * 9, [-1.0, 0.0, 1.0]])
def test_a_class_that_is_lost_to_the_mark_is_warned_of(y):
    with pytest.warns(UserWarning, match=r"have the label -1.*`unlabelled` to None"):
        ClassTask("Model", None).labels(y, len(y), None)
    ClassTask("Model", None, unlabelled=None).labels(y, len(y), None)
    ClassTask("Model", None).labels([0, 1] * 5 + [-1] * 10, 20, None)  # half of the series labelled: no doubt
    task = ClassTask("Model", None, classes=sorted(set(y) - {-1}))
    task.labels(y, len(y), None)  # whoever names the classes is in no doubt


def test_the_mark_is_no_class_to_expect():
    with pytest.raises(ValueError, match=r"`classes` has -1, which marks .*`unlabelled` to None"):
        ClassTask("Model", None, classes=[-1, 1])
    assert ClassTask("Model", None, classes=[-1, 1], unlabelled=None).classes.tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, "a", 2], r"all texts or all numbers, and y has 1 \(int\), 'a' \(str\)"),
        ([pd.Timestamp(2020, 1, day) for day in (1, 2, 3)], r"and y has .*\(Timestamp\)"),
        ([1, None, 2], r"y has None in series 1.*`unlabelled` to numpy.nan"),
        ([1.5, 2.5, 3.5], "Unknown label type: continuous"),
        ([1.0, np.inf, 2.0], "infinity"),
        ([-1, -1, -1], "has none: all are unknown"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        ClassTask("Model", None).labels(y, 3, None)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1e200, 2e200, np.nan], r"size 2e\+200, whose square is infinite"),
        ([np.finfo(float).max, 0, 0], "square is infinite"),
        ([1e-200, 2e-200, np.nan], "differ by 1e-200 only"),
        (np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"), "must be numbers.*got times"),
        (["a", "b", "c"], "must be numbers.*SSLClassifier"),
        (np.zeros(3, dtype=[("a", "f8"), ("b", "f8")]), "records with the fields"),
        ([1j, 2j, 3j], "Complex data not supported"),
    ],
)
def test_targets_that_cannot_be_learnt_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        NumberTask("Model").labels(y, 3, None)


def test_later_targets_must_be_in_the_unit_of_the_first():
    task = NumberTask("Model")
    task.labels([1.0, 2.0], 2, None)
    with pytest.raises(ValueError, match="standard deviations away from the mean of the targets that were learnt"):
        task.labels([1.0, 1e20], 2, None)


def test_a_column_of_numbers_is_read_as_a_list_with_a_warning():
    task = NumberTask("Model")
    with pytest.warns(UserWarning, match="1d array was expected"):
        task.labels([[1.0], [2.0]], 2, None)
    assert task.predictions(np.zeros((2, 1))).shape == (2,)


def test_classes_of_outputs():
    task = ClassTask("Model", None, classes=["b", "a"])
    assert task.predictions(np.array([[0.0, 1.0], [2.0, 1.0]])).tolist() == ["b", "a"]
    logarithms = task.log_probabilities(np.array([[0.0, 200.0]], np.float32))
    assert logarithms.tolist() == [[-200.0, 0.0]]
    assert np.exp(logarithms)[0, 0] > 0  # it would be 0 in single precision


def test_losses_of_the_tasks():
    assert ClassTask("Model", None).loss is weighted_cross_entropy
    assert NumberTask("Model").loss is weighted_squared_error


def test_unseen_classes_have_the_lowest_scores():
    H = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    task = ClassTask("Model", None, classes=[0, 1, 2])
    labels = task.labels(np.where(H[:, 0] > 0, 2, 0), 30, None)
    weight, bias, error = task.start(H, labels, 1.0)
    head = ridge_head(H, np.where(H[:, :1] > 0, [[-1.0, 1.0]], [[1.0, -1.0]]), np.ones(30), 1.0)
    scaled = calibrated(head, labels.target // 2, np.ones(30))
    np.testing.assert_allclose(weight[[0, 2]], scaled.weight)
    np.testing.assert_allclose(bias, [scaled.bias[0], -np.abs(scaled.left_out).max(), scaled.bias[1]])
    assert error == head.error


def test_series_of_weight_zero_do_not_move_the_start():
    rng = np.random.default_rng(0)
    H, counted = rng.normal(size=(30, 3)).astype(np.float32), np.arange(30) < 20
    for task, y in ((ClassTask("Model", None), np.arange(30) % 3), (NumberTask("Model"), rng.normal(size=30))):
        labels = task.labels(y, 30, counted.astype(float))
        wrong = Labels(labels.rows, np.where(counted, labels.target.T, labels.target.T[..., ::-1]).T, labels.weight)
        for mine, theirs in zip(task.start(H, labels, None), task.start(H, wrong, None), strict=True):
            assert_array_equal(mine, theirs)


def test_the_error_of_several_numbers_is_their_mean():
    rng = np.random.default_rng(0)
    H, y = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=(30, 2))
    task = NumberTask("Model")
    labels = task.labels(y, 30, None)
    each = [ridge_head(H, labels.target[:, [k]], np.ones(30), 1.0).error for k in (0, 1)]
    assert task.start(H, labels, 1.0)[-1] == pytest.approx(np.mean(each))
    weight, bias, error = task.start(H, Labels(labels.rows, labels.target, np.zeros(30)), 1.0)
    assert not weight.any()
    assert (bias.tolist(), error) == ([0, 0], 0)


@pytest.mark.parametrize("task", [ClassTask("Model", None), NumberTask("Model")], ids=["classes", "numbers"])
def test_weights_that_are_refused(task):
    y = [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="Negative values"):
        task.labels(y, 3, [1.0, -1.0, 1.0])
    with pytest.raises(ValueError, match="sample_weight"):
        task.labels(y, 3, [1.0, 1.0])
    with pytest.raises(ValueError, match="inconsistent"):
        task.labels(y, 4, None)
    with pytest.raises(ValueError, match="requires y"):
        task.labels(None, 3, None)


def test_many_classes_are_no_reason_to_warn():
    y = np.repeat(np.arange(40), 2).astype(str)
    assert ClassTask("Model", None).labels(y, 80, None).target.max() == 39
    assert ClassTask("Model", None, classes=np.arange(40)).labels([3, 4], 2, None).target.tolist() == [3, 4]
    with pytest.raises(ValueError, match="Unknown label type"):
        ClassTask("Model", None, classes=[0.5, 1.5])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, 1, 2, 3], np.float32),
        ([0.1, 0.25, np.nan, 1e3], np.float32),
        ([1.7e9, 1.7e9 + 1, 1.7e9 + 2], np.float64),  # seconds since 1970
        ([1e35, 2e35, 4e35], np.float64),
        ([1e-35, 2e-35, 4e-35], np.float64),
        ([-0.9e-30, 0.9e-30], np.float64),
        ([-1.5e-30, 1.5e-30], np.float32),
        ([-0.9e30, 0.9e30], np.float32),
        ([-1.1e30, 1.1e30], np.float64),
        ([[1.0, 1.7e9], [2.0, 1.7e9 + 1]], np.float64),
        ([[1.0, 2.0], [2.0, 1.0]], np.float64),
        ([5.0, 5.0], np.float32),
    ],
)
def test_the_precision_of_predictions_follows_from_the_values_of_the_targets(y, expected):
    for container in (list, np.array):
        task = NumberTask("Model")
        labels = task.labels(container(y), len(y), None)
        predicted = task.predictions(labels.target)
        assert predicted.dtype == expected
        known = np.asarray(y)[labels.rows]
        np.testing.assert_allclose(predicted.reshape(known.shape) - known, 0, atol=1e-4 * np.max(task.scale))
