"""Steps that dilated kernels of nine weights read, blocks of series, and memory for intermediate results."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional as F

SIZE = 9  # number of weights of a kernel
LARGEST_DILATION = 1 << 20  # a kernel then spans eight million steps
CPU_BLOCK = 1 << 21  # number of values of all intermediate results, so that they fit into the processor's cache
GPU_BLOCK = 1 << 27


def blocks(
    x: torch.Tensor, lengths: torch.Tensor | None, n_rows: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Split series (B, C, L), and their lengths if there are any, into blocks of `n_rows` series."""
    if torch.compiler.is_exporting():  # a graph must take batches of any size
        return iter([(x, lengths)])
    of_x = x.split(n_rows)
    return zip(of_x, [None] * len(of_x) if lengths is None else lengths.split(n_rows), strict=True)


def shifted(x: torch.Tensor, dilation: int) -> torch.Tensor:
    """Return the value that each of the nine weights reads at each step of series (B, C, L): (B, C, 9, L).

    It is zero outside of the series.
    """
    dilation = min(dilation, x.shape[2])  # neighbours that are a whole series away are outside in any case
    reach = SIZE // 2 * dilation
    rows = F.pad(x, (reach, reach))  # (B, C, L + 8 d)
    if torch.compiler.is_exporting():  # a graph has no strides
        return torch.stack([rows[:, :, i * dilation : i * dilation + x.shape[2]] for i in range(SIZE)], 2)
    batch, channel, step = rows.stride()
    return rows.as_strided((*x.shape[:2], SIZE, x.shape[2]), (batch, channel, dilation * step, step))


class Space:
    """Memory for intermediate results that is used again for each block.

    Asking the operating system for new memory each time would take longer than the computation.

    Parameters
    ----------
    parts : dict of str to Tensor
        Flat tensors by name.
    """

    def __init__(self, parts: dict[str, torch.Tensor]) -> None:
        self.parts = parts

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Any:
        """Return the beginning of a part as a tensor of the given shape."""
        part = self.parts[name]
        return (part if dtype is None else part.view(dtype))[: math.prod(shape)].view(shape)


class NoSpace(Space):
    """No memory. A graph that is exported cannot write into given memory."""

    def __init__(self) -> None:
        super().__init__({})

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Any:
        """Return None. As the argument `out` it lets PyTorch make a new tensor."""
