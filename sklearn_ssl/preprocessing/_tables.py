"""Reading data frames and record arrays of any library: they are recognised by their attributes, not by their type."""

from typing import Any

import numpy as np

from sklearn_ssl._input.collections import plain
from sklearn_ssl._input.labels import values_of


def as_array(values: Any) -> np.ndarray:
    """Return the values of a tensor, Series, list or array as an array. Masked values become NaN."""
    return np.asarray(plain(values))


def columns_of(X: Any) -> dict[Any, np.ndarray] | None:
    """Return the columns of a data frame or record array by name, or None for anything else."""
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        return {name: as_array(X[name]) for name in X.dtype.names}
    if not hasattr(X, "columns") or not hasattr(X, "__getitem__"):
        return None
    names = list(X.columns)
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise ValueError(f"X has several columns of the name(s) {twice}. Give each column a name of its own.")
    return {name: np.asarray(X[name]) for name in names}


def long_channels(columns: dict, case: Any, time: Any) -> tuple[dict, np.ndarray]:
    """Sort the rows of a long table by series and time.

    Parameters
    ----------
    columns : dict of ndarray of shape (n_rows,)
        The table.
    case : object
        Name of the column that tells the series apart. Series are in the order in which they first occur.
    time : object
        Name of the column that sorts the steps of a series. None keeps the order of the rows.

    Returns
    -------
    channels : dict of ndarray of shape (n_rows,)
        The other columns, series by series.
    n_steps : ndarray of shape (n_cases,)
        Number of rows of each series.
    """
    for name in (case,) if time is None else (case, time):
        _check_none_missing(name, columns[name])
    codes = _places(columns[case], list(dict.fromkeys(columns[case].tolist())))
    moments = np.arange(len(codes)) if time is None else _places(columns[time], _sorted(time, columns[time]))
    order = np.lexsort((moments, codes))
    codes, moments = codes[order], moments[order]
    twice = (codes[1:] == codes[:-1]) & (moments[1:] == moments[:-1])
    if twice.any():
        row = order[np.argmax(twice)]
        raise ValueError(
            f"Series {columns[case][row]} has several rows with {time} = {columns[time][row]}. Keep one of them."
        )
    channels = {name: cells[order] for name, cells in columns.items() if name not in (case, time)}
    return channels, np.bincount(codes)


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
    parts = {name: _parts(name, cells) for name, cells in columns.items()}
    rows = zip(*parts.values(), strict=True)
    n_steps = np.array([_common_length(row, channels) for row, channels in enumerate(rows)])
    return {name: _joined(name, _all_present(channel, n_steps)) for name, channel in parts.items()}, n_steps


def framed_channels(frames: Any) -> tuple[dict, np.ndarray]:
    """Join the columns of a list of data frames.

    Parameters
    ----------
    frames : list of data frames
        One data frame per series, with one row per time step.

    Returns
    -------
    channels : dict of ndarray of shape (n_rows,)
        The columns, series by series.
    n_steps : ndarray of shape (n_cases,)
        Number of rows of each series.
    """
    tables = [columns_of(frame) or {} for frame in frames]
    names = list(tables[0])
    for case, table in enumerate(tables):
        if list(table) != names:
            raise ValueError(
                f"Series {case} of X has the columns {list(table)}, but series 0 has {names}. Give all series the same "
                "columns in the same order."
            )
    n_steps = np.array([len(frame) for frame in frames])
    return {name: _joined(name, [table[name] for table in tables]) for name in names}, n_steps


def holds_frames(X: Any) -> bool:
    """Tell whether `X` is a list of which any entry is a data frame."""
    is_list = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)
    return is_list and any(hasattr(one, "columns") for one in X)


def holds_records(cells: np.ndarray) -> bool:
    """Tell whether all cells are structured arrays: each is then a whole series."""
    return cells.dtype.kind == "O" and all(getattr(getattr(cell, "dtype", None), "names", None) for cell in cells)


def is_nested(cells: np.ndarray) -> bool:
    """Tell whether any cell is a series."""
    return cells.dtype.kind == "O" and any(
        hasattr(cell, "__len__") and not isinstance(cell, (str, bytes)) for cell in cells
    )


def is_text(name: Any, cells: np.ndarray) -> bool:
    """Tell whether the cells of the column `name` that are not missing are strings or byte strings."""
    if cells.dtype.kind != "O":
        return cells.dtype.kind in "SU"
    present = [cell for cell in cells if not is_missing(cell)]
    texts = sum(isinstance(cell, (str, bytes)) for cell in present)
    if 0 < texts < len(present):
        raise ValueError(f"Column {name!r} holds text and numbers. Make all its values numbers, or all text.")
    return texts > 0


def is_missing(cell: Any) -> bool:
    """Tell whether a cell is None, NaN, a missing value of pandas or NumPy, or the byte string of ARFF for missing."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(cell, bytes):
        return cell == b"?"
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(cell))
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))


def decoded(cell: Any) -> Any:
    """Return a byte string as a string, and anything else as it is."""
    return cell.decode("utf-8") if isinstance(cell, bytes) else cell


def numbers_of(name: Any, cells: np.ndarray) -> np.ndarray:
    """Return the cells of the column `name` as numbers, NaN where they are missing."""
    if cells.dtype.kind in "biuf":
        return cells
    try:
        if cells.dtype.kind != "O":
            raise TypeError(f"its dtype is {cells.dtype}")
        return np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    except (TypeError, ValueError) as error:
        raise _no_numbers(name, error) from error


def codes_of(name: Any, cells: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return the place of each text of the column `name` among the categories, NaN where it is missing."""
    places = {text: float(place) for place, text in enumerate(categories.tolist())}
    texts = [None if is_missing(cell) else decoded(cell) for cell in cells]
    unknown = [text for text in texts if text is not None and text not in places]
    if unknown:
        raise ValueError(
            f"Column {name!r} holds {unknown[0]!r}, but at fit it held only {list(places)}. Fit on all categories."
        )
    return np.array([np.nan if text is None else places[text] for text in texts])


def filled_forward(values: np.ndarray, n_steps: np.ndarray) -> np.ndarray:
    """Repeat the last observed value over gaps, within each of the series that are joined in `values`."""
    steps = np.arange(len(values))
    start = np.repeat(np.cumsum(n_steps) - n_steps, n_steps)  # for each step, the first step of its series
    return values[np.maximum.accumulate(np.where(np.isnan(values), start, steps))]


def _check_none_missing(name: Any, cells: np.ndarray) -> None:
    missing = np.array([is_missing(cell) for cell in cells])
    if missing.any():
        raise ValueError(f"Column {name!r} is missing in row {int(np.argmax(missing))}. Fill it or remove the row.")


def _places(cells: np.ndarray, order: list) -> np.ndarray:
    places = {cell: place for place, cell in enumerate(order)}
    return np.array([places[cell] for cell in cells.tolist()], dtype=np.intp)


def _sorted(name: Any, cells: np.ndarray) -> list:
    try:
        return sorted(set(cells.tolist()))
    except TypeError as error:
        raise ValueError(f"Column {name!r} holds values that cannot be sorted. Give numbers, dates or text.") from error


def _parts(name: Any, cells: np.ndarray) -> list:
    parts = [None if is_missing(cell) else values_of(cell) for cell in cells]
    for row, part in enumerate(parts):
        if part is not None and (part.ndim != 1 or len(part) == 0):
            raise ValueError(
                f"Column {name!r} has {decoded(cells[row])!r} in row {row}, where a 1-D array or list of time steps is "
                f"needed. If the column is not a channel, leave it out by drop={name!r}."
            )
    return parts


def _common_length(row: int, parts: tuple) -> int:
    lengths = {len(part) for part in parts if part is not None}
    if len(lengths) != 1:
        reason = f"differ in length: {sorted(lengths)}" if lengths else "are all missing"
        raise ValueError(f"The channels of series {row} of X {reason}. All channels of a series need the same steps.")
    return lengths.pop()


def _all_present(parts: list, n_steps: np.ndarray) -> list:
    return [np.full(steps, np.nan) if part is None else part for part, steps in zip(parts, n_steps, strict=True)]


def _joined(name: Any, parts: list) -> np.ndarray:
    dates = [part.dtype for part in parts if part.dtype.kind in "mM"]
    if dates:  # dates in nanoseconds would become whole numbers as objects
        raise _no_numbers(name, f"its dtype is {dates[0]}")
    numeric = all(part.dtype.kind in "biuf" for part in parts)
    return np.concatenate(parts if numeric else [part.astype(object) for part in parts])


def _no_numbers(name: Any, reason: Any) -> ValueError:
    return ValueError(f"Column {name!r} holds no numbers: {reason}. Leave it out by drop={name!r}.")
