"""InceptionTime's network."""

import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import number, whole_numbers
from sklearn_ssl.encoders._base import EncoderModule
from sklearn_ssl.encoders._blocks import ConvNorm, ConvolutionalEncoder, SameConv1d, build_norm


@typing.final
class InceptionEncoder(ConvolutionalEncoder):
    """Inception network: modules of parallel convolutions with short and long kernels.

    A module narrows its input to `bottleneck` features and convolves them with each kernel size. One more branch takes
    the maximum of its input over three steps, then a convolution of size 1. The branches are concatenated, normalised
    and followed by ReLU: a module has width * (len(kernel_sizes) + 1) features. Every third module has a shortcut, a
    normalised convolution of size 1 of the input of the three modules. It is added to the output of the third, and
    ReLU follows again.

    Parameters
    ----------
    depth : int, default=6
        Number of modules.
    width : int, default=32
        Number of features of each branch.
    kernel_sizes : tuple of int, default=(40, 20, 10)
        Kernel size of each convolutional branch.
    bottleneck : int, default=32
        Number of features that the convolutional branches receive. An input that has no more is not narrowed.

    References
    ----------
    Ismail Fawaz et al. (2020). InceptionTime: finding AlexNet for time series classification. Data Mining and
    Knowledge Discovery 34. https://arxiv.org/abs/1909.04939

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import InceptionEncoder
    >>> encoder = InceptionEncoder(depth=3, width=4).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 16, 50])
    """

    depth: int = number(default=6, least=1, integer=True)
    width: int = number(default=32, least=1, integer=True)
    kernel_sizes: tuple[int, ...] = whole_numbers(default=(40, 20, 10))
    bottleneck: int = number(default=32, least=1, integer=True)

    def _module(self, n_channels: int) -> EncoderModule:
        return Inception(n_channels, self.depth, self.width, self.kernel_sizes, self.bottleneck, self.norm)


def small_inception() -> InceptionEncoder:
    """Return the default encoder of the transformers."""
    return InceptionEncoder(depth=3, width=16, bottleneck=16)


class Inception(EncoderModule):
    """The module that `InceptionEncoder` builds."""

    def __init__(
        self, n_channels: int, depth: int, width: int, kernel_sizes: tuple[int, ...], bottleneck: int, norm: str
    ) -> None:
        n_out = width * (len(kernel_sizes) + 1)
        super().__init__([n_out] * depth)
        self.blocks = nn.ModuleList(
            _InceptionModule(n_in, width, kernel_sizes, bottleneck, norm)
            for n_in in [n_channels] + [n_out] * (depth - 1)
        )
        self.shortcuts = nn.ModuleList(
            ConvNorm(n_channels if block == 0 else n_out, n_out, norm=norm) for block in range(depth // 3)
        )

    def stages(self) -> list[list[nn.Module]]:
        """Return the modules, each third one with its shortcut."""
        shortcuts = {3 * i + 2: [shortcut] for i, shortcut in enumerate(self.shortcuts)}
        return [[block, *shortcuts.get(i, [])] for i, block in enumerate(self.blocks)]

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the map of each module, each (B, D, L)."""
        h = before = zero_padding(x, mask)
        maps, shortcuts = [], iter(self.shortcuts)
        for i, block in enumerate(self.blocks):
            h = F.relu(block(h, mask))  # (B, D, L)
            if i % 3 == 2:
                h = before = F.relu(next(shortcuts)(before, mask) + h)
            maps.append(h)
        return maps


class _InceptionModule(nn.Module):
    def __init__(self, n_in: int, width: int, kernel_sizes: tuple[int, ...], bottleneck: int, norm: str) -> None:
        super().__init__()
        bias = norm == "none"
        narrow = min(n_in, bottleneck)
        self.bottleneck = SameConv1d(n_in, narrow, bias=False) if n_in > narrow else nn.Identity()
        self.branches = nn.ModuleList(SameConv1d(narrow, width, size, bias=bias) for size in kernel_sizes)
        self.pooled = SameConv1d(n_in, width, bias=bias)
        self.norm = build_norm(norm, width * (len(kernel_sizes) + 1))

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        narrow = self.bottleneck(h)
        branches = [branch(narrow) for branch in self.branches] + [self.pooled(_max_of_neighbours(h, mask))]
        # Concatenating (B, L, D) along its last dimension keeps the features of a step next to each other in memory.
        return self.norm(torch.cat([branch.transpose(1, 2) for branch in branches], 2).transpose(1, 2), mask)


def _max_of_neighbours(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return the maximum over each step and its observed neighbours, (B, D, L)."""
    if mask is not None:
        h = torch.where(mask.unsqueeze(1), h, torch.finfo(h.dtype).min)
    pooled = F.max_pool2d(h.unsqueeze(2), (1, 3), stride=1, padding=(0, 1)).squeeze(2)
    return zero_padding(pooled, mask)
