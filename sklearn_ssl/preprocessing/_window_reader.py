"""Windows that are cut from recordings on disk when they are read."""

from typing import Any

import numpy as np

from sklearn_ssl._input.on_disk import OnDisk
from sklearn_ssl._input.readers import PartReader, RecentBlocks, blocks_in_window
from sklearn_ssl.preprocessing._stored_recordings import StoredRecording, steps_of
from sklearn_ssl.preprocessing._window_places import Places, windows_at


def windows_of(places: Places, recordings: Any, length: int) -> Any:
    """Return the windows of shape (n_windows, n_channels, length), on disk if a recording is there."""
    if any(isinstance(one, StoredRecording) for one in recordings):
        return OnDisk.read_by(WindowReader(recordings, places, length))
    return windows_at(places, recordings, length)


class WindowReader(PartReader):
    """Reads windows of recordings. Those that start in one chunk of a store are cut from one piece of it.

    Parameters
    ----------
    recordings : list of StoredRecording or ndarray
        The recordings.
    places : Places
        Where the windows are.
    length : int
        Steps in a window. After the end of short ones is NaN.
    """

    def __init__(self, recordings: list, places: Places, length: int) -> None:
        self._recordings, self._places = recordings, places
        dtypes = {one.dtype for one in recordings}
        short = bool((places.stop - places.start < length).any())
        self.dtype = np.result_type(*dtypes, np.float32) if short else np.result_type(*dtypes)
        self.shape = (len(places), recordings[0].shape[0], length)
        chunks = [one.chunk or 0 for one in recordings if isinstance(one, StoredRecording)]
        self._span = max(chunks) or None
        self._window = blocks_in_window(self.shape[1] * ((self._span or 0) + length) * self.dtype.itemsize)
        self._recent = RecentBlocks(2 * self._window)

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        if self._span is None:
            return super().blocks_of(rows)
        per_recording = int(self._places.start.max()) // self._span + 1
        return self._places.recording[rows] * per_recording + self._places.start[rows] // self._span

    @property
    def window(self) -> int:
        return self._window

    def _part_of(self, ordered: np.ndarray) -> np.ndarray:
        return ordered if self._span is None else self.blocks_of(ordered)

    def _read_part(self, ordered: np.ndarray) -> np.ndarray:
        start, stop = self._places.start[ordered], self._places.stop[ordered]
        first, piece = self._piece(int(self._places.recording[ordered[0]]), int(start[0]), int(stop[-1]))
        steps = start[:, None] + np.arange(self.shape[2])  # (n, length)
        windows = piece[:, np.minimum(steps, stop[:, None] - 1) - first].swapaxes(0, 1)  # (n, C, length)
        inside = steps < stop[:, None]
        return windows if inside.all() else np.where(inside[:, None], windows, np.nan)

    def _piece(self, case: int, start: int, stop: int) -> tuple[int, np.ndarray]:
        """Return the first step of a piece of a recording that has these steps, and the piece."""
        if self._span is None:
            return start, steps_of(self._recordings[case], start, stop)
        first = start // self._span * self._span
        end = min(first + self._span + self.shape[2] - 1, self._recordings[case].shape[1])
        return first, self._recent.get((case, first), lambda: steps_of(self._recordings[case], first, end))
