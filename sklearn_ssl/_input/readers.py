"""Readers: how rows are read from stores, views of rows, and rows that are changed as they are read."""

import abc
import collections
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from sklearn_ssl._input.stores import address_of, is_blank, shape_now, store_at
from sklearn_ssl._parameters.shown import on_one_line

# A shuffled epoch goes through windows of so many blocks, or fewer where they would take more memory.
WINDOW_BLOCKS, WINDOW_BYTES = 16, 1 << 26
CHANGED_BYTES = 1 << 20


class Reader(abc.ABC):
    """Reads rows.

    Attributes
    ----------
    shape : tuple of int
        The shape of all rows together.
    dtype : numpy.dtype
        The dtype of what is read.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    @abc.abstractmethod
    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in the order of their numbers (n,), which lie between 0 and the number of rows."""

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of the block of each row (n,), one number for all rows if they are read one by one."""
        return np.zeros_like(rows)

    @property
    def window(self) -> int:
        """Number of blocks of a window of the shuffle."""
        return WINDOW_BLOCKS


class PartReader(Reader):
    """Reads rows part by part, each with increasing numbers."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        order = np.argsort(rows)
        ordered = rows[order]
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        cuts = np.flatnonzero(np.diff(self._part_of(ordered))) + 1
        for places in np.split(np.arange(len(rows)), cuts) if len(rows) else ():
            result[order[places]] = self._read_part(ordered[places])
        return result

    @abc.abstractmethod
    def _part_of(self, ordered: np.ndarray) -> np.ndarray:
        """Return a number for each row that is the same for the rows of a part."""

    @abc.abstractmethod
    def _read_part(self, ordered: np.ndarray) -> np.ndarray:
        """Return the rows of one part."""


class StoreReader(PartReader):
    """Reads rows of a store by its slices, and neighbours at once."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.shape = tuple(map(int, store.shape))
        dtype = getattr(store, "dtype", None)
        self.dtype = dtype if isinstance(dtype, np.dtype) else np.asarray(store[:1]).dtype

    def piece(self, key: Any) -> np.ndarray:
        """Return what the store has at a key of slices and numbers, for each axis at most one.

        Raises
        ------
        ValueError
            If the store has become another one.
        """
        expected = np.broadcast_to(0, self.shape)[key].shape
        try:
            values = np.asarray(self.store[key])
            changed = values.shape != expected or (is_blank(self.store, values) and shape_now(self.store) != self.shape)
        except (OSError, RuntimeError, LookupError) as error:
            raise ValueError(
                f"X cannot be read any more: {on_one_line(error)}. Keep its file open and whole."
            ) from error
        if changed:
            raise ValueError(
                f"X had the shape {self.shape} and has lost rows: its store was changed while it was read. Write to "
                "another store meanwhile, open this one again, and start again."
            )
        return values

    def _part_of(self, ordered: np.ndarray) -> np.ndarray:
        return ordered - np.arange(len(ordered))

    def _read_part(self, ordered: np.ndarray) -> np.ndarray:
        return self.piece(slice(int(ordered[0]), int(ordered[-1]) + 1))[ordered - ordered[0]]

    def __getstate__(self) -> dict:
        return {**vars(self), "store": address_of(self.store)}

    def __setstate__(self, state: dict) -> None:
        vars(self).update({**state, "store": store_at(state["store"])})


class BlockReader(StoreReader):
    """Reads rows of a store by whole blocks, and keeps the last ones."""

    def __init__(self, store: Any, size: int) -> None:
        super().__init__(store)
        self._size = size
        self._window = blocks_in_window(self._size * int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        self.recent = RecentBlocks(2 * self._window)  # a batch may lie in two windows
        self._mark = object()  # of its blocks among those of other readers, whose ids may have been used before

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        return rows // self._size

    @property
    def window(self) -> int:
        return self._window

    def _part_of(self, ordered: np.ndarray) -> np.ndarray:
        return ordered // self._size

    def _read_part(self, ordered: np.ndarray) -> np.ndarray:
        start = int(ordered[0]) // self._size * self._size
        block = self.recent.get((self._mark, start), lambda: self.piece(slice(start, start + self._size)))
        return block[ordered - start]


def blocks_in_window(n_bytes: int) -> int:
    """Return the number of blocks that are shuffled together, if each takes so many bytes."""
    return max(1, min(WINDOW_BLOCKS, WINDOW_BYTES // max(1, n_bytes)))


class RecentBlocks:
    """The blocks that were read last, for several threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._blocks: collections.OrderedDict[Any, np.ndarray] = collections.OrderedDict()

    def get(self, key: Any, load: Callable[[], np.ndarray]) -> np.ndarray:
        """Return a block, which is loaded if it is not among the last ones."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        block = load()
        with self._lock:
            self._blocks[key] = block
            while len(self._blocks) > self.most:
                self._blocks.popitem(last=False)
        return block

    def __reduce__(self) -> tuple:
        return RecentBlocks, (self.most,)


class Shards(PartReader):
    """Several readers, one after the other. Those of blocks remember the last ones together."""

    def __init__(self, shards: list[Reader]) -> None:
        self._shards = shards
        self._starts = np.cumsum([0, *(shard.shape[0] for shard in shards)])
        self.shape = (int(self._starts[-1]), *shards[0].shape[1:])
        self.dtype = np.result_type(*(shard.dtype for shard in shards))
        self._blocked = [shard for shard in shards if isinstance(shard, BlockReader)]
        for shard in self._blocked:
            shard.recent = min((one.recent for one in self._blocked), key=lambda recent: recent.most)

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        if not self._blocked:
            return super().blocks_of(rows)
        shard_of = self._part_of(rows)
        blocks = self._starts[shard_of]
        for number in np.unique(shard_of):
            here = shard_of == number
            blocks[here] += self._shards[number].blocks_of(rows[here] - self._starts[number])
        return blocks

    @property
    def window(self) -> int:
        return min((shard.window for shard in self._blocked), default=WINDOW_BLOCKS)

    def _part_of(self, ordered: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, ordered, side="right") - 1

    def _read_part(self, ordered: np.ndarray) -> np.ndarray:
        shard = int(self._part_of(ordered[:1])[0])
        return self._shards[shard].read(ordered - self._starts[shard])


class Chosen(Reader):
    """Some rows of a reader, in any order."""

    def __init__(self, reader: Reader, rows: np.ndarray) -> None:
        inner = reader if isinstance(reader, Chosen) else None
        self._reader: Reader = reader if inner is None else inner._reader
        self._rows: np.ndarray = rows if inner is None else inner._rows[rows]
        self.shape, self.dtype = (len(rows), *reader.shape[1:]), reader.dtype

    def read(self, rows: np.ndarray) -> np.ndarray:
        return self._reader.read(self._rows[rows])

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        return self._reader.blocks_of(self._rows[rows])

    @property
    def window(self) -> int:
        return self._reader.window


class Changed(Reader):
    """The rows of a reader, changed by a function when they are read.

    Parameters
    ----------
    reader : Reader
        Reads the rows.
    function : callable
        Returns new rows for rows (n, ...). Each depends on the row that it replaces alone.
    """

    def __init__(self, reader: Reader, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self._reader, self._function = reader, function
        first = function(reader.read(np.zeros(1, np.intp)))
        self.shape, self.dtype = (reader.shape[0], *first.shape[1:]), first.dtype

    def read(self, rows: np.ndarray) -> np.ndarray:
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        at_once = max(1, CHANGED_BYTES // max(1, 8 * int(np.prod(self._reader.shape[1:]))))  # few, for small copies
        for start in range(0, len(rows), at_once):
            some = slice(start, start + at_once)
            result[some] = self._function(self._reader.read(rows[some]))
        return result

    def blocks_of(self, rows: np.ndarray) -> np.ndarray:
        return self._reader.blocks_of(rows)

    @property
    def window(self) -> int:
        return self._reader.window
