"""Checks of the arguments of losses. No check reads the values of a tensor: that would make a GPU wait."""

import math
from collections.abc import Sequence

import torch

from sklearn_ssl._parameters.shown import shown

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def check_positive(name: str, value: float, remedy: str) -> None:
    """Raise a ValueError unless the number `value` of the parameter `name` is finite and above 0."""
    if not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, got {shown(value)}; {remedy}.")


def check_share(name: str, value: float, remedy: str) -> None:
    """Raise a ValueError unless the number `value` of the parameter `name` lies between 0 and 1, ends included."""
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number from 0 to 1, got {shown(value)}; {remedy}.")


def check_at_least(name: str, value: float, least: float, remedy: str) -> None:
    """Raise a ValueError unless the number `value` of the parameter `name` is `least` or more."""
    if not value >= least:
        raise ValueError(f"`{name}` must be {least} or more, got {shown(value)}; {remedy}.")


def check_floating_point(name: str, z: torch.Tensor) -> None:
    """Raise a TypeError unless `z` is a tensor of floating-point numbers."""
    if not isinstance(z, torch.Tensor) or not z.is_floating_point():
        kind = z.dtype if isinstance(z, torch.Tensor) else type(z).__name__
        raise TypeError(f"`{name}` must be a floating-point tensor, got {kind}; use torch.as_tensor(...).float().")


def check_matrix(name: str, z: torch.Tensor, n_rows: int = 1) -> None:
    """Raise an error unless `z` has floating-point numbers, two dimensions, `n_rows` rows or more, and a column."""
    check_floating_point(name, z)
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"`{name}` must have the shape (n, d), got {tuple(z.shape)}; pool or flatten it first.")
    if len(z) < n_rows:
        raise ValueError(f"`{name}` must have {n_rows} or more rows, got {tuple(z.shape)}; use a larger batch.")


def check_stack(name: str, z: torch.Tensor, n_rows: int = 1) -> None:
    """Raise an error unless `z` is a matrix or a stack of matrices, with at least `n_rows` rows and one column."""
    check_floating_point(name, z)
    if z.ndim < 2 or z.numel() == 0 or z.shape[-2] < n_rows:
        raise ValueError(
            f"`{name}` must have the shape (..., n, d) with {n_rows} or more rows n, got {tuple(z.shape)}; "
            "pool or flatten the embeddings of each series and use a larger batch."
        )


def check_rows(n_rows: int = 1, **tensors: torch.Tensor) -> None:
    """Raise an error unless all tensors, given by name, are matrices of one shape with `n_rows` rows or more."""
    for name, tensor in tensors.items():
        check_floating_point(name, tensor)
    (first, z), *others = tensors.items()
    for name, other in others:
        if other.shape != z.shape:
            raise ValueError(
                f"`{first}` and `{name}` must have the same shape, got {tuple(z.shape)} and {tuple(other.shape)}; "
                "row i of each must come from series i."
            )
    check_matrix(first, z, n_rows)


def check_sequences(n_rows: int = 1, **tensors: torch.Tensor) -> None:
    """Raise an error unless all tensors, given by name, have one shape (n, d, m) with `n_rows` or more rows n."""
    for name, tensor in tensors.items():
        check_floating_point(name, tensor)
    (first, z), *others = tensors.items()
    for name, other in [(first, z), *others]:
        if other.ndim != 3 or other.shape != z.shape or other.numel() == 0 or len(other) < n_rows:
            raise ValueError(
                f"`{name}` must have the shape (n, d, m) with {n_rows} or more rows n, the same as `{first}`, got "
                f"{tuple(other.shape)} and {tuple(z.shape)}."
            )


def check_one_per_row(name: str, vector: torch.Tensor, n_rows: int, remedy: str) -> None:
    """Raise a ValueError unless `vector` has the shape (n_rows,)."""
    if vector.shape != (n_rows,):
        raise ValueError(
            f"`{name}` must have the shape ({n_rows},), one number per row, got {tuple(vector.shape)}; {remedy}."
        )


def check_index(index: torch.Tensor, n_rows: int, name: str = "index", what: str = "the numbers of the series") -> None:
    """Raise a TypeError unless `index` holds integers, and a ValueError unless it has the shape (n_rows,)."""
    if index.dtype not in INTEGERS:
        raise TypeError(f"`{name}` must hold integers, got {index.dtype}; pass {what} in the set.")
    check_one_per_row(name, index, n_rows, f"pass {what} of this batch")


def check_stored(name: str, stored: torch.Tensor, z: torch.Tensor) -> None:
    """Raise a ValueError unless `stored` is a matrix with as many columns as the embeddings `z`."""
    check_matrix(name, stored)
    if stored.shape[1] != z.shape[1]:
        raise ValueError(
            f"`{name}` must have as many columns as the embeddings, {z.shape[1]}, got {tuple(stored.shape)}; "
            "store one embedding per row."
        )


def stacked_views(
    name: str, views: torch.Tensor | Sequence[torch.Tensor], n_views: int, n_rows: int = 1
) -> torch.Tensor:
    """Stack V views, each (n, d), to (V, n, d), unless they are stacked already.

    Raises
    ------
    ValueError
        If there are fewer than `n_views` views, if their shapes differ, or if they have fewer than `n_rows` rows.
    """
    if len(views) < n_views:
        raise ValueError(f"`{name}` must hold {n_views} or more views, got {len(views)}; make more views per series.")
    check_rows(n_rows, **{f"{name}[{number}]": view for number, view in enumerate(views)})
    return torch.stack(tuple(views))  # (V, n, d)
