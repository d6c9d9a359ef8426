"""An encoder of one's own: two convolutions. The second one halves the steps."""

from typing import final

import torch
from torch import nn

from sklearn_ssl.base import number
from sklearn_ssl.encoders import Encoder, EncoderModule, resize_mask, zero_padding


@final
class HalvingEncoder(Encoder):
    """Two convolutions, the second with stride 2.

    Parameters
    ----------
    width : int, default=32
        Number of features.
    """

    width: int = number(default=32, least=1, integer=True)

    def _module(self, n_channels: int) -> EncoderModule:
        return Halving(n_channels, self.width)


class Halving(EncoderModule):
    """The module that `HalvingEncoder` builds."""

    def __init__(self, n_channels: int, width: int) -> None:
        super().__init__([width, width], stride=2)
        self.fine = nn.Conv1d(n_channels, width, kernel_size=5, padding=2)
        self.coarse = nn.Conv1d(width, width, kernel_size=3, padding=1, stride=2)

    def layers(
        self, x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        fine = zero_padding(self.fine(x).relu(), mask)  # (B, D, L)
        coarse = self.coarse(fine).relu()  # (B, D, ceil(L / 2))
        return [
            fine,
            zero_padding(
                coarse, None if mask is None else resize_mask(mask, coarse.shape[2])
            ),
        ]
