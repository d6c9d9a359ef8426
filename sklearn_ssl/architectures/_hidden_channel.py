"""Series of which one channel is hidden, and a classifier of its values at each step."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._window_steps import map_stride
from sklearn_ssl.encoders import at_every_step

N_NEAREST = 5
LEAST_QUANTILE = 0.005


class HiddenChannelArchitecture(Architecture):
    r"""Series without one of their channels, and a classifier of the values of that channel.

    The hidden channel is 0 in what the encoder sees. Values are told by one of Q bins. The centres of a channel's bins
    are equally spaced from its 0.5 % to its 99.5 % quantile. The target of a value v is spread over the 5 nearest
    centres :math:`m_q`, with shares :math:`\propto \exp(-(v - m_q)^2 / (2 s^2))`, s half the distance of two centres.
    Values beyond the centres count as the outermost one. The weight of a step is that of the nearest bin,

    .. math:: w_q \propto \Bigl(\lambda p_q + \frac{1 - \lambda}{Q}\Bigr)^{-1}, \quad \sum_q p_q w_q = 1

    with :math:`p_q` the share of the bin among the values of the channel, averaged over three neighbouring bins, and
    :math:`\lambda` the `rebalancing`.

    One series in C + 1 is seen whole and does not count, so that batch normalisation knows whole series.

    A series of a single channel is split into its means over windows of :math:`\max(3, L / 16)` steps, which are seen,
    and the deviations from them, which are hidden. Of white noise the means tell nothing about the deviations.

    Parameters
    ----------
    augmentation : Augmentation
        Changes series before a channel is hidden. Targets are the changed values.
    n_bins : int
        Number of bins Q.
    rebalancing : float
        Weight :math:`\lambda` of the shares of the bins.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    classifier : torch.nn.Module
        Maps features of steps to logits, with weights of its own for each hidden channel.
    centres, step_weights : Tensor of shape (C, Q)
        The centres of the bins and their weights. `adapt` sets them.
    shares : Tensor of shape (C, Q)
        The shares :math:`p_q`.
    window : int
        Number of steps of the windows of a single channel.

    Raises
    ------
    ValueError
        If there is a single channel of a single step, or if the encoder pools over time.
    """

    centres: torch.Tensor
    shares: torch.Tensor
    step_weights: torch.Tensor

    def __init__(
        self,
        *,
        augmentation: Any,
        n_bins: int,
        rebalancing: float,
        n_channels: int,
        n_timepoints: int,
        **common: Any,
    ) -> None:
        if n_channels == 1 == n_timepoints:
            raise ValueError(
                "A channel must be hidden and another one seen, or a single channel needs 2 or more time steps, got "
                "1 channel and n_features = 1."
            )
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        map_stride(self.encoder, n_timepoints, self.n_steps)  # refuses an encoder that pools over time
        self.augmentation = augmentation
        self.n_channels = n_channels
        self.rebalancing = rebalancing
        self.window = min(max(3, n_timepoints // 16), n_timepoints)
        self.classifier = _ChannelClassifier(n_channels, self.widths[-1], n_bins)
        self.register_buffer("centres", torch.linspace(-3, 3, n_bins).repeat(n_channels, 1))
        self.register_buffer("shares", torch.full((n_channels, n_bins), 1 / n_bins))
        self.register_buffer("step_weights", torch.ones(n_channels, n_bins))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Set bins and weights by series x (N, C, L)."""
        super().adapt(x, lengths)
        batch = Batch(x, lengths)
        colours = self.colours(batch).transpose(0, 1).flatten(1)  # (C, N L)
        observed = batch.observed.transpose(0, 1).flatten(1)
        self.centres.copy_(_centres(colours, observed, self.centres.shape[1]))
        nearest = self._places(colours, torch.arange(self.n_channels, device=x.device)).round().long()
        counts = torch.zeros_like(self.shares).scatter_add_(1, nearest, observed.to(x.dtype))
        self.shares.copy_(_smoothed(counts))
        inverse = 1 / (self.rebalancing * self.shares + (1 - self.rebalancing) / counts.shape[1])
        self.step_weights.copy_(inverse / (self.shares * inverse).sum(1, keepdim=True))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits (B, Q, L), soft targets (B, Q, L) and weights of the steps (B, L)."""
        batch = Batch(self.augmentation(batch.x, batch.lengths), batch.lengths)
        drawn = torch.randint(self.n_channels + 1, (len(batch),), device=batch.x.device)
        is_whole, channel = drawn == self.n_channels, drawn.clamp(max=self.n_channels - 1)  # (B,)
        soft, weight = self.targets(batch, channel)
        weight = torch.where(is_whole[:, None], 0, weight)
        return self.logits(batch, channel, is_whole), soft, weight

    def colours(self, batch: Batch) -> torch.Tensor:
        """Return the values that can be hidden, (B, C, L): those of the channels, or the deviations of a single one."""
        return batch.x if self.n_channels > 1 else batch.x - self.coarse(batch)

    def coarse(self, batch: Batch) -> torch.Tensor:
        """Return the means (B, C, L) over the observed steps of each window."""
        x, observed = batch.x, batch.observed.to(batch.x.dtype)  # x is 0 at padded steps
        size = (0, -x.shape[2] % self.window)
        total, count = (F.pad(one, size).unflatten(2, (-1, self.window)).sum(3) for one in (x, observed))
        means = total / count.clamp(min=1)  # (B, C, T)
        return means.repeat_interleave(self.window, 2)[:, :, : x.shape[2]] * observed

    def seen(self, batch: Batch, channel: torch.Tensor, is_whole: torch.Tensor) -> torch.Tensor:
        """Return series (B, C, L) without the channel (B,) of each, but those that are whole as they are."""
        if self.n_channels == 1:
            without = self.coarse(batch)
        else:
            is_hidden = channel[:, None] == torch.arange(self.n_channels, device=channel.device)  # (B, C)
            without = batch.x.masked_fill(is_hidden[:, :, None], 0)
        return torch.where(is_whole[:, None, None], batch.x, without)

    def logits(self, batch: Batch, channel: torch.Tensor, is_whole: torch.Tensor) -> torch.Tensor:
        """Classify the values of the channel (B,) of each series, (B, Q, L), from what is seen of the series."""
        layers, _ = maps(self.encoder, self.seen(batch, channel, is_whole), batch.lengths)
        return self.classifier(at_every_step(layers[-1], batch.x.shape[2]), channel)

    def targets(self, batch: Batch, channel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the shares of the bins (B, Q, L) for a channel (B,) of each series, and the weights (B, L)."""
        n_bins = self.centres.shape[1]
        colours = self.colours(batch)
        values = colours[torch.arange(len(batch), device=colours.device), channel]  # (B, L)
        place = self._places(values, channel)  # (B, L)
        nearest = place.round().long()
        first = (nearest - N_NEAREST // 2).clamp(0, max(n_bins - N_NEAREST, 0))  # of the five nearest bins
        bins = torch.arange(n_bins, device=place.device)[:, None]
        near = (bins >= first[:, None]) & (bins < first[:, None] + N_NEAREST)  # (B, Q, L)
        soft = (-2 * (place[:, None] - bins).square()).masked_fill(~near, -math.inf).softmax(1)
        weight = self.step_weights[channel].gather(1, nearest)  # (B, L)
        return soft, weight if batch.mask is None else torch.where(batch.mask, weight, 0)

    def annealed_mean(self, batch: Batch, channel: int, temperature: float) -> torch.Tensor:
        """Predict a channel (B, L) from the others, or a single channel from its means."""
        channels = torch.full((len(batch),), channel, device=batch.x.device)
        nothing_whole = torch.zeros_like(channels, dtype=torch.bool)
        shares = (self.logits(batch, channels, nothing_whole).float() / temperature).softmax(1)  # (B, Q, L)
        predicted = self.centres[channel] @ shares  # (B, L)
        return predicted if self.n_channels > 1 else predicted + self.coarse(batch)[:, 0]

    def _places(self, values: torch.Tensor, channel: torch.Tensor) -> torch.Tensor:
        """Return where values (n, L) of channels (n,) lie among the centres, from 0 to Q - 1."""
        low, high = self.centres[channel, :1], self.centres[channel, -1:]
        n_bins = self.centres.shape[1]
        return ((values - low) / (high - low) * (n_bins - 1)).clamp(0, n_bins - 1)


class _ChannelClassifier(nn.Module):
    """A linear map from features to logits for each of several channels."""

    def __init__(self, n_channels: int, n_features: int, n_bins: int) -> None:
        super().__init__()
        largest = 1 / math.sqrt(n_features)
        self.weight = nn.Parameter(torch.empty(n_channels, n_bins, n_features).uniform_(-largest, largest))
        self.bias = nn.Parameter(torch.empty(n_channels, n_bins).uniform_(-largest, largest))

    def forward(self, h: torch.Tensor, channel: torch.Tensor) -> torch.Tensor:
        """Map features h (B, D, L) to logits (B, Q, L) of the channel (B,) of each series."""
        return torch.baddbmm(self.bias[channel][:, :, None], self.weight[channel], h)


def _centres(colours: torch.Tensor, observed: torch.Tensor, n_bins: int) -> torch.Tensor:
    """Return the centres of the bins (C, Q) for values (C, n)."""
    shares = torch.linspace(0, 1, n_bins, device=colours.device)
    return torch.stack(
        [torch.lerp(*_ends(values[known]), shares) for values, known in zip(colours, observed, strict=True)]
    )


def _ends(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outermost centres: quantiles, or the extremes if these are equal, or one apart about a constant."""
    ordered = values.sort().values
    last = len(ordered) - 1
    for share in (LEAST_QUANTILE, 0.0):
        low, high = ordered[round(share * last)], ordered[round((1 - share) * last)]
        if high - low > 1e-6 * max(abs(low), abs(high)):
            return low, high
    half = 5e-7 * abs(low).clamp(min=1e6)  # 0.5, or more where half a unit is lost in single precision
    return low - half, low + half


def _smoothed(counts: torch.Tensor) -> torch.Tensor:
    """Return shares (C, Q) of counts, averaged over neighbouring bins."""
    smooth = F.avg_pool1d(counts, 3, stride=1, padding=1, count_include_pad=False)
    return smooth / smooth.sum(1, keepdim=True)
