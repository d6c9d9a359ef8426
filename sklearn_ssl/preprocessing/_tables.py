"""Tables in their many forms: with series in their cells, one per series, or with an index that has series and time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.labels import values_of
from sklearn_ssl._input.plain import plain
from sklearn_ssl._input.tables import check_one_level, columns_of, has_time_index, is_nested, is_table
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._long import Keys, LongTable
from sklearn_ssl.preprocessing._texts import decoded, holds_times, is_missing, numbers_of

__all__ = [
    "as_array",
    "columns_of",
    "fields_of",
    "frame_of_columns",
    "framed_table",
    "holds_frames",
    "holds_records",
    "is_nested",
    "nested_channels",
    "opened",
]


def as_array(values: Any) -> np.ndarray:
    """Return the values of a tensor, Series, list or array as an array. Masked values become NaN."""
    return np.asarray(plain(values))


def opened(X: Any, keys: Keys) -> tuple[Any, Keys]:
    """Turn the index of a data frame into columns where it has the series or the times of the rows.

    Parameters
    ----------
    X : data frame, Series or any other object
        The data. Other objects than those of pandas are returned as they are.
    keys : Keys
        The columns or levels of the index that the user named.

    Returns
    -------
    X : object
        The data, with all keys as columns.
    keys : Keys
        The names that the user gave, or else those of the index: its last level has the time, and all others tell the
        series apart.
    """
    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index):
        return X, keys
    if isinstance(X, pd.Series) and (index.nlevels > 1 or has_time_index(X)):
        X = X.to_frame("channel0" if X.name is None else X.name)
    if getattr(getattr(X, "columns", None), "nlevels", 1) > 1:
        if not keys.case and index.nlevels == 1 and not has_time_index(X):
            check_one_level(X.columns)
        X = X.set_axis(pd.Index(list(X.columns), tupleize_cols=False), axis=1)
    if index.nlevels > 1:
        return _opened_levels(X, keys)
    if index.name is not None and index.name in keys.names and index.name not in X.columns:
        return X.reset_index(), keys
    if has_time_index(X) and keys.time is None:
        name = "time" if index.name is None else index.name
        while name in X.columns:
            name = f"{name}_"
        return X.rename_axis(index=name).reset_index(), Keys(keys.case, name, keys.channel)
    return X, keys


def _opened_levels(X: pd.DataFrame, keys: Keys) -> tuple[pd.DataFrame, Keys]:
    levels = [f"level_{n}" if name is None else name for n, name in enumerate(X.index.names)]
    if len(set(levels)) < len(levels):
        raise ValueError(f"The levels of the index of X have the names {shown(levels)}. Give each a name of its own.")
    twice = [name for name in levels if name in X.columns]
    if twice:
        raise ValueError(
            f"X has both a column and a level of its index with the name {shown(twice[0])}. Leave one of them out, for "
            f"example the column by X.drop(columns={shown(twice[0])})."
        )
    time = levels[-1] if keys.time is None and levels[-1] not in keys.case else keys.time
    case = keys.case or [name for name in levels if name not in (time, keys.channel)]
    keys = Keys(case, time, keys.channel)
    frame = X.rename_axis(index=levels).reset_index()
    return frame.drop(columns=[name for name in levels if name not in keys.names]), keys


def nested_channels(columns: dict) -> tuple[dict, np.ndarray]:
    """Join the series in the cells of every column.

    Parameters
    ----------
    columns : dict of ndarray of shape (n_cases,)
        The table. Its cells are 1-D arrays, lists, tensors or Series, or missing.

    Returns
    -------
    channels : dict of ndarray of shape (n_steps,)
        The columns, series by series, with NaN for missing cells.
    n_steps : ndarray of shape (n_cases,)
        Number of steps of each series.
    """
    parts = {name: _parts(name, np.asarray(cells)) for name, cells in columns.items()}
    rows = zip(*parts.values(), strict=True)
    n_steps = np.array([_common_length(row, channels) for row, channels in enumerate(rows)])
    return {name: _joined(name, _all_present(channel, n_steps)) for name, channel in parts.items()}, n_steps


def framed_table(frames: Any, time: Any) -> LongTable:
    """Join a list of data frames into one long table.

    Parameters
    ----------
    frames : list of data frames
        One data frame per series, with one row per time step.
    time : object or None
        The column of every data frame that sorts its rows. None takes the index if it has times.

    Returns
    -------
    LongTable
        The rows of all data frames.
    """
    pairs = [opened(frame, Keys([], time)) for frame in frames]
    tables = [columns_of(frame) or {} for frame, _ in pairs]
    names = list(tables[0])
    for case, table in enumerate(tables):
        if list(table) != names:
            raise ValueError(
                f"Series {case} of X has the columns {shown(list(table))}, but series 0 has {shown(names)}. Give all "
                "series the same columns in the same order."
            )
    if time is not None and time not in names:
        raise ValueError(f"`time` names the column {shown(time)}, but the series of X have the columns {shown(names)}.")
    n_steps = np.array([len(frame) for frame in frames])
    if (n_steps == 0).any():
        raise ValueError(f"Series {int(np.argmin(n_steps))} of X has zero time steps. Remove it.")
    columns = {name: _joined(name, [table[name] for table in tables]) for name in names}
    return LongTable(columns, pairs[0][1], np.repeat(np.arange(len(frames)), n_steps))


def holds_frames(X: Any) -> bool:
    """Tell whether `X` is a list of which any entry is a data frame."""
    is_list = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)
    return is_list and any(not isinstance(one, np.ndarray) and is_table(one) for one in X)


def holds_records(cells: Any) -> bool:
    """Tell whether all cells are structured arrays: each is then a whole series."""
    return cells.dtype.kind == "O" and all(getattr(getattr(cell, "dtype", None), "names", None) for cell in cells)


def fields_of(record: np.ndarray) -> np.ndarray:
    """Return the fields of a structured array as an array of shape (n_channels, n_timepoints)."""
    return np.stack([numbers_of(name, cells) for name, cells in (columns_of(record) or {}).items()], axis=1)


def frame_of_columns(columns: Mapping) -> pd.DataFrame:
    """Return a dictionary of columns as a data frame."""
    lengths = {name: np.size(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"The columns of X differ in length: {shown(lengths)}. Give one value per row in each.")
    return pd.DataFrame(dict(columns))


def _parts(name: Any, cells: np.ndarray) -> list:
    parts = [None if is_missing(cell) else _part(cell) for cell in cells]
    for row, part in enumerate(parts):
        if part is not None and (part.ndim != 1 or len(part) == 0):
            raise ValueError(
                f"Column {shown(name)} has {shown(decoded(cells[row], name))} in row {row}, where a 1-D array or list "
                f"of time steps is needed. If the column is not a channel, leave it out by drop={shown(name)}."
            )
    return parts


def _part(cell: Any) -> np.ndarray:
    return cell if getattr(getattr(cell, "dtype", None), "names", None) else values_of(cell)


def _common_length(row: int, parts: tuple) -> int:
    lengths = {len(part) for part in parts if part is not None}
    if not lengths:
        raise ValueError(f"The channels of series {row} of X are all missing. Remove its row.")
    if len(lengths) > 1:
        resampled = f"sklearn_ssl.preprocessing.Resample({max(lengths)}).fit_transform([cell])[0]"
        raise ValueError(
            f"The channels of series {row} of X differ in length: {sorted(lengths)}. All channels of a series need the "
            "same steps. If they were recorded at different rates, bring them to one, for example by "
            f"X.map(lambda cell: {resampled}). If one ended early, put NaN at its end."
        )
    return lengths.pop()


def _all_present(parts: list, n_steps: np.ndarray) -> list:
    return [np.full(steps, np.nan) if part is None else part for part, steps in zip(parts, n_steps, strict=True)]


def _joined(name: Any, parts: list) -> Any:
    if all(isinstance(part, pd.Categorical) and part.dtype == parts[0].dtype for part in parts):
        return pd.Categorical.from_codes(np.concatenate([part.codes for part in parts]), dtype=parts[0].dtype)
    parts = [np.asarray(part) for part in parts]
    kinds = {part.dtype.kind for part in parts}
    if kinds <= set("biuf") or kinds in ({"M"}, {"m"}):
        return np.concatenate(parts)
    if kinds & {"m", "M"}:  # dates in nanoseconds would become whole numbers as objects
        raise holds_times(name, next(part.dtype for part in parts if part.dtype.kind in "mM"))
    return np.concatenate([part.astype(object) for part in parts])
