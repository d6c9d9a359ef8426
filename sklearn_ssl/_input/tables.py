"""Tables of every library by columns, and what tells that the rows of a table are not series."""

import numbers
import re
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.plain import plain, without_missing
from sklearn_ssl._parameters.shown import shown

TIMES = (pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex)
TEXTS = ("string", "bytes")
ROW_NUMBERS = re.compile(r"Unnamed: \d+(\.\d+)*(_level_\d+)?")


def is_table(X: Any) -> bool:
    """Tell whether `X` is a data frame of pandas, polars, pyarrow or another library, or an array of records.

    Raises
    ------
    TypeError
        If the table has a plan and no values yet.
    """
    if hasattr(X, "collect") and hasattr(X, "collect_schema"):
        raise TypeError(f"X is a {type(X).__name__}, whose values are not computed yet. Give X.collect().")
    if isinstance(X, np.ndarray):
        return X.dtype.names is not None
    return hasattr(X, "columns") and hasattr(X, "__getitem__")


def columns_of(X: Any) -> dict[Any, Any] | None:
    """Return the columns of a table by name, or None for anything else.

    Returns
    -------
    dict of ndarray, pandas.Categorical or PeriodArray of shape (n_rows,), or None
        The cells of every column. The fields of records may have more than one dimension. Missing numbers are NaN, and
        times with a zone are in UTC.
    """
    if not is_table(X):
        return None
    if isinstance(X, np.ndarray):
        return {name: np.asarray(plain(X[name])) for name in X.dtype.names}
    names = list(getattr(X, "column_names", X.columns))  # pyarrow's `columns` has no names
    _check_unique(names)
    return {name: cells_of(X[name]) for name in names}


def _check_unique(names: list) -> None:
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise ValueError(f"X has several columns of the name(s) {shown(twice)}. Give each column a name of its own.")


def cells_of(column: Any) -> Any:
    """Return the cells of one column, as `columns_of` does."""
    library = type(column).__module__.partition(".")[0]
    if library == "pandas":
        return _cells_of_pandas(column)
    if library == "polars":
        return _cells_of_polars(column)
    if library == "pyarrow":
        return _cells_of_pandas(column.to_pandas(date_as_object=False))
    return np.asarray(plain(column))


def _cells_of_pandas(column: Any) -> Any:
    if isinstance(column.dtype, pd.ArrowDtype):
        return _cells_of_pandas(column.array.__arrow_array__().to_pandas(date_as_object=False))
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.array
    cells = column.values  # numbers as they are, and times with a zone in UTC
    if isinstance(cells, (np.ndarray, pd.Categorical)):
        return cells
    if cells.dtype.kind in "biuf" and hasattr(cells, "_mask"):
        return cells.to_numpy(dtype=float, na_value=np.nan) if column.isna().any() else cells.to_numpy()
    if isinstance(column.dtype, pd.StringDtype):
        return _texts_of(cells)
    return np.asarray(cells)


def _texts_of(cells: Any) -> np.ndarray:
    """Return texts of pandas as objects, equal ones as one object: an object per cell takes several times as long."""
    codes, texts = pd.factorize(cells)  # -1 where a cell is missing
    return np.array([*texts, cells.dtype.na_value], dtype=object)[codes]


def _cells_of_polars(column: Any) -> Any:
    if type(column.dtype).__name__ == "Enum":
        return pd.Categorical(column.to_list(), categories=list(column.dtype.categories), ordered=True)
    if type(column.dtype).__name__ == "Categorical":
        return np.array(column.to_list(), dtype=object)
    cells = column.to_numpy()
    if cells.ndim == 1:
        return cells
    rows = np.empty(len(cells), dtype=object)
    rows[:] = list(cells)
    return rows


def kind_of(cells: Any) -> str:
    """Return what pandas calls the kind of the cells that are not missing, such as "string" or "floating"."""
    return pd.api.types.infer_dtype(cells)


def as_frame(X: Any) -> pd.DataFrame:
    """Return a table of any library as a data frame of pandas."""
    if isinstance(X, pd.DataFrame):
        return X
    columns = columns_of(X) or {}
    return pd.DataFrame({name: list(cells) if cells.ndim > 1 else cells for name, cells in columns.items()})


def is_nested(cells: Any) -> bool:
    """Tell whether any cell is a series."""
    return (
        isinstance(cells, np.ndarray)
        and cells.dtype.kind == "O"
        and any(hasattr(cell, "__len__") and not isinstance(cell, (str, bytes)) for cell in cells)
    )


def has_time_index(X: Any) -> bool:
    """Tell whether the index of a table has the times of its rows, so that a row is a time step."""
    return isinstance(getattr(X, "index", None), TIMES)


def checked_rows(X: Any) -> pd.DataFrame:
    """Return a table whose rows are series of one channel and whose columns are time steps.

    Raises
    ------
    ValueError
        If its index, its columns or its cells tell that it is no such table.
    """
    frame = as_frame(X)
    if frame.shape[1] == 0:
        raise ValueError("X is a table without columns. Give one column per time step.")
    _check_unique(list(frame.columns))
    check_unnamed(frame.columns)
    _check_index(frame)
    for name in frame.columns[[dtype.kind not in "biuf" for dtype in frame.dtypes]]:
        _check_step(name, frame[name])
    if all(dtype.kind != "O" for dtype in frame.dtypes):
        return frame
    return pd.DataFrame(without_missing(frame.to_numpy(dtype=object)), index=frame.index, columns=frame.columns)


def check_unnamed(names: Any) -> None:
    """Refuse the row numbers of a file, which pandas reads as a column without a name."""
    for name in names:
        if isinstance(name, str) and ROW_NUMBERS.fullmatch(name):
            raise ValueError(
                f"Column {shown(name)} had no name in its file, and most often holds the row numbers. Read the file by "
                f"pandas.read_csv(..., index_col=0), or take X.drop(columns={shown(name)}). If the column is needed, "
                "give it a name."
            )


def check_row_numbers(columns: dict) -> None:
    """Refuse the row numbers that ``reset_index`` of pandas, or a reader of files, turns into a column."""
    for name, cells in columns.items():
        numbered = isinstance(name, str) and name in ("", "index", "level_0") and cells.dtype.kind in "iu"
        if numbered and np.array_equal(cells, np.arange(len(cells))):
            raise ValueError(
                f"Column {shown(name)} has the row numbers 0 to {len(cells) - 1}, which are no channel. Leave it out "
                f"by drop={shown(name)}, or take X.reset_index(drop=True) where the table is made."
            )


def check_one_level(columns: Any, remedy: str = "give X.stack(future_stack=True)") -> None:
    """Refuse column names of several levels: one would be the channel and one the time."""
    if getattr(columns, "nlevels", 1) > 1:
        raise ValueError(
            f"The columns of X have {columns.nlevels} levels, {shown(list(columns.names))}. If the last level is the "
            f"time, as after a pivot, {remedy}. The stacked table has one row per series and time."
        )


def _check_index(frame: pd.DataFrame) -> None:
    check_one_level(frame.columns, "give sklearn_ssl.preprocessing.as_collection(X.stack(future_stack=True))")
    if frame.index.nlevels > 1:
        raise ValueError(
            f"The rows of X have the index {shown(list(frame.index.names))}, as in a long table. Turn it into series "
            "before this step by sklearn_ssl.preprocessing.as_collection(X). If each row is a series, give "
            "X.reset_index(drop=True)."
        )
    if has_time_index(frame):
        raise ValueError(
            f"The rows of X have times as their index ({type(frame.index).__name__}), so X is one recording of "
            f"{frame.shape[1]} channel(s). Cut it into series before this step, for example by "
            "sklearn_ssl.preprocessing.window_recordings(X, length=...). If each row is a "
            "series, give X.reset_index(drop=True)."
        )


def _check_step(name: Any, column: pd.Series) -> None:
    if column.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: column {shown(name)} of X has dtype {column.dtype}. Give real and imaginary "
            "parts as channels."
        )
    cells = np.asarray(cells_of(column))
    kind = kind_of(cells)
    if any(np.ndim(cell) for cell in cells):
        raise ValueError(
            "X is a table whose cells are series. Turn it into an array or a list of arrays before this step by "
            "sklearn_ssl.preprocessing.as_collection(X)."
        )
    if cells.dtype.kind in "mM" or kind.startswith(("date", "time", "period")):
        raise ValueError(f"Column {shown(name)} of X holds dates or times, {_remedy(name)}")
    if kind in TEXTS:
        raise ValueError(f"Column {shown(name)} of X holds text and is not numeric, {_remedy(name)}")
    for row, cell in enumerate(cells if kind.startswith("mixed") else []):
        if not isinstance(cell, (numbers.Number, np.bool_)) and not pd.isna(cell):
            raise ValueError(
                f"Column {shown(name)} of X holds {shown(cell)} in row {row}. Replace it by a number or NaN."
            )


def _remedy(name: Any) -> str:
    return (
        "but the columns of a table are the time steps of series. If it is the target or an id, leave it out by "
        f"X.drop(columns={shown(name)}). A table with one row per time step becomes series by "
        "sklearn_ssl.preprocessing.as_collection(X, case=..., time=...)."
    )
