"""How long each series is without its padding, and where values are missing or infinite that must not be."""

from typing import Any

import numpy as np

from sklearn_ssl._input.on_disk import is_on_disk

CHUNK_BYTES = 1 << 22

TURN = ' turned by sklearn_ssl.preprocessing.as_collection(X, order="channels-last").'


def observed_lengths(values: Any, *, allow_missing: bool, first: int = 0, first_step: int = 0) -> np.ndarray | None:
    """Return the number of steps of each series without its padding, or None if no series is padded.

    Parameters
    ----------
    values : ndarray or OnDisk of shape (n_cases, n_channels, n_timepoints)
        The series.
    allow_missing : bool
        Whether series may have missing values (NaN) between their observed steps, and may have no observed step.
    first : int, default=0
        The number that error messages give to the first series.
    first_step : int, default=0
        The number that error messages give to the first time step.

    Raises
    ------
    ValueError
        If a value is infinite, or if a value is missing that must not be.
    """
    n_cases, n_channels, n_timepoints = values.shape
    if values.dtype.kind in "iub":
        return None
    lengths = np.full(n_cases, n_timepoints)
    rows = max(1, CHUNK_BYTES // max(1, n_channels * n_timepoints * 4))
    for start in range(0, n_cases, rows):
        chunk = np.asarray(values[start : start + rows])
        if is_on_disk(values):  # all others have been converted before
            with np.errstate(over="ignore"):  # values that overflow are reported as infinite
                chunk = chunk.astype(np.float32, copy=False)
        if not np.isfinite(chunk).all():
            lengths[start : start + rows] = _chunk_lengths(chunk, first + start, first_step, allow_missing)
    return None if (lengths == n_timepoints).all() else lengths


def _chunk_lengths(chunk: np.ndarray, first: int, first_step: int, allow_missing: bool) -> np.ndarray:
    _check_finite(chunk, first, first_step)
    missing = np.isnan(chunk)
    if allow_missing and not missing[:, :, -1].all(axis=1).any():  # most often: missing values, but no padding
        return np.full(len(chunk), chunk.shape[2])
    padded = np.logical_and.accumulate(missing.all(axis=1)[:, ::-1], axis=1)[:, ::-1]  # (n, L)
    lengths = (~padded).sum(axis=1)
    if not allow_missing:
        _check_observed(lengths, first)
        _check_no_gaps(missing & ~padded[:, None, :], first)
    return lengths


def _check_finite(chunk: np.ndarray, first: int, first_step: int) -> None:
    if np.isinf(chunk).any():
        case, channel, step = np.argwhere(np.isinf(chunk))[0]
        raise ValueError(
            f"X has an infinite value (or one beyond {chunk.dtype}) in series {first + case}, channel {channel}, "
            f"time step {first_step + step}. Replace infinite values by NaN and fill them, and scale large ones, "
            "before this step."
        )


def _check_observed(lengths: np.ndarray, first: int) -> None:
    if (lengths == 0).any():
        raise ValueError(
            f"Series {first + int(np.argmin(lengths))} of X has zero time steps: all its values are NaN. Remove it."
        )


def _check_no_gaps(gaps: np.ndarray, first: int) -> None:
    if gaps.any():
        case, channel, step = np.argwhere(gaps)[0]
        raise ValueError(
            f"X has a missing value (NaN) inside series {first + case}, channel {channel}, time step {step}. "
            "Only trailing steps at which all channels are NaN are padding; fill the others before this step, "
            f"for example with sklearn_ssl.preprocessing.FillMissing().{_turned_padding(gaps)}"
        )


def _turned_padding(gaps: np.ndarray) -> str:
    """Return a remedy if the gaps would be padding of series that have their channels last."""
    missing = np.asarray(gaps.all(axis=2))  # (n, C)
    trailing = np.logical_and.accumulate(missing[:, ::-1], axis=1)[:, ::-1]
    if (gaps != trailing[:, :, np.newaxis]).any():
        return ""
    return f" If X has the shape (n_cases, n_timepoints, n_channels), the gaps are padding of series that must be{TURN}"
