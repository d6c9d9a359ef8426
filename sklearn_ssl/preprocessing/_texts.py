"""Columns of numbers and columns of text, and the codes of texts."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.tables import kind_of
from sklearn_ssl._parameters.shown import shown

MISSING_TEXTS = ("", "?", "-", "na", "n/a", "nan", "none", "null")


def decoded(cell: Any, name: Any = None) -> Any:
    """Return a byte string as a string, and anything else as it is.

    Raises
    ------
    ValueError
        If the bytes are not UTF-8. The message names the column.
    """
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError as error:
        where = "The labels hold" if name is None else f"Column {shown(name)} holds"
        raise ValueError(
            f"{where} the bytes {shown(bytes(cell))}, which are not UTF-8. Decode all of them before, in the encoding "
            'that they have: cell.decode("latin-1") never fails.'
        ) from error


def is_missing(cell: Any) -> bool:
    """Tell whether a cell is None, NaN, a missing value of pandas or NumPy, or the byte string of ARFF for missing."""
    if isinstance(cell, bytes):
        return cell == b"?"
    return np.ndim(cell) == 0 and bool(pd.isna(cell))


def is_text(name: Any, cells: Any) -> bool:
    """Tell whether the cells of the column `name` that are not missing are strings or byte strings."""
    if isinstance(cells, pd.Categorical):
        return is_text(name, np.asarray(cells.categories))
    if cells.dtype.kind != "O" or not isinstance(cells, np.ndarray):
        return cells.dtype.kind in "SU"
    kind = kind_of(cells)
    if kind == "string":
        return True
    if kind in ("integer", "floating", "boolean", "decimal", "empty"):
        return False
    different = pd.unique(cells) if kind == "bytes" else cells
    present = [cell for cell in different if not is_missing(cell)]
    texts = sum(isinstance(cell, (str, bytes)) for cell in present)
    if 0 < texts < len(present):
        raise ValueError(f"Column {shown(name)} holds text and numbers. Make all its values numbers, or all text.")
    return texts > 0


def are_numbers_as_text(texts: list) -> bool:
    """Tell whether different texts are numbers, and marks of missing ones such as "?"."""
    present = [text for text in texts if text.strip().lower() not in MISSING_TEXTS]
    return len(present) > 0 and bool(pd.to_numeric(pd.Series(present), errors="coerce").notna().all())


def coded(name: Any, cells: Any) -> tuple[np.ndarray, list]:
    """Return the different texts of a column, and the place of each cell among them.

    Returns
    -------
    codes : ndarray of shape (n_rows,)
        The places. Missing cells have -1, or the place of None.
    texts : list of str or None
        The different texts, in the order of ordered categories, and otherwise in the order in which they occur.
    """
    if isinstance(cells, pd.Categorical) and cells.ordered:
        return cells.codes, [decoded(text, name) for text in cells.categories]
    codes, different = pd.factorize(np.asarray(cells))
    return codes, [None if is_missing(cell) else decoded(cell, name) for cell in different]


def places_of(name: Any, codes: np.ndarray, texts: list, categories: np.ndarray) -> np.ndarray:
    """Return the place among the categories of every cell of the column `name`, NaN where it is missing."""
    places = {text: float(place) for place, text in enumerate(categories.tolist())}
    unknown = [text for text in texts if text is not None and text not in places]
    if unknown:
        raise ValueError(
            f"Column {shown(name)} holds {shown(unknown[0])}, but at fit it held only {shown(list(places))}. Fit on "
            "all categories."
        )
    return np.array([np.nan if text is None else places[text] for text in texts] + [np.nan])[codes]


def filled_forward(values: np.ndarray, n_steps: np.ndarray) -> np.ndarray:
    """Repeat the last observed value over gaps, within each of the series that are joined in `values`."""
    steps = np.arange(len(values))
    start = np.repeat(np.cumsum(n_steps) - n_steps, n_steps)  # for each step, the first step of its series
    return values[np.maximum.accumulate(np.where(np.isnan(values), start, steps))]


def numbers_of(name: Any, cells: Any) -> np.ndarray:
    """Return the cells of the column `name` as numbers, NaN where they are missing."""
    if cells.dtype.kind in "biuf":
        return np.asarray(cells)
    if cells.dtype.kind in "mM" or isinstance(cells, pd.arrays.PeriodArray):
        raise holds_times(name, cells.dtype)
    if cells.dtype.kind != "O":
        raise holds_no_numbers(name, f"its dtype is {cells.dtype}")
    cells = np.asarray(cells)
    missing = pd.isna(cells)
    if kind_of(cells).startswith(("date", "time", "period")):
        raise holds_times(name, kind_of(cells))
    try:
        return np.where(missing, np.nan, cells).astype(float)
    except (TypeError, ValueError):
        return _one_by_one(name, cells)


def _one_by_one(name: Any, cells: np.ndarray) -> np.ndarray:
    try:
        return np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    except (TypeError, ValueError) as error:
        raise holds_no_numbers(name, error) from error


def holds_no_numbers(name: Any, reason: Any) -> ValueError:
    """Return the error for a column that is no channel."""
    return ValueError(
        f"Column {shown(name)} holds no numbers: {shown_reason(reason)}. Leave it out by drop={shown(name)}."
    )


def holds_times(name: Any, dtype: Any) -> ValueError:
    """Return the error for a column of times among the channels."""
    return ValueError(
        f"Column {shown(name)} holds no numbers: its dtype is {dtype}. If it has the times of the steps, set "
        f"time={shown(name)}; otherwise leave it out by drop={shown(name)}."
    )


def shown_reason(reason: Any) -> str:
    """Return a reason on one line, cut where it is long."""
    text = " ".join(str(reason).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
