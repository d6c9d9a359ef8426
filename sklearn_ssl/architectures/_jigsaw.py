"""Pieces of series in another order, and a classifier that tells which one."""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.architectures._base import tried_out
from sklearn_ssl.architectures._bounded import at_most
from sklearn_ssl.architectures._pretext import PretextArchitecture
from sklearn_ssl.losses._reconstruction import normalised_windows

MOST_PERMUTATIONS = 24
REDUCED_WIDTH = 64


class JigsawArchitecture(PretextArchitecture):
    r"""Shuffled pieces of every series, and a classifier that tells their order.

    With n observed steps, cell s of S begins at step :math:`\lfloor s n / S \rfloor`. The cells tile the series. A
    piece of :math:`\max(1, \lfloor r n / S \rfloor)` steps, r the `piece_ratio`, is cut at a random place of each cell,
    so that the ends of pieces do not fit together. Each channel of a piece gets the mean 0 and the variance 1, so that
    its level and scale do not tell its place. A piece of one step keeps its value. Place s of the new order has piece
    :math:`\pi_m(s)`. All pieces pass the encoder together, each by itself.

    A series with fewer steps than cells has pieces of one step that repeat.

    Parameters
    ----------
    n_segments : int or "auto"
        Number of cells S. "auto" is one cell per eight steps of the longest series, but at least 2 and at most 5.
    n_permutations : int or "auto"
        Number of orders M. "auto" is 24, or all of them if there are fewer.
    piece_ratio : float
        Share r of a cell that a piece covers.
    projector : recipe
        Its ``build(n_features)`` returns a module that maps the joined features of all pieces (B, 64 S) to projections.
    **common : dict
        Parameters of `Architecture`, and `augmentation`.

    Attributes
    ----------
    permutations : int Tensor of shape (M, S)
        The orders. They are far from each other; see `far_permutations`.
    reduce : torch.nn.Module
        Maps the pooled features of a piece to 64 numbers.

    Raises
    ------
    ValueError
        If the longest series has fewer steps than cells, or the encoder cannot take pieces.
    """

    permutations: torch.Tensor

    def __init__(
        self,
        *,
        n_segments: int | str,
        n_permutations: int | str,
        piece_ratio: float,
        projector: Any,
        n_channels: int,
        n_timepoints: int,
        **common: Any,
    ) -> None:
        n_cells = _resolved_segments(n_segments, n_timepoints)
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.n_segments = n_cells
        self.piece_ratio = piece_ratio
        tried_out(self.encoder, n_channels, self._longest(n_timepoints))
        n_permutations = _resolved_permutations(n_permutations, self.n_segments)
        orders = far_permutations(self.n_segments, n_permutations, int(torch.randint(2**31, ())))
        self.register_buffer("permutations", torch.from_numpy(orders))
        self.reduce = nn.Sequential(nn.Linear(self.n_features, REDUCED_WIDTH), nn.ReLU())
        self.build_head(projector, REDUCED_WIDTH * self.n_segments, n_permutations)

    def questions(self, x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the numbers of the orders (B,) and the logits (B, M)."""
        number = torch.randint(len(self.permutations), (len(x),), device=x.device)
        pieces, widths = self.pieces(x, lengths)
        return number, self.logits(self.shuffled(pieces, number), widths)

    def pieces(self, x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Cut a standardised piece at a random place of each cell.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series.
        lengths : int Tensor of shape (B,) or None
            Number of observed steps of each series.

        Returns
        -------
        pieces : Tensor of shape (B, S, C, W)
            The pieces in the order of time.
        widths : int Tensor of shape (B,) or None
            Number of observed steps of each piece of a series.
        """
        n_steps = x.shape[2]
        observed = torch.full((len(x),), n_steps, device=x.device) if lengths is None else lengths
        most = self._longest(n_steps)  # W
        widths = torch.full_like(observed, most) if lengths is None else self._widths(lengths).clamp(max=most)  # (B,)
        edges = torch.arange(self.n_segments + 1, device=x.device) * observed[:, None] // self.n_segments  # (B, S + 1)
        room = (edges.diff() - widths[:, None] + 1).clamp(min=1)  # (B, S)
        start = edges[:, :-1] + (torch.rand(room.shape, device=x.device) * room).long()
        steps = start[..., None] + torch.arange(most, device=x.device)  # (B, S, W)
        steps = torch.minimum(steps, (observed - 1)[:, None, None])  # in cells without a step, the last one before
        within = observed_mask(widths, most)  # (B, W)
        cut = x.gather(2, steps.flatten(1)[:, None].expand(-1, x.shape[1], -1))  # (B, C, S W)
        cut = cut.unflatten(2, (self.n_segments, most)).transpose(1, 2)  # (B, S, C, W)
        return _standardised(cut, within[:, None, None]), None if lengths is None else widths

    def shuffled(self, pieces: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        """Put pieces (B, S, C, W) into the orders of given numbers (B,)."""
        order = self.permutations[number]  # (B, S)
        return pieces.gather(1, order[:, :, None, None].expand_as(pieces))

    def logits(self, pieces: torch.Tensor, widths: torch.Tensor | None) -> torch.Tensor:
        """Classify pieces (B, S, C, W) of given widths (B,): logits (B, M)."""
        lengths = None if widths is None else widths.repeat_interleave(self.n_segments)
        h = self.reduce(self.features(pieces.flatten(0, 1), lengths))  # (B S, 64)
        return self.classifier(self.projector(h.reshape(len(pieces), -1)))

    def _longest(self, n_timepoints: int) -> int:
        return int(self._widths(torch.tensor(n_timepoints)))

    def _widths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return the number of steps of the pieces of series with so many steps."""
        return (self.piece_ratio * lengths / self.n_segments).long().clamp(min=1)


def far_permutations(n_segments: int, n_permutations: int, seed: int) -> np.ndarray:
    """Choose orders that differ in as many places as possible.

    The first one is random. Each further one is that whose smallest Hamming distance to those already chosen is the
    largest; of several such orders, the first one in lexicographic order. Of the largest mean distance, which the
    authors take, come pairs of orders that differ in two places only.

    Parameters
    ----------
    n_segments : int
        Number of things S to put in order.
    n_permutations : int
        Number of orders M, at most S!.
    seed : int
        Seed of the first one.

    Returns
    -------
    permutations : int ndarray of shape (M, S)
        The orders.
    """
    every = np.array(list(itertools.permutations(range(n_segments))))  # (S!, S)
    distance = np.full(len(every), n_segments)
    place = np.random.default_rng(seed).integers(len(every))
    chosen = []
    for _ in range(n_permutations):
        chosen.append(place)
        distance = np.minimum(distance, (every != every[place]).sum(1))
        place = distance.argmax()
    return every[chosen]


def _standardised(pieces: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
    """Give channels of pieces (B, S, C, W) mean 0 and variance 1 over the steps `within`, unless it is a single one."""
    largest = torch.where(within, pieces, 0).abs().amax(3, keepdim=True)
    # Rounding leaves a constant piece about 1e-7 of its value, so a piece that varies less counts as constant.
    scaled = pieces / torch.where(largest > 0, largest, 1)
    standardised = normalised_windows(scaled, within.expand_as(pieces), 1e-10)
    return torch.where(within.sum(3, keepdim=True) > 1, standardised, torch.where(within, pieces, 0))


def _resolved_segments(n_segments: int | str, n_timepoints: int) -> int:
    wanted = min(max(n_timepoints // 8, 2), 5) if isinstance(n_segments, str) else n_segments
    if wanted > n_timepoints:
        remedy = f" Set n_segments={n_timepoints}." if n_timepoints > 1 else " A single step has no order."
        raise ValueError(
            f"`n_segments` must be at most {n_timepoints}, the time steps of the longest series, got {wanted} for "
            f"n_features = {n_timepoints}.{remedy}"
        )
    return wanted


def _resolved_permutations(n_permutations: int | str, n_segments: int) -> int:
    n_orders = math.factorial(n_segments)
    if isinstance(n_permutations, str):
        return min(MOST_PERMUTATIONS, n_orders)
    reason = f"{n_orders} orders of {n_segments} segments"
    return at_most("n_permutations", n_permutations, n_orders, reason, otherwise=', or to "auto"')
