"""Checks of arguments; none looks at the values of a tensor, which would make a GPU wait."""

import math
from collections.abc import Iterable

import torch


def check_positive(name: str, value: float, remedy: str) -> None:
    """Raise a ValueError unless the number `value` of the parameter `name` is finite and above 0."""
    if not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, got {value!r}; {remedy}.")


def check_matrix(name: str, z: torch.Tensor, n_rows: int = 1) -> None:
    """Raise a ValueError unless `z` has two dimensions, `n_rows` rows or more and a column."""
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"`{name}` must have the shape (n, d), got {tuple(z.shape)}; pool or flatten it first.")
    if len(z) < n_rows:
        raise ValueError(f"`{name}` must have {n_rows} or more rows, got the shape {tuple(z.shape)}; use more series.")


def check_rows(n_rows: int = 1, **tensors: torch.Tensor) -> None:
    """Raise a ValueError unless all tensors, given by name, are matrices of one shape with `n_rows` rows or more."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{_listing(f'`{name}`' for name in shapes)} must have one shape, got "
            f"{_listing(str(shape) for shape in shapes.values())}; row i of each must come from series i."
        )
    for name, tensor in tensors.items():
        check_matrix(name, tensor, n_rows)


def check_stored(name: str, stored: torch.Tensor, z: torch.Tensor) -> None:
    """Raise a ValueError unless `stored` is a matrix with the columns of the embeddings `z`."""
    check_matrix(name, stored)
    if stored.shape[1] != z.shape[1]:
        raise ValueError(
            f"`{name}` must have the columns of the embeddings, {z.shape[1]}, got the shape {tuple(stored.shape)}; "
            "store one vector a row."
        )


def check_index(index: torch.Tensor, n_rows: int) -> None:
    """Raise an error unless `index` holds an integer for each of `n_rows` rows."""
    if index.dtype not in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        raise TypeError(f"`index` must hold integers, got {index.dtype}; pass the numbers of the series in the set.")
    if index.shape != (n_rows,):
        raise ValueError(
            f"`index` must have the shape ({n_rows},), one number for each row, got {tuple(index.shape)}; "
            "pass the numbers of the series of this batch."
        )


def _listing(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}"
