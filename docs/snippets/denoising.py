"""A method that compares time steps: a linear map at each step removes noise."""

from functools import partial
from typing import Any, final

import torch
from torch import nn

from sklearn_ssl.architectures import Architecture, Batch, maps
from sklearn_ssl.base import SSLTransformer, number
from sklearn_ssl.encoders import at_every_step


def denoising_loss(
    restored: torch.Tensor, x: torch.Tensor, observed: torch.Tensor
) -> torch.Tensor:
    """Mean squared error of restored values (B, C, L) at the observed steps (B, L)."""
    error = (restored.float() - x.float()).square().mean(dim=1)  # (B, L)
    return error[observed].mean()


class DenoisingArchitecture(Architecture):
    """An encoder of noisy series, and a map from its last layer to the series."""

    def __init__(self, *, sigma: float, n_channels: int, **common: Any) -> None:
        super().__init__(n_channels=n_channels, **common)
        self.sigma = sigma
        self.restore = nn.Conv1d(self.widths[-1], n_channels, kernel_size=1)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        noisy = batch.x + self.sigma * torch.randn_like(batch.x)  # (B, C, L)
        if batch.mask is not None:
            noisy = noisy * batch.mask[:, None]  # padded steps stay 0
        layers, _ = maps(self.encoder, noisy, batch.lengths)
        h = at_every_step(layers[-1], batch.x.shape[2])  # (B, D, L') to (B, D, L)
        everything = torch.ones_like(batch.x[:, 0], dtype=torch.bool)  # (B, L)
        return (
            self.restore(h),
            batch.x,
            everything if batch.mask is None else batch.mask,
        )


@final
class DenoisingTransformer(SSLTransformer):
    r"""Denoising: the encoder sees a noisy series, its features restore the series.

    Minimises, over the observed steps t of all series i,

    .. math:: \mathrm{E}_{i, t} \|W h_{it} + b - x_{it}\|^2,

    where :math:`h_{it}` are the encoder's features of the series with noise.

    Parameters
    ----------
    sigma : float, default=0.5
        Standard deviation of the noise.
    """

    sigma: float = number(default=0.5, least=0)

    def _architecture(self):
        return partial(DenoisingArchitecture, sigma=self.sigma)

    def _loss(self):
        return denoising_loss
