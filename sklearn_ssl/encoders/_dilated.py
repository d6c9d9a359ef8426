"""What kernels of nine weights with a dilation meet, a few series at a time."""

from collections.abc import Iterator

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
