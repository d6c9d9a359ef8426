import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB

from sklearn_ssl.preprocessing import aggregate_windows, window_recordings


def naive_windows(recordings, length, step):
    windows, source = [], []
    for index, recording in enumerate(recordings):
        start = 0
        while start + length <= len(recording[0]):
            windows.append([channel[start : start + length] for channel in recording])
            source.append((index, start))
            start += step
    return windows, source


def naive_majority(labels):
    return min(set(labels), key=lambda label: (-labels.count(label), label))


@pytest.fixture
def recordings():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, steps)) for steps in (17, 9, 30)]


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(5, 40), min_size=1, max_size=4), length=st.integers(1, 5), step=st.integers(1, 9))
def test_windows_are_those_of_the_naive_loop(steps, length, step):
    recordings = [np.random.default_rng(size).normal(size=(2, size)) for size in steps]
    windows, labels, groups = window_recordings(recordings, length=length, step=step)
    expected, source = naive_windows([recording.tolist() for recording in recordings], length, step)
    assert windows.tolist() == expected
    assert labels is None
    assert groups.tolist() == [index for index, _ in source]


@pytest.mark.parametrize("step", [1, 3, 4, 9])
def test_arrays_of_every_form(step, recordings):
    X = np.stack([recording[:, :9] for recording in recordings])
    expected = window_recordings(list(X), length=4, step=step)
    for form in (X, torch.from_numpy(X), X.tolist(), [torch.from_numpy(recording) for recording in X]):
        windows, _, groups = window_recordings(form, length=4, step=step)
        assert_array_equal(windows, expected[0])
        assert_array_equal(groups, expected[2])
    assert_array_equal(window_recordings(X[:, 0], length=4, step=step)[0], expected[0][:, :1])


def test_numbers_among_objects_are_numbers():
    X = np.arange(12).reshape(1, 2, 6).astype(object)
    X[0, 0, 1] = None
    windows = window_recordings(X, length=3)[0]
    assert windows.dtype == np.float64
    assert_array_equal(windows[0], [[0, np.nan, 2], [6, 7, 8]])


def test_lists_of_numbers_are_recordings_of_one_channel():
    assert window_recordings([[1, 2, 3], [4, 5]], length=2, step=1)[0].tolist() == [[[1, 2]], [[2, 3]], [[4, 5]]]


@pytest.mark.parametrize("rest", ["drop", "pad", "overlap"])
@pytest.mark.parametrize("short", ["skip", "pad"])
@pytest.mark.parametrize(("length", "step"), [(5, 5), (5, 2), (4, 7), (3, 3)])
def test_short_recordings_and_the_rest_are_those_of_a_naive_loop(rest, short, length, step):
    recordings = [np.arange(float(steps))[None] + 100 * steps for steps in (4, 12, 5, 6, 18)]
    expected = []
    for recording in recordings:
        (steps,) = recording.tolist()
        windows = [steps[start : start + length] for start in range(0, len(steps) - length + 1, step)]
        if not windows:
            windows = [steps + [np.nan] * (length - len(steps))] if short == "pad" else []
        elif windows[-1][-1] != steps[-1]:
            left = steps[len(windows) * step :]
            padded = [left + [np.nan] * (length - len(left))] if left else []
            windows += {"drop": [], "pad": padded, "overlap": [steps[-length:]]}[rest]
        expected += windows
    windows, labels, groups = window_recordings(
        recordings, list("abcde"), length=length, step=step, short=short, rest=rest
    )
    assert_array_equal(windows[:, 0], expected)
    assert labels.tolist() == ["abcde"[group] for group in groups]


def test_padded_windows_of_whole_numbers_are_numbers_with_nan():
    windows, labels, _ = window_recordings(
        np.arange(7, dtype=np.int16)[None, None], [[1, 1, 1, 2, 2, 3, 3]], length=5, rest="pad"
    )
    assert windows.dtype == np.float32
    assert_array_equal(windows[1, 0], [5, 6, np.nan, np.nan, np.nan])
    assert labels.tolist() == [1, 3]  # the label of steps that are there


def test_default_step_is_the_length(recordings):
    windows, _, groups = window_recordings(recordings, length=4)
    assert_array_equal(windows[1], recordings[0][:, 4:8])
    assert np.bincount(groups).tolist() == [4, 2, 7]


def test_padding_is_no_window_and_gaps_stay(recordings):
    padded = np.full((3, 2, 30), np.nan)
    for row, recording in zip(padded, recordings, strict=True):
        row[:, : recording.shape[1]] = recording
    padded[0, 1, 2] = recordings[0][1, 2] = np.nan
    windows, _, groups = window_recordings(padded, length=5, step=2)
    expected = window_recordings(recordings, length=5, step=2)
    assert_array_equal(windows, expected[0])
    assert_array_equal(groups, expected[2])
    assert np.isnan(windows).sum() == 2  # in the windows that start at steps 0 and 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("form", ["array", "list"])
def test_windows_of_one_recording_are_a_view(dtype, form):
    recording = np.arange(200, dtype=dtype).reshape(2, 100)
    windows, _, _ = window_recordings([recording] if form == "list" else recording[None], length=10, step=2)
    assert windows.shape == (46, 2, 10)
    assert windows.dtype == dtype
    assert np.shares_memory(windows, recording)
    assert not windows.flags.writeable


def test_memory_map_stays_one(tmp_path):
    recording = np.memmap(tmp_path / "recording.bin", dtype=np.float32, mode="w+", shape=(2, 100))
    recording[:] = np.arange(200).reshape(2, 100)
    for form in ([recording], recording[None]):
        windows, _, _ = window_recordings(form, length=10, step=1)
        assert isinstance(windows, np.memmap)
        assert np.shares_memory(windows, recording)


def test_one_label_a_recording(recordings):
    windows, labels, groups = window_recordings(recordings, ["b", "a", "b"], ["p", "q", "p"], length=4)
    assert len(windows) == 13
    assert labels.tolist() == ["b"] * 4 + ["a"] * 2 + ["b"] * 7
    assert groups.tolist() == ["p"] * 4 + ["q"] * 2 + ["p"] * 7


@pytest.mark.parametrize("label", ["majority", "last"])
def test_one_label_a_time_step(label, recordings):
    rng = np.random.default_rng(0)
    y = [rng.choice(["walk", "run", "sit"], size=recording.shape[1]) for recording in recordings]
    _, labels, _ = window_recordings(recordings, y, length=6, step=2, label=label)
    _, source = naive_windows(recordings, 6, 2)
    parts = [y[index][start : start + 6].tolist() for index, start in source]
    assert labels.tolist() == [part[-1] if label == "last" else naive_majority(part) for part in parts]


def test_labels_of_padded_steps_do_not_count():
    X = np.ones((2, 1, 8))
    X[1, :, 5:] = np.nan
    y = np.array([[0, 0, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 9, 9, 9]])
    assert window_recordings(X, y, length=5, step=3)[1].tolist() == [1, 0, 0]
    assert window_recordings(X, [y[0], y[1, :5]], length=5, step=3)[1].tolist() == [1, 0, 0]


def test_forecasting_with_the_last_label():
    series = np.arange(20.0) / 7
    windows, target, _ = window_recordings(series[None, None, :-1], series[None, 1:], length=4, step=1, label="last")
    assert_allclose(target, windows[:, 0, -1] + 1 / 7)
    with pytest.raises(ValueError, match=r'y is continuous per time step .* label="last"'):
        window_recordings(series[None, None, :-1], series[None, 1:], length=4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"length": 10}, ValueError, "`length`=10 is longer than recording 1 of X, which has 9 steps"),
        ({"length": 0}, ValueError, "`length` must be a whole number of at least 1, got 0"),
        ({"length": 2.0}, TypeError, "`length` must be a whole number of time steps, got 2.0"),
        ({"step": 0}, ValueError, "`step` must be a whole number of at least 1, got 0"),
        ({"step": True}, TypeError, "`step` must be a whole number of time steps, got True"),
        (
            {"label": "first"},
            ValueError,
            "`label` must be one of 'majority', 'last', 'any', 'pure', 'mean', got 'first'",
        ),
        ({"y": [1, 2]}, ValueError, "y has 2 entries for 3 recordings"),
        ({"y": [[1] * 17, [1] * 8, [1] * 30]}, ValueError, "y has shape (8,) for recording 1, which has 9 time steps"),
        ({"groups": [1, 2]}, ValueError, "`groups` has 2 entries for 3 recordings"),
        ({"X": []}, ValueError, "X has dtype float64 and shape (0,)"),
        ({"X": np.ones((0, 2, 9))}, ValueError, "X has no recording"),
        ({"X": [np.ones((2, 9)), np.ones((1, 9))]}, ValueError, "recording 0 has 2 and recording 1 has 1"),
        ({"X": [[[1, 2, 3], [1, 2]]]}, ValueError, "Recordings of unequal length must be arrays of shape"),
        ({"X": np.ones((2, 9, 3))}, ValueError, "If the 9 channels are time steps, turn the axes"),
        ({"short": "drop"}, ValueError, "`short` must be one of 'error', 'skip', 'pad', got 'drop'"),
        ({"rest": True}, ValueError, "`rest` must be one of 'drop', 'pad', 'overlap', got True"),
        ({"label": 1.5}, ValueError, "`label` must be one of"),
        ({"y": "walk"}, ValueError, "names a column, but X is no table"),
        ({"case": "id"}, ValueError, "`case`=['id'] names a column, but X is no table"),
        ({"y": ["a", "b", None]}, ValueError, "`y` is missing for recording 2"),
        ({"y": [1, 2, 3], "events": []}, ValueError, "Give `y` or `events`, and not both"),
        ({"groups": [1, 2, 3], "block": 10}, ValueError, "Give `groups` or `block`, and not both"),
        ({"purge": 3}, ValueError, "`purge` leaves out time between blocks. Give `block` too"),
        ({"block": 6, "purge": 3}, ValueError, "A `block` of 6 steps has no room for a window of 4 and a `purge` of 3"),
        ({"background": [0]}, ValueError, "`background` must be one label, got [0]"),
        ({"max_gap": "1s"}, ValueError, "`max_gap` needs time stamps"),
        ({"length": 40, "short": "skip"}, ValueError, "No window is left"),
        ({"length": "2s"}, ValueError, "how many steps make a second is not known. Set `sampling_rate`"),
        (
            {"length": "2s", "sampling_rate": 0},
            ValueError,
            "`sampling_rate` must be a number of steps per second above",
        ),
        ({"length": "1ms", "sampling_rate": 1}, ValueError, "`length`='1ms' is shorter than one step"),
        ({"length": None}, ValueError, "`length` must be a whole number of time steps, or a duration such as"),
        ({"length": "10"}, ValueError, "got '10'. Write its unit"),
        ({"length": "ten"}, ValueError, "`length` must be a whole number of time steps, or a duration such as"),
        ({"length": "-1s"}, ValueError, "`length` must be longer than nothing"),
        ({"X": [np.full((2, 9), "a")]}, ValueError, "Recording 0 of X has dtype <U1"),
        ({"X": np.full((1, 2, 9), np.inf)}, ValueError, "infinite value"),
    ],
)
def test_bad_input(changes, error, message, recordings):
    with pytest.raises(error, match=re.escape(message)):
        window_recordings(**{"X": recordings, "length": 4, **changes})


@pytest.mark.parametrize("shape", [(12,), (12, 3)])
def test_mean_of_windows(shape):
    rng = np.random.default_rng(0)
    predictions, groups = rng.random(shape), np.array(list("zaazbbazbabb"))
    expected = [predictions[groups == group].mean(axis=0) for group in "zab"]
    assert_allclose(aggregate_windows(predictions, groups), expected)


def test_vote_of_windows():
    labels, groups = list("babcacbb"), [7, 7, 3, 3, 3, 5, 5, 5]
    assert aggregate_windows(labels, groups, method="vote").tolist() == ["a", "a", "b"]  # 1:1, 1:1:1, 2:1
    assert aggregate_windows([2, 2, 1], [0, 0, 0], "vote").tolist() == [2]


def test_windows_and_back(recordings):
    windows, labels, groups = window_recordings(recordings, ["b", "a", "b"], length=3, step=1)
    assert aggregate_windows(labels, groups, method="vote").tolist() == ["b", "a", "b"]
    assert_allclose(
        aggregate_windows(windows.mean(axis=2), groups)[:, 0], [np.mean(windows[groups == g, 0]) for g in range(3)]
    )


def test_no_window_of_a_recording_is_on_both_sides():
    rng = np.random.default_rng(0)
    recordings = [rng.normal(loc=label, size=(1, 40)) for label in [0, 3] * 5]
    windows, labels, groups = window_recordings(recordings, [0, 1] * 5, length=8, step=4)
    for train, test in GroupKFold(5).split(windows, labels, groups):
        assert not set(groups[train]) & set(groups[test])
    proba = cross_val_predict(
        GaussianNB(), windows[:, 0], labels, groups=groups, cv=GroupKFold(5), method="predict_proba"
    )
    assert aggregate_windows(proba, groups).argmax(axis=1).tolist() == [0, 1] * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [0]), "one entry per window and at least one window, got shapes (2,) and (1,)"),
        (([], []), "at least one window"),
        (([1], [0], "median"), "`method` must be one of 'mean', 'vote', got 'median'"),
        ((["a"], [0]), 'method="mean" needs numbers, got predictions of dtype <U1'),
        (([[0.2, 0.8]], [0], "vote"), 'method="vote" needs one label per window, got predictions of shape (1, 2)'),
    ],
)
def test_bad_aggregation(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        aggregate_windows(*arguments)


def test_what_a_masked_array_hides_is_missing():
    X = np.ma.masked_inside(np.arange(18.0).reshape(2, 1, 9), 4, 5)
    expected = window_recordings(X.filled(np.nan), length=3)[0]
    assert np.isnan(expected).sum() == 2
    for form in (X, list(X)):
        assert_array_equal(window_recordings(form, length=3)[0], expected)


def test_half_precision_of_torch():
    recordings = [torch.arange(8, dtype=torch.bfloat16)[None]]
    assert window_recordings(recordings, length=4)[0].dtype == np.float32


def test_the_recording_with_an_infinite_value_is_named():
    recordings = [np.zeros((1, 9)), np.zeros((1, 8)), np.full((1, 7), np.inf)]
    with pytest.raises(ValueError, match=r"infinite value .* in series 2, channel 0, time step 0"):
        window_recordings(recordings, length=3)


def test_minus_one_among_text_stays_a_number():
    recordings = np.zeros((2, 1, 6))
    assert window_recordings(recordings, ["a", -1], length=3)[1].tolist() == ["a", "a", -1, -1]
    per_step = [["a", "a", -1, -1, -1, "a"], ["b"] * 6]
    assert window_recordings(recordings, per_step, length=3)[1].tolist() == ["a", -1, "b", "b"]
    votes = np.array(["a", -1, "a", -1, -1, "b"], dtype=object)
    assert aggregate_windows(votes, [0, 0, 0, 1, 1, 1], "vote").tolist() == ["a", -1]
