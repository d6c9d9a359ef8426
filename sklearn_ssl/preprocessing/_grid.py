"""A regular grid in time: the step of every row."""

import numbers
import warnings
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown

# A grid may have this many times as many steps as there are rows, or else this many steps.
LARGEST_RATIO, LARGEST_SMALL_GRID = 1000, 1_000_000


def steps_on_grid(freq: Any, name: Any, moments: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return for every row its step on the grid that begins at the first time of its series.

    A row belongs to the nearest step of the grid.

    Parameters
    ----------
    freq : str, timedelta or number
        Distance between two steps. Texts such as "1s" are read by pandas; numbers are in the unit of numeric times.
    name : object
        Name of the column of times.
    moments : ndarray of shape (n_rows,)
        Times, sorted within each series.
    codes : ndarray of shape (n_rows,)
        The series of each row, sorted.

    Raises
    ------
    ValueError
        If `freq` does not fit the times, or if the grid would be far larger than the table.
    """
    first = np.concatenate([[True], codes[1:] != codes[:-1]])
    start = moments[first][np.cumsum(first) - 1]  # the first time of the series of each row
    if moments.dtype.kind not in "mM":
        steps = np.rint((moments.astype(float) - start) / _number_of(freq, name))
    elif (step := _duration_of(freq, name)) is not None:
        steps = np.rint((moments - start) / step.to_timedelta64())
    else:
        steps = _steps_of_calendar(freq, name, moments, start)
    _check_size(freq, steps, first)
    return steps.astype(np.int64)


def _number_of(freq: Any, name: Any) -> float:
    """Return the distance of two steps of numeric times, which are seconds if `freq` has a unit."""
    if _has_unit(freq):
        duration = _duration_of(freq, name)
        if duration is None:
            raise _wrong(freq, name, "numbers")
        return duration.total_seconds()
    if isinstance(freq, (bool, np.bool_)) or not isinstance(freq, numbers.Real):
        raise _wrong(freq, name, "numbers")
    if freq not in Range(above=0):
        raise ValueError(f"`freq` must be above zero, got {shown(freq)}.")
    return float(freq)


def _duration_of(freq: Any, name: Any) -> pd.Timedelta | None:
    """Return a fixed duration, or None for months and the like."""
    if not _has_unit(freq) or freq is pd.NaT:
        raise _wrong(freq, name, "dates or durations")
    try:
        offset = pd.tseries.frequencies.to_offset(pd.Timedelta(freq) if isinstance(freq, np.timedelta64) else freq)
    except ValueError as error:
        raise ValueError(
            f'`freq` must be a distance in time such as "1s", "10ms" or "1D", got {shown(freq)}.'
        ) from error
    try:
        duration = pd.Timedelta(days=offset.n) if isinstance(offset, pd.offsets.Day) else pd.Timedelta(offset)
    except ValueError:
        return None
    if not duration > pd.Timedelta(0):
        raise ValueError(f"`freq` must be above zero, got {shown(freq)}.")
    return duration


def _has_unit(freq: Any) -> bool:
    return isinstance(freq, (str, np.timedelta64, pd.offsets.BaseOffset)) or hasattr(freq, "total_seconds")


def _wrong(freq: Any, name: Any, kind: str) -> ValueError:
    remedy = 'a number, or text such as "1s" if they are seconds' if kind == "numbers" else 'text such as "1s"'
    return ValueError(f"`freq`={shown(freq)} does not fit column {shown(name)}, whose times are {kind}. Give {remedy}.")


def _steps_of_calendar(freq: Any, name: Any, moments: np.ndarray, start: np.ndarray) -> np.ndarray:
    if moments.dtype.kind != "M":
        raise _wrong(freq, name, "durations")
    offset = pd.tseries.frequencies.to_offset(freq)
    code = offset.rule_code.partition("-")[0].rstrip("ES")  # month ends and month starts are periods of a month
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas warns of business days, which it will no longer count
            steps = [pd.PeriodIndex(pd.DatetimeIndex(times), freq=code).asi8 for times in (moments, start)]
    except (ValueError, FutureWarning) as error:
        raise ValueError(
            f'`freq` must be a distance in time such as "1s", "1D" or "1ME", got {shown(freq)}.'
        ) from error
    return (steps[0] - steps[1]) // offset.n


def _check_size(freq: Any, steps: np.ndarray, first: np.ndarray) -> None:
    last = np.concatenate([first[1:], [True]])
    n_steps = float((steps[last] + 1).sum())
    if n_steps > max(LARGEST_SMALL_GRID, LARGEST_RATIO * len(steps)):
        raise ValueError(
            f"`freq`={shown(freq)} gives a grid of {n_steps:.3g} steps for {len(steps)} rows. Give a longer `freq`; "
            "numeric times are taken for seconds if `freq` has a unit."
        )
