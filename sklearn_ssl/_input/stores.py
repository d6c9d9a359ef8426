"""Stores of series on disk, each seen as an array of which slices can be read."""

import abc
import importlib
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sklearn_ssl._parameters.shown import shown


class Store(Protocol):
    """What is read of a store: its shape, and the values of a slice of its rows."""

    shape: tuple[int, ...]

    def __getitem__(self, rows: Any) -> Any:
        raise NotImplementedError


class NpyFile:
    """A .npy file, which is opened for every access, so that the object stays small and a changed file is noticed."""

    def __init__(self, path: Any) -> None:
        self._path = Path(path)
        mapped = self._mapped()
        self.shape, self.dtype = mapped.shape, mapped.dtype

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self._mapped()[rows]

    def _mapped(self) -> np.ndarray:
        try:
            return np.lib.format.open_memmap(self._path, mode="r")
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{shown(str(self._path))} cannot be read as a .npy file. Open other files by their library, such as "
                "zarr.open_array(path), and give the array."
            ) from error


class _OfRows(abc.ABC):
    """A store that returns whole rows only."""

    shape: tuple[int, ...]

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, *others = key if isinstance(key, tuple) else (key,)
        start, stop, _ = rows.indices(self.shape[0])
        return self._rows(start, max(start, stop))[(slice(None), *others)]

    @abc.abstractmethod
    def _rows(self, start: int, stop: int) -> np.ndarray:
        """Return the rows from `start` until before `stop`, which may be none."""


class ArrowColumn(_OfRows):
    """A column of Arrow whose cells have one size: lists of fixed size, also nested, or tensors of fixed shape."""

    def __init__(self, column: Any) -> None:
        kind, shape = column.type, [len(column)]
        if hasattr(kind, "shape"):
            shape += kind.shape
        while hasattr(kind, "list_size"):
            shape.append(kind.list_size)
            kind = kind.value_type
        if len(shape) == 1 or column.null_count:
            raise ValueError(
                f"The Arrow column has the type {shown(str(column.type))} and {column.null_count} missing cell(s), but "
                "its cells must be lists of one fixed size. Cast it to pyarrow.list_(pyarrow.float32(), n_timepoints), "
                "and drop missing cells."
            )
        self._column = column
        self.shape = tuple(shape)

    def _rows(self, start: int, stop: int) -> np.ndarray:
        cells = self._column.slice(start, stop - start)
        cells = cells.combine_chunks() if hasattr(cells, "combine_chunks") else cells
        cells = getattr(cells, "storage", cells)
        while hasattr(cells.type, "list_size"):
            cells = cells.flatten()
        return cells.to_numpy(zero_copy_only=False).reshape(-1, *self.shape[1:])


class Items(_OfRows):
    """A data set of items that are read by number. If an item is a tuple or a dictionary, its series comes first."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.shape = (len(dataset), *self._series(0).shape) if len(dataset) else (0, 0)

    def _rows(self, start: int, stop: int) -> np.ndarray:
        return np.reshape([self._checked(number) for number in range(start, stop)], (stop - start, *self.shape[1:]))

    def _checked(self, number: int) -> np.ndarray:
        series = self._series(number)
        if series.shape != self.shape[1:]:
            raise ValueError(
                f"Item {number} of X has the shape {series.shape}, and item 0 has {self.shape[1:]}. Pad all series to "
                "one length with NaN at their end."
            )
        return series

    def _series(self, number: int) -> np.ndarray:
        return np.asarray(series_of(self._dataset[number]))


class Turned:
    """A store with its axes in reverse order. It is read by slices."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.shape = tuple(store.shape)[::-1]
        self.dtype = np.dtype(store.dtype)
        self.chunks = None if chunks_of(store) is None else chunks_of(store)[::-1]  # type: ignore[index]

    def __getitem__(self, key: Any) -> np.ndarray:
        slices = [*(key if isinstance(key, tuple) else (key,))]
        slices += [slice(None)] * (len(self.shape) - len(slices))
        return np.asarray(self.store[tuple(slices[::-1])]).T

    def __getstate__(self) -> dict:
        return {**vars(self), "store": address_of(self.store)}

    def __setstate__(self, state: dict) -> None:
        vars(self).update({**state, "store": store_at(state["store"])})


def series_of(item: Any) -> Any:
    """Return the series of an item of a data set. If the item is a tuple or a dictionary, its series comes first."""
    if isinstance(item, dict):
        return next(iter(item.values()))
    return item[0] if isinstance(item, (tuple, list)) else item


class _HDF5Address:
    """Where a data set of HDF5 is, since h5py cannot pickle it."""

    def __init__(self, dataset: Any) -> None:
        self._path, self._name = os.path.abspath(dataset.file.filename), dataset.name

    def opened(self) -> Any:
        return importlib.import_module("h5py").File(self._path, "r")[self._name]


def is_store(X: Any) -> bool:
    """Tell whether `X` is an array of another library that is read in pieces, as those of zarr and h5py are."""
    return (
        not isinstance(X, np.ndarray)
        and all(hasattr(X, name) for name in ("shape", "dtype", "chunks", "__getitem__"))
        and all(isinstance(size, int) for size in X.shape)
        and len(X.shape) > 1
    )


def as_store(source: Any) -> Store:
    """Return what reads a source, which is no list.

    Raises
    ------
    TypeError
        If the source has neither slices nor items.
    """
    if isinstance(source, (str, os.PathLike)):
        return NpyFile(source)
    if type(source).__module__.partition(".")[0] == "pyarrow" and hasattr(source, "null_count"):
        return ArrowColumn(source)
    if hasattr(source, "shape") and hasattr(source, "__getitem__"):
        return source
    if hasattr(source, "__len__") and hasattr(source, "__getitem__") and not hasattr(source, "keys"):
        return Items(source)
    raise TypeError(
        f"X is {shown(source)}, which cannot be read by row numbers. Give an array of zarr or h5py, a memory map, the "
        "path of a .npy file, an Arrow column, a data set with items by number, or a list of them."
    )


def chunks_of(store: Any) -> tuple[int, ...] | None:
    """Return the shape of the pieces that a store reads as a whole, or None if it can read single values."""
    chunks = getattr(store, "chunks", None)
    if not isinstance(chunks, tuple):
        return None
    return tuple(max(sizes) if isinstance(sizes, tuple) else sizes for sizes in chunks)


def shape_now(store: Any) -> tuple[int, ...]:
    """Return the shape that a store has now; zarr remembers the shape from when it was opened."""
    if isinstance(store, Turned):
        return shape_now(store.store)[::-1]
    return tuple(type(store).open(store.store_path).shape if hasattr(store, "store_path") else store.shape)


def is_blank(store: Any, values: np.ndarray) -> bool:
    """Tell whether rows that were read have the fill value alone, which zarr returns for rows that were lost, too."""
    if isinstance(store, Turned):
        return is_blank(store.store, values.T)
    if not hasattr(store, "store_path"):
        return False
    blank = np.isnan(values) if store.fill_value != store.fill_value else values == store.fill_value  # NaN is not NaN
    return bool(blank.all(axis=tuple(range(1, values.ndim))).any())


def address_of(store: Any) -> Any:
    """Return what can be pickled in place of a store."""
    return _HDF5Address(store) if hasattr(store, "file") and hasattr(store, "parent") else store


def store_at(address: Any) -> Any:
    """Return the store that `address_of` was given."""
    return address.opened() if isinstance(address, _HDF5Address) else address
