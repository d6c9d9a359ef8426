"""Series at several speeds, each as a sequence of one value per time step."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import resize_mask
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.augmentations import SpeedChange
from sklearn_ssl.augmentations._time import interpolated


class PeriodicArchitecture(Architecture):
    r"""Two views of every series at M speeds, each mapped to a sequence of one value per time step.

    The speeds of each series are drawn uniformly from :math:`[s_{\min}, s_{\max}]` and sorted. A copy is a window of
    :math:`w = \lfloor (n - 1) / \max(s_{\max}, 1) \rfloor + 1` steps of the series of n steps,

    .. math:: y_t = x(o + s t), \quad t = 0, \dots, w - 1, \quad o \sim U(0, n - 1 - s (w - 1)),

    where x(.) interpolates linearly. So it fits into the series at every speed and has no seam. Each view of a copy has
    an offset o of its own. In a batch of unequal lengths, windows of shorter series repeat until they are as long as
    the longest. So sequences are never padded.

    Parameters
    ----------
    augmentation : Augmentation
        Makes two views of each copy. It must not change how often things repeat.
    n_speeds : int
        Number of speeds M.
    speed_change : SpeedChange
        Its `slowest` is :math:`s_{\min}` and its `fastest` is :math:`s_{\max}`.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    head : torch.nn.Conv1d
        Maps the encoder's features at each step to one value.

    Raises
    ------
    ValueError
        If the series or the encoder's output have fewer than two time steps, or if the speeds do not suit the series.
    """

    def __init__(
        self,
        *,
        augmentation: Any,
        n_speeds: int,
        speed_change: SpeedChange,
        n_timepoints: int,
        **common: Any,
    ) -> None:
        if n_timepoints < 2:
            raise ValueError(
                f"Only series of 2 or more time steps can have a speed, got n_features = {n_timepoints}. Give longer "
                "series."
            )
        super().__init__(n_timepoints=n_timepoints, **common)
        self.augmentation = augmentation
        self.n_speeds = n_speeds
        self.speed_change = speed_change
        _check_speeds(speed_change, n_timepoints)
        self.head = nn.Conv1d(self.widths[-1], 1, kernel_size=1)
        self._check_sequences(int(_window_of(torch.tensor(n_timepoints), speed_change)), common["n_channels"])

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the sequences of M copies of each series in two views, each (B, M, L'), and the speeds (B, M)."""
        speeds = self._speeds(batch.x)  # (B, M)
        views = [self._at_speeds(batch.x, batch.lengths, speeds) for _ in range(2)]  # (B M, C, W) each
        sequences = self.sequences(self.augmentation(torch.cat(views)))  # (2 B M, W')
        first, second = sequences.unflatten(0, (2, *speeds.shape))  # (B, M, W') each
        return first, second, speeds

    def sequences(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Map every series to one value per time step: x (B, C, L) to (B, L'), NaN where a series is padded."""
        layers, mask = maps(self.encoder, x, lengths)
        h = layers[-1]  # (B, D, L')
        values = self.head(h).squeeze(1)  # (B, L')
        return values if mask is None else torch.where(resize_mask(mask, h.shape[2]), values, torch.nan)

    def _speeds(self, x: torch.Tensor) -> torch.Tensor:
        slowest, fastest = self.speed_change.slowest, self.speed_change.fastest
        shares = torch.rand(len(x), self.n_speeds, device=x.device)
        return (slowest + (fastest - slowest) * shares).sort(dim=1).values  # (B, M)

    def _at_speeds(self, x: torch.Tensor, lengths: torch.Tensor | None, speeds: torch.Tensor) -> torch.Tensor:
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[2], device=x.device)
        windows = _window_of(lengths, self.speed_change)[:, None]  # (B, 1)
        room = (lengths[:, None] - 1 - speeds * (windows - 1)).clamp(min=0)  # (B, M)
        offsets = room * torch.rand_like(room)
        longest = int(_window_of(torch.tensor(x.shape[2]), self.speed_change))
        steps = torch.arange(longest, device=x.device) % windows[:, :, None]  # (B, 1, W)
        positions = offsets[:, :, None] + speeds[:, :, None] * steps  # (B, M, W)
        copies = x.repeat_interleave(self.n_speeds, dim=0)  # (B M, C, L)
        return interpolated(copies, positions.flatten(0, 1), lengths.repeat_interleave(self.n_speeds))

    def _check_sequences(self, n_timepoints: int, n_channels: int) -> None:
        with evaluation_mode(self):
            n_steps = self.sequences(torch.zeros(1, n_channels, n_timepoints)).shape[1]
        if n_steps < 2:
            raise ValueError(
                f"`encoder` must return 2 or more time steps for windows of {n_timepoints}, got {n_steps}, because "
                "sequences are compared. Use an encoder that does not pool over time by itself, or longer series."
            )


def _window_of(lengths: torch.Tensor, speed_change: SpeedChange) -> torch.Tensor:
    """Return how many steps a copy has, such that the fastest one fits into a series of so many steps; at least two."""
    return ((lengths - 1) / max(speed_change.fastest, 1.0)).floor().long().clamp(min=1) + 1


def _check_speeds(speed_change: SpeedChange, n_timepoints: int) -> None:
    if speed_change.slowest * n_timepoints < 1 or speed_change.fastest > n_timepoints:
        raise ValueError(
            f"`speed` must be within 1 / {n_timepoints} and {n_timepoints} for {n_timepoints} time steps, got "
            f"slowest={shown(speed_change.slowest)} and fastest={shown(speed_change.fastest)}. Other copies would be "
            "constant."
        )
