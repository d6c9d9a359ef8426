"""Series that stay where they are stored, and are read when they are needed."""

from collections.abc import Callable
from typing import Any, final

import numpy as np

from sklearn_ssl._input.readers import BlockReader, Changed, Chosen, Reader, Shards, StoreReader
from sklearn_ssl._input.stores import Turned, as_store, chunks_of, is_store


@final
class OnDisk:
    """Series that stay where they are stored. `fit` and `transform` read them batch by batch.

    Arrays of zarr and h5py can be given to `fit` as they are. Wrap them in OnDisk to split them by scikit-learn without
    reading them, as in `cross_val_score`: selecting rows of an OnDisk reads nothing. Everything else that is read by
    row numbers is wrapped.

    Transformers of series, such as `FillMissing`, turn an OnDisk into another one. They change series as they are read.
    `numpy.asarray` reads all series into memory.

    Parameters
    ----------
    source : array-like, path, Arrow column, data set or list
        One of

        - an array of zarr or h5py, a memory map, or any object with a `shape` that returns arrays for slices of rows;
        - the path of a .npy file, which is opened for each read;
        - a column of Arrow whose cells are lists of one fixed size, also nested, or tensors of one shape;
        - a data set with a length and items by number, such as those of PyTorch. If an item is a tuple or a dictionary,
          its first entry is the series. All series need one shape;
        - a list of these, which are joined one after the other.

        All together have the shape (n_cases, n_channels, n_timepoints), or (n_cases, n_timepoints) for one channel.

    Attributes
    ----------
    shape : tuple of int
        The shape of the array that `numpy.asarray` would return.
    dtype : numpy.dtype
        The dtype of the values.
    chunks : tuple of int or None
        The shape of the pieces that are read as a whole. None: single rows can be read.

    Raises
    ------
    TypeError
        If the source cannot be read by row numbers.
    ValueError
        If the parts of a list differ in the shape of their series.

    See Also
    --------
    write_features : Writes the features of series that do not fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.datasets import OnDisk
    >>> X = OnDisk([np.zeros((3, 1, 8)), np.ones((2, 1, 8))])
    >>> X
    OnDisk(shape=(5, 1, 8), dtype=float64)
    >>> X[[4, 0]]
    OnDisk(shape=(2, 1, 8), dtype=float64)
    >>> np.asarray(X[[4, 0]])[:, 0, 0]
    array([1., 0.])
    """

    def __init__(self, source: Any) -> None:
        self.reader = _reader_of(source)

    @classmethod
    def read_by(cls, reader: Reader) -> "OnDisk":
        """Return what a reader reads."""
        new = cls.__new__(cls)
        new.reader = reader
        return new

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all series together."""
        return self.reader.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the values."""
        return self.reader.dtype

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of the pieces that are read as a whole."""
        return chunks_of(self.reader.store) if isinstance(self.reader, StoreReader) else None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    @property
    def T(self) -> "OnDisk":
        """The same values with the axes in reverse order, for a recording of shape (n_timepoints, n_channels)."""
        if not isinstance(self.reader, StoreReader):
            raise TypeError(
                "These series cannot be turned, since they are joined, chosen or changed. Turn each source."
            )
        return OnDisk(Turned(self.reader.store))

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as an array, in the order of their numbers, which lie between 0 and the number of rows."""
        return self.reader.read(rows)

    def changed(self, function: Callable[[np.ndarray], np.ndarray]) -> "OnDisk":
        """Return these series changed by a function of rows when they are read."""
        return OnDisk.read_by(Changed(self.reader, function))

    def windows_of_blocks(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the block of each row, and the number of blocks that are shuffled together."""
        return self.reader.blocks_of(rows), self.reader.window

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        rows, *others = self._index_of_each_axis(key if isinstance(key, tuple) else (key,))
        if isinstance(self.reader, StoreReader) and others and all(map(_is_range, (rows, *others))):
            return self.reader.piece((rows, *others))
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self.read(chosen[None])[(0, *others)]
        return self.read(chosen)[(slice(None), *others)] if others else OnDisk.read_by(Chosen(self.reader, chosen))

    def _index_of_each_axis(self, key: tuple) -> list:
        """Return an index for each axis, that of the rows first. Axes at the end of which all is chosen need none."""
        place = next((number for number, one in enumerate(key) if one is Ellipsis), len(key))
        before, after = key[:place], key[place + 1 :]
        n_given = sum(one is not None for one in (*before, *after))
        between = [slice(None)] * (self.ndim - n_given) if after else []
        return [*before, *between, *after] or [slice(None)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Series on disk cannot be seen as an array without a copy.")
        return self.read(np.arange(len(self))).astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"OnDisk(shape={self.shape}, dtype={self.dtype})"


def is_on_disk(values: Any) -> bool:
    """Tell whether values are read from a file when they are needed."""
    return isinstance(values, (OnDisk, np.memmap))


def left_on_disk(X: Any) -> Any:
    """Return an array of another library that is read in pieces as `OnDisk`, and all else as it is."""
    return OnDisk(X) if is_store(X) else X


def with_channel_axis(values: Any) -> Any:
    """Return series (n, L) of one channel as (n, 1, L), on disk if they were."""
    return values.changed(_with_channel) if isinstance(values, OnDisk) else values[:, None, :]


def _is_range(index: Any) -> bool:
    """Tell whether an index is a slice that every store can read: libraries differ in the steps that they know."""
    return isinstance(index, slice) and index.step in (None, 1)


def _with_channel(rows: np.ndarray) -> np.ndarray:
    return rows[:, None, :]


def _reader_of(source: Any) -> Reader:
    if isinstance(source, OnDisk):
        return source.reader
    if isinstance(source, (list, tuple)):
        return _joined([_reader_of(one) for one in source])
    store = as_store(source)
    if len(store.shape) not in (2, 3) or store.shape[0] == 0:
        raise ValueError(
            f"A source of series must have the shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), "
            f"with at least one series, got {tuple(store.shape)}. Reshape it, or leave it out."
        )
    chunks = chunks_of(store)
    return StoreReader(store) if chunks is None or chunks[0] == 1 else BlockReader(store, chunks[0])


def _joined(shards: list[Reader]) -> Reader:
    shapes = {shard.shape[1:] for shard in shards}
    if len(shapes) != 1:
        raise ValueError(
            f"All parts of a list need series of one shape, got {sorted(shapes)}. Pad shorter ones with NaN at "
            "their end."
        )
    return shards[0] if len(shards) == 1 else Shards(shards)
