"""Durations, gaps in time stamps, and blocks of time."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold

from sklearn_ssl.preprocessing import window_recordings


def recording(n_steps=60, period="10ms", start="2024-03-01 12:00"):
    return pd.DataFrame({"x": np.arange(float(n_steps))}, index=pd.date_range(start, periods=n_steps, freq=period))


def first_values(X, **parameters):
    return window_recordings(X, **parameters)[0][:, 0, 0].tolist()


def as_durations(frame):
    return frame.set_index(frame.index - frame.index[0] + pd.Timedelta("3h"))


FORMS = {
    "dates": (lambda frame: frame, {}),
    "dates with a zone": (lambda frame: frame.tz_localize("Europe/Berlin"), {}),
    "durations": (as_durations, {}),
    "periods": (lambda frame: frame.set_index(frame.index.to_period("ms")), {}),
    "column of dates": (lambda frame: frame.reset_index(names="t"), {"time": "t"}),
    "column of texts": (lambda frame: frame.assign(t=frame.index.astype(str)).reset_index(drop=True), {"time": "t"}),
    "index with a name": (lambda frame: frame.rename_axis("t"), {"time": "t"}),
    "numbers and a rate": (lambda frame: frame.assign(t=np.arange(60) * 10), {"time": "t", "sampling_rate": 100}),
    "array and a rate": (lambda frame: frame.to_numpy().T[None], {"sampling_rate": 100.0}),
    "frame and a rate": (lambda frame: frame.reset_index(drop=True), {"sampling_rate": 100}),
    "records": (lambda frame: frame.reset_index(names="t").to_records(index=False), {"time": "t"}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", ["200ms", "0.2s", pd.Timedelta("200ms"), np.timedelta64(200, "ms")])
def test_durations_are_numbers_of_steps(form, length):
    make, names = FORMS[form]
    expected = window_recordings(recording().to_numpy().T[None], length=20, step=5)[0]
    assert_array_equal(window_recordings(make(recording()), length=length, step="50ms", **names)[0], expected)


def test_a_duration_counts_steps_by_the_mean_distance():
    times = pd.to_datetime(np.round(np.arange(3000) / 30, 3), unit="s")  # 30 steps per second, rounded to milliseconds
    frame = pd.DataFrame({"x": np.zeros(3000)}, index=times)
    assert window_recordings(frame, length="10s")[0].shape == (10, 1, 300)


def test_the_rate_of_all_recordings_is_one():
    with pytest.raises(ValueError, match=r"between 50 and 100 steps per second\. Bring all to one rate"):
        window_recordings([recording(), recording(period="20ms")], length="100ms")
    with pytest.raises(ValueError, match="between 50 and 100 steps per second"):
        window_recordings(recording(), length="100ms", sampling_rate=50)
    assert len(window_recordings([recording(), recording(period="20ms")], length=10)[0]) == 12


def test_windows_stop_at_gaps():
    frame = recording().drop(recording().index[[7, 20, 21, 22, 23, 24]])
    assert first_values(frame, length=5, step=5) == [0, 8, 13, 25, 30, 35, 40, 45, 50, 55]
    assert first_values(frame, length=5, step=5, max_gap="20ms") == [0, 5, 11, 25, 30, 35, 40, 45, 50, 55]
    assert first_values(frame, length=5, step=5, max_gap="60ms") == [0, 5, 11, 16, 26, 31, 36, 41, 46, 51]
    long = pd.concat([frame.assign(id="a"), recording(9).assign(id="b")]).reset_index(names="t")
    assert first_values(long, case="id", time="t", length=5, step=5) == [0, 8, 13, 25, 30, 35, 40, 45, 50, 55, 0]


def test_gaps_between_numbers():
    frame = pd.DataFrame({"x": np.arange(9.0), "t": [0, 2, 4, 6, 10, 12, 14, 16, 18]})
    assert first_values(frame, time="t", length=3, step=1) == [0, 1, 4, 5, 6]
    assert first_values(frame, time="t", length=3, step=1, max_gap=4) == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(ValueError, match="Give `max_gap` in their unit, not '2s'"):
        window_recordings(frame, time="t", length=3, max_gap="2s")


@pytest.mark.parametrize(("short", "expected"), [("skip", [(4, 9), (9, 14)]), ("pad", [(0, 4), (4, 9), (9, 14)])])
def test_short_parts_between_gaps(short, expected):
    frame = recording(14)
    frame.index = frame.index[:4].append(frame.index[4:] + pd.Timedelta("1s"))
    _, _, _, table = window_recordings(frame, length=5, short=short, return_table=True)
    assert list(zip(table["start"], table["stop"], strict=True)) == expected


def test_a_window_of_irregular_steps_is_refused():
    times = np.cumsum(np.tile(np.repeat([0.8, 1.2], 20), 4))
    frame = pd.DataFrame({"x": times}, index=pd.to_timedelta(times, unit="s"))
    with pytest.raises(ValueError, match=r"not regular: 18 steps from step 0 take 13\.6 seconds, and not 17\.0214"):
        window_recordings(frame, length="18s")
    assert len(window_recordings(frame, length=18)[0]) == 8
    assert len(window_recordings(frame, length="18s", max_gap="2s")[0]) == 8
    regular = frame.resample("1s").mean().interpolate()  # this is what the message advises
    assert len(window_recordings(regular, length="18s")[0]) == 8


@pytest.mark.parametrize("unit", ["steps", "time"])
def test_blocks_are_groups_with_a_gap_between_them(unit):
    X, block, purge = (np.arange(60.0)[None, None], 20, 4) if unit == "steps" else (recording(), "200ms", "40ms")
    windows, _, groups, table = window_recordings(X, length=5, step=2, block=block, purge=purge, return_table=True)
    assert groups.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert windows[:, 0, 0].tolist() == [start + more for start in (0, 20, 40) for more in range(0, 12, 2)]
    assert table["block"].tolist() == groups.tolist()
    for train, test in GroupKFold(3).split(windows, groups=groups):
        distances = windows[train][:, 0, :, None, None] - windows[test][:, 0].T[None, None]
        assert np.abs(distances).min() > 4


def test_without_purge_blocks_only_touch():
    assert first_values(np.arange(60.0)[None, None], length=5, block=20) == [*range(0, 60, 5)]
    assert first_values(np.arange(60.0)[None, None], length=5, step=4, block=20, purge=0)[:5] == [0, 4, 8, 12, 20]


def test_blocks_of_several_recordings_are_different_groups():
    _, _, groups, table = window_recordings(
        {"a": np.zeros((1, 25)), "b": np.zeros((1, 40))}, length=10, block=20, return_table=True
    )
    assert groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert table["recording"].tolist() == ["a", "a", "b", "b", "b", "b"]
    assert table["block"].tolist() == [0, 0, 0, 0, 1, 1]


def test_blocks_count_time_and_not_rows():
    frame = recording().drop(recording().index[5:15])
    windows, _, groups = window_recordings(frame, length=5, block="200ms")
    assert windows[:, 0, 0].tolist() == [0, 15, *range(20, 60, 5)]
    assert groups.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"length": "50ms", "time": "t"}, "how many steps make a second is not known"),
        ({"length": 2, "block": "1s", "time": "t"}, "`block`='1s' is a duration"),
        ({"length": 2, "max_gap": "0s"}, "`max_gap` must be longer than nothing"),
    ],
)
def test_bad_durations(names, message):
    frame = recording(10).assign(t=np.arange(10)) if "time" in names else recording(10)
    with pytest.raises(ValueError, match=re.escape(message)):
        window_recordings(frame, **names)


def test_the_remedy_for_numbers_as_time():
    frame = recording(10).assign(t=np.arange(10) / 100)
    frame["t"] = pd.to_timedelta(frame["t"], unit="s")
    assert len(window_recordings(frame, length="50ms", time="t")[0]) == 2
