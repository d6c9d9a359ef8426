"""Random changes of series that a classifier should withstand."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self, final

import numpy as np
import torch

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.augmentations import Jitter, TimeShift
from sklearn_ssl.augmentations._curves import smooth_curve

N_BLOCKS = 3
N_KNOTS = 4


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Channels:
    """Mean and standard deviation of each channel over all observed values, both (1, C, 1)."""

    mean: torch.Tensor
    std: torch.Tensor

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """Compute mean and standard deviation; a channel without any value has zeros."""
        values = collection.values
        observed = ~np.isnan(values)
        over: dict[str, Any] = {"axis": (0, 2), "keepdims": True, "where": observed, "dtype": np.float64}
        count = np.maximum(np.count_nonzero(observed, axis=(0, 2), keepdims=True), 1)
        mean = np.sum(values, **over) / count
        std = np.sqrt(np.sum((values - mean) ** 2, **over) / count)
        return cls(*(torch.from_numpy(one.astype(values.dtype)) for one in (mean, std)))


def _noise(x: torch.Tensor, lengths: torch.Tensor, severity: float, channels: Channels) -> torch.Tensor:
    return x + channels.std * Jitter(sigma=severity)(torch.zeros_like(x))


def _gaps(x: torch.Tensor, lengths: torch.Tensor, severity: float, channels: Channels) -> torch.Tensor:
    lost = torch.minimum((severity * lengths).round().long(), lengths - 1)  # (B,), the last step is kept
    block = torch.rand(len(x), N_BLOCKS).argsort(dim=1)  # a random order: any of the blocks may be one step longer
    widths = lost[:, None] // N_BLOCKS + (block < lost[:, None] % N_BLOCKS)  # (B, 3)
    n_places = (lengths - lost)[:, None]
    places = (torch.rand(len(x), N_BLOCKS).sort().values * n_places).long()  # number of kept steps before each block
    ends = places + widths.cumsum(1)  # (B, 3)
    step = torch.arange(x.shape[2])[:, None]
    in_gap = ((step >= (ends - widths)[:, None]) & (step < ends[:, None])).any(2)  # (B, L)
    return x.masked_fill(in_gap[:, None], torch.nan)


def _drift(x: torch.Tensor, lengths: torch.Tensor, severity: float, channels: Channels) -> torch.Tensor:
    curve = smooth_curve(torch.randn(*x.shape[:2], N_KNOTS), lengths, x.shape[2])  # (B, C, L)
    observed = observed_mask(lengths, x.shape[2])[:, None]
    largest = torch.where(observed, curve, 0).abs().amax(2, keepdim=True)
    return x + severity * channels.std * curve / largest.clamp(min=torch.finfo(curve.dtype).tiny)


def _dropped_channels(x: torch.Tensor, lengths: torch.Tensor, severity: float, channels: Channels) -> torch.Tensor:
    n_channels = x.shape[1]
    n_dropped = min(max(round(severity * n_channels), 1), n_channels - 1)
    rank = torch.rand(x.shape[:2]).argsort(dim=1)  # (B, C), a random order
    return torch.where((rank < n_dropped)[:, :, None], channels.mean, x)


def _time_shift(x: torch.Tensor, lengths: torch.Tensor, severity: float, channels: Channels) -> torch.Tensor:
    return TimeShift(ratio=severity, mode="edge")(x, lengths)


CHANGES: dict[str, Callable[[torch.Tensor, torch.Tensor, float, Channels], torch.Tensor]] = {
    "noise": _noise,
    "gaps": _gaps,
    "drift": _drift,
    "dropped channels": _dropped_channels,
    "time shift": _time_shift,
}
