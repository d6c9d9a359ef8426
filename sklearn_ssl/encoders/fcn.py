"""The fully convolutional network."""

import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import number, whole_numbers
from sklearn_ssl.encoders._base import EncoderModule
from sklearn_ssl.encoders._blocks import ConvNorm, ConvolutionalEncoder


@typing.final
class FCNEncoder(ConvolutionalEncoder):
    """Fully convolutional network: plain convolutions, each followed by normalisation and ReLU.

    h_0 = x and h_i = ReLU(norm(conv_i(h_{i-1}))). All layers keep the full time resolution.

    Parameters
    ----------
    width : int, default=128
        Number of features of the first and of the last layer. The layers between them have twice as many.
    kernel_sizes : tuple of int, default=(8, 5, 3)
        Kernel size of each layer.

    References
    ----------
    Wang, Yan and Oates (2017). Time series classification from scratch with deep neural networks: a strong
    baseline. IJCNN. https://arxiv.org/abs/1611.06455

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import FCNEncoder
    >>> encoder = FCNEncoder(width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 16, 50])
    """

    width: int = number(default=128, least=1, integer=True)
    kernel_sizes: tuple[int, ...] = whole_numbers(default=(8, 5, 3))

    def _module(self, n_channels: int) -> EncoderModule:
        widths = [2 * self.width] * len(self.kernel_sizes)
        widths[0] = widths[-1] = self.width
        return FCN(n_channels, widths, self.kernel_sizes, self.norm)


class FCN(EncoderModule):
    """The module that `FCNEncoder` builds."""

    def __init__(self, n_channels: int, widths: list[int], kernel_sizes: tuple[int, ...], norm: str) -> None:
        super().__init__(widths)
        sizes = zip([n_channels, *widths], widths, kernel_sizes, strict=False)
        self.blocks = nn.ModuleList(ConvNorm(n_in, n_out, size, norm=norm) for n_in, n_out, size in sizes)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each convolution, each (B, D_i, L)."""
        maps = [zero_padding(x, mask)]
        for block in self.blocks:
            maps.append(F.relu(block(maps[-1], mask)))
        return maps[1:]
