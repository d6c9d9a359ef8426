"""Tensors, masked arrays, arrays of objects and data sets of PyTorch, turned into plain arrays."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, IterableDataset

from sklearn_ssl._input.on_disk import left_on_disk
from sklearn_ssl._input.stores import series_of
from sklearn_ssl._parameters.shown import on_one_line

LONGEST_ERROR = 500


def plain(X: Any) -> Any:
    """Return tensors, masked arrays and data sets of PyTorch as plain arrays, and all else as it is.

    Masked numbers become NaN, and masked texts and objects become None. In arrays of objects with two or more
    dimensions, missing values of every kind become NaN. A data set or a nested tensor becomes a list of its series.
    Arrays of zarr, h5py and the like become `OnDisk`.
    """
    if isinstance(X, np.ma.MaskedArray):
        return _unmasked(X)
    if isinstance(X, torch.Tensor):
        return [_array(one) for one in X.unbind()] if X.is_nested else _array(X)
    if isinstance(X, Dataset):
        return _items(X)
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim > 1:
        return without_missing(X)
    return _series_of_items(X) if _holds_items(X) else left_on_disk(X)


def without_missing(cells: np.ndarray) -> np.ndarray:
    """Return an array of objects with NaN for None, pandas.NA and the like. An array without them is not copied."""
    missing = pd.isna(cells)
    return np.where(missing, np.nan, cells) if missing.any() else cells


@contextlib.contextmanager
def readable_errors(name: str) -> Iterator[None]:
    """Say what is wrong with the values of `name` where a conversion to numbers fails, and print no array.

    Raises
    ------
    ValueError, TypeError
        In place of every error of the conversion.
    """
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{name} has a whole number that is too large for floating-point numbers. Scale or remove it."
        ) from error
    except TypeError as error:
        if not str(error).startswith("float()"):
            raise
        raise TypeError(f"{name} has a value that is no number: {on_one_line(error)}. Replace or remove it.") from error
    except ValueError as error:
        if str(error).startswith("Complex data not supported"):
            raise ValueError(
                f"Complex data not supported: {name} has complex numbers. Give real and imaginary parts apart."
            ) from error
        if len(str(error)) <= LONGEST_ERROR:
            raise
        raise ValueError(f"{name} does not become numbers: {on_one_line(error, LONGEST_ERROR)}") from error


def _unmasked(X: np.ma.MaskedArray) -> Any:
    if X.dtype.kind in "OSU":
        nothing: Any = None
        return np.where(np.ma.getmaskarray(X), nothing, X.astype(object).data)
    if X.dtype.kind not in "biuf":
        return X
    return np.ma.filled(X.astype(np.result_type(X.dtype, np.float32)), np.nan)  # integers have no NaN


def _array(X: torch.Tensor) -> np.ndarray:
    if X.is_meta:
        raise ValueError(
            f"X is a tensor on the meta device, which has a shape, {tuple(X.shape)}, but no values. Give the tensor "
            "that has them."
        )
    X = X.detach().cpu()
    if X.layout != torch.strided:
        X = X.to_dense()
    X = X.resolve_conj().resolve_neg()
    try:
        return X.numpy()
    except TypeError:  # NumPy has no bfloat16 and no eight-bit floating-point numbers
        return X.float().numpy()


def _items(dataset: Dataset) -> Any:
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise TypeError(
            f"X is a {type(dataset).__name__}, which cannot be read by index. Read it into a list before: "
            "[item for item in X]."
        )
    items = [dataset[row] for row in range(len(dataset))]
    return _series_of_items(items)


def _holds_items(X: Any) -> bool:
    return isinstance(X, list) and len(X) > 0 and all(isinstance(one, (tuple, dict)) and _is_item(one) for one in X)


def _is_item(one: tuple | dict) -> bool:
    """Tell whether a tuple is a series and its label, and not a series that is given as a tuple of its channels."""
    values: list[Any] = list(one.values()) if isinstance(one, dict) else list(one)
    if not values:
        return False
    first, *others = values
    return getattr(first, "ndim", 0) in (1, 2) and all(np.ndim(other) == 0 for other in others)


def _series_of_items(items: list) -> Any:
    """Return the series of the items of a data set. If an item is a tuple or a dictionary, its series comes first."""
    series = [plain(series_of(item)) for item in items]
    shapes = {np.shape(one) for one in series}
    return np.stack(series) if len(shapes) == 1 else series
