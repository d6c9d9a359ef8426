"""The fixed convolutions of MiniRocket, MultiRocket and Hydra, with an optional trained network on top."""

import dataclasses
import itertools
import typing
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders._competing_kernels import CompetingKernels
from sklearn_ssl.encoders._fixed_kernels import N_KERNELS, FixedKernels
from sklearn_ssl.encoders._kernel_pooling import POOLINGS

LIMIT = 10.0  # of a standardised feature


class _PoolingNames:
    def __contains__(self, value: object) -> bool:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (tuple, list)) or not all(name in list(POOLINGS) for name in names):
            return False
        return len(names) == len(set(names)) > 0

    def __str__(self) -> str:
        return "one of, or a non-empty tuple of different ones of, " + ", ".join(map(repr, POOLINGS))


@typing.final
class RocketEncoder(Encoder):
    r"""MiniRocket, MultiRocket, Hydra: fixed dilated convolutions, pooled, and optionally a trained network.

    There are 84 kernels of nine weights: each has three weights 2, every kernel at other places, and six weights -1.
    Kernel k with dilation d, applied to the sum over a random set S of one to nine channels, gives

    .. math:: c_t = \sum_{i=0}^{8} w_{ki} \sum_{s \in S} x_{s,\, t + (i - 4) d},

    where x is zero outside of the series. With a threshold b it is pooled over the steps T, counted from 0. With
    P, the steps of T at which c_t > b, the poolings are

    - "ppv", the proportion of positive values, :math:`\#P / \#T`, the one of MiniRocket,
    - "mpv", the mean of positive values, the mean of :math:`c_t - b` over P, or 0 if P is empty,
    - "mipv", the mean of indices of positive values, the mean of t over P, or -1 if P is empty,
    - "lspv", the longest stretch of positive values: the largest difference between successive steps among 0, #T - 1
      and those at which c_t < b; so it is one more than the number of steps of a stretch inside the series.

    T has all observed steps for every second kernel, and for the others those at which the kernel does not reach beyond
    the series; if there is none of them, it has all steps again. The dilations grow exponentially from 1 to an eighth
    of the longest series (the kernel then spans the series), and each is used with all kernels and several thresholds.

    "mipv" and "lspv" are those of MultiRocket as published by its authors and in aeon. Their "mpv" has c_t + b in the
    place of c_t - b; it is larger by 2 b, which differs between features but not between series.

    With `differences`, half of the features are those of the first differences x_t - x_{t-1} of the series, which have
    dilations, channels and thresholds of their own; a series of one step has one difference, zero.

    A threshold b is a quantile of c over the steps of one training series, chosen at random for each kernel and
    dilation. At most 512 series are looked at, once, before training; a module that has seen series keeps its
    thresholds in any later fit. Nothing else is learnt, so features cost forward passes only, and no gradient goes
    back through them. Before that, thresholds are zero.

    With `n_groups`, the features of Hydra come on top. Each group g has eight random kernels of nine weights, whose sum
    is 0, and one dilation, a power of two; it sees the sum over a random half of the channels, two to eight, some maybe
    twice. With :math:`c_{kt}` the convolution by kernel k, and steps T that are all observed ones, a kernel gets two
    features,

    .. math:: \sqrt{\frac{1}{\# T} \sum_{t \in T} c_{kt} \, [k = \arg\max_j c_{jt}]} \quad \text{and} \quad
        \sqrt{\frac{1}{\# T} \sum_{t \in T} [k = \arg\min_j c_{jt}]},

    where steps at which all convolutions are zero, but for rounding, are won by none, and a negative sum counts as 0.
    Hydra as published and in aeon has the sums in the place of the means, and counts those steps; its authors take the
    square root as well. Half of the groups see the first differences, as published, whatever `differences` is.

    With `hidden`, a perceptron of linear layers, each followed by batch normalisation and ReLU, maps the features to
    `hidden` values. That is what a method trains; without it, pretraining has only its projector to train and leaves
    the features as they are.

    Parameters
    ----------
    n_features : int, default=9996
        Number of features over all poolings, without those of Hydra; rounded down to a multiple of 84 times the number
        of poolings, twice that with `differences`, whatever the length of the series.
    poolings : str or tuple of str, default=("ppv",)
        One or several of "ppv", "mpv", "mipv" and "lspv". MultiRocket has all four and `differences`.
    differences : bool, default=False
        Whether to use the first differences of the series beside the series.
    n_groups : int, default=0
        Number of Hydra's groups of kernels over all dilations, each of which gives 16 features. Hydra as published has
        64 for each dilation, so 300 to 500 for most series.
    max_dilations : int, default=32
        Most dilations of a kernel.
    standardise : bool, default=True
        Whether to subtract from each feature its mean over the training series, divide by its standard deviation, and
        clip at -10 and 10.
    hidden : int or None, default=None
        Number of values D of the trained perceptron; None for no perceptron.
    depth : int, default=1
        Number of layers of the perceptron.
    backend : {"torch", "aeon"}, default="torch"
        What computes the features, which are the same. "aeon" stands for the compiled kernels of aeon's MiniRocket,
        which are two to five times as fast on a CPU; the first use after installation compiles them for a minute. They
        are used for "ppv" alone, on the CPU, for batches without padding of series that are longer than every kernel;
        everything else is left to PyTorch.

    References
    ----------
    Dempster, Schmidt and Webb (2021). MiniRocket: a very fast (almost) deterministic transform for time series
    classification. KDD. https://arxiv.org/abs/2012.08791

    Tan, Dempster, Bergmeir and Webb (2022). MultiRocket: multiple pooling operators and transformations for fast and
    effective time series classification. Data Mining and Knowledge Discovery. https://arxiv.org/abs/2102.00457

    Dempster, Schmidt and Webb (2023). Hydra: competing convolutional kernels for fast and accurate time series
    classification. Data Mining and Knowledge Discovery. https://arxiv.org/abs/2203.13652

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import RocketEncoder
    >>> encoder = RocketEncoder(n_features=1000).build(n_channels=3)
    >>> encoder.adapt(torch.randn(20, 3, 50))
    >>> encoder(torch.randn(2, 3, 50)).shape
    torch.Size([2, 924, 1])

    MultiRocket:

    >>> multi_rocket = RocketEncoder(n_features=11424, poolings=("ppv", "mpv", "mipv", "lspv"), differences=True)
    >>> encoder = multi_rocket.build(n_channels=3)
    >>> encoder.adapt(torch.randn(20, 3, 50))
    >>> encoder(torch.randn(2, 3, 50)).shape
    torch.Size([2, 11424, 1])

    MultiRocket and Hydra:

    >>> both = RocketEncoder(
    ...     n_features=5712, poolings=("ppv", "mpv", "mipv", "lspv"), differences=True, n_groups=256
    ... ).build(n_channels=3)
    >>> both(torch.randn(2, 3, 50)).shape
    torch.Size([2, 9472, 1])
    """

    n_features: int = number(default=9996, least=N_KERNELS, integer=True)
    poolings: str | tuple[str, ...] = dataclasses.field(default=("ppv",), metadata={"allowed": _PoolingNames()})
    differences: bool = choice(False, True, default=False)
    n_groups: int = number(default=0, least=0, integer=True)
    max_dilations: int = number(default=32, least=1, integer=True)
    standardise: bool = choice(True, False, default=True)
    hidden: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    depth: int = number(default=1, least=1, integer=True)
    backend: str = choice("torch", "aeon", default="torch")

    def check_hyperparameters(self) -> None:
        """Raise a ValueError naming the first parameter outside its range."""
        super().check_hyperparameters()
        if self.n_features < self._per_threshold():
            raise ValueError(
                f"RocketEncoder: `n_features` must be at least {self._per_threshold()}, 84 for each of the poolings of "
                f"each representation, got {self.n_features}. Raise it or take fewer `poolings`."
            )

    def _module(self, n_channels: int) -> EncoderModule:
        per_kernel = self.n_features // self._per_threshold()
        representations = [
            FixedKernels(n_channels, per_kernel, self.max_dilations, self._names(), compiled=self.backend == "aeon")
            for _ in range(1 + self.differences)
        ]
        halves = (self.n_groups + 1) // 2, self.n_groups // 2
        competing = [CompetingKernels(n_channels, n_groups) for n_groups in halves if n_groups]
        return Rocket(representations, competing, self.standardise, self.hidden, self.depth)

    def _names(self) -> tuple[str, ...]:
        return (self.poolings,) if isinstance(self.poolings, str) else tuple(self.poolings)

    def _per_threshold(self) -> int:
        """Return the number of features that one threshold of each kernel gives."""
        return N_KERNELS * len(self._names()) * (1 + self.differences)


class Rocket(EncoderModule):
    """The module that `RocketEncoder` builds.

    Its features are ordered by representation (the series, their differences), then as `FixedKernels` orders them;
    those of `CompetingKernels` follow in the same way. Everything fixed is in the state dictionary.

    Attributes
    ----------
    kernels : ModuleList of FixedKernels
        Those for the series and, if there are any, those for their differences.
    competing : ModuleList of CompetingKernels
        Groups for the series and their differences; empty if there are none.
    mean, scale : Tensor of shape (F,)
        What features are standardised with.
    """

    pools_over_time = True
    mean: torch.Tensor
    scale: torch.Tensor
    adapted: torch.Tensor

    def __init__(
        self,
        representations: list[FixedKernels],
        competing: list[CompetingKernels],
        standardise: bool,
        hidden: int | None,
        depth: int,
    ) -> None:
        n_features = sum(kernels.n_features for kernels in representations)
        n_features += sum(kernels.n_features for kernels in competing)
        super().__init__([n_features] if hidden is None else [n_features, hidden])
        self.kernels = nn.ModuleList(representations)
        self.competing = nn.ModuleList(competing)
        self.standardise = standardise
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.register_buffer("adapted", torch.tensor(False))
        self.perceptron = None if hidden is None else _perceptron(n_features, hidden, depth)

    @torch.no_grad()
    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Take dilations, thresholds, mean and scale from series; an encoder that has done so stays as it is.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Some of the training series, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps; None if nothing is padded.
        """
        if self.adapted:
            return
        for kernels, series in self._pairs(x, mask):
            kernels.adapt(*series)
        if self.standardise:
            features = self._fixed_features(x, mask)
            spread = features - features[0]  # makes a constant exactly zero, whatever rounding does to its mean
            scale = spread.std(0, correction=0)
            self.mean.copy_(features[0] + spread.mean(0))
            self.scale.copy_(torch.where(scale > 0, scale, 1))
        self.adapted.fill_(True)

    def stages(self) -> list[list[nn.Module]]:
        """Return the layers of the perceptron, each with its normalisation; the kernels have no weights."""
        parts = [] if self.perceptron is None else list(self.perceptron.children())
        return [parts[start : start + 3] for start in range(0, len(parts), 3)]

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the features (B, F, 1) and, if there is a perceptron, its output (B, D, 1)."""
        h = self._fixed_features(x, mask)  # (B, F)
        if self.standardise:
            h = ((h - self.mean) / self.scale).clamp(-LIMIT, LIMIT)
        maps = [h] if self.perceptron is None else [h, self.perceptron(h)]
        observed = None if mask is None else mask.any(1, keepdim=True)  # (B, 1)
        return [zero_padding(h.unsqueeze(2), observed) for h in maps]

    @torch.no_grad()
    def _fixed_features(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return torch.cat([kernels(*series) for kernels, series in self._pairs(x, mask)], 1)

    def _pairs(
        self, x: torch.Tensor, mask: torch.Tensor | None
    ) -> Iterator[tuple[FixedKernels | CompetingKernels, tuple[torch.Tensor, torch.Tensor | None]]]:
        """Give all kernels, each with what it sees, in the order of their features."""
        seen = list(itertools.islice(self._representations(x, mask), max(len(self.kernels), len(self.competing))))
        for kernels in (self.kernels, self.competing):
            yield from zip(typing.cast(Any, kernels), seen, strict=False)

    def _representations(
        self, x: torch.Tensor, mask: torch.Tensor | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """Give the series and then their differences, each with the number of observed steps, None if all are."""
        x = zero_padding(x, mask).to(self.mean.dtype)
        lengths = None if mask is None else mask.sum(1)  # (B,)
        yield x, lengths
        if x.shape[2] == 1:
            yield torch.zeros_like(x), lengths
        elif lengths is None:
            yield x.diff(dim=2), None  # (B, C, L - 1)
        else:
            inside = torch.arange(1, x.shape[2], device=x.device) < lengths.unsqueeze(1)  # (B, L - 1)
            yield zero_padding(x.diff(dim=2), inside), (lengths - 1).clamp(min=1)


def _perceptron(n_in: int, width: int, depth: int) -> nn.Module:
    parts: list[nn.Module] = []
    for n_before in [n_in] + [width] * (depth - 1):
        parts += [nn.Linear(n_before, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*parts)
