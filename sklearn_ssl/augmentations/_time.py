"""Augmentations that move the values of a series along its time axis. All channels move together."""

import math
from typing import final

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations._base import (
    Augmentation,
    Draws,
    RandomFlip,
    random_events,
    random_integers,
    random_uniform,
)
from sklearn_ssl.augmentations._curves import smooth_curve


@final
class TimeReversal(RandomFlip):
    r"""Play series backwards.

    .. math:: y_t = x_{n - 1 - t}

    with probability `p`, where n is the number of observed steps: :math:`X J_T`, J the exchange matrix.

    References
    ----------
    Saeed, Ozcelebi and Lukkien, "Multi-task self-supervised learning for human activity detection",
    Proceedings of the ACM on Interactive, Mobile, Wearable and Ubiquitous Technologies 3(2), 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import TimeReversal
    >>> TimeReversal(p=1.0)(torch.tensor([[[1.0, 2.0, 3.0, 0.0]]]), torch.tensor([3]))
    tensor([[[3., 2., 1., 0.]]])
    """

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Reverse the series that are ``flipped``."""
        time = steps(x)
        return take(x, torch.where(draws["flipped"][:, None], lengths[:, None] - 1 - time, time))


@final
class CropResize(Augmentation):
    r"""Cut out a random segment and stretch it to the length of the series.

    .. math:: y_t = x(a + r t), \quad r \sim U(r_{\min}, 1), \quad a \sim U(0, (1 - r) (n - 1))

    where n is the number of observed steps and x(.) interpolates linearly between them.

    Parameters
    ----------
    min_ratio : float, default=0.5
        Smallest share :math:`r_{\min}` of the series that is kept. 1 changes nothing.

    References
    ----------
    Le Guennec, Malinowski and Tavenard, "Data augmentation for time series classification using convolutional
    neural networks", Workshop on Advanced Analytics and Learning on Temporal Data, 2016 (window slicing).

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import CropResize
    >>> y = CropResize(min_ratio=0.5)(torch.arange(11.0)[None, None])
    >>> bool(5 <= y[0, 0, -1] - y[0, 0, 0] <= 10)
    True
    """

    min_ratio: float = number(default=0.5, above=0, most=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``ratio`` (B,), the share kept, and ``start`` (B,), where the segment begins, in steps."""
        ratio = random_uniform(self.min_ratio, 1, x)
        room = (1 - ratio) * (lengths - 1)
        return {"ratio": ratio, "start": room * torch.rand(len(x), device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Read the series from ``start`` on, ``ratio`` steps at a time."""
        return interpolated(x, draws["start"][:, None] + draws["ratio"][:, None] * steps(x), lengths)


@final
class RandomCrop(Augmentation):
    r"""Keep a random segment in its place and set all other steps to zero.

    .. math:: y_t = x_t \; [a \le t < a + w], \quad w = \max(1, \mathrm{round}(r n)), \quad r \sim U(r_{\min}, 1)

    where n is the number of observed steps and the start a is uniform on 0, ..., n - w.

    Parameters
    ----------
    min_ratio : float, default=0.5
        Smallest share :math:`r_{\min}` of the series that is kept. 1 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import RandomCrop
    >>> y = RandomCrop(min_ratio=0.5)(torch.ones(1, 1, 10))
    >>> bool(5 <= y.sum() <= 10)
    True
    """

    min_ratio: float = number(default=0.5, above=0, most=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``width`` and ``start`` (B,) of the segment, in whole steps."""
        width = (random_uniform(self.min_ratio, 1, x) * lengths).round().long().clamp(min=1)
        return {"width": width, "start": random_integers((lengths - width + 1).clamp(min=1))}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Keep ``width`` steps from ``start`` on."""
        since = steps(x) - draws["start"][:, None]  # (B, L)
        inside = (since >= 0) & (since < draws["width"][:, None])
        return torch.where(inside[:, None], x, 0)


@final
class TimeWarp(Augmentation):
    r"""Let time run faster here and slower there.

    .. math:: y_t = x(\tau_t), \quad \tau_t = (n - 1) \frac{\sum_{s < t} v_s}{\sum_{s < n - 1} v_s}, \quad
        v_s = \exp(\sigma g(s))

    where n is the number of observed steps and x(.) interpolates linearly. g is the natural cubic spline through
    standard normal values at knots that are spread evenly from the first to the last step. The speed v is positive, so
    time never runs backwards. The ends stay in place.

    Parameters
    ----------
    sigma : float, default=0.2
        Standard deviation :math:`\sigma` of the logarithm of the speed. 0 changes nothing.
    n_knots : int, default=4
        Number of knots of the curve. With more knots the speed changes faster.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017. There the speed itself is a spline and
    may become negative. Here the logarithm of the speed is a spline.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import TimeWarp
    >>> y = TimeWarp()(torch.arange(50.0)[None, None])[0, 0]
    >>> y[0].item(), round(y[-1].item(), 3), bool((y.diff() > 0).all())
    (0.0, 49.0, True)
    """

    sigma: float = number(default=0.2, least=0)
    n_knots: int = number(default=4, least=2, integer=True)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``knots`` (B, K), standard normal."""
        return {"knots": torch.randn(len(x), self.n_knots, device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Read the series at the times that the curve through ``knots`` gives."""
        n_steps = x.shape[2]
        speed = (self.sigma * smooth_curve(draws["knots"][:, None], lengths, n_steps)[:, 0]).exp()  # (B, L)
        between = torch.where(observed_mask(lengths - 1, n_steps), speed, 0)
        mean = between.sum(1, keepdim=True) / (lengths - 1).clamp(min=1)[:, None]
        relative = between / torch.where(mean > 0, mean, 1)
        return interpolated(x, relative.cumsum(1) - relative, lengths)


@final
class TimeStretch(Augmentation):
    r"""Stretch or squeeze series about their middle.

    .. math:: y_t = x(m + f (t - m)), \quad m = (n - 1) / 2, \quad f = (1 + \lambda)^u, \quad u \sim U(-1, 1)

    where n is the number of observed steps and x(.) interpolates linearly. The ends of a stretched series (f < 1) are
    cut off. A squeezed series (f > 1) is continued by its first and last value.

    Parameters
    ----------
    strength : float, default=0.2
        Largest relative change :math:`\lambda` of the speed. 0 changes nothing.

    References
    ----------
    Tang et al., "Exploring contrastive learning in human activity recognition for healthcare", arXiv:2011.11542, 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import TimeStretch
    >>> TimeStretch()(torch.arange(5.0)[None, None])[0, 0, 2]
    tensor(2.)
    """

    strength: float = number(default=0.2, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``speed`` (B,), the factor f."""
        largest = math.log1p(self.strength)
        return {"speed": random_uniform(-largest, largest, x).exp()}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Read the series at ``speed`` about its middle."""
        middle = (lengths - 1)[:, None] / 2
        return interpolated(x, middle + draws["speed"][:, None] * (steps(x) - middle), lengths)


@final
class WindowWarp(Augmentation):
    r"""Slow down or speed up a random window, and fit the result to the length of the series.

    With n observed steps, a window of :math:`w = r (n - 1)` steps begins at :math:`a \sim U(0, (1 - r) (n - 1))`. It
    is stretched by f or by 1 / f, each with probability one half:

    .. math:: y_t = x(s + (1 / f - 1) \min(\max(s - a, 0), f w)), \quad s = t \, \frac{n - 1 + (f - 1) w}{n - 1}

    where x(.) interpolates linearly.

    Parameters
    ----------
    ratio : float, default=0.1
        Share r of the series that the window covers. 0 changes nothing.
    factor : float, default=2.0
        Factor f by which the window is stretched or squeezed. 1 changes nothing.

    References
    ----------
    Le Guennec, Malinowski and Tavenard, "Data augmentation for time series classification using convolutional
    neural networks", Workshop on Advanced Analytics and Learning on Temporal Data, 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import WindowWarp
    >>> y = WindowWarp(ratio=0.5)(torch.arange(21.0)[None, None])[0, 0]
    >>> y[0].item(), round(y[-1].item(), 3)
    (0.0, 20.0)
    """

    ratio: float = number(default=0.1, least=0, most=1)
    factor: float = number(default=2.0, least=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``factor`` (B,), and ``start`` (B,) of the window in steps."""
        factor = torch.where(random_events(0.5, x), self.factor, 1 / self.factor)
        return {"factor": factor, "start": (1 - self.ratio) * (lengths - 1) * torch.rand(len(x), device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Stretch the window at ``start`` by ``factor``."""
        factor, start = draws["factor"][:, None], draws["start"][:, None]
        last = (lengths - 1)[:, None]
        window = self.ratio * last
        stretched = steps(x) * ((last + (factor - 1) * window) / last.clamp(min=1))  # (B, L)
        in_window = torch.minimum((stretched - start).clamp(min=0), factor * window)
        return interpolated(x, stretched + (1 / factor - 1) * in_window, lengths)


@final
class Permutation(Augmentation):
    r"""Cut series into segments and put these in random order.

    For n observed steps, the cuts are the sorted values of :math:`1 + \lfloor (n - 1) u \rfloor` with
    :math:`u \sim U(0, 1)`. Every order of the segments is equally likely. Cuts and order are the same in all channels
    of a series. Segments may have any length. Two equal cuts make an empty segment.

    Parameters
    ----------
    n_segments : int, default=4
        Number of segments. 1 changes nothing.

    References
    ----------
    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks", International Conference on Multimodal Interaction, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Permutation
    >>> y = Permutation()(torch.arange(6.0)[None, None])
    >>> y.sort().values
    tensor([[[0., 1., 2., 3., 4., 5.]]])
    """

    n_segments: int = number(default=4, least=1, integer=True)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``cuts`` (B, K - 1), sorted, in steps, and ``order`` (B, K), which segment comes first, second, ..."""
        limits = (lengths - 1).clamp(min=1)[:, None].expand(-1, self.n_segments - 1)
        cuts = (1 + random_integers(limits)).sort(dim=1).values
        return {"cuts": cuts, "order": torch.rand(len(x), self.n_segments, device=x.device).argsort(dim=1)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Put the segments between ``cuts`` in the given ``order``."""
        cuts, order, last = draws["cuts"], draws["order"], lengths[:, None]
        edges = torch.cat([torch.zeros_like(last), cuts, last], dim=1)  # (B, K + 1)
        begins = edges[:, :-1].gather(1, order)  # (B, K), where the segments come from
        ends = edges.diff().gather(1, order).cumsum(1)  # where they go to
        shifts = begins - torch.cat([torch.zeros_like(last), ends[:, :-1]], dim=1)
        time = steps(x).expand(len(x), -1).contiguous()  # (B, L)
        segment = torch.searchsorted(ends, time, right=True).clamp(max=self.n_segments - 1)
        return take(x, time + shifts.gather(1, segment))


@final
class SpeedChange(Augmentation):
    r"""Play series faster or slower from their beginning.

    .. math:: y_t = x(s \, (t \bmod m)), \quad m = \lfloor (n - 1) / s \rfloor + 1, \quad s \sim U(s_{\min}, s_{\max})

    where n is the number of observed steps and x(.) interpolates linearly. A slowed series (s < 1) is cut at n steps. A
    quickened series (s > 1) has m < n steps and is repeated.

    Parameters
    ----------
    slowest : float, default=0.5
        Smallest speed :math:`s_{\min}`.
    fastest : float, default=2.0
        Largest speed :math:`s_{\max}`. ``slowest=1.0, fastest=1.0`` changes nothing.

    Raises
    ------
    ValueError
        If `slowest` is above `fastest`.

    References
    ----------
    Yang et al., "SimPer: Simple self-supervised learning of periodic targets", International Conference on Learning
    Representations, 2023.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import SpeedChange
    >>> SpeedChange(slowest=2.0, fastest=2.0)(torch.arange(5.0)[None, None])
    tensor([[[0., 2., 4., 0., 2.]]])
    """

    slowest: float = number(default=0.5, above=0)
    fastest: float = number(default=2.0, above=0)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        if self.slowest > self.fastest:
            raise ValueError(
                f"SpeedChange: `slowest` must be at most `fastest`={shown(self.fastest)}, got {shown(self.slowest)}."
            )

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``speed`` (B,)."""
        return {"speed": random_uniform(self.slowest, self.fastest, x)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Read the series at ``speed``, again and again."""
        speed = draws["speed"][:, None]
        n_read = ((lengths - 1)[:, None] / speed).floor().long() + 1
        return interpolated(x, speed * torch.remainder(steps(x), n_read), lengths)


@final
class TimeShift(Augmentation):
    r"""Shift series along time by a whole number of steps.

    .. math:: y_t = x_{(t - d) \bmod n} \quad \text{or} \quad y_t = x_{\min(\max(t - d, 0), n - 1)}

    for ``mode="circular"`` and ``mode="edge"``. n is the number of observed steps. The shift d is a whole number,
    uniform on -D, ..., D with :math:`D = \lfloor r n \rfloor`.

    Parameters
    ----------
    ratio : float, default=0.1
        Largest shift, as a share r of the series. 0 changes nothing.
    mode : {"circular", "edge"}, default="circular"
        Values that move in at the open end: those that left at the other end, or the value at the edge.

    References
    ----------
    Iwana and Uchida, "An empirical survey of data augmentation for time series classification with neural networks",
    PLoS ONE 16(7), 2021.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import TimeShift
    >>> y = TimeShift(ratio=0.5)(torch.arange(6.0)[None, None])
    >>> y.sort().values
    tensor([[[0., 1., 2., 3., 4., 5.]]])
    """

    ratio: float = number(default=0.1, least=0, most=1)
    mode: str = choice("circular", "edge", default="circular")

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``shift`` (B,), in steps."""
        largest = (self.ratio * lengths).floor().long()
        return {"shift": random_integers(2 * largest + 1) - largest}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Shift the series by ``shift`` steps."""
        origin = steps(x) - draws["shift"][:, None]  # (B, L)
        count = lengths.clamp(min=1)[:, None]
        if self.mode == "circular":
            return take(x, torch.remainder(origin, count))
        return take(x, torch.minimum(origin.clamp(min=0), count - 1))


def steps(x: torch.Tensor) -> torch.Tensor:
    """Return the numbers of the time steps, (L,)."""
    return torch.arange(x.shape[2], device=x.device)


def take(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return the steps `index` (B, L) of each series. Only padded steps may have an index that is out of bounds."""
    index = index.clamp(0, x.shape[2] - 1)
    return x.gather(2, index[:, None].expand(-1, x.shape[1], -1))


def interpolated(x: torch.Tensor, positions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Interpolate each series linearly at `positions` (B, L), which are clipped to the observed steps."""
    last = (lengths - 1).clamp(min=0)[:, None]
    positions = torch.minimum(positions.clamp(min=0), last)
    before = positions.long()
    after = torch.minimum(before + 1, last)
    left, right = take(x, before), take(x, after)
    return left + (positions - before)[:, None] * (right - left)
