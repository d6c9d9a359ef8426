"""The residual network."""

import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import number, whole_numbers
from sklearn_ssl.encoders._base import EncoderModule
from sklearn_ssl.encoders._blocks import ConvNorm, ConvolutionalEncoder, build_norm


@typing.final
class ResNetEncoder(ConvolutionalEncoder):
    """Residual network: blocks of a few convolutions with a shortcut around them.

    A block computes ReLU(f(h) + s(h)). f is a chain of normalised convolutions with ReLU between them. s is a
    normalised convolution of size 1, or normalisation alone if the width stays the same.

    Parameters
    ----------
    depth : int, default=3
        Number of residual blocks.
    width : int, default=32
        Number of features of the first block. The following blocks have twice as many. The paper has 64.
    kernel_sizes : tuple of int, default=(7, 5, 3)
        Kernel sizes of the convolutions in each block.

    References
    ----------
    Wang, Yan and Oates (2017). Time series classification from scratch with deep neural networks: a strong
    baseline. IJCNN. https://arxiv.org/abs/1611.06455. The paper's first kernel has 8 taps. With 7, a block is symmetric
    in time.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> encoder = ResNetEncoder(depth=2, width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 32, 50])
    """

    depth: int = number(default=3, least=1, integer=True)
    width: int = number(default=32, least=1, integer=True)
    kernel_sizes: tuple[int, ...] = whole_numbers(default=(7, 5, 3))

    def _module(self, n_channels: int) -> EncoderModule:
        widths = [self.width] + [2 * self.width] * (self.depth - 1)
        return ResNet(n_channels, widths, self.kernel_sizes, self.norm)


class ResNet(EncoderModule):
    """The module that `ResNetEncoder` builds."""

    def __init__(self, n_channels: int, widths: list[int], kernel_sizes: tuple[int, ...], norm: str) -> None:
        super().__init__(widths)
        sizes = zip([n_channels, *widths], widths, strict=False)
        self.blocks = nn.ModuleList(_ResidualBlock(n_in, n_out, kernel_sizes, norm) for n_in, n_out in sizes)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each block, each (B, D_i, L)."""
        maps = [zero_padding(x, mask)]
        for block in self.blocks:
            maps.append(block(maps[-1], mask))
        return maps[1:]


class _ResidualBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, kernel_sizes: tuple[int, ...], norm: str) -> None:
        super().__init__()
        widths = [n_in] + [n_out] * len(kernel_sizes)
        self.chain = nn.ModuleList(
            ConvNorm(a, b, size, norm=norm) for a, b, size in zip(widths, widths[1:], kernel_sizes, strict=False)
        )
        self.shortcut = build_norm(norm, n_out) if n_in == n_out else ConvNorm(n_in, n_out, norm=norm)

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        shortcut = self.shortcut(h, mask)  # (B, n_out, L)
        *inner, last = self.chain
        for part in inner:
            h = F.relu(part(h, mask))  # (B, n_out, L)
        return F.relu(last(h, mask) + shortcut)
