"""Convolutions that halve the number of steps."""

import typing
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl.encoders._base import EncoderModule
from sklearn_ssl.encoders._blocks import ConvolutionalEncoder, SameConv1d, build_norm

MOST_WIDENING = 4
SLOPE = 0.2  # of the leaky ReLU below 0


@typing.final
class StridedEncoder(ConvolutionalEncoder):
    """Convolutions of stride 2, as in the critic of DCGAN: each halves the number of steps.

    A layer is a convolution, normalisation and a leaky ReLU of slope 0.2. The first layer has no normalisation, so that
    the scale of a series is kept. The second layer has twice as many features as the first, all others four times as
    many. A pass costs a fraction of what it costs in encoders that keep all steps, and has second derivatives.

    Parameters
    ----------
    depth : int, default=4
        Number of layers. L steps become L / 2**depth, rounded up.
    width : int, default=32
        Number of features of the first layer.
    kernel_size : int, default=5
        Kernel size of all layers.

    References
    ----------
    Radford, A., Metz, L. and Chintala, S. (2016). Unsupervised representation learning with deep convolutional
    generative adversarial networks. ICLR. https://arxiv.org/abs/1511.06434

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import StridedEncoder
    >>> encoder = StridedEncoder(depth=3, width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 64, 7])
    """

    depth: int = number(default=4, least=1, integer=True)
    width: int = number(default=32, least=1, integer=True)
    kernel_size: int = number(default=5, least=1, integer=True)

    def _module(self, n_channels: int) -> EncoderModule:
        widths = [self.width * min(2**layer, MOST_WIDENING) for layer in range(self.depth)]
        return Strided(n_channels, widths, self.kernel_size, self.norm)


class Strided(EncoderModule):
    """The module that `StridedEncoder` builds."""

    def __init__(self, n_channels: int, widths: Sequence[int], kernel_size: int, norm: str) -> None:
        super().__init__(widths, stride=2 ** len(widths))
        norms = ["none", *[norm] * (len(widths) - 1)]
        sizes = zip([n_channels, *widths], widths, norms, strict=False)
        self.blocks = nn.ModuleList(HalvedSteps(n_in, n_out, kernel_size, norm) for n_in, n_out, norm in sizes)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each layer, each (B, D_i, L / 2**i)."""
        maps = [zero_padding(x, mask)]
        for block in self.blocks:
            maps.append(block(maps[-1], mask))
        return maps[1:]


class HalvedSteps(nn.Module):
    """A convolution of stride 2, then normalisation and a leaky ReLU."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int, norm: str) -> None:
        super().__init__()
        self.conv = SameConv1d(n_in, n_out, kernel_size, stride=2, bias=norm == "none")
        self.norm = build_norm(norm, n_out)

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Map h (B, n_in, L') to (B, n_out, L' / 2), given the observed steps (B, L) of the series."""
        h = self.conv(h)
        return F.leaky_relu(self.norm(h, None if mask is None else resize_mask(mask, h.shape[2])), SLOPE)
