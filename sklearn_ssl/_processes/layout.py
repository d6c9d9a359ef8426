"""Tensors in the memory."""

import torch


def memory_order(values: torch.Tensor) -> list[int]:
    """Return the dimensions from the slowest to the fastest in the memory, the rows first."""
    strides = values.stride()
    return [0, *sorted(range(1, values.ndim), key=lambda place: -strides[place])]


def inverse(order: list[int]) -> list[int]:
    """Return the permutation that undoes one."""
    return sorted(range(len(order)), key=order.__getitem__)


def like_rows(values: torch.Tensor, n_rows: int) -> torch.Tensor:
    """Return an empty tensor with so many rows, in the layout that some rows (n, ...) have in the memory."""
    order = memory_order(values)
    shape = [n_rows, *values.shape[1:]]
    return values.new_empty([shape[place] for place in order]).permute(inverse(order))
