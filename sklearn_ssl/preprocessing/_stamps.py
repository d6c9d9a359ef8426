"""Time stamps and durations, as columns of tables and as texts such as "10s"."""

import numbers
import warnings
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.tables import cells_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._times import moments_of

ZONE = r"\d:\d\d\S* ?(?:Z|[+-]\d\d(?::?\d\d)?)$"  # a time zone after a clock time


def stamps_of(name: str, column: Any) -> pd.Index:
    """Return a column of times as an index of dates, of durations, or of numbers. Dates keep their time zone.

    Parameters
    ----------
    name : str
        Name of the column.
    column : array-like of shape (n_rows,)
        Times, of the kinds that `moments_of` reads.

    Raises
    ------
    ValueError
        If a time is missing, or if it is not certain which comes first.
    """
    column = pd.Series(column).infer_objects()
    if isinstance(column.dtype, pd.DatetimeTZDtype) and not column.isna().any():
        return pd.Index(column)
    texts = pd.api.types.is_string_dtype(column) and column.astype(str).str.contains(ZONE).all()
    moments = pd.Index(moments_of(name, cells_of(column)))
    if texts and isinstance(moments, pd.DatetimeIndex):
        return moments.tz_localize("UTC")
    return moments if moments.dtype.kind in "mM" else moments.astype(float)


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
    if pd.isna(seconds):
        raise ValueError(f"{wrong} {shown(duration)}.")
    if not seconds > 0:
        raise ValueError(f"`{name}` must be longer than nothing, got {shown(duration)}.")
    return seconds
