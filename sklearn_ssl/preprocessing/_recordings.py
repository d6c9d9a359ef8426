"""Recordings of every form, and what their tables say about ids, times, labels and groups."""

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any, final

import numpy as np
import pandas as pd

from sklearn_ssl._input.collections import is_ragged
from sklearn_ssl._input.lengths import observed_lengths
from sklearn_ssl._input.on_disk import OnDisk, is_on_disk
from sklearn_ssl._input.plain import plain, readable_errors
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._as_collection import as_collection
from sklearn_ssl.preprocessing._stamps import stamps_of
from sklearn_ssl.preprocessing._stored_recordings import observed_steps, stored_recording, stored_recordings
from sklearn_ssl.preprocessing._tables import columns_of, holds_frames, is_nested, is_table


@final
@dataclasses.dataclass(frozen=True)
class Recordings:
    """Recordings, and what is known about their time steps.

    Attributes
    ----------
    values : ndarray of shape (n_recordings, n_channels, n_timepoints) or list of ndarray of shape (n_channels, length)
        The channels.
    ids : list
        The keys of a dictionary, the ids of a long table, or the numbers of the recordings.
    times : list of pandas.Index, or None
        The time stamps of the steps of each recording.
    rows : list of ndarray or range, or None
        For each step of each recording, its row in the table it came from.
    columns : dict of str to list of ndarray
        Columns that are no channels, step by step for each recording. Tables with series in their cells have one value
        per recording.
    of_one_table : bool
        Whether the rows are those of one table, or of one recording.
    keyed : bool
        Whether the ids are more than the numbers of the recordings.
    """

    values: Any
    ids: list
    times: list[pd.Index] | None = None
    rows: list[Any] | None = None
    columns: dict[str, list] = dataclasses.field(default_factory=dict)
    of_one_table: bool = False
    keyed: bool = False

    def __post_init__(self) -> None:
        if len(self.values) == 0:
            raise ValueError("X has no recording. Give at least one.")
        if len({one.shape[0] for one in self.values}) > 1:
            other = next(row for row, one in enumerate(self.values) if one.shape[0] != self.values[0].shape[0])
            raise ValueError(
                f"All recordings of X need the same channels in the same order, but recording 0 has "
                f"{self.values[0].shape[0]} and recording {other} has {self.values[other].shape[0]}. Give NaN for "
                "channels that a recording lacks, or turn the axes: arrays have the shape (n_channels, n_timepoints)."
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_steps(self) -> list[int]:
        """Number of steps of each recording, without its padding."""
        if isinstance(self.values, np.ndarray) and not is_on_disk(self.values):
            return _lengths(self.values)
        return [observed_steps(one, case) for case, one in enumerate(self.values)]


@final
@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads recordings.

    Attributes
    ----------
    case : list of column names
        The columns that tell the recordings of a long table apart.
    time : column name or None
        The column with the time stamps.
    drop : list of column names
        Columns that are left out.
    kept : list of str
        Columns that are no channels, but labels or groups.
    """

    case: list
    time: Any
    drop: list
    kept: list[str]

    def read(self, X: Any) -> Recordings:
        """Return the recordings in the order in which they first occur."""
        for parameter, name in [
            ("time", self.time),
            *(("case", one) for one in self.case),
            *(("drop", one) for one in self.drop),
        ]:
            if not isinstance(name, Hashable):
                raise ValueError(f"`{parameter}` must be the name of a column, got {shown(name)}.")
        if isinstance(X, Mapping):
            _check_not_one_recording(X)
            return dataclasses.replace(self.read(list(X.values())), ids=list(X), keyed=True)
        if _holds_tables(X):
            return self._of_frames([_frame(one, case) for case, one in enumerate(X)])
        if not _is_table(X):
            return self._of_arrays(X)
        table = _frame(X, None)
        if table.index.nlevels > 1:
            return self._of_indexed(table)
        if any(is_nested(table[name].to_numpy()) for name in table if table[name].dtype == object):
            return self._of_nested(table)
        return self._of_long(table) if self.case else self._of_frames([table])

    def _of_arrays(self, X: Any) -> Recordings:
        names = {"case": self.case, "time": self.time, "drop": self.drop, "y` or `groups": self.kept}
        for parameter, given in names.items():
            if given is not None and given != []:
                raise ValueError(f"`{parameter}`={shown(given)} names a column, but X is no table with columns.")
        X = plain(X)
        if isinstance(X, (list, tuple)) and all(map(_is_row, X)) and len(set(map(len, X))) > 1:
            X = [np.atleast_2d(np.asarray(plain(one))) for one in X]
        values = [_array(one, case) for case, one in enumerate(X)] if is_ragged(X) else _three_d(X)
        rows = [range(values[0].shape[1])] if len(values) == 1 else None
        return Recordings(values, list(range(len(values))), rows=rows, of_one_table=rows is not None)

    def _of_frames(self, frames: list[pd.DataFrame]) -> Recordings:
        if self.case:
            raise ValueError(
                f"`case`={shown(self.case)} tells the recordings of one long table apart, but each data frame of X is "
                "a recording. Set it to None, and give the ids as the keys of a dictionary."
            )
        timed = [self._sorted(frame) for frame in frames]
        frames = [frame for frame, _, _ in timed]
        return Recordings(
            list(as_collection([self._channels(frame) for frame in frames])),
            list(range(len(frames))),
            None if any(times is None for _, times, _ in timed) else [times for _, times, _ in timed],
            [rows for _, _, rows in timed],
            {name: [frame[name].to_numpy() for frame in frames] for name in self.kept},
            of_one_table=len(frames) == 1,
        )

    def _of_indexed(self, table: pd.DataFrame) -> Recordings:
        """Read a table whose index has the ids of the recordings, and the time in its last level."""
        levels = [f"level_{n}" if name is None else name for n, name in enumerate(table.index.names)]
        table = table.rename_axis(levels).reset_index()
        case = self.case or [name for name in levels if name != self.time and (self.time or name != levels[-1])]
        time = levels[-1] if self.time is None else self.time
        return dataclasses.replace(self, case=case, time=time)._of_long(table)

    def _of_long(self, table: pd.DataFrame) -> Recordings:
        table = self._with_named_index(table)
        self._check_columns(table)
        for name in self.case:
            _check_none_missing(name, table[name])
        codes = table.groupby(self.case, sort=False, observed=True).ngroup().to_numpy()
        times = None if self.time is None else stamps_of(self.time, table[self.time])
        ids = table[self.case].drop_duplicates()
        rows = np.argsort(codes, kind="stable") if times is None else np.lexsort((_numbers(times), codes))
        ends = np.cumsum(np.bincount(codes))[:-1]
        if times is not None:
            times = times[rows]
            _check_no_time_twice(times, codes[rows])
        sorted_table = table.iloc[rows]
        channels = self._channels(sorted_table.drop(columns=self.case if times is None else [*self.case, self.time]))
        channels.insert(0, self.case[0], codes[rows])
        return Recordings(
            list(as_collection(channels, case=self.case[0])),
            ids.iloc[:, 0].tolist() if len(self.case) == 1 else list(ids.itertuples(index=False, name=None)),
            None if times is None else [times[one] for one in np.split(np.arange(len(times)), ends)],
            np.split(rows, ends),
            {name: np.split(sorted_table[name].to_numpy(), ends) for name in self.kept},
            of_one_table=True,
            keyed=True,
        )

    def _of_nested(self, table: pd.DataFrame) -> Recordings:
        self._check_columns(table)
        if self.case or self.time is not None:
            raise ValueError("`case` and `time` are for tables with one row per time step. Set them to None.")
        values = as_collection(table.drop(columns=[*self.drop, *self.kept]))
        return Recordings(values, list(range(len(table))), columns={name: table[name].tolist() for name in self.kept})

    def _sorted(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index | None, np.ndarray]:
        """Return the frame of one recording, its time stamps and its row numbers, in the order of time."""
        frame = self._with_named_index(frame)
        self._check_columns(frame)
        rows = np.arange(len(frame))
        times = self._times(frame)
        frame = frame if self.time is None else frame.drop(columns=self.time)
        if times is None:
            return frame, times, rows
        if not times.is_monotonic_increasing:
            rows = np.argsort(_numbers(times), kind="stable")
        _check_no_time_twice(times[rows], np.zeros(len(rows)))
        return frame.iloc[rows], times[rows], rows

    def _times(self, frame: pd.DataFrame) -> pd.Index | None:
        if self.time is not None:
            return stamps_of(self.time, frame[self.time])
        if isinstance(frame.index, (pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex)):
            return stamps_of("index", frame.index)
        return None

    def _with_named_index(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Turn the index into a column if it has a name that a parameter names."""
        named = frame.index.name is not None and frame.index.name in [*self.case, self.time, *self.kept]
        return frame.reset_index() if named and frame.index.name not in frame else frame

    def _check_columns(self, frame: pd.DataFrame) -> None:
        times = [] if self.time is None else [self.time]
        names = {"case": self.case, "time": times, "drop": self.drop, "y` or `groups": self.kept}
        for parameter, name in [(parameter, name) for parameter, several in names.items() for name in several]:
            if name not in frame:
                raise ValueError(
                    f"`{parameter}` names the column {shown(name)}, but X has the columns {shown(list(frame))}."
                )

    def _channels(self, frame: pd.DataFrame) -> pd.DataFrame:
        channels = frame.drop(columns=[name for name in {*self.drop, *self.kept} if name in frame])
        if channels.shape[1] == 0:
            raise ValueError(
                f"X has the columns {shown(list(frame))}, and none is left for values. Drop fewer of them."
            )
        for name in channels:
            _check_numbers(name, channels[name])
        return channels.reset_index(drop=True)


def check_ids(X: Any, names_recordings: bool) -> None:
    """Refuse a dictionary of arrays of one shape unless something tells that its keys are ids, and not channels."""
    shapes = {np.shape(one) for one in X.values()} if isinstance(X, Mapping) else set()
    if not names_recordings and len(shapes) == 1 and len(*shapes) == 2 and not any(map(is_table, X.values())):
        raise ValueError(
            f"X is a dictionary of arrays of the shape {shapes.pop()}. If its keys are the ids of recordings, set "
            "groups=list(X). If its keys are the channels of all recordings, give "
            "numpy.stack([numpy.asarray(one) for one in X.values()], axis=1)."
        )


def _check_not_one_recording(X: Mapping) -> None:
    if any(isinstance(one, Mapping) for one in X.values()):
        raise ValueError(
            "The values of X are dictionaries. If each of them has the channels of one recording, give {key: "
            "pandas.DataFrame(one) for key, one in X.items()}."
        )
    key = next((key for key, one in X.items() if not hasattr(one, "columns") and np.ndim(one) < 2), None)
    if key is not None:
        raise ValueError(
            f"X[{shown(key)}] has shape {np.shape(X[key])}, but each value of a dictionary is a recording, of shape "
            "(n_channels, n_timepoints) or a data frame. If the keys are the channels of one recording, give "
            "pandas.DataFrame(X)."
        )


def _holds_tables(X: Any) -> bool:
    return holds_frames(X) or (isinstance(X, (list, tuple)) and any(map(_is_one_table, X)))


def _is_one_table(one: Any) -> bool:
    return _is_plain_series(one) or (isinstance(one, np.ndarray) and one.dtype.names is not None)


def _is_row(one: Any) -> bool:
    is_list = isinstance(one, (list, tuple)) and not any(hasattr(cell, "__len__") for cell in one)
    return is_list or getattr(one, "ndim", None) == 1


def _is_plain_series(one: Any) -> bool:
    return isinstance(one, pd.Series) and one.dtype != object


def _is_table(X: Any) -> bool:
    return _is_plain_series(X) or isinstance(X, pd.DataFrame) or columns_of(X) is not None


def _frame(table: Any, case: int | None) -> pd.DataFrame:
    """Return a table of any library as a data frame of pandas."""
    if isinstance(table, pd.Series):
        return table.to_frame("channel")
    columns = None if isinstance(table, pd.DataFrame) and table.columns.is_unique else columns_of(table)
    if columns is None and not isinstance(table, pd.DataFrame):
        raise ValueError(f"Recording {case} of X is no data frame, but others are. Give all in the same form.")
    return (
        table
        if columns is None
        else pd.DataFrame({name: list(cells) if cells.ndim > 1 else cells for name, cells in columns.items()})
    )


def _lengths(values: np.ndarray) -> list[int]:
    lengths = observed_lengths(values, allow_missing=True)
    return [values.shape[2]] * len(values) if lengths is None else lengths.tolist()


def _numbers(times: pd.Index) -> np.ndarray:
    return times.asi8 if isinstance(times, (pd.DatetimeIndex, pd.TimedeltaIndex)) else times.to_numpy()


def _check_none_missing(name: Hashable, column: pd.Series) -> None:
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax())
        raise ValueError(f"Column {shown(name)} is missing in row {row}. Fill it or remove the row.")


def _check_no_time_twice(times: pd.Index, codes: np.ndarray) -> None:
    numbers = _numbers(times)
    twice = (numbers[1:] == numbers[:-1]) & (codes[1:] == codes[:-1])
    if twice.any():
        raise ValueError(
            f"A recording of X has several rows at the time {times[int(np.argmax(twice))]}. Keep one of them, for "
            "example by drop_duplicates."
        )


def _check_numbers(name: Hashable, column: pd.Series) -> None:
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise ValueError(f"Column {shown(name)} has times. Name it in `time`, or leave it out by drop={shown(name)}.")
    text = isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype)) or (
        column.dtype == object and column.map(lambda cell: isinstance(cell, (str, bytes))).any()
    )
    if text:
        raise ValueError(
            f"Column {shown(name)} has text, which is no channel. If it has labels, give y={shown(name)}; if it has "
            f"groups, give groups={shown(name)}; otherwise leave it out by drop={shown(name)}."
        )


def _three_d(X: Any) -> Any:
    stored = stored_recordings(X) if isinstance(X, OnDisk) else None
    if stored is not None:
        return stored
    try:
        array = X if isinstance(X, np.memmap) else np.asarray(X)
    except ValueError as error:
        raise ValueError("Recordings of unequal length must be arrays of shape (n_channels, n_timepoints).") from error
    array = _numbers_of_objects(array) if array.dtype == object else array
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {array.dtype} and shape {array.shape}. Give numbers of shape (n_recordings, n_channels, "
            "n_timepoints), a list of arrays of shape (n_channels, n_timepoints), or data frames."
        )
    return array[:, None, :] if array.ndim == 2 else array


def _numbers_of_objects(array: np.ndarray) -> np.ndarray:
    try:
        with readable_errors("X"):
            return array.astype(float)
    except (ValueError, TypeError):
        return array


def _array(recording: Any, case: int) -> Any:
    recording = plain(recording)
    stored = stored_recording(recording) if isinstance(recording, OnDisk) else None
    array = recording if isinstance(recording, np.memmap) else np.asarray(recording) if stored is None else stored
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Recording {case} of X has dtype {array.dtype}. Give numbers.")
    return array
