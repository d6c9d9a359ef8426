"""Features of the same time steps in two overlapping crops."""

from typing import Any

import torch

from sklearn_ssl.architectures._averaged import AveragedArchitecture
from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._windows import cut, drawn_between, drawn_number, observed_steps, shortest_of


class CroppedArchitecture(AveragedArchitecture):
    r"""Two random crops of every series that overlap, and the features of the steps that both have.

    With n the number of steps of the shortest series of a batch, at most `max_length`, a batch draws

    .. math::
        o \sim U\{2^{u + 1}, n\}, \quad l \sim U\{0, n - o\}, \quad l' \sim U\{0, l\}, \quad r' \sim U\{l + o, n\}.

    The first crop has the steps from :math:`l'` to :math:`l + o`, the second those from l to :math:`r'`; both have o
    steps in common. Each series shifts both crops by an amount of its own, drawn uniformly from all that keep them
    within its observed steps.

    Parameters
    ----------
    temporal_unit : int
        u. No overlap has fewer than :math:`2^{u + 1}` steps, if the series are long enough.
    max_length : int
        Most steps that both crops together cover.
    input_mask : float
        Share of the steps of a crop at which all channels are set to zero, in training. An encoder with a
        `latent_mask` of its own has none here.
    **averaged : dict
        Parameters of `AveragedArchitecture`.

    Raises
    ------
    ValueError
        If the encoder has fewer steps than the series.
    """

    def __init__(self, *, temporal_unit: int, max_length: int, input_mask: float, **averaged: Any) -> None:
        super().__init__(**averaged)
        self.temporal_unit = temporal_unit
        self.max_length = max_length
        self.input_mask = 0.0 if hasattr(self.encoder, "latent_mask") else input_mask
        _check_one_feature_per_step(self.n_steps, averaged["n_timepoints"])

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the features of the common steps in both crops, each (B, D, o)."""
        observed = observed_steps(batch.x, batch.lengths)  # (B,)
        longest = min(shortest_of(batch.x, batch.lengths), self.max_length)
        first, start, stop, last = drawn_crops(longest, 2 ** (self.temporal_unit + 1))
        shift = drawn_between(0, observed - (last - first))  # (B,)
        h1 = self._encoded(cut(batch.x, shift, stop - first))  # (B, D, stop - first)
        h2 = self._encoded(cut(batch.x, shift + start - first, last - start))  # (B, D, last - start)
        return h1[:, :, start - first :], h2[:, :, : stop - start]

    def _encoded(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and self.input_mask:
            x = x * (torch.rand(len(x), 1, x.shape[2], device=x.device) >= self.input_mask)
        layers, _ = maps(self.current, x)
        return layers[-1]


def drawn_crops(n_steps: int, least: int) -> tuple[int, int, int, int]:
    """Draw where the first crop begins, where the second begins, where the first ends and where the second ends."""
    overlap = drawn_number(min(least, n_steps), n_steps)
    start = drawn_number(0, n_steps - overlap)
    return drawn_number(0, start), start, start + overlap, drawn_number(start + overlap, n_steps)


def _check_one_feature_per_step(n_steps: int, n_timepoints: int) -> None:
    if n_steps != n_timepoints:
        raise ValueError(
            f"`encoder` must return one feature per time step, got L' = {n_steps} steps for series of {n_timepoints}. "
            "Take an encoder that neither shortens series nor pools over time, such as TCNEncoder()."
        )
