"""The dilated convolutional network of TS2Vec."""

import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.encoders._base import EncoderModule
from sklearn_ssl.encoders._blocks import ConvNorm, ConvolutionalEncoder


@typing.final
class TCNEncoder(ConvolutionalEncoder):
    """Dilated residual network: block i looks 2^i steps back and ahead with each tap.

    A linear map takes each time step to `width` features. Then come `depth` blocks of this width and one more block
    with `n_features`. Block i = 0, ..., depth has the dilation 2^i. A block computes conv(gelu(conv(gelu(h)))) + h.
    Where the width changes, a convolution of size 1 is applied to the second h. The network is not causal.

    Parameters
    ----------
    depth : int, default=10
        Number of residual blocks before the last one.
    width : int, default=64
        Number of features of those blocks.
    n_features : int, default=320
        Number of features of the output.
    kernel_size : int, default=3
        Kernel size of the dilated convolutions.
    dropout : float, default=0.1
        Share of the values of the output that are set to zero in training.
    latent_mask : float, default=0.0
        Share of the time steps at which all features are set to zero in training, in front of the first block.
    norm : {"none", "batch", "layer"}, default="none"
        Layer after each dilated convolution: no layer, batch normalisation over the observed steps of the batch, or
        layer normalisation over the features of each step.

    References
    ----------
    Yue et al. (2022). TS2Vec: towards universal representation of time series. AAAI.
    https://arxiv.org/abs/2106.10466. As in the authors' code, the last block is in addition to the ten of the paper.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import TCNEncoder
    >>> encoder = TCNEncoder(depth=3, width=16, n_features=32).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 32, 50])
    """

    depth: int = number(default=10, least=0, most=30, integer=True)
    width: int = number(default=64, least=1, integer=True)
    n_features: int = number(default=320, least=1, integer=True)
    kernel_size: int = number(default=3, least=1, integer=True)
    dropout: float = number(default=0.1, least=0, below=1)
    latent_mask: float = number(default=0.0, least=0, below=1)
    norm: str = choice("none", "batch", "layer", default="none")

    def _module(self, n_channels: int) -> EncoderModule:
        widths = [self.width] * self.depth + [self.n_features]
        return TCN(n_channels, self.width, widths, self.kernel_size, self.dropout, self.norm, self.latent_mask)


class TCN(EncoderModule):
    """The module that `TCNEncoder` builds."""

    def __init__(
        self,
        n_channels: int,
        width: int,
        widths: list[int],
        kernel_size: int,
        dropout: float,
        norm: str,
        latent_mask: float = 0.0,
    ) -> None:
        super().__init__(widths)
        self.latent_mask = latent_mask
        self.embedding = ConvNorm(n_channels, width, norm="none")
        self.blocks = nn.ModuleList(
            _DilatedBlock(n_in, n_out, kernel_size, 2**i, norm)
            for i, (n_in, n_out) in enumerate(zip([width, *widths], widths, strict=False))
        )
        self.dropout = nn.Dropout(dropout)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each block, each (B, D_i, L)."""
        maps = [self._masked(self.embedding(x, mask))]
        for block in self.blocks:
            maps.append(block(maps[-1], mask))
        return [*maps[1:-1], self.dropout(maps[-1])]

    def _masked(self, h: torch.Tensor) -> torch.Tensor:
        if not (self.training and self.latent_mask):
            return h
        return h * (torch.rand(len(h), 1, h.shape[2], device=h.device) >= self.latent_mask)


class _DilatedBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, kernel_size: int, dilation: int, norm: str) -> None:
        super().__init__()
        self.first = ConvNorm(n_in, n_out, kernel_size, dilation=dilation, norm=norm)
        self.second = ConvNorm(n_out, n_out, kernel_size, dilation=dilation, norm=norm)
        self.shortcut = None if n_in == n_out else ConvNorm(n_in, n_out, norm="none")

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        shortcut = h if self.shortcut is None else self.shortcut(h, mask)
        h = self.first(F.gelu(h), mask)  # (B, n_out, L)
        return self.second(F.gelu(h), mask) + shortcut
