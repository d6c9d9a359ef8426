"""Where windows begin and end, and the values in them."""

import dataclasses
from typing import Any, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_ssl.preprocessing._step_times import Stretches


@final
@dataclasses.dataclass(frozen=True)
class Places:
    """The places of windows, in the order of the recordings and of time.

    Attributes
    ----------
    recording, start, stop, block : ndarray of shape (n_windows,)
        The number of the recording, the first step, the step after the last one, and the number of the block within
        the recording.
    """

    recording: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    block: np.ndarray

    @classmethod
    def on(cls, stretches: Stretches, length: int, step: int, *, pad_short: bool, rest: str) -> "Places":
        """Return the places of windows on stretches of steps.

        Parameters
        ----------
        stretches : Stretches
            Where windows may be.
        length, step : int
            Steps in a window, and from the start of one to the start of the next.
        pad_short : bool
            Whether a stretch that is shorter than `length` has a window, which is then shorter.
        rest : {"drop", "pad", "overlap"}
            What becomes of the steps after the last whole window of a stretch.
        """
        n_steps = stretches.stop - stretches.first
        whole = np.maximum(0, (n_steps - length) // step + 1)
        left = (whole > 0) & ((whole - 1) * step + length < n_steps) & (rest != "drop")
        if rest == "pad":
            left &= whole * step < n_steps
        counts = whole + (left | (pad_short & (whole == 0) & (n_steps > 0)))
        which = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        start = stretches.first[which] + number * step
        if rest == "overlap":
            last = left[which] & (number == whole[which])
            start[last] = stretches.stop[which][last] - length
        stop = np.minimum(start + length, stretches.stop[which])
        return cls(stretches.recording[which], start, stop, stretches.block[which])

    def __len__(self) -> int:
        return len(self.start)

    def where(self, kept: np.ndarray) -> "Places":
        """Return some of the places."""
        return Places(self.recording[kept], self.start[kept], self.stop[kept], self.block[kept])


def windows_at(places: Places, values: Any, length: int) -> np.ndarray:
    """Return the windows of shape (n_windows, n_channels, length), with NaN after the end of short ones.

    The windows of a single recording are a view of it if they are at equal distances.
    """
    cases, first = np.unique(places.recording, return_index=True)
    parts = []
    for case, begin, end in zip(cases, first, [*first[1:], len(places)], strict=True):
        parts.append(_windows_of(values[case], places.start[begin:end], places.stop[begin:end], length))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _windows_of(recording: np.ndarray, start: np.ndarray, stop: np.ndarray, length: int) -> np.ndarray:
    if (stop - start < length).any():
        return _padded(recording, start, stop, length)
    windows = _at_every_step(recording, length)  # (T - length + 1, C, length)
    distances = np.unique(np.diff(start))
    if len(distances) > 1:
        return windows[start]
    return windows[start[0] : start[-1] + 1 : distances[0] if len(distances) else 1]


def _padded(recording: np.ndarray, start: np.ndarray, stop: np.ndarray, length: int) -> np.ndarray:
    dtype = np.result_type(recording.dtype, np.float32) if recording.dtype.kind in "biu" else recording.dtype
    end = np.full((recording.shape[0], length), np.nan, dtype=dtype)
    windows = _at_every_step(np.concatenate([recording, end], axis=1, dtype=dtype), length)[start]
    after = np.arange(length) >= (stop - start)[:, None]  # (n_windows, length)
    windows[np.broadcast_to(after[:, None], windows.shape)] = np.nan
    return windows


def _at_every_step(recording: np.ndarray, length: int) -> np.ndarray:
    windows = sliding_window_view(recording, length, axis=-1, subok=isinstance(recording, np.memmap))
    return np.moveaxis(windows, -2, -3)  # (T - length + 1, C, length)
