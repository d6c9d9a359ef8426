"""Labels of windows from events, and from labels of steps."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_ssl.preprocessing import window_recordings

EVENTS = pd.DataFrame({"start": [3, 11, 20], "end": [7, 12, 29], "label": ["walk", "fall", "walk"]})
STEPS = 40


def naive_steps(events, n_steps, background):
    labels = [background] * n_steps
    for start, end, label in sorted(events, key=lambda event: (event[0], -event[1])):
        labels[start:end] = [label] * (end - start)
    return labels


def naive_label(labels, rule, background):
    """Return the label of a window, or None if it is left out."""
    counts = Counter(labels)
    order = sorted(counts, key=lambda label: (-counts[label], label == background, str(label)))
    events = [label for label in order if label != background]
    if rule == "last":
        return labels[-1]
    if rule == "pure":
        return labels[0] if len(counts) == 1 else None
    if rule == "majority":
        return order[0]
    least = 0 if rule == "any" else rule * len(labels)
    return events[0] if events and counts[events[0]] >= least else background


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.tuples(st.integers(0, 35), st.integers(1, 8), st.sampled_from("abc")), max_size=6),
    rule=st.sampled_from(["majority", "last", "any", "pure", 0.3, 0.5, 1.0]),
    background=st.sampled_from(["b0", None]),
    step=st.integers(1, 6),
)
def test_labels_of_windows_are_those_of_a_naive_loop(events, rule, background, step):
    events = [(start, start + length, label) for start, length, label in {e[:2]: e for e in events}.values()]
    steps = naive_steps(events, 45, background)
    windows = [steps[start : start + 6] for start in range(0, 40, step)]
    expected = [naive_label(window, rule, background) for window in windows]
    kept = [label for label in expected if label is not None]
    X = np.arange(45.0)[None, None]
    if not kept:
        with pytest.raises(ValueError, match="No window is left"):
            window_recordings(X, events=events, background=background, length=6, step=step, label=rule)
        return
    for given_labels in ({"events": events}, {"y": [np.array(steps, dtype=object)]}):
        found, labels, _ = window_recordings(X, **given_labels, background=background, length=6, step=step, label=rule)
        assert labels.tolist() == kept
        assert found[:, 0, 0].tolist() == [n * step for n, label in enumerate(expected) if label is not None]


def make(kind):
    """Return a recording of 40 steps of 0.5 s and the events, both in one of the ways to tell time."""
    x = np.arange(float(STEPS))
    seconds = EVENTS.assign(start=EVENTS["start"] / 2, end=EVENTS["end"] / 2)
    durations = EVENTS.assign(**{name: pd.to_timedelta(seconds[name], unit="s") for name in ("start", "end")})
    begin = pd.Timestamp("2024-03-01 10:00")
    dates = durations.assign(start=durations["start"] + begin, end=durations["end"] + begin)
    frame = pd.DataFrame({"x": x})
    in_dates = frame.set_index(pd.date_range(begin, periods=STEPS, freq="500ms"))
    return {
        "steps": (x[None, None], EVENTS, {}),
        "steps in a list": (x[None, None], list(EVENTS.itertuples(index=False, name=None)), {}),
        "steps in a frame": (frame, EVENTS.to_records(index=False), {}),
        "seconds": (x[None, None], seconds, {"sampling_rate": 2}),
        "durations": (x[None, None], durations, {"sampling_rate": 2}),
        "dates": (in_dates, dates, {}),
        "dates as texts": (in_dates, dates.astype({"start": str, "end": str}), {}),
        "dates with a zone": (
            in_dates.tz_localize("UTC"),
            dates.assign(**{name: dates[name].dt.tz_localize("UTC") for name in ("start", "end")}),
            {},
        ),
        "durations from the first date": (in_dates, durations, {}),
        "unit of a column": (
            frame.assign(t=x * 7 + 5),
            EVENTS.assign(start=EVENTS["start"] * 7 + 5, end=EVENTS["end"] * 7 + 5),
            {"time": "t"},
        ),
        "one table in a list": ([frame], [EVENTS], {}),
        "dictionary": ({"a": frame}, {"a": EVENTS}, {}),
        "column of ids": (frame.assign(id=8), EVENTS.assign(id=8), {"case": "id"}),
    }[kind]


KINDS = [
    "steps", "steps in a list", "steps in a frame", "seconds", "durations", "dates", "dates as texts",
    "dates with a zone", "durations from the first date", "unit of a column", "one table in a list", "dictionary",
    "column of ids",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_events_in_every_form(kind):
    X, events, names = make(kind)
    _, labels, _ = window_recordings(X, events=events, length=4, background="none", **names)
    expected = ["none", "walk", "none", "none", "none", "walk", "walk", "none", "none", "none"]
    assert labels.tolist() == expected


def test_events_of_several_recordings():
    events = EVENTS.assign(recording=["b", "a", "b"])
    X = {"a": np.zeros((1, 32)), "b": np.zeros((1, 40))}
    _, labels, groups = window_recordings(X, events=events, length=4, label="any", background=-1)
    assert labels[groups == "a"].tolist() == [-1, -1, "fall", -1, -1, -1, -1, -1]
    assert labels[groups == "b"].tolist() == ["walk", "walk", -1, -1, -1, "walk", "walk", "walk", -1, -1]
    assert window_recordings(X, events={"b": EVENTS[:1]}, length=4)[2].tolist() == ["b"]
    numbered = EVENTS.assign(recording=[1, 0, 1])
    assert window_recordings(list(X.values()), events=numbered, length=4, label="any")[2].tolist() == [0] + [1] * 5
    per_recording = [EVENTS[1:2], EVENTS[::2]]
    assert window_recordings(list(X.values()), events=per_recording, length=4, label="any")[2].tolist() == [0] + [1] * 5


def test_an_event_shorter_than_a_step_covers_the_step_in_which_it_starts():
    frame = pd.DataFrame({"x": np.zeros(8), "t": np.arange(8.0)})
    events = [(1.5, 1.5, "a"), (3, 3, "b"), (4.2, 4.4, "c"), (7.5, 7.9, "d")]
    _, labels, _ = window_recordings(frame, events=events, time="t", length=1, background="-")
    assert "".join(labels) == "-a-bc--d"


def test_of_events_that_overlap_the_later_start_counts():
    events = [(0, 10, "long"), (2, 4, "short"), (6, 8, "other"), (0, 1, "first")]
    _, labels, _ = window_recordings(np.zeros((1, 1, 10)), events=events, length=1)
    assert labels.tolist() == ["first", "long", "short", "short", "long", "long", "other", "other", "long", "long"]


def test_an_event_in_a_gap_is_in_no_window():
    frame = pd.DataFrame({"x": np.zeros(8), "t": [0, 1, 2, 3, 20, 21, 22, 23]})
    _, labels, _ = window_recordings(
        frame, events=[(9, 9, "a"), (10, 12, "b"), (3, 21, "c")], time="t", length=4, label="any", background="-"
    )
    assert labels.tolist() == ["c", "c"]
    _, labels, _ = window_recordings(frame, events=[(9, 9, "a"), (10, 12, "b")], time="t", length=4, background="-")
    assert labels.tolist() == ["-", "-"]


def test_no_event_at_all():
    nothing = pd.DataFrame({"start": [], "end": [], "label": []})
    for events in (nothing, []):
        assert window_recordings(np.zeros((1, 1, 8)), events=events, length=4, background=0)[1].tolist() == [0, 0]
        with pytest.raises(ValueError, match="give `background` a label"):
            window_recordings(np.zeros((1, 1, 8)), events=events, length=4)


@pytest.mark.parametrize("rule", ["majority", "last"])
@pytest.mark.parametrize("missing", [np.nan, None])
@pytest.mark.parametrize("labels", [[1.0, 2.0], ["a", "b"], [True, False]])
def test_windows_without_a_label_are_left_out(rule, missing, labels):
    first, second = labels
    steps = [first] * 4 + [missing] * 4 + [second] * 3 + [missing] + [missing] + [second] * 3
    expected = {"majority": [first, second, second], "last": [first, second]}[rule]
    windows, found, _ = window_recordings(np.arange(16.0)[None, None], [steps], length=4, label=rule)
    assert found.tolist() == expected
    assert windows[:, 0, 0].tolist() == [0, 8, 12] if rule == "majority" else [0, 12]
    marked = window_recordings(np.arange(16.0)[None, None], [steps], length=4, label=rule, background=-1)[1]
    assert marked.tolist() == ([first, -1, second, second] if rule == "majority" else [first, -1, -1, second])


def test_mean_of_numbers():
    y = np.array([[1.0, 2.0, 3.0, np.nan, np.nan, np.nan, 5.0, 7.0], [4, 4, 4, 4, 0, 0, 0, 1]])
    windows, means, groups = window_recordings(np.zeros((2, 1, 8)), y, length=3, step=2, label="mean")
    assert means.tolist() == [2, 3, 5, 4, 8 / 3, 0]
    assert len(windows) == len(groups) == 6
    assert window_recordings(np.zeros((1, 1, 8)), [range(8)], length=4, label="mean")[1].tolist() == [1.5, 5.5]
    with pytest.raises(ValueError, match='label="mean" needs numbers in y'):
        window_recordings(np.zeros((1, 1, 8)), [list("abababab")], length=4, label="mean")


def test_numbers_that_hardly_repeat_have_no_majority():
    values = np.arange(200_000)
    X = np.zeros((1, 1, len(values)))
    with pytest.raises(ValueError, match=r'hardly repeat .* label="last" or label="mean"'):
        window_recordings(X, [values], length=1000)
    assert len(window_recordings(X, [values // 2], length=1000)[1]) == 200  # as many values need no more memory
    assert window_recordings(X[:, :, :6], [range(6)], length=2, label="last")[1].tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events": EVENTS.drop(columns="end")}, "needs the columns start, end and label, but 'end' is not among"),
        ({"events": 3}, "`events` must be a table, or a list of (start, end, label); got 3"),
        ({"events": [("a", 1)]}, "`events` must be a table, or a list of (start, end, label)"),
        ({"events": [(5, 3, "a")]}, "The event 'a' from 5 to 3 ends before it starts"),
        ({"events": [(500, 600, "a")]}, "The event 'a' from 500 to 600 lies outside of its recording"),
        ({"events": [(-5, -3, "a")]}, "lies outside of its recording"),
        ({"events": [(1, None, "a")]}, "`events` has no end in row 0"),
        ({"events": [(1, 2, None)]}, "`events` has no label in row 0"),
        ({"events": [(1, 2, "a"), (1, 2, "b")]}, "Two events with different labels have the same time, from 1 to 2"),
        (
            {"events": [("1", "2", "a"), ("10", "11", "b")]},
            "give events.assign(**{'start': pandas.to_numeric(events['start'])})",
        ),
        ({"events": [(pd.Timestamp("2024"), pd.Timestamp("2025"), "a")]}, "but the time of X is in steps"),
        ({"X": np.zeros((2, 1, 40))}, "`events` needs the column 'recording'"),
        ({"X": np.zeros((2, 1, 40)), "events": [EVENTS]}, "`events` has 1 tables for 2 recordings"),
        ({"events": EVENTS.assign(recording=4)}, "an event of the recording 4, but X has the recordings [0]"),
        ({"events": {"b": EVENTS}}, "`events` has the recording 'b', but X has [0]"),
    ],
)
def test_bad_events(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        window_recordings(**{"X": np.zeros((1, 1, 40)), "events": EVENTS, "length": 4, **changes})


def test_events_and_dates_need_zones_both():
    frame, events, _ = make("dates")
    with pytest.raises(ValueError, match=r"need time zones both, or neither\. Use tz_localize"):
        window_recordings(frame.tz_localize("UTC"), events=events, length=4)


def test_events_of_recordings_that_two_columns_name():
    X = pd.DataFrame({"x": np.zeros(24), "who": np.repeat(["a", "a", "b"], 8), "day": np.repeat([1, 2, 1], 8)})
    events = pd.DataFrame({"who": ["b", "a"], "day": [1, 2], "start": [0, 4], "end": [4, 8], "label": ["run", "walk"]})
    _, labels, _ = window_recordings(X, events=events, case=["who", "day"], length=4, background="-")
    assert labels.tolist() == ["-", "-", "-", "walk", "run", "-"]


def test_a_share_of_exactly_what_is_asked_for_is_enough():
    events = [(0, 3, "walk"), (10, 12, "walk")]
    _, labels, _ = window_recordings(np.zeros((1, 20)), events=events, length=10, label=0.3, background="-")
    assert labels.tolist() == ["walk", "-"]


def test_the_form_of_the_times_is_told():
    X = pd.DataFrame({"x": [1.0, 2], "t": [0.5, 1.5]})
    dates = pd.DataFrame({"start": pd.to_datetime(["2024"]), "end": pd.to_datetime(["2025"]), "label": ["a"]})
    with pytest.raises(ValueError, match="the time of X is in float64"):
        window_recordings(X, time="t", length=1, events=dates)
