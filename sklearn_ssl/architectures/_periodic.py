"""Series at several speeds, each as a sequence of one value per time step."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import resize_mask
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.augmentations import SpeedChange


class PeriodicArchitecture(Architecture):
    r"""Two views of every series at M speeds, each mapped to a sequence of one value per time step.

    The speeds of each series are drawn uniformly from :math:`[s_{\min}, s_{\max}]` and sorted. A copy at another speed
    is cut, or repeated, until it fills the time steps of the batch. So it is never padded.

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
        if self.n_steps < 2:
            raise ValueError(
                f"`encoder` must return 2 or more time steps for series of {n_timepoints}, got {self.n_steps}, because "
                "sequences are compared. Use an encoder that does not pool over time by itself."
            )
        self.head = nn.Conv1d(self.widths[-1], 1, kernel_size=1)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the sequences of M copies of each series in two views, each (B, M, L'), and the speeds (B, M)."""
        speeds = self._speeds(batch.x)
        copies = self._at_speeds(batch.x, batch.lengths, speeds)  # (B M, C, L)
        views = self.augmentation(copies.repeat(2, 1, 1))  # (2 B M, C, L)
        first, second = self.sequences(views).unflatten(0, (2, *speeds.shape))  # (B, M, L') each
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
        copies = x.repeat_interleave(self.n_speeds, dim=0)  # (B M, C, L)
        return self.speed_change.apply(copies, lengths.repeat_interleave(self.n_speeds), {"speed": speeds.flatten()})


def _check_speeds(speed_change: SpeedChange, n_timepoints: int) -> None:
    if speed_change.slowest * n_timepoints < 1 or speed_change.fastest > n_timepoints:
        raise ValueError(
            f"`speed` must be within 1 / {n_timepoints} and {n_timepoints} for {n_timepoints} time steps, got "
            f"slowest={speed_change.slowest!r} and fastest={speed_change.fastest!r}. Other copies would be constant."
        )
