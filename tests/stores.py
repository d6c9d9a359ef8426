"""Stores of series in all forms that are read from a disk, for tests."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from sklearn_ssl.datasets import OnDisk


class Chunked:
    """An array that is read in whole blocks of rows, as those of zarr are. It counts the reads."""

    def __init__(self, values, n_rows):
        self.values, self.dtype = values, values.dtype
        self.chunks = (n_rows, *values.shape[1:])
        self.reads = []

    @property
    def shape(self):
        return self.values.shape

    @property
    def ndim(self):
        return self.values.ndim

    def __getitem__(self, rows):
        self.reads.append(rows)
        return self.values[rows]


def saved(X, folder, name="X.npy"):
    """Write an array to a file, and return the path."""
    np.save(folder / name, X)
    return folder / name


def in_zarr(X, folder, n_rows=5, fill_value=0):
    """Write an array to a store of zarr, in blocks of some rows."""
    zarr = pytest.importorskip("zarr")
    layout = {"shape": X.shape, "chunks": (n_rows, *X.shape[1:]), "dtype": X.dtype, "fill_value": fill_value}
    array = zarr.create_array(folder / "X.zarr", compressors=None, **layout)
    array[:] = X
    return array


def in_hdf5(X, folder, n_rows=5):
    """Write an array to a file of HDF5, in blocks of some rows, or as a whole for None."""
    h5py = pytest.importorskip("h5py")
    chunks = None if n_rows is None else (min(n_rows, len(X)), *X.shape[1:])
    h5py.File(folder / "X.h5", "w").create_dataset("X", data=X, chunks=chunks)
    return h5py.File(folder / "X.h5", "r")["X"]


def in_arrow(X):
    """Return a column of Arrow with a nested list of fixed size per series, in two parts."""
    parts = []
    for values in (X[:3], X[3:]):
        cells = pa.array(values.ravel())
        for size in X.shape[:0:-1]:
            cells = pa.FixedSizeListArray.from_arrays(cells, size)
        parts.append(cells)
    return pa.chunked_array(parts)


class _Items:
    """A data set of dictionaries."""

    def __init__(self, X):
        self.X = X

    def __len__(self):
        return len(self.X)

    def __getitem__(self, number):
        return {"series": self.X[number], "label": 0}


FORMS = {
    "path": lambda X, folder: OnDisk(saved(X, folder)),
    "memory map": lambda X, folder: OnDisk(np.load(saved(X, folder), mmap_mode="r")),
    "shards": lambda X, folder: OnDisk([saved(X[:4], folder, "a.npy"), saved(X[4:], folder, "b.npy")]),
    "arrow": lambda X, folder: OnDisk(in_arrow(X)),
    "tensors of arrow": lambda X, folder: OnDisk(pa.FixedShapeTensorArray.from_numpy_ndarray(X)),
    "data set": lambda X, folder: OnDisk(torch.utils.data.TensorDataset(torch.tensor(X), torch.arange(len(X)))),
    "items with names": lambda X, folder: OnDisk(_Items(X)),
    "blocks": lambda X, folder: Chunked(X, 5),
    "blocks in shards": lambda X, folder: OnDisk([Chunked(X[:7], 4), X[7:9], Chunked(X[9:], 3)]),
    "zarr": in_zarr,
    "hdf5": in_hdf5,
    "hdf5 in one piece": lambda X, folder: in_hdf5(X, folder, None),
}
