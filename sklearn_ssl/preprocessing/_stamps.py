"""Time stamps and durations, as columns of tables and as texts such as "10s"."""

import numbers
import warnings
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._parameters.shown import shown


def stamps_of(name: str, column: Any) -> pd.Index:
    """Return a column of times as an index of dates, of durations, or of numbers.

    Parameters
    ----------
    name : str
        What error messages call the column.
    column : array-like of shape (n_rows,)
        Dates, durations, numbers, ordered categories, or texts in the ISO 8601 format.

    Raises
    ------
    ValueError
        If a time is missing, or if the column holds anything else. Other texts have no order that is certain.
    """
    column = pd.Series(column)
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        column = column.cat.codes.where(column.notna())
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    column = column.infer_objects()
    if column.isna().any():
        raise ValueError(
            f"{name} is missing in row {int(column.isna().to_numpy().argmax())}. Fill it or remove the row."
        )
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return pd.Index(column.to_numpy(dtype=float))
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return pd.Index(column)
    return _read_dates(name, column)


def is_duration(value: Any) -> bool:
    """Tell whether a value is to be a duration, and not a number of steps."""
    return isinstance(value, np.timedelta64) or not isinstance(value, numbers.Number)  # NumPy's durations are numbers


def seconds_of(name: str, duration: Any) -> float:
    """Return a duration, such as "10s" or a timedelta, in seconds.

    Raises
    ------
    ValueError, TypeError
        If it is no duration, or not above zero.
    """
    wrong = f'`{name}` must be a whole number of time steps, or a duration such as "10s" or "500ms"; got'
    if isinstance(duration, str) and duration.strip().replace(".", "").isdigit():
        raise ValueError(f"{wrong} {shown(duration)}. Write its unit.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas warns of units that a later version will spell otherwise
            seconds = pd.Timedelta(duration).total_seconds()
    except (ValueError, TypeError) as error:
        raise ValueError(f"{wrong} {shown(duration)}.") from error
    if not seconds > 0:
        raise ValueError(f"`{name}` must be longer than nothing, got {shown(duration)}.")
    return seconds


def _read_dates(name: str, column: pd.Series) -> pd.Index:
    texts = column.map(lambda cell: cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell)
    wrong = f"{name} must have dates, durations or numbers, got {shown(column.iloc[0])}"
    remedy = "Turn texts into dates by pandas.to_datetime(column, format=...), or into numbers by pandas.to_numeric."
    if not texts.map(lambda cell: isinstance(cell, str) and not cell.strip().isdigit()).all():
        raise ValueError(f"{wrong}. {remedy}")
    try:
        return pd.Index(pd.to_datetime(texts, format="ISO8601"))
    except ValueError as error:
        raise ValueError(f"{wrong}. {remedy}") from error
