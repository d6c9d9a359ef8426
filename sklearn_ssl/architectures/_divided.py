"""Overlapping blocks of every series."""

from typing import Any

import torch

from sklearn_ssl._input.padding import observed_mask, zero_padding
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._means import MeanArchitecture
from sklearn_ssl.architectures._windows import cut, drawn_number, observed_steps


class DividedArchitecture(MeanArchitecture):
    r"""Every series as overlapping blocks, which are all encoded in one pass.

    A batch draws :math:`m \sim U\{2, M\}`. The blocks of a series of n steps have l steps and begin every s steps.
    Here l is :math:`n / (1 + (m - 1)(1 - p))`, rounded down to an even number, and s is :math:`l (1 - p)`, rounded
    down. So there are m blocks or more. Every series of a batch has as many blocks as the one with fewest.

    Parameters
    ----------
    max_blocks : int
        M.
    overlap : float
        p, the share of a block that the next one has too.
    **mean : dict
        Parameters of `MeanArchitecture`.
    """

    def __init__(self, *, max_blocks: int, overlap: float, **mean: Any) -> None:
        super().__init__(**mean)
        self.max_blocks = max_blocks
        self.overlap = overlap

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the features of N blocks of every series in one tensor (B, N, D)."""
        observed = observed_steps(batch.x, batch.lengths)  # (B,)
        widths, starts = drawn_blocks(observed, drawn_number(2, self.max_blocks), self.overlap)  # (B,) and (B, N)
        n_blocks, width = starts.shape[1], int(widths.max())
        blocks = cut(batch.x.repeat_interleave(n_blocks, dim=0), starts.flatten(), width)  # (B N, C, l)
        lengths = None if batch.lengths is None else widths.repeat_interleave(n_blocks)
        if lengths is not None:
            blocks = zero_padding(blocks, observed_mask(lengths, width))
        return (self.projections(blocks, lengths).unflatten(0, (-1, n_blocks)),)


def drawn_blocks(observed: torch.Tensor, n_blocks: int, overlap: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how long the blocks of each series are (B,), and where they begin (B, N)."""
    width = (observed / (1 + (n_blocks - 1) * (1 - overlap))).long() // 2 * 2
    width = width.clamp(min=1)  # (B,)
    stride = (width * (1 - overlap)).long().clamp(min=1)
    n_common = int(((observed - width) // stride).min()) + 1
    return width, stride[:, None] * torch.arange(n_common, device=observed.device)
