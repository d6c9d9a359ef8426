"""The fixed convolutions of MiniRocket, MultiRocket and Hydra, with an optional trained network on top."""

import itertools
import typing
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask, zero_padding
from sklearn_ssl._parameters.hyperparameters import choice, names, number
from sklearn_ssl._parameters.ranges import as_names
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders._competing_kernels import CompetingKernels
from sklearn_ssl.encoders._fixed_kernels import N_KERNELS, FixedKernels
from sklearn_ssl.encoders._kernel_pooling import POOLINGS

LIMIT = 10.0  # largest absolute value of a standardised feature


@typing.final
class RocketEncoder(Encoder):
    r"""MiniRocket, MultiRocket and Hydra: pooled fixed convolutions, optionally with a trained network on top.

    There are 84 kernels of nine weights. Each kernel has three weights 2 and six weights -1. Kernel k with dilation d
    is applied to the sum over a random set S of one to nine channels,

    .. math:: c_t = \sum_{i=0}^{8} w_{ki} \sum_{s \in S} x_{s,\, t + (i - 4) d},

    where x is zero outside of the series. The values c_t at the steps t = 0, 1, ... of a set T are compared with a
    threshold b and pooled. With P the steps of T at which c_t > b, the poolings are

    - "ppv", the proportion of positive values, :math:`\#P / \#T`. It is the pooling of MiniRocket.
    - "mpv", the mean of positive values: the mean of :math:`c_t - b` over P, or 0 if P is empty.
    - "mipv", the mean of indices of positive values: the mean of t over P, or -1 if P is empty.
    - "lspv", the longest stretch of positive values: the largest difference between successive steps among 0, #T - 1
      and the steps with c_t < b. A stretch of n steps inside the series gives n + 1.

    For every second kernel, T has all observed steps. For the other kernels, T has the steps at which the kernel does
    not reach beyond the series, or all steps if there are none. The dilations grow exponentially from 1 to an eighth of
    the longest series, where the kernel spans the series. All kernels have each dilation, with several thresholds.

    "mipv" and "lspv" are as MultiRocket's authors and aeon have them. Their "mpv" has c_t + b in place of c_t - b. It
    is larger by 2 b, which is the same for all series.

    With `differences`, half of the features are computed from the first differences x_t - x_{t-1} of the series. These
    features have dilations, channels and thresholds of their own. A series of one step has one difference, zero.

    A threshold b is a quantile of c over the steps of one training series. The series is chosen at random for each
    kernel and dilation. Thresholds are zero until the module is fitted for the first time, when it looks at up to 512
    series. Later fits keep them. Nothing else is learnt, and no gradient goes back through the kernels.

    With `n_groups`, the features of Hydra are added. Each group has eight random kernels of nine weights with sum 0,
    and one dilation, a power of two. It sees a sum of randomly drawn channels: half as many as there are, but at least
    two and at most eight. A channel may be drawn twice. With :math:`c_{kt}` the convolution by kernel k, and T all
    observed steps, a kernel has two features,

    .. math:: \sqrt{\frac{1}{\# T} \sum_{t \in T} c_{kt} \, [k = \arg\max_j c_{jt}]} \quad \text{and} \quad
        \sqrt{\frac{1}{\# T} \sum_{t \in T} [k = \arg\min_j c_{jt}]}.

    Steps at which all convolutions are zero up to rounding are left out of the sums, and a negative sum counts as 0.
    Hydra's authors and aeon have sums in place of means and count those steps. Its authors also take the square root.
    As published, half of the groups see the first differences, with and without `differences`.

    With `hidden`, a perceptron maps the features to `hidden` values. Each of its linear layers is followed by batch
    normalisation and ReLU. A method trains the perceptron. Without it, a method trains only its own projector and the
    features stay as they are.

    Parameters
    ----------
    n_features : int, default=9996
        Number of features over all poolings, without those of Hydra. It is rounded down to a multiple of 84 times the
        number of poolings, and with `differences` to a multiple of twice that. It does not depend on the series.
    poolings : str or tuple of str, default=("ppv",)
        One or several of "ppv", "mpv", "mipv" and "lspv". MultiRocket has all four and `differences`.
    differences : bool, default=False
        Whether to use the first differences of the series in addition to the series.
    n_groups : int, default=0
        Number of Hydra's groups of kernels over all dilations. Each group gives 16 features. Hydra as published has 64
        groups for each dilation, which makes 300 to 500 for most series.
    max_dilations : int, default=32
        Largest number of dilations of a kernel, at most 256.
    standardise : bool, default=True
        Whether to standardise the features: subtract the mean over the training series, divide by the standard
        deviation, and clip at -10 and 10.
    hidden : int or None, default=None
        Number of values D of the trained perceptron. None means no perceptron.
    depth : int, default=1
        Number of layers of the perceptron.
    backend : {"numba", "torch"}, default="numba"
        Code that computes the features of the kernels. "numba" is code that Numba compiles, which is several times
        faster on a CPU. It computes float32 series on the CPU if no series of the batch is padded. PyTorch computes
        all other batches, one or two very long series, and everything if Numba is missing. Both give the same
        features up to rounding. The first use after installation compiles for some seconds. The result is stored for
        later processes.

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
    poolings: str | tuple[str, ...] = names(*POOLINGS, default=("ppv",))
    differences: bool = choice(False, True, default=False)
    n_groups: int = number(default=0, least=0, integer=True)
    max_dilations: int = number(default=32, least=1, most=256, integer=True)
    standardise: bool = choice(True, False, default=True)
    hidden: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    depth: int = number(default=1, least=1, integer=True)
    backend: str = choice("numba", "torch", default="numba")

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter outside its range."""
        super().check_hyperparameters()
        if self.n_features < self._per_threshold():
            raise ValueError(
                f"RocketEncoder: `n_features` must be at least {self._per_threshold()}, 84 for each pooling of the "
                f"series and of their differences, got {self.n_features}. Raise it or take fewer `poolings`."
            )

    def _module(self, n_channels: int) -> EncoderModule:
        per_kernel, poolings = self.n_features // self._per_threshold(), as_names(self.poolings)
        compiled = self.backend == "numba"
        representations = [
            FixedKernels(n_channels, per_kernel, self.max_dilations, poolings, compiled=compiled)
            for _ in range(1 + self.differences)
        ]
        halves = (self.n_groups + 1) // 2, self.n_groups // 2
        competing = [CompetingKernels(n_channels, n_groups, compiled=compiled) for n_groups in halves if n_groups]
        return Rocket(representations, competing, self.standardise, self.hidden, self.depth)

    def _per_threshold(self) -> int:
        """Return the number of features that one threshold of each kernel gives."""
        return N_KERNELS * len(as_names(self.poolings)) * (1 + self.differences)


class Rocket(EncoderModule):
    """The module that `RocketEncoder` builds.

    Features of the series come first, then those of their differences, each in the order of `FixedKernels`. Features
    of `CompetingKernels` follow in the same way. All that `adapt` sets is in the state dictionary.

    Attributes
    ----------
    kernels : ModuleList of FixedKernels
        Kernels for the series and, with `differences`, for their differences.
    competing : ModuleList of CompetingKernels
        Groups for the series and for their differences. Empty without groups.
    mean, scale : Tensor of shape (F,)
        Mean and standard deviation that features are standardised with.
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
        """Take dilations, thresholds, mean and scale from series. A module that has done so stays as it is.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Some of the training series, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps. None if nothing is padded.
        """
        if self.adapted:
            return
        for kernels, series in self._pairs(x, mask):
            kernels.adapt(*series)
        if self.standardise:
            features = self._fixed_features(x, mask)
            spread = features - features[0]  # a constant becomes exactly zero, whatever rounding does to its mean
            scale = spread.std(0, correction=0)
            self.mean.copy_(features[0] + spread.mean(0))
            self.scale.copy_(torch.where(scale > 0, scale, 1))
        self.adapted.fill_(True)

    def stages(self) -> list[list[nn.Module]]:
        """Return the layers of the perceptron, each with its normalisation. The kernels have no trained weights."""
        parts = [] if self.perceptron is None else list(self.perceptron.children())
        return [parts[start : start + 3] for start in range(0, len(parts), 3)]

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the features (B, F, 1) and, if there is a perceptron, its output (B, D, 1)."""
        observed = None if mask is None else mask.any(1, keepdim=True)  # (B, 1)
        return [zero_padding(h, observed) for h in self.layers_above(self.constant_features(x, mask))]

    def constant_features(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features (B, F) below the perceptron. Training does not change them."""
        h = self._fixed_features(x, mask)  # (B, F), in memory of its own
        return h.sub_(self.mean).div_(self.scale).clamp_(-LIMIT, LIMIT) if self.standardise else h

    def layers_above(self, h: torch.Tensor) -> list[torch.Tensor]:
        """Return what `layers` returns, given the constant features h (B, F) of series with an observed step."""
        maps = [h] if self.perceptron is None else [h, self.perceptron(h)]
        return [h.unsqueeze(2) for h in maps]

    @torch.no_grad()
    def _fixed_features(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return torch.cat([kernels(*series) for kernels, series in self._pairs(x, mask)], 1)

    def _pairs(
        self, x: torch.Tensor, mask: torch.Tensor | None
    ) -> Iterator[tuple[FixedKernels | CompetingKernels, tuple[torch.Tensor, torch.Tensor | None]]]:
        """Yield all kernels in the order of their features, each with its series and their lengths."""
        seen = list(itertools.islice(self._representations(x, mask), max(len(self.kernels), len(self.competing))))
        for kernels in (self.kernels, self.competing):
            yield from zip(typing.cast(Any, kernels), seen, strict=False)

    def _representations(
        self, x: torch.Tensor, mask: torch.Tensor | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """Yield the series and then their differences, each with the numbers of observed steps, None if all are."""
        x = zero_padding(x, mask).to(self.mean.dtype)
        lengths = None if mask is None else mask.sum(1)  # (B,)
        yield x, lengths
        if x.shape[2] == 1:
            yield torch.zeros_like(x), lengths
        elif lengths is None:
            yield x.diff(dim=2), None  # (B, C, L - 1)
        else:
            inside = observed_mask(lengths - 1, x.shape[2] - 1)  # (B, L - 1)
            yield zero_padding(x.diff(dim=2), inside), (lengths - 1).clamp(min=1)


def _perceptron(n_in: int, width: int, depth: int) -> nn.Module:
    parts: list[nn.Module] = []
    for n_before in [n_in] + [width] * (depth - 1):
        parts += [nn.Linear(n_before, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*parts)
