"""A recurrent network."""

import typing

import torch
from torch import nn

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.encoders._base import Encoder, EncoderModule


@typing.final
class GRUEncoder(Encoder):
    """Gated recurrent units, in one or in both directions of time.

    The backward direction starts at the last observed step of a series.

    Parameters
    ----------
    depth : int, default=2
        Number of recurrent layers.
    width : int, default=64
        Number of hidden units of each layer in each direction. With both directions, a layer has twice as many
        features.
    bidirectional : bool, default=True
        Whether to read the series backwards as well.
    dropout : float, default=0.0
        Share of the values between layers that are set to zero in training.

    References
    ----------
    Cho et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. EMNLP. https://arxiv.org/abs/1406.1078

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import GRUEncoder
    >>> encoder = GRUEncoder(width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 32, 50])
    """

    depth: int = number(default=2, least=1, integer=True)
    width: int = number(default=64, least=1, integer=True)
    bidirectional: bool = choice(True, False, default=True)
    dropout: float = number(default=0.0, least=0, below=1)

    def _module(self, n_channels: int) -> EncoderModule:
        return GRU(n_channels, self.depth, self.width, self.bidirectional, self.dropout)


class GRU(EncoderModule):
    """The module that `GRUEncoder` builds."""

    def __init__(self, n_channels: int, depth: int, width: int, bidirectional: bool, dropout: float) -> None:
        n_out = width * (1 + bidirectional)
        super().__init__([n_out] * depth)
        self.blocks = nn.ModuleList(
            _Recurrence(n_in, width, bidirectional) for n_in in [n_channels] + [n_out] * (depth - 1)
        )
        self.dropout = nn.Dropout(dropout)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each recurrent layer, each (B, D, L)."""
        maps = [self.blocks[0](x, mask)]
        for block in self.blocks[1:]:
            maps.append(block(self.dropout(maps[-1]), mask))
        return maps


class _Recurrence(nn.Module):
    def __init__(self, n_in: int, width: int, bidirectional: bool) -> None:
        super().__init__()
        self.ahead = nn.GRU(n_in, width, batch_first=True)
        self.back = nn.GRU(n_in, width, batch_first=True) if bidirectional else None

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        h = h.transpose(1, 2)  # (B, L, n_in)
        states, _ = self.ahead(h)  # (B, L, width)
        if self.back is not None:
            backward, _ = self.back(_reversed(h, mask))
            states = torch.cat([states, _reversed(backward, mask)], 2)  # (B, L, 2 width)
        return zero_padding(states.transpose(1, 2), mask)


def _reversed(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Reverse the observed steps of each series in h (B, L, D). The padding stays behind them."""
    if mask is None:
        return h.flip(1)
    steps = torch.arange(h.shape[1], device=h.device)
    mirrored = mask.sum(1, keepdim=True) - 1 - steps  # (B, L), negative at padded steps
    source = torch.where(mirrored < 0, steps, mirrored)
    return h.gather(1, source.unsqueeze(2).expand_as(h))
