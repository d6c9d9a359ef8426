"""Recordings that stay on disk."""

from typing import Any

import numpy as np

from sklearn_ssl._input.lengths import CHUNK_BYTES, observed_lengths
from sklearn_ssl._input.on_disk import OnDisk
from sklearn_ssl._input.readers import StoreReader
from sklearn_ssl._input.stores import chunks_of


class StoredRecording:
    """A recording of shape (n_channels, n_timepoints) whose steps are read by slices.

    Parameters
    ----------
    reader : StoreReader
        Reads the store.
    case : int or None, default=None
        The row of the store that is the recording. None: the recording is the whole store.
    """

    def __init__(self, reader: StoreReader, case: int | None = None) -> None:
        self._reader = reader
        self._case = case
        n_channels = 1 if len(reader.shape) == 2 and case is not None else reader.shape[-2]
        self.shape = (n_channels, reader.shape[-1])
        self.dtype = reader.dtype

    @property
    def chunk(self) -> int | None:
        """Number of time steps that are read as a whole, or None if single steps can be read."""
        chunks = chunks_of(self._reader.store)
        return None if chunks is None else chunks[-1]

    def steps(self, start: int, stop: int) -> np.ndarray:
        """Return some steps of all channels (n_channels, stop - start)."""
        if self._case is None:
            return self._reader.piece((slice(None), slice(start, stop)))
        channels = [slice(None)] * (len(self._reader.shape) - 2)
        rows = self._reader.piece((slice(self._case, self._case + 1), *channels, slice(start, stop)))
        return rows.reshape(self.shape[0], -1)


def stored_recordings(X: OnDisk) -> list[StoredRecording] | None:
    """Return the recordings of shape (n, C, T) or (n, T), or None if their steps cannot be read by slices."""
    reader = X.reader
    return [StoredRecording(reader, case) for case in range(len(X))] if isinstance(reader, StoreReader) else None


def stored_recording(X: OnDisk) -> StoredRecording | None:
    """Return a recording of shape (C, T), or None if its steps cannot be read by slices."""
    return StoredRecording(X.reader) if isinstance(X.reader, StoreReader) else None


def observed_steps(recording: Any, case: int) -> int:
    """Return the number of steps of a recording without its padding, read part by part.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    n_channels, n_steps = recording.shape
    at_once, end = max(1, CHUNK_BYTES // (8 * n_channels)), 0
    for start in range(0, n_steps, at_once):
        part = steps_of(recording, start, min(start + at_once, n_steps))[None]  # (1, C, steps)
        lengths = observed_lengths(part, allow_missing=True, first=case, first_step=start)
        n_observed = part.shape[2] if lengths is None else int(lengths[0])
        end = start + n_observed if n_observed else end
    return end


def steps_of(recording: Any, start: int, stop: int) -> np.ndarray:
    """Return some steps of a recording in memory or on disk."""
    return recording.steps(start, stop) if isinstance(recording, StoredRecording) else recording[:, start:stop]
