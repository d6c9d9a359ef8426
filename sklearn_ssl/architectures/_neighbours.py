"""Pairs of windows of a series: near in time, and distant."""

import math
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._means import MeanArchitecture
from sklearn_ssl.architectures._windows import cut, drawn_between, observed_steps, shortest_of, window_width

LEAST_STEPS = 4


class NeighbourArchitecture(MeanArchitecture):
    r"""Scores of pairs of windows: of windows that are near in time, and of windows that are distant.

    An anchor begins at a random step t. A near window begins at :math:`t + \eta w \epsilon`, rounded and clipped to
    the series, with :math:`\epsilon \sim N(0, 1)` and windows of w steps. A distant window is anywhere in the series
    that is :math:`d w` steps or more away from t. Where a series has no such place it comes from another series of the
    batch.

    Parameters
    ----------
    window_ratio : float
        Share of the shortest series of a batch that a window covers. It has at least 4 steps if there are so many.
    neighborhood : float
        :math:`\eta`.
    distance : float
        d.
    n_samples : int
        Number of pairs of each kind for every series.
    dropout : float
        Share of the hidden values of the discriminator that are set to zero in training.
    **mean : dict
        Parameters of `MeanArchitecture`.

    Attributes
    ----------
    discriminator : torch.nn.Module
        Maps the features of two windows (R, 2D) to a score (R, 1).
    """

    def __init__(
        self,
        *,
        window_ratio: float,
        neighborhood: float,
        distance: float,
        n_samples: int,
        dropout: float,
        **mean: Any,
    ) -> None:
        super().__init__(**mean)
        self.window_ratio = window_ratio
        self.neighborhood = neighborhood
        self.distance = distance
        self.n_samples = n_samples
        width = self.n_projections
        self.discriminator = nn.Sequential(
            nn.Linear(2 * width, 4 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * width, 1)
        )

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the scores of M near and of M distant windows of each series, each (M B,)."""
        shortest = shortest_of(batch.x, batch.lengths)
        width = min(max(window_width(self.window_ratio, shortest), LEAST_STEPS), shortest)
        observed = observed_steps(batch.x, batch.lengths)
        rows, starts = drawn_windows(
            observed.repeat(self.n_samples), len(batch), width, self.neighborhood, self.distance
        )
        windows = cut(batch.x[rows], starts, width)  # (3 M B, C, w)
        anchor, near, distant = self.projections(windows).chunk(3)  # (M B, D) each
        return self._scores(anchor, near), self._scores(anchor, distant)

    def _scores(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Score pairs in random order, because the discriminator is not symmetric."""
        exchanged = torch.rand(len(first), 1, device=first.device) < 0.5
        pairs = [torch.where(exchanged, second, first), torch.where(exchanged, first, second)]
        return self.discriminator(torch.cat(pairs, dim=1)).squeeze(1)


def drawn_windows(
    observed: torch.Tensor, n_cases: int, width: int, neighborhood: float, distance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw an anchor, a near and a distant window for each entry of `observed` (R,), the steps of R series.

    The R entries are those of `n_cases` series, repeated. Returned are the series and the first steps of R anchors, R
    near and R distant windows, each (3R,).
    """
    row = torch.arange(len(observed), device=observed.device) % n_cases
    last = observed - width  # where the last window begins
    anchor = drawn_between(0, last)
    moved = anchor + (neighborhood * width * torch.randn(len(anchor), device=anchor.device)).round().long()
    near = torch.minimum(moved.clamp(min=0), last)
    away = math.ceil(distance * width)
    before, after = (anchor - away + 1).clamp(min=0), (last - anchor - away + 1).clamp(min=0)  # places on both sides
    place = drawn_between(0, before + after - 1)
    here = torch.where(place < before, place, place - before + anchor + away)
    other = (row + 1 + drawn_between(0, torch.full_like(row, max(n_cases - 2, 0)))) % n_cases
    has_place = before + after > 0
    there = drawn_between(0, last[other])
    rows = torch.cat([row, row, torch.where(has_place, row, other)])
    return rows, torch.cat([anchor, near, torch.where(has_place, here, there)])
