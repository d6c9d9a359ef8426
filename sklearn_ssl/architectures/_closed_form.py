"""An encoder, and a linear map of its features that is found without gradient steps."""

import math
from collections.abc import Callable
from typing import Any

import torch

from sklearn_ssl._input.collections import series_at_once
from sklearn_ssl._numerics.low_rank import (
    Directions,
    compressed,
    discriminant_directions,
    merged,
    retrieval_margins,
    strongest_within_one_error,
)
from sklearn_ssl.architectures._base import Architecture

SHRINKAGES = tuple(2.0**exponent for exponent in range(-6, 7))
FEWEST_JUDGED = 8  # series that are needed for a choice of the shrinkage


class ClosedFormArchitecture(Architecture):
    r"""A linear map of pooled features that keeps differences between series and shrinks changes by augmentations.

    A change is the features of an augmented copy minus the features of its series. Buffers hold the mean of the series'
    features, rows with the scatter of the series about that mean, and rows with the scatter of the changes. Up to
    `sketch_size` rows, these are the series and the changes themselves. Then fewer rows with nearly the same scatter
    replace them. After `settle`, when the map is found, the rows are kept in half precision.

    Parameters
    ----------
    augmentation : Augmentation
        Makes the copies.
    n_views : int
        Number of copies V of every series.
    n_components : int
        Largest number of outputs.
    shrinkage : float or "auto"
        r as a multiple of the mean of the non-zero eigenvalues of :math:`S_w`, the second moments of the changes.
    sketch_size : int
        Largest number of rows that are kept of the series, and of the changes.
    incremental : bool, default=True
        Whether more series can be observed after `settle`.
    scaling : callable
        ``scaling(directions, n_series)`` returns the map (P, F).
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    n_features_of_layers : list of int
        The number of outputs P, as the only entry.
    weights : Tensor of shape (P, F)
        The map.
    mean : Tensor of shape (F,)
        Mean of the series' features.
    used_shrinkage : Tensor of shape ()
        r as a multiple of the mean of the non-zero eigenvalues, as chosen or given.
    variances : Tensor of shape (P',)
        For each direction that was found, the variance of the mapped series.
    ratios : Tensor of shape (P',)
        For each direction, the variance between series divided by r plus the variance within series.
    """

    has_meaningful_sizes = True

    mean: torch.Tensor
    deviations: torch.Tensor
    changes: torch.Tensor
    sizes: torch.Tensor
    counts: torch.Tensor
    margins: torch.Tensor
    used_shrinkage: torch.Tensor
    weights: torch.Tensor
    variances: torch.Tensor
    ratios: torch.Tensor

    def __init__(
        self,
        *,
        augmentation: Any,
        n_views: int,
        n_components: int,
        shrinkage: float | str,
        sketch_size: int,
        scaling: Callable[[Directions, int], torch.Tensor],
        incremental: bool = True,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.augmentation = augmentation
        self.n_views = n_views
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.sketch_size = sketch_size
        self.scaling = scaling
        self.incremental = incremental
        self._judges_next = True  # only the first batch after `settle` is judged
        self._is_settled = False
        self.register_buffer("mean", torch.zeros(self.n_features))
        self.register_buffer("deviations", torch.zeros(0, self.n_features))
        self.register_buffer("changes", torch.zeros(0, self.n_features))
        self.register_buffer("sizes", torch.ones(2))  # what the rows of deviations and changes were divided by
        self.register_buffer("counts", torch.zeros(3, dtype=torch.long))  # series, changes, judged series
        self.register_buffer("margins", torch.zeros(2, len(SHRINKAGES)))  # sums of margins, and of their squares
        self.register_buffer("used_shrinkage", torch.tensor(1.0 if shrinkage == "auto" else float(shrinkage)))
        self.register_buffer("weights", torch.zeros(0, self.n_features))
        self.register_buffer("variances", torch.zeros(0))
        self.register_buffer("ratios", torch.zeros(0))

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Map the pooled features: x (B, C, L) to (B, P)."""
        h = self.pooled(x, lengths)  # (B, F)
        with torch.autocast(x.device.type, enabled=False):
            return (h - self.mean) @ self.weights.T

    def pooled(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the encoder's feature maps: x (B, C, L) to (B, F)."""
        return super().features(x, lengths).float()

    def observe(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Learn from series x (B, C, L) how series differ from each other."""
        self._resume()
        self._add_series(self._pooled_in_pieces(x, lengths))

    def observe_with_copies(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Learn from series x (B, C, L) how series differ from each other, and from their augmented copies."""
        self._resume()
        h = self._pooled_in_pieces(x, lengths)  # (B, F)
        copies = [self._pooled_in_pieces(self.augmentation(x, lengths), lengths) for _ in range(self.n_views)]
        changes = torch.stack(copies, 1) - h.unsqueeze(1)  # (B, V, F)
        with torch.autocast(x.device.type, enabled=False):
            self._judge(h, changes)
            self._add_changes(changes)
        self._add_series(h)

    def settle(self) -> None:
        """Find the map from all series and copies that were observed."""
        n_series, n_changes, n_judged = self.counts.tolist()
        if self.shrinkage == "auto" and n_judged >= FEWEST_JUDGED:
            mean, square = self.margins.cpu().double() / n_judged  # (G,)
            errors = ((square - mean.square()).clamp(min=0) / (n_judged - 1)).sqrt()
            self.used_shrinkage.fill_(SHRINKAGES[strongest_within_one_error(mean, errors)])
        directions = discriminant_directions(
            self.deviations, n_series, self.changes, n_changes, float(self.used_shrinkage), self.n_components
        )
        self.weights = self.scaling(directions, n_series)  # (P, F)
        self.variances, self.ratios = directions.variances.float(), directions.ratios.float()
        self.n_features_of_layers = [len(self.weights)]
        self._judges_next = self._is_settled = True
        self._pack()

    def _pack(self) -> None:
        """Keep the rows in half precision, or drop them: nothing but more series needs them."""
        rows = (self.deviations, self.changes)
        if self.incremental:
            self.sizes = torch.stack([_power_of_two_above(part) for part in rows])
            self.deviations, self.changes = ((part / size).half() for part, size in zip(rows, self.sizes, strict=True))
        else:
            self.deviations, self.changes = (part[:0].clone() for part in rows)

    def _resume(self) -> None:
        """Bring the rows back to single precision before more series are added."""
        if not self._is_settled:
            return
        if not self.incremental:
            raise ValueError(
                "`incremental` is False, so what partial_fit needs was not kept. Call fit with all series, or set "
                "`incremental` to True before fit."
            )
        rows = zip((self.deviations, self.changes), self.sizes, strict=True)
        self.deviations, self.changes = (part.float() * size for part, size in rows)
        self._is_settled = False

    def _pooled_in_pieces(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        size = series_at_once(x.shape[2])
        of_each = [None] * math.ceil(len(x) / size) if lengths is None else lengths.split(size)
        pieces = [self.pooled(piece, own) for piece, own in zip(x.split(size), of_each, strict=True)]
        h = torch.cat(pieces)  # (B, F)
        if not torch.isfinite(h.square().sum()):
            raise ValueError(
                "The features of finite series became NaN or infinite: the values of X are too large for the encoder. "
                "Put a scaler such as ChannelWise(StandardScaler()) before this step."
            )
        return h

    def _add_series(self, h: torch.Tensor) -> None:
        with torch.autocast(h.device.type, enabled=False):
            deviations, self.mean = merged(self.deviations, self.mean, int(self.counts[0]), h)
            self.counts[0] += len(h)
            self.deviations = self._within_bounds(deviations, int(self.counts[0]))

    def _add_changes(self, changes: torch.Tensor) -> None:
        self.counts[1] += len(changes) * self.n_views
        changes = torch.cat([self.changes, changes.flatten(0, 1)])
        self.changes = self._within_bounds(changes, int(self.counts[1]))

    def _within_bounds(self, rows: torch.Tensor, n_observed: int) -> torch.Tensor:
        """Compress rows if they are too many, without loss if no more than `sketch_size` rows were observed."""
        if len(rows) <= self.sketch_size:
            return rows
        is_exact = n_observed <= self.sketch_size
        return compressed(rows, self.sketch_size if is_exact else max(1, self.sketch_size // 2))

    def _judge(self, h: torch.Tensor, changes: torch.Tensor) -> None:
        if self.shrinkage != "auto" or not self._judges_next or len(h) < 4:
            return
        self._judges_next = False
        margins = retrieval_margins(h, changes, torch.tensor(SHRINKAGES))  # (B, G)
        self.margins += torch.stack([margins.sum(0), margins.square().sum(0)]).to(self.margins.dtype)
        self.counts[2] += len(h)


def _power_of_two_above(rows: torch.Tensor) -> torch.Tensor:
    """Return a power of two that is no less than any value. Division by it does not round."""
    largest = rows.abs().amax() if rows.numel() else rows.new_zeros(())
    return torch.where(largest > 0, torch.exp2(largest.log2().ceil()), 1.0)
