"""Pieces of series: an anchor, a piece of it, and pieces of any series."""

from typing import Any

import torch

from sklearn_ssl._input.padding import observed_mask, zero_padding
from sklearn_ssl.architectures._base import Architecture, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._windows import cut, drawn_between, observed_steps


class NestedPieceArchitecture(Architecture):
    r"""A random piece of every series as anchor, a piece of the anchor, and K pieces of random series of the batch.

    With n the steps of a series, the inner piece has :math:`l \sim U\{1, n\}` steps and the anchor :math:`l' \sim U\{l,
    n\}`. The anchor is anywhere in the series and the inner piece anywhere in the anchor. The other pieces are as long
    as the inner one, as far as their series allows. Series of equal lengths share both lengths.

    Parameters
    ----------
    n_negatives : int
        Number K of pieces of random series for each anchor. They may come from the anchor's own series.
    **common : dict
        Parameters of `Architecture`.
    """

    def __init__(self, *, n_negatives: int, **common: Any) -> None:
        super().__init__(**common)
        self.n_negatives = n_negatives

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the features of anchors (B, F), of pieces of them (B, F) and of other pieces (K, B, F)."""
        observed, alike = observed_steps(batch.x, batch.lengths), batch.lengths is None
        inner = drawn_between(1, observed, alike=alike)  # (B,)
        outer = drawn_between(inner, observed, alike=alike)
        start = drawn_between(0, observed - outer)
        anchors = self._encoded(batch.x, start, outer, alike)
        pieces = self._encoded(batch.x, start + drawn_between(0, outer - inner), inner, alike)
        rows = torch.randint(len(batch), (self.n_negatives * len(batch),), device=observed.device)
        widths = torch.minimum(inner.repeat(self.n_negatives), observed[rows])  # (K B,)
        others = self._encoded(batch.x[rows], drawn_between(0, observed[rows] - widths), widths, alike)
        return anchors, pieces, others.unflatten(0, (self.n_negatives, len(batch)))

    def _encoded(self, x: torch.Tensor, start: torch.Tensor, widths: torch.Tensor, alike: bool) -> torch.Tensor:
        """Cut a piece of each series (B, C, L), and pool its features: (B, F)."""
        width = int(widths.max())
        piece = cut(x, start, width)  # (B, C, W)
        if not alike:
            piece = zero_padding(piece, observed_mask(widths, width))
        return pooled_features(self.encoder, self.pooling, piece, None if alike else widths)
