"""Augmentations that change the values of a series and not its time axis."""

import math
from collections.abc import Sequence
from typing import final

import torch
from torch.nn import functional

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.augmentations._base import Augmentation, Draws, RandomFlip, random_uniform
from sklearn_ssl.augmentations._curves import smooth_curve
from sklearn_ssl.augmentations._triples import check_triples, triples_of


@final
class SignFlip(RandomFlip):
    r"""Turn series upside down.

    .. math:: y = -x

    with probability `p`. All channels of a series are turned together.

    References
    ----------
    Saeed, Ozcelebi and Lukkien, "Multi-task self-supervised learning for human activity detection",
    Proceedings of the ACM on Interactive, Mobile, Wearable and Ubiquitous Technologies 3(2), 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import SignFlip
    >>> SignFlip(p=1.0)(torch.tensor([[[1.0, 2.0, -3.0]]]))
    tensor([[[-1., -2.,  3.]]])
    """

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Negate the series that are ``flipped``."""
        return x * (1 - 2 * draws["flipped"].to(x.dtype))[:, None, None]


@final
class Jitter(Augmentation):
    r"""Add Gaussian noise.

    .. math:: y_{ct} = x_{ct} + \sigma \varepsilon_{ct}, \quad \varepsilon_{ct} \sim N(0, 1)

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation :math:`\sigma` of the noise, in the units of the series. 0 changes nothing.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Jitter
    >>> noise = Jitter(sigma=0.5)(torch.zeros(10, 4, 1000))
    >>> round(noise.std().item(), 1)
    0.5
    """

    sigma: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``noise`` (B, C, L), standard normal."""
        return {"noise": torch.randn(x.shape, device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add ``noise`` times `sigma`."""
        return torch.add(x, draws["noise"], alpha=self.sigma)


@final
class RandomNoise(Augmentation):
    r"""Add uniform noise in proportion to the spread of each channel.

    .. math:: y_{ct} = x_{ct} + \lambda \sigma_c r_{ct}, \quad r_{ct} \sim U(-1, 1)

    where :math:`\sigma_c` is the standard deviation of the channel over the n observed steps of the series, with n as
    the divisor. A constant channel stays as it is.

    Parameters
    ----------
    strength : float, default=0.1
        Size :math:`\lambda` of the noise relative to the spread. 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import RandomNoise
    >>> x = torch.tensor([[[0.0, 2.0, 0.0, 2.0]]])  # standard deviation 1
    >>> noise = RandomNoise(strength=0.3)(x) - x
    >>> bool(noise.abs().max() <= 0.3)
    True
    """

    strength: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``noise`` (B, C, L), uniform on [-1, 1)."""
        return {"noise": torch.empty(x.shape, device=x.device).uniform_(-1, 1)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add ``noise`` times `strength` times the spread of the channel."""
        return x + draws["noise"] * (self.strength * _spread(x, lengths))


def _spread(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation of each channel over the observed steps, (B, C, 1)."""
    observed = observed_mask(lengths, x.shape[2])[:, None]
    count = lengths.clamp(min=1)[:, None, None]
    mean = torch.where(observed, x, 0).sum(2, keepdim=True) / count
    deviation = torch.where(observed, x - mean, 0)
    return torch.linalg.vector_norm(deviation, dim=2, keepdim=True) / count.sqrt()


@final
class Scaling(Augmentation):
    r"""Multiply each channel by a random factor.

    .. math:: y_{ct} = s_c x_{ct}, \quad s_c \sim N(1, \sigma^2)

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation :math:`\sigma` of the factors. 0 changes nothing.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Scaling
    >>> y = Scaling()(torch.ones(1, 2, 5))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    sigma: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``deviation`` (B, C), standard normal."""
        return {"deviation": torch.randn(x.shape[:2], device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Multiply each channel by 1 plus `sigma` times its ``deviation``."""
        return x * (1 + self.sigma * draws["deviation"])[:, :, None]


@final
class LevelShift(Augmentation):
    r"""Add a random number to each channel.

    .. math:: y_{ct} = x_{ct} + \sigma a_c, \quad a_c \sim N(0, 1)

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation :math:`\sigma` of the numbers, in the units of the series. 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import LevelShift
    >>> y = LevelShift()(torch.zeros(1, 2, 5))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    sigma: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``shift`` (B, C), standard normal."""
        return {"shift": torch.randn(x.shape[:2], device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add ``shift`` times `sigma` to each channel."""
        return x + self.sigma * draws["shift"][:, :, None]


@final
class MagnitudeWarp(Augmentation):
    r"""Let the amplitude of each channel swell and fade along time.

    .. math:: y_{ct} = x_{ct} (1 + \lambda g_c(t))

    where t = 0, ..., n - 1 in a series of n observed steps. With ``kind="sine"`` it is
    :math:`g_c(t) = \sin(2 \pi k t / n + \theta_c)` with k cycles and a random phase :math:`\theta_c \sim U(0, 2 \pi)`.
    With ``kind="curve"``, :math:`g_c` is the natural cubic spline through standard normal values at knots. The knots
    are spread evenly from the first to the last step.

    Parameters
    ----------
    strength : float, default=0.2
        Size :math:`\lambda` of the change. 0 changes nothing.
    kind : {"sine", "curve"}, default="sine"
        Shape of :math:`g`.
    n_cycles : float, default=1.0
        Number k of cycles of the sine over the series.
    n_knots : int, default=4
        Number of knots of the curve. With more knots the curve changes faster.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017 (the curve).

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import MagnitudeWarp
    >>> y = MagnitudeWarp(strength=0.2)(torch.ones(1, 1, 100))
    >>> round(y.min().item(), 2), round(y.max().item(), 2)
    (0.8, 1.2)
    """

    strength: float = number(default=0.2, least=0)
    kind: str = choice("sine", "curve", default="sine")
    n_cycles: float = number(default=1.0, above=0)
    n_knots: int = number(default=4, least=2, integer=True)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``phase`` (B, C) in radians for the sine, ``knots`` (B, C, K) for the curve."""
        n_series, n_channels, _ = x.shape
        if self.kind == "sine":
            return {"phase": 2 * math.pi * torch.rand(n_series, n_channels, device=x.device)}
        return {"knots": torch.randn(n_series, n_channels, self.n_knots, device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Multiply by the sine of given ``phase`` or the curve through given ``knots``."""
        n_steps = x.shape[2]
        if self.kind == "sine":
            wave = _sine(self.n_cycles, draws["phase"], lengths, n_steps)
        else:
            wave = smooth_curve(draws["knots"], lengths, n_steps)
        return x * (1 + self.strength * wave)


def _sine(n_cycles: float, phase: torch.Tensor, lengths: torch.Tensor, n_steps: int) -> torch.Tensor:
    per_step = 2 * math.pi * n_cycles / lengths.clamp(min=1)
    angles = torch.arange(n_steps, device=phase.device) * per_step[:, None]  # (B, L)
    # By the addition theorem, B (C + L) sines are enough in place of B C L.
    along_time = torch.stack([angles.sin(), angles.cos()], dim=1)  # (B, 2, L)
    by_channel = torch.stack([phase.cos(), phase.sin()], dim=2)  # (B, C, 2)
    return by_channel @ along_time  # (B, C, L)


@final
class RandomSmoothing(Augmentation):
    r"""Blend each step with its two neighbours.

    .. math:: y_t = \tfrac{\lambda}{2} x_{t+1} + (1 - \lambda) x_t + \tfrac{\lambda}{2} x_{t-1}, \quad
        \lambda \sim U(0, \lambda_{\max})

    This is the filter :math:`\tfrac{\lambda}{2} z + (1 - \lambda) + \tfrac{\lambda}{2} z^{-1}`. The first and the last
    observed step lack a neighbour. Their own value replaces it, so that a constant stays constant.

    Parameters
    ----------
    strength : float, default=0.5
        Largest :math:`\lambda_{\max}`. 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import RandomSmoothing
    >>> y = RandomSmoothing()(torch.tensor([[[0.0, 0.0, 4.0, 0.0, 0.0]]]))
    >>> bool(y[0, 0, 2] <= 4), round(y.sum().item(), 4)
    (True, 4.0)
    """

    strength: float = number(default=0.5, least=0, most=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``weight`` (B,), one lambda per series."""
        return {"weight": random_uniform(0, self.strength, x)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Apply the filter of given ``weight``."""
        both_observed = observed_mask(lengths - 1, x.shape[2] - 1)[:, None]
        rise = torch.where(both_observed, x.diff(), 0) * (draws["weight"] / 2)[:, None, None]  # (B, C, L - 1)
        return x + functional.pad(rise, (0, 1)) - functional.pad(rise, (1, 0))


@final
class Rotation(Augmentation):
    r"""Turn triaxial sensors in space.

    .. math:: y_{\cdot t} = R x_{\cdot t}, \quad R v = v + \sin(\theta) (a \times v)
        + (1 - \cos \theta) (a \times (a \times v))

    for each triple of channels. The axis a is uniform on the sphere, and the angle is
    :math:`\theta \sim U(-\theta_{\max}, \theta_{\max})`. All triples of a series are turned in the same way, like the
    sensors of one device. For sensors of separate devices, use one `Rotation` for each of them in a `Compose`.

    Parameters
    ----------
    angle : float, default=30.0
        Largest angle :math:`\theta_{\max}` in degrees. 180 allows any orientation. 0 changes nothing.
    axes : sequence of triples of int, default=None
        The channels of the x, y and z axis of each sensor, such as ``((0, 1, 2), (3, 4, 5))``. Other channels are not
        changed. None takes consecutive triples of all channels.

    Raises
    ------
    ValueError
        If `axes` does not fit the channels, or is None and their number is not a multiple of three.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Rotation
    >>> x = torch.tensor([3.0, 0.0, 4.0])[None, :, None]
    >>> round(Rotation(angle=180.0)(x).norm().item(), 4)
    5.0
    """

    angle: float = number(default=30.0, least=0, most=180)
    axes: Sequence[Sequence[int]] | None = None

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        check_triples("Rotation", self.axes)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``axis`` (B, 3), of length one, and ``angle`` (B,) in radians."""
        largest = math.radians(self.angle)
        direction = functional.normalize(torch.randn(len(x), 3, device=x.device))
        return {"axis": direction, "angle": random_uniform(-largest, largest, x)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Turn every triple about ``axis`` by ``angle``."""
        change = _turn(draws["axis"].to(x.dtype), draws["angle"].to(x.dtype))  # (B, 3, 3)
        channels = list(x.unbind(1))
        for triple in triples_of("Rotation", self.axes, x.shape[1]):
            vectors = torch.stack([channels[channel] for channel in triple], dim=1)  # (B, 3, L)
            turned = vectors + change @ vectors
            for channel, values in zip(triple, turned.unbind(1), strict=True):
                channels[channel] = values
        return torch.stack(channels, dim=1)  # (B, C, L)


def _turn(axis: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Return the rotation matrices minus the identity, (B, 3, 3), by Rodrigues' formula. They are 0 at angle 0."""
    a, b, c = axis.unbind(1)
    zero = torch.zeros_like(a)
    cross = torch.stack([zero, -c, b, c, zero, -a, -b, a, zero], dim=1).view(-1, 3, 3)
    return angle.sin()[:, None, None] * cross + (1 - angle.cos())[:, None, None] * (cross @ cross)
