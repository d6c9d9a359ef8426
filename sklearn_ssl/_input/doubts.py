"""What is most often a mistake in series, though it is no error."""

from typing import Any

import numpy as np

from sklearn_ssl._parameters.notices import warn_caller

SAMPLE_ROWS, SAMPLE_BYTES = 256, 1 << 24

# Among the multivariate sets of the UEA archive, none has ten times as many channels as time steps.
UNLIKELY_RATIO = 10
FEW_STEPS, MANY_CHANNELS = 16, 16

LARGEST_ERROR = 0.1
LEAST_SPREAD = 1e-12  # float64 has digits enough for what is above


def warn_of_doubts(values: Any, *, to_float32: bool, known_axes: bool = False) -> None:
    """Warn if the axes seem to be in another order, if float32 cannot hold the values, or if all series are the same.

    Parameters
    ----------
    values : ndarray or OnDisk of shape (n_cases, n_channels, n_timepoints)
        The series, in the dtype in which they came.
    to_float32 : bool
        Whether they are converted to float32, for an encoder that is to tell them apart.
    known_axes : bool, default=False
        Whether the order of the axes is certain.
    """
    if not known_axes:
        _warn_of_axes(values)
    if to_float32 and not _warn_of_lost_spread(values):
        _warn_of_equal_series(values)


def _warn_of_axes(values: Any) -> None:
    _, n_channels, n_timepoints = values.shape
    many = n_channels >= max(MANY_CHANNELS, 2 * n_timepoints) and n_timepoints <= FEW_STEPS
    if n_channels >= UNLIKELY_RATIO * n_timepoints or many:
        warn_caller(
            f"X has {n_channels} channels of {n_timepoints} time step(s): its shape is (n_cases, n_channels, "
            "n_timepoints). If the channels come last, as in Keras and tslearn, turn X by "
            'sklearn_ssl.preprocessing.as_collection(X, order="channels-last").'
        )


def _warn_of_lost_spread(values: Any) -> bool:
    if values.dtype in (np.float16, np.float32):
        return False
    sample = _sample(values)
    by_channel = (_lost(sample, axis=(0, 2)), _median_of_lost(sample))
    lost = np.flatnonzero(by_channel[0] | by_channel[1])
    if len(lost) == 0:
        return False
    channel = int(lost[0])
    others = f" (and {len(lost) - 1} other channel(s))" if len(lost) > 1 else ""
    scaler = "ChannelWise" if by_channel[0][channel] else "SeriesWise"
    warn_caller(
        f"Channel {channel}{others} of X loses its differences in float32: its values differ too little for their size "
        f"({np.nanmin(sample[:, channel]):.6g} to {np.nanmax(sample[:, channel]):.6g}). Scale X in float64 before this "
        f"step, for example by sklearn_ssl.preprocessing.{scaler}(sklearn.preprocessing.StandardScaler())."
    )
    return True


def _sample(values: Any) -> np.ndarray:
    """Return some series, and some of their steps, evenly spaced among all and in float64."""
    n_rows = min(SAMPLE_ROWS, len(values))
    rows = np.linspace(0, len(values) - 1, n_rows).astype(np.intp)
    stride = 1 + n_rows * values[0].size * 8 // SAMPLE_BYTES
    return np.asarray(values[rows, :, ::stride], dtype=np.float64)


def _lost(sample: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Tell where float32 loses a part of the differences along some axes that is not negligible."""
    observed = ~np.isnan(sample)
    count = np.maximum(observed.sum(axis=axis, keepdims=True), 1)
    centre = np.sum(sample, axis=axis, keepdims=True, where=observed) / count
    spread = _root_mean_square(sample - centre, axis, observed)
    error = _root_mean_square(sample - sample.astype(np.float32), axis, observed)
    size = np.max(np.abs(sample), axis=axis, where=observed, initial=0)
    return (spread > LEAST_SPREAD * size) & (error > LARGEST_ERROR * spread)


def _median_of_lost(sample: np.ndarray) -> np.ndarray:
    return 2 * _lost(sample, axis=2).sum(axis=0) > len(sample)  # (C,)


def _root_mean_square(values: np.ndarray, axis: int | tuple[int, ...], where: np.ndarray) -> np.ndarray:
    scale = np.max(np.abs(values), where=where, initial=0) or 1.0  # squares of tiny numbers would be zero
    count = np.maximum(where.sum(axis=axis), 1)
    return scale * np.sqrt(np.sum((values / scale) ** 2, axis=axis, where=where) / count)


def _warn_of_equal_series(values: Any) -> None:
    first = np.asarray(values[0])
    if len(values) > 1 and all(np.array_equal(first, one, equal_nan=True) for one in values[1:]):
        channels = "its channel" if len(first) == 1 else f"all {len(first)} channels"
        warn_caller(
            f"All {len(values)} series of X are the same, in {channels}, so nothing can be learnt from them. Check how "
            "X was made: most often it was filled with one value, or read from one place."
        )
