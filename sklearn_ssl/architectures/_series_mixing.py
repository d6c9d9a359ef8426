"""Series that are rebuilt from the features of similar series."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import resize_mask
from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._decoders import ValueHead
from sklearn_ssl.architectures._masked import FilledArchitecture
from sklearn_ssl.losses._simmtm import similarity_logits


class SeriesMixingArchitecture(FilledArchitecture):
    """Series and masked copies of them, and each series rebuilt from all others by their similarity.

    Parameters
    ----------
    n_copies : int
        Number of masked copies V of each series.
    projector : recipe
        Its ``build(n_features)`` returns a module that maps pooled features (B, F) to projections (B, P).
    temperature : float
        Temperature of the similarities.
    **masked : dict
        Parameters of `FilledArchitecture`.

    Attributes
    ----------
    projector : torch.nn.Module
        Maps pooled features to projections.
    head : torch.nn.Module
        Maps mixed feature maps (B, D, L') to values (B, C, L).
    log_scales : Parameter of shape (2,)
        Logarithms of the scales of the two terms of the loss.
    """

    def __init__(self, *, n_copies: int, projector: Any, temperature: float, n_channels: int, **masked: Any) -> None:
        super().__init__(n_channels=n_channels, **masked)
        self.n_copies = n_copies
        self.temperature = temperature
        self.projector = projector.build(self.n_features)
        self.head = ValueHead(self.widths[-1], n_channels, self.stride)
        self.log_scales = nn.Parameter(torch.zeros(2))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections (V + 1, B, P), reconstructions, values and weights, each (B, C, L), and the log-scales."""
        rows = torch.arange(len(batch), device=batch.x.device).repeat(self.n_copies)
        copies = batch.rows(rows)  # (V B, C, L)
        masked = self.replaced(copies.x, self.hide(copies))
        series = torch.cat([batch.x, masked])  # (N, C, L)
        lengths = None if batch.lengths is None else batch.lengths.repeat(self.n_copies + 1)
        layers, mask = maps(self.encoder, series, lengths)
        z = self.projector(self.pooling(layers, mask))  # (N, P)
        mixed = self.mixed(layers[-1], z, mask, len(batch))  # (B, D, L')
        known = torch.ones_like(batch.x) if batch.mask is None else batch.mask[:, None].expand_as(batch.x)
        known = known.to(batch.x.dtype)
        return z.unflatten(0, (-1, len(batch))), self.head(mixed, batch.x.shape[2]), batch.x, known, self.log_scales

    def mixed(self, h: torch.Tensor, z: torch.Tensor, mask: torch.Tensor | None, n_series: int) -> torch.Tensor:
        """Average the maps (N, D, L') of all other rows for each of the first rows: (B, D, L').

        At each step the average is over the rows that have it.
        """
        weights = similarity_logits(z, self.temperature)[:n_series].softmax(1).to(h.dtype)  # (B, N)
        mixed = (weights @ h.flatten(1)).unflatten(1, h.shape[1:])  # (B, D, L')
        if mask is None:
            return mixed
        observed = resize_mask(mask, h.shape[2]).to(h.dtype)  # (N, L')
        return mixed / (weights @ observed).clamp(min=torch.finfo(h.dtype).tiny)[:, None]
