"""Labels of time steps, from labels or from events, and the labels of windows that follow from them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import type_of_target

from sklearn_ssl._input.labels import sorted_codes, values_of
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import on_one_line, shown
from sklearn_ssl.preprocessing._recordings import Recordings
from sklearn_ssl.preprocessing._step_times import StepTimes
from sklearn_ssl.preprocessing._tables import columns_of
from sklearn_ssl.preprocessing._window_places import Places

BOUNDS = ["start", "end"]
CHUNK = 1 << 22  # steps whose labels are sorted at once


@final
@dataclasses.dataclass(frozen=True)
class StepLabels:
    """Labels of the steps of all recordings, one after the other.

    Attributes
    ----------
    codes : ndarray of shape (n_steps_of_all,)
        The place of each label among the values; ``len(values)`` where a step has no label.
    values : ndarray of shape (n_values,)
        The different labels in sorted order. The label of steps without an event is the last.
    offsets : ndarray of shape (n_recordings,)
        For each recording, the place of its first step in `codes`.
    blank : int
        The code of steps without an event.
    """

    codes: np.ndarray
    values: np.ndarray
    offsets: np.ndarray
    blank: int

    @classmethod
    def of_steps(cls, per_step: list[np.ndarray], background: Any) -> "StepLabels":
        """Return the labels of the steps of each recording."""
        labels = _joined(per_step)
        codes, values, blank = _coded(labels, background)
        return cls(codes, values, _offsets([len(one) for one in per_step]), blank)

    @classmethod
    def of_events(cls, events: Any, times: StepTimes, case: list, background: Any) -> "StepLabels":
        """Return the labels of steps within events. An event covers the steps from its start until before its end."""
        table = _events_by_recording(events, times.recordings, case)
        event_codes, values, blank = _coded(values_of(table["label"].tolist()), background)
        codes = [np.full(n_steps, blank) for n_steps in times.n_steps]
        for recording, rows in table.groupby("recording", sort=True).indices.items():
            _paint(codes[recording], times, int(recording), table.iloc[rows], event_codes[rows])
        return cls(np.concatenate(codes), values, _offsets(times.n_steps), blank)

    def of_windows(self, places: Places, rule: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels of windows, and which windows have one.

        Raises
        ------
        ValueError
            If the labels are numbers that hardly repeat, and the rule looks for the most frequent one.
        """
        start = self.offsets[places.recording] + places.start
        stop = start + places.stop - places.start
        codes = self.codes[stop - 1] if rule == "last" else self._chosen(start, stop, rule)
        kept = codes < len(self.values)
        return self.values[codes[kept]], kept

    def _chosen(self, start: np.ndarray, stop: np.ndarray, rule: Any) -> np.ndarray:
        """Return the codes of windows; ``len(values)`` where a window has no label."""
        whole = rule in ("majority", "pure")
        codes, counts = _most_frequent(self.codes, start, stop, None if whole else self.blank)
        if rule == "pure":
            return np.where(counts == stop - start, codes, len(self.values))
        self._check_repeated(counts, stop - start)
        if isinstance(rule, str):
            return codes
        return np.where(counts >= np.round(rule * (stop - start), 9), codes, self.blank)  # 0.3 * 10 is above 3

    def _check_repeated(self, counts: np.ndarray, lengths: np.ndarray) -> None:
        if self.values.dtype.kind not in "biuf":
            return
        labels = self.values[: self.blank] if self.blank < len(self.values) else self.values
        if labels.dtype.kind == "f" and len(labels) and type_of_target(labels) == "continuous":
            raise ValueError('y is continuous per time step and has no majority. Use label="last" or label="mean".')
        if ((counts == 1) & (lengths > 1)).mean() > 0.5:
            raise ValueError(
                "y has numbers per time step that hardly repeat within a window, and so has no majority. Use "
                'label="last" or label="mean".'
            )


def mean_of_windows(per_step: list[np.ndarray], places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of the numbers in windows, and which windows have a number."""
    numbers_ = _joined(per_step)
    if numbers_.dtype.kind not in "biuf":
        raise ValueError(f'label="mean" needs numbers in y, got dtype {numbers_.dtype}. Use label="majority".')
    present = ~pd.isna(numbers_)
    start = _offsets([len(one) for one in per_step])[places.recording] + places.start
    bounds = np.column_stack([start, start + places.stop - places.start]).ravel()
    totals, counts = (
        np.add.reduceat(np.append(one, 0), bounds)[::2]
        for one in (np.where(present, numbers_, 0.0), present.astype(int))
    )
    return totals[counts > 0] / counts[counts > 0], counts > 0


def _joined(per_step: list[np.ndarray]) -> np.ndarray:
    kinds = {one.dtype.kind in "biuf" for one in per_step}
    return np.concatenate(per_step if len(kinds) == 1 else [one.astype(object) for one in per_step])


def _offsets(n_steps: Any) -> np.ndarray:
    return np.cumsum(n_steps) - n_steps


def _coded(labels: np.ndarray, background: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Return codes and sorted values of labels, the background last, and the code of what has no label."""
    absent = pd.isna(labels) if background is None else pd.isna(labels) | np.array(labels == background, dtype=bool)
    if labels.dtype == object and not absent.all():
        labels[absent] = labels[~absent][0]
        labels = values_of(labels.tolist())
    codes = np.empty(len(labels), dtype=np.intp)
    codes[~absent], values = sorted_codes(labels[~absent])
    codes[absent] = len(values)
    if background is None:
        return codes, values, len(values)
    return codes, values_of([*values.tolist(), background]), len(values)


def _events_by_recording(events: Any, recordings: Recordings, case: list) -> pd.DataFrame:
    """Return a table of events with the columns recording (its number), start, end and label."""
    if isinstance(events, Mapping):
        unknown = [key for key in events if key not in recordings.ids]
        if unknown:
            raise ValueError(f"`events` has the recording {shown(unknown[0])}, but X has {shown(recordings.ids)}.")
        parts = [_event_table(table).assign(recording=recordings.ids.index(key)) for key, table in events.items()]
    elif isinstance(events, (list, tuple)) and len(events) > 0 and columns_of(events[0]) is not None:
        if len(events) != len(recordings):
            raise ValueError(
                f"`events` has {len(events)} tables for {len(recordings)} recordings. Give one per recording."
            )
        parts = [_event_table(table).assign(recording=number) for number, table in enumerate(events)]
    else:
        table = _event_table(events)
        parts = [table.assign(recording=_recording_numbers(table, recordings, case or ["recording"]))]
    table = pd.concat(parts, ignore_index=True)
    missing = table[[*BOUNDS, "label"]].isna()
    if missing.to_numpy().any():
        row, column = np.argwhere(missing.to_numpy())[0]
        raise ValueError(f"`events` has no {missing.columns[column]} in row {row}. Fill it or remove the row.")
    return table


def _event_table(events: Any) -> pd.DataFrame:
    columns = columns_of(events)
    if columns is None:
        rows = list(events) if isinstance(events, (list, tuple, np.ndarray)) else [events]
        if any(isinstance(row, str) or not hasattr(row, "__len__") or len(row) != 3 for row in rows):
            raise ValueError(f"`events` must be a table, or a list of (start, end, label); got {shown(events)}.")
        return pd.DataFrame(rows, columns=[*BOUNDS, "label"])
    table = events if isinstance(events, pd.DataFrame) else pd.DataFrame(columns)
    absent = [name for name in (*BOUNDS, "label") if name not in table]
    if absent:
        raise ValueError(
            f"`events` needs the columns start, end and label, but {shown(absent[0])} is not among "
            f"{shown(list(table))}. Rename the columns; an end is a start plus a duration."
        )
    return table


def _recording_numbers(table: pd.DataFrame, recordings: Recordings, case: list) -> np.ndarray:
    absent = [name for name in case if name not in table]
    if absent and len(recordings) > 1:
        raise ValueError(
            f"`events` needs the column {shown(absent[0])}, which says to which of the {len(recordings)} recordings an "
            f"event belongs, but has {shown(list(table))}."
        )
    if absent:
        return np.zeros(len(table), dtype=int)
    ids = table[case[0]].tolist() if len(case) == 1 else list(table[case].itertuples(index=False, name=None))
    numbers_ = {key: number for number, key in enumerate(recordings.ids)}
    unknown = [key for key in ids if key not in numbers_]
    if unknown:
        raise ValueError(
            f"`events` has an event of the recording {shown(unknown[0])}, but X has the recordings "
            f"{shown(recordings.ids)}. Remove the event."
        )
    return np.array([numbers_[key] for key in ids], dtype=int)


def _paint(codes: np.ndarray, times: StepTimes, recording: int, events: pd.DataFrame, labels: np.ndarray) -> None:
    """Set the codes of the steps in events. Where events overlap, the one that starts later counts."""
    start, end = (times.places_of(recording, name, events[name]) for name in BOUNDS)
    positions = times.positions(recording)
    width = np.median(np.diff(positions)) if len(positions) > 1 else np.inf
    _check_bounds(events, start, end, positions[0], positions[-1] + width)
    order = np.lexsort((-end, start))  # of two events that start together, the shorter one counts
    _check_no_contradiction(events, start[order], end[order], labels[order], order)
    first, stop = np.searchsorted(positions, start), np.searchsorted(positions, end)
    before = np.searchsorted(positions, start, side="right") - 1
    short = (first >= stop) & (before >= 0) & (start < positions[before] + width)
    first, stop = np.where(short, before, first), np.where(short, before + 1, stop)
    for event in order:
        codes[first[event] : stop[event]] = labels[event]


def _check_bounds(events: pd.DataFrame, start: np.ndarray, end: np.ndarray, least: float, most: float) -> None:
    backwards = start > end
    outside = (end < least) | (start > most)
    for wrong, what in ((backwards, "ends before it starts"), (outside, "lies outside of its recording")):
        if wrong.any():
            event = events.iloc[int(np.argmax(wrong))]
            raise ValueError(
                f"The event {shown(event['label'])} from {on_one_line(event['start'])} to "
                f"{on_one_line(event['end'])} {what}. Check the unit of its times, and remove the event if it is not "
                "meant to be there."
            )


def _check_no_contradiction(
    events: pd.DataFrame, start: np.ndarray, end: np.ndarray, labels: np.ndarray, order: np.ndarray
) -> None:
    same = (start[1:] == start[:-1]) & (end[1:] == end[:-1]) & (labels[1:] != labels[:-1])
    if same.any():
        event = events.iloc[order[int(np.argmax(same))]]
        raise ValueError(
            f"Two events with different labels have the same time, from {on_one_line(event['start'])} to "
            f"{on_one_line(event['end'])}. Keep one."
        )


def _most_frequent(
    codes: np.ndarray, start: np.ndarray, stop: np.ndarray, ignored: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the most frequent code in each window, and how often it is there; of equals, the lowest code."""
    run = np.append(0, np.cumsum(codes[1:] != codes[:-1]))
    best, counts = codes[start], stop - start
    mixed = np.flatnonzero(run[start] != run[stop - 1])
    if len(mixed) == 0:
        return best, counts
    rows_at_once = max(1, CHUNK // int(counts.max()))
    for some in np.array_split(mixed, -(-len(mixed) // rows_at_once)):
        best[some], counts[some] = _counted(codes, start[some], stop[some], ignored)
    return best, counts


def _counted(
    codes: np.ndarray, start: np.ndarray, stop: np.ndarray, ignored: int | None
) -> tuple[np.ndarray, np.ndarray]:
    steps = start[:, None] + np.arange((stop - start).max())  # (n_windows, length)
    windows = codes[np.minimum(steps, len(codes) - 1)]
    none = codes.max() + 1
    windows[(steps >= stop[:, None]) | (windows == ignored)] = none
    windows.sort(axis=1)
    place = np.arange(windows.shape[1])
    changed = np.diff(windows, axis=1, prepend=-1) != 0
    counts = place - np.maximum.accumulate(np.where(changed, place, 0), axis=1) + 1
    counts[windows == none] = 0
    rows, at = np.arange(len(windows)), counts.argmax(axis=1)
    return windows[rows, at], counts[rows, at]


def is_share(label: Any) -> bool:
    """Tell whether a rule for labels is a share of the steps of a window."""
    return label in Range(above=0, most=1)
