"""Recordings in the form of tables are cut like the arrays that `as_collection` reads from them."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold

from sklearn_ssl.preprocessing import as_collection, window_recordings
from sklearn_ssl.preprocessing._step_times import _period

STEPS, SENSORS = 10, 12


def frames():
    rng = np.random.default_rng(0)
    return [pd.DataFrame(rng.normal(size=(STEPS, SENSORS))).rename(columns="sensor{}".format) for _ in range(3)]


def long_table(ids=(7, 3, 5)):
    """Return a long table in no order whose recordings first occur in the order of the ids."""
    table = pd.concat(
        [frame.assign(id=key, t=np.arange(STEPS) / 4) for key, frame in zip(ids, frames(), strict=True)],
        ignore_index=True,
    )
    others = table.index[~table.index.isin([0, STEPS, 2 * STEPS])]
    return table.loc[[0, STEPS, 2 * STEPS, *np.random.default_rng(1).permutation(others)]]


def dictionary():
    return dict(zip((7, 3, 5), frames(), strict=True))


def with_dates():
    dates = pd.date_range("2024-03-01", periods=STEPS, freq="1s")
    return [frame.set_index(dates).sample(frac=1, random_state=0) for frame in frames()]


FORMS = {
    "list of frames": (frames, {}, [0, 1, 2]),
    "list of frames with dates": (with_dates, {}, [0, 1, 2]),
    "list of frames with time": (lambda: [f.assign(t=range(STEPS))[::-1] for f in frames()], {"time": "t"}, [0, 1, 2]),
    "list of records": (lambda: [frame.to_records(index=False) for frame in frames()], {}, [0, 1, 2]),
    "dictionary of frames": (dictionary, {}, [7, 3, 5]),
    "dictionary of arrays": (
        lambda: {key: f.to_numpy().T for key, f in dictionary().items()},
        {"groups": [7, 3, 5]},
        [7, 3, 5],
    ),
    "list of arrays": (lambda: [frame.to_numpy().T for frame in frames()], {}, [0, 1, 2]),
    "array": (lambda: np.stack([frame.to_numpy().T for frame in frames()]), {}, [0, 1, 2]),
    "long table": (long_table, {"case": "id", "time": "t"}, [7, 3, 5]),
    "long table with a column less": (
        lambda: long_table().assign(note="?"),
        {"case": "id", "time": "t", "drop": "note"},
        [7, 3, 5],
    ),
    "long table with an index": (lambda: long_table().set_index(["id", "t"]), {}, [7, 3, 5]),
    "long table with texts as ids": (lambda: long_table(list("cab")), {"case": "id", "time": "t"}, list("cab")),
    "long table in order": (
        lambda: (
            long_table().sort_values(["t"]).drop(columns="t").assign(id=lambda table: table["id"].astype("category"))
        ),
        {"case": "id"},
        [7, 3, 5],
    ),
    "nested table": (
        lambda: pd.DataFrame([{name: one[name].to_numpy() for name in one} for one in frames()]),
        {},
        [0, 1, 2],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_windows(form):
    make, names, ids = FORMS[form]
    windows, labels, groups = window_recordings(make(), length=4, step=3, **names)
    read = as_collection(frames())  # (3, SENSORS, STEPS)
    assert_array_equal(windows, window_recordings(read, length=4, step=3)[0])
    assert labels is None
    assert groups.tolist() == [key for key in ids for _ in range(3)]


def test_one_frame_is_one_recording():
    frame = frames()[0]
    windows, _, groups = window_recordings(frame, length=5)
    assert_array_equal(windows, [frame[:5].T, frame[5:].T])
    assert groups.tolist() == [0, 0]
    assert_array_equal(window_recordings(frame["sensor3"], length=5)[0], windows[:, 3:4])
    with pytest.raises(ValueError, match=r"has 10 steps\..* the rows of a data frame are time steps"):
        window_recordings(frame, length=STEPS + 1)


@pytest.mark.parametrize("form", ["column", "rows", "per recording", "dictionary", "series by id", "list of steps"])
def test_labels_and_groups_follow_the_recordings(form):
    table = long_table().assign(activity=lambda t: np.where(t["t"] < 1, "sit", "run"), person=lambda t: t["id"] // 4)
    steps, labels, people = ["sit", "run", "run"] * 3, list("gggcccddd"), [1, 1, 1, 0, 0, 0, 1, 1, 1]
    bare = table.drop(columns=["activity", "person"])
    X, y, groups, expected = {
        "column": (table, "activity", "person", steps),
        "rows": (bare, table["activity"], table["person"].to_numpy(), steps),
        "per recording": (bare, ["g", "c", "d"], [1, 0, 1], labels),
        "dictionary": (bare, {3: "c", 5: "d", 7: "g"}, {3: 0, 5: 1, 7: 1}, labels),
        "series by id": (bare, pd.Series(["c", "d", "g"], [3, 5, 7]), table.groupby("id")["person"].first(), labels),
        "list of steps": (
            bare,
            [table.loc[table["id"] == key, "activity"] for key in (7, 3, 5)],
            {3: 0, 5: 1, 7: 1},
            steps,
        ),
    }[form]
    windows, found, group = window_recordings(X, y, groups, case="id", time="t", length=3, label="last")
    assert windows.shape == (9, SENSORS, 3)
    assert found.tolist() == expected
    assert group.tolist() == people


def test_labels_of_a_frame_in_no_order_follow_its_time():
    frame = frames()[0].assign(t=np.arange(STEPS), activity=list("aaaaabbbbb")).sample(frac=1, random_state=0)
    bare = frame.drop(columns="activity")
    for X, y in ((frame, "activity"), (bare, frame["activity"]), ([bare], [frame["activity"]])):
        assert window_recordings(X, y, time="t", length=5)[1].tolist() == ["a", "b"]


def test_labels_in_a_nested_table():
    table = pd.DataFrame({"x": [np.arange(6.0), np.arange(9.0)], "y": ["u", "v"], "person": [4, 9]})
    windows, labels, groups = window_recordings(table, "y", "person", length=3)
    assert windows.shape == (5, 1, 3)
    assert labels.tolist() == ["u", "u", "v", "v", "v"]
    assert groups.tolist() == [4, 4, 9, 9, 9]


def test_several_columns_of_ids():
    table = long_table().assign(person=lambda t: np.where(t["id"] == 5, "q", "p"))
    windows, _, groups = window_recordings(table, case=["person", "id"], time="t", length=5)
    assert_array_equal(windows, window_recordings(frames(), length=5)[0])
    assert groups.tolist() == [("p", 7)] * 2 + [("p", 3)] * 2 + [("q", 5)] * 2
    folds = [set(groups[test]) for _, test in GroupKFold(3).split(windows, groups=groups)]
    assert sorted(map(len, folds)) == [1, 1, 1]


def test_the_table_tells_where_windows_came_from():
    X = {"mon": np.arange(12.0)[None], "tue": np.arange(5.0)[None]}
    windows, _, groups, table = window_recordings(
        X, None, {"mon": 1, "tue": 2}, length=4, rest="overlap", return_table=True
    )
    assert table.to_dict("list") == {
        "recording": ["mon"] * 3 + ["tue"] * 2,
        "group": groups.tolist(),
        "block": [0] * 5,
        "start": [0, 4, 8, 0, 1],
        "stop": [4, 8, 12, 4, 5],
    }
    assert_array_equal(table["start"], windows[:, 0, 0])


def test_the_table_has_the_times():
    _, _, _, table = window_recordings(long_table(), case="id", time="t", length=4, return_table=True)
    assert table["start_time"].tolist() == [0, 1] * 3
    assert table["end_time"].tolist() == [0.75, 1.75] * 3
    first = with_dates()[0]
    _, _, _, table = window_recordings(first, length="5s", return_table=True)
    assert table["start_time"].tolist() == [pd.Timestamp("2024-03-01"), pd.Timestamp("2024-03-01 00:00:05")]


TWICE_LATE = {"x": [0.0] * 5, "id": [1, 1, 2, 2, 2], "t": [0.0, 1, 3, 5, 5]}


@pytest.mark.parametrize(
    ("make", "names", "message"),
    [
        (lambda: long_table(), {"case": "who", "time": "t"}, "`case` names the column 'who', but X has the columns"),
        (lambda: long_table(), {"case": "id", "time": ["t"]}, "`time` must be the name of a column, got ['t']"),
        (lambda: long_table(), {"case": {"id": 1}}, "`case` must be the name of a column, got {'id': 1}"),
        (lambda: long_table(), {"case": "id", "time": "t", "drop": "u"}, "`drop` names the column 'u'"),
        (lambda: long_table().assign(id=None), {"case": "id"}, "Column 'id' is missing in row 0"),
        (lambda: long_table().assign(t=np.nan), {"case": "id", "time": "t"}, "Column 't' is missing in row 0"),
        (lambda: long_table().assign(t=1), {"case": "id", "time": "t"}, "several rows at the time 1.0. Keep one"),
        (
            lambda: pd.DataFrame({"x": [pd.Series([1.0, 2])] * 2}),
            {"case": "x"},
            "`case` and `time` are for tables",
        ),
        (
            lambda: pd.DataFrame({"x": [pd.Series([1.0, 2])] * 2}),
            {"time": "x"},
            "`case` and `time` are for tables",
        ),
        (lambda: np.array([[["a", "b"]]], dtype=object), {}, "X has dtype object and shape (1, 1, 2)"),
        (lambda: np.zeros((2, 1, 8)), {"groups": 5}, "`groups` must have one entry per recording, got 5"),
        (lambda: pd.DataFrame(TWICE_LATE), {"case": "id", "time": "t"}, "several rows at the time 5.0. Keep one"),
        (lambda: np.full((2, 1, 8), np.inf), {}, "(or one beyond float64) in series 0"),
        (
            lambda: [np.zeros((1, 8)), np.full((1, 9), np.inf)],
            {},
            "(or one beyond float64) in series 1",
        ),
        (
            lambda: long_table().assign(t=lambda t: "t" + t.index.astype(str)),
            {"case": "id", "time": "t"},
            "If the number in them counts, give X.assign",
        ),
        (
            lambda: long_table().assign(t=lambda t: t.index.astype(str)),
            {"case": "id", "time": "t"},
            "pandas.to_numeric(X['t'])",
        ),
        (lambda: long_table().assign(note="x"), {"case": "id", "time": "t"}, "give y='note'"),
        (lambda: frames()[0].assign(t=pd.Timestamp("2024")), {}, "Column 't' has times. Name it in `time`"),
        (lambda: frames()[0][[]], {}, "none is left for values"),
        (lambda: frames()[0], {"y": "label"}, "`y` or `groups` names the column 'label'"),
        (frames, {"case": "id"}, "each data frame of X is a recording"),
        (lambda: [*frames(), np.zeros((SENSORS, 9))], {}, "Recording 3 of X is no data frame, but others are"),
        (lambda: [frames()[0], frames()[1].iloc[:, 1:]], {}, "Give all series the same columns"),
        (lambda: {"x": np.zeros(50), "y": np.zeros(50)}, {}, "give pandas.DataFrame(X)"),
        (dictionary, {"y": {7: "a"}}, "`y` has no entry for recording 3"),
        (lambda: long_table(), {"case": "id", "time": "t", "groups": "sensor0"}, "several values in recording 7"),
    ],
)
def test_bad_tables(make, names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        window_recordings(make(), length=4, **names)


def test_texts_with_a_zone_are_times_in_utc():
    X = pd.DataFrame({"x": [1.0, 2], "t": ["2024-01-01 10:00+02:00", "2024-01-01 10:01+02:00"]})
    table = window_recordings(X, time="t", length=1, return_table=True)[3]
    assert table["start_time"].tolist() == pd.to_datetime(X["t"], utc=True).tolist()


def test_the_period_of_a_single_step_is_not_known():
    assert np.isnan(_period(np.zeros(1)))
    assert _period(np.array([0.0, 2, 4])) == 2


def test_a_dictionary_of_channels_is_not_taken_for_recordings():
    X = {"acc": np.random.default_rng(0).normal(size=(6, 30)), "gyr": np.random.default_rng(1).normal(size=(6, 30))}
    with pytest.raises(
        ValueError, match=r"dictionary of arrays of the shape \(6, 30\).*groups=list\(X\).*numpy\.stack"
    ):
        window_recordings(X, length=10)
    assert window_recordings(X, groups=list(X), length=10)[2].tolist() == ["acc"] * 3 + ["gyr"] * 3
    channels = np.stack([np.asarray(one) for one in X.values()], axis=1)
    np.testing.assert_array_equal(window_recordings(channels, length=30)[0][:, 1], X["gyr"])


def test_a_dictionary_of_dictionaries():
    X = {"p1": {"acc": np.random.default_rng(0).normal(size=30), "gyr": np.random.default_rng(1).normal(size=30)}}
    for read in (as_collection, lambda X: window_recordings(X, length=10)):
        with pytest.raises((TypeError, ValueError), match=r"pandas\.DataFrame\(one\) for \w+, one in X\.items\(\)"):
            read(X)
    frames = {key: pd.DataFrame(one) for key, one in X.items()}
    np.testing.assert_array_equal(as_collection(frames)[0], np.stack(list(X["p1"].values())))
    assert window_recordings(frames, length=10)[0].shape == (3, 2, 10)


@pytest.mark.parametrize(
    "names", [["y", "x"], ["x"], ["x", "x"]], ids=["other order", "a channel less", "a name twice"]
)
def test_recordings_have_the_same_channels(names):
    frames = {"a": pd.DataFrame(np.ones((9, 2)), columns=["x", "y"])}
    frames["b"] = pd.DataFrame(np.ones((9, len(names))), columns=names)
    messages = []
    for read in (as_collection, lambda X: window_recordings(X, length=3)):
        with pytest.raises(ValueError, match=r"same columns in the same order|several columns of the name") as raised:
            read(frames)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_arrays_of_other_channels_are_named():
    with pytest.raises(
        ValueError, match="same channels in the same order, but recording 0 has 2 and recording 2 has 3"
    ):
        window_recordings([np.ones((2, 9)), np.ones((2, 9)), np.ones((3, 9))], length=3)
