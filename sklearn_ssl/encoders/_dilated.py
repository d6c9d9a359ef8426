"""What kernels of nine weights with a dilation meet, a few series at a time, and memory for it."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional as F

SIZE = 9  # of a kernel
CPU_BLOCK = 1 << 21  # values of all intermediate results: few enough for the processor's cache
GPU_BLOCK = 1 << 27


def blocks(
    x: torch.Tensor, lengths: torch.Tensor | None, n_rows: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Split series (B, C, L), and their lengths if there are any, into blocks of a number of rows."""
    if torch.compiler.is_exporting():  # for batches of any size
        return iter([(x, lengths)])
    of_x = x.split(n_rows)
    return zip(of_x, [None] * len(of_x) if lengths is None else lengths.split(n_rows), strict=True)


def shifted(x: torch.Tensor, dilation: int) -> torch.Tensor:
    """Return what each of the nine weights meets at each step of series (B, C, L), zero outside: (B, C, 9, L)."""
    reach = SIZE // 2 * dilation
    rows = F.pad(x, (reach, reach))  # (B, C, L + 8 d)
    if torch.compiler.is_exporting():  # which knows no strides
        return torch.stack([rows[:, :, i * dilation : i * dilation + x.shape[2]] for i in range(SIZE)], 2)
    batch, channel, step = rows.stride()
    return rows.as_strided((*x.shape[:2], SIZE, x.shape[2]), (batch, channel, dilation * step, step))


class Space:
    """Memory for intermediate results, used again and again.

    To ask the operating system for new memory every time would take several times longer than to compute.
    """

    def __init__(self, parts: dict[str, torch.Tensor]) -> None:
        self.parts = parts

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Any:
        """Return the beginning of a part as a tensor of a shape."""
        part = self.parts[name]
        return (part if dtype is None else part.view(dtype))[: math.prod(shape)].view(shape)


class NoSpace(Space):
    """None of it: a graph that is exported has no memory of its own."""

    def __init__(self) -> None:
        super().__init__({})

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Any:
        """Return None, for which PyTorch makes a new tensor."""
