"""Generators: recipes of the networks that turn one vector per series into a series."""

import math
import typing
from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, recipe, whole_numbers

COARSEST = 8  # time steps with which a series starts at least
MOST_DOUBLINGS = 4


@typing.final
class ConvGenerator(Hyperparameters):
    r"""Convolutions from a vector to a series, from coarse to fine.

    A linear map turns the vector into a map of :math:`L_0 = \lceil L / 2^k \rceil` steps, where L is the length of the
    series and :math:`k = \lfloor \log_2(L / 8) \rfloor`, but at least 0 and at most 4. A block is a convolution, group
    normalisation and ReLU. After the first block the number of steps is doubled k times by linear interpolation, each
    time followed by a block. The last convolution is linear, so that values are not bounded. No series depends on the
    others of its batch.

    Parameters
    ----------
    width : int, default=64
        Number of features of the maps.
    kernel_size : int, default=5
        Number of steps that a convolution sees.
    noise_inputs : bool, default=False
        Whether every convolution adds normal noise of its own to each step, with a learnt scale per feature that starts
        at 0. A vector alone cannot make what is random at every step, such as the noise of a sensor.

    See Also
    --------
    TrendSeasonGenerator : Adds a trend and seasons.

    References
    ----------
    Karras, T., Laine, S. and Aila, T. (2019). A style-based generator architecture for generative adversarial networks.
    CVPR. https://arxiv.org/abs/1812.04948: noise inputs. There all features of a map share one draw. Here each has its
    own, so that the noise of channels can be independent.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.generators import ConvGenerator
    >>> generator = ConvGenerator(width=16).build(n_noise=4, n_channels=3, n_timepoints=50)
    >>> generator(torch.randn(2, 4)).shape
    torch.Size([2, 3, 50])
    """

    width: int = number(default=64, least=2, integer=True)
    kernel_size: int = number(default=5, least=1, integer=True)
    noise_inputs: bool = choice(False, True, default=False)

    def build(self, n_noise: int, n_channels: int, n_timepoints: int) -> nn.Module:
        """Build the network, with fresh weights drawn from PyTorch's global generator.

        Parameters
        ----------
        n_noise : int
            Number of values N of a vector.
        n_channels : int
            Number of channels C of the series.
        n_timepoints : int
            Number of time steps L of the series.

        Returns
        -------
        generator : torch.nn.Module
            Maps (B, N) to (B, C, L).

        Raises
        ------
        ValueError
            If a parameter is outside its range.
        """
        self.check_hyperparameters()
        n_doublings = min(max(n_timepoints // COARSEST, 1).bit_length() - 1, MOST_DOUBLINGS)
        n_steps = -(-n_timepoints // 2**n_doublings)  # L_0
        blocks = [
            part for _ in range(n_doublings) for part in (nn.Upsample(scale_factor=2.0, mode="linear"), *self._block())
        ]
        return nn.Sequential(
            nn.Linear(n_noise, self.width * n_steps),
            nn.Unflatten(1, (self.width, n_steps)),
            *self._block(),
            *blocks,
            *self._convolution(n_channels),
            _FirstSteps(n_timepoints),
        )

    def _block(self) -> tuple[nn.Module, ...]:
        n_groups = math.gcd(8, self.width // 2) if self.width % 2 == 0 else 1  # of two features at least
        norm = nn.GroupNorm(n_groups, self.width)
        return (*self._convolution(self.width), norm, nn.ReLU(inplace=True))

    def _convolution(self, n_out: int) -> tuple[nn.Module, ...]:
        """Return a convolution that keeps the number of steps, with zeros beyond both ends."""
        padding = nn.ZeroPad1d(((self.kernel_size - 1) // 2, self.kernel_size // 2))
        convolution = nn.Conv1d(self.width, n_out, self.kernel_size)
        return (padding, convolution, *([NoiseInput(n_out)] if self.noise_inputs else []))


@typing.final
class TrendSeasonGenerator(Hyperparameters):
    r"""The sum of a trend, of seasons and of what another generator makes.

    From a vector z, the value of channel c at step t = 0, ..., L - 1 is

    .. math::

        \sum_{k=0}^{p} \theta_{ck}(z) \, (t / L)^k + \sum_m \gamma^m_{c,\, t \bmod m}(z) + r_{ct}(z),

    where p is `degree`, :math:`\theta` comes from a hidden layer with ReLU and a linear layer, the sum over m runs over
    `periods`, each :math:`\gamma^m` is linear in z, and r is `residual`. The authors give a season by the number of its
    parts and the steps of each part; a period has one value for each of its steps here.

    Parameters
    ----------
    degree : int, default=2
        Degree p of the polynomial. 0 is a level for each channel.
    periods : tuple of int, default=()
        Numbers of time steps after which a season repeats, such as ``(24, 168)`` for hourly values.
    residual : generator, default=None
        Makes the rest. None is ``ConvGenerator()``.

    References
    ----------
    Desai, A., Freeman, C., Wang, Z. and Beaver, I. (2021). TimeVAE: a variational auto-encoder for multivariate time
    series generation. https://arxiv.org/abs/2111.08095

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.generators import TrendSeasonGenerator
    >>> generator = TrendSeasonGenerator(periods=(12,)).build(n_noise=4, n_channels=3, n_timepoints=50)
    >>> generator(torch.randn(2, 4)).shape
    torch.Size([2, 3, 50])
    """

    degree: int = number(default=2, least=0, integer=True)
    periods: tuple[int, ...] = whole_numbers(default=(), least=2, empty=True)
    residual: Any = recipe(default_factory=ConvGenerator, needs="build")

    def build(self, n_noise: int, n_channels: int, n_timepoints: int) -> nn.Module:
        """Build the network, with fresh weights drawn from PyTorch's global generator.

        Parameters
        ----------
        n_noise : int
            Number of values N of a vector.
        n_channels : int
            Number of channels C of the series.
        n_timepoints : int
            Number of time steps L of the series.

        Returns
        -------
        generator : torch.nn.Module
            Maps (B, N) to (B, C, L). Its modules `trend`, `seasons` and `residual` do so as well.

        Raises
        ------
        ValueError
            If a parameter is outside its range, or if a period is longer than the series.
        """
        self.check_hyperparameters()
        longest = max(self.periods, default=0)
        if longest > n_timepoints:
            raise ValueError(
                f"`periods` must be at most the {n_timepoints} time steps of the longest series, got {longest}; leave "
                "it out."
            )
        return TrendSeason(
            trend=Trend(n_noise, n_channels, n_timepoints, int(self.degree)),
            seasons=[Season(n_noise, n_channels, n_timepoints, int(period)) for period in self.periods],
            residual=self.resolved("residual").build(n_noise, n_channels, n_timepoints),
        )


class TrendSeason(nn.Module):
    """The module that `TrendSeasonGenerator` builds."""

    def __init__(self, trend: nn.Module, seasons: list[nn.Module], residual: nn.Module) -> None:
        super().__init__()
        self.trend = trend
        self.seasons = nn.ModuleList(seasons)
        self.residual = residual

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map vectors (B, N) to series (B, C, L)."""
        return sum((season(z) for season in self.seasons), self.trend(z) + self.residual(z))


class Trend(nn.Module):
    """A polynomial over time for each channel."""

    powers: torch.Tensor

    def __init__(self, n_noise: int, n_channels: int, n_timepoints: int, degree: int) -> None:
        super().__init__()
        n_weights = n_channels * (degree + 1)
        self.weights = nn.Sequential(
            nn.Linear(n_noise, max(n_noise, n_weights)),
            nn.ReLU(),
            nn.Linear(max(n_noise, n_weights), n_weights),
            nn.Unflatten(1, (n_channels, degree + 1)),
        )
        time = torch.arange(n_timepoints) / n_timepoints
        powers = time ** torch.arange(degree + 1)[:, None]  # (p + 1, L)
        self.register_buffer("powers", powers)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map vectors (B, N) to series (B, C, L)."""
        return self.weights(z) @ self.powers


class Season(nn.Module):
    """A pattern for each channel that repeats."""

    steps: torch.Tensor

    def __init__(self, n_noise: int, n_channels: int, n_timepoints: int, period: int) -> None:
        super().__init__()
        self.pattern = nn.Sequential(nn.Linear(n_noise, n_channels * period), nn.Unflatten(1, (n_channels, period)))
        self.register_buffer("steps", torch.arange(n_timepoints) % period)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map vectors (B, N) to series (B, C, L)."""
        return self.pattern(z)[:, :, self.steps]


class NoiseInput(nn.Module):
    """Adds normal noise to maps (B, D, L), with a learnt scale per feature."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.zeros(width, 1))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return maps with noise that is drawn from PyTorch's generator of their device."""
        return h + self.scales * torch.randn_like(h)


class _FirstSteps(nn.Module):
    """Cut maps after a number of steps."""

    def __init__(self, n_steps: int) -> None:
        super().__init__()
        self.n_steps = n_steps

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h[:, :, : self.n_steps]
