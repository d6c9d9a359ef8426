"""Random views through one encoder."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture, masked_layers, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.pooling import Pooling


class SiameseArchitecture(Architecture):
    """Random views of every series through the same encoder and projector.

    Parameters
    ----------
    augmentation : Augmentation
        Makes the views.
    projector : recipe
        ``build(n_features)`` maps pooled features (B, F) to projections (B, P).
    n_views : int, default=2
        Views V of every series.
    training_pooling : Pooling or None, default=None
        Pooling in front of the projector; None is that of the features.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    n_projections : int
        Width P of the projections.
    """

    def __init__(
        self,
        *,
        augmentation: Any,
        projector: Any,
        n_views: int = 2,
        training_pooling: Pooling | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.augmentation = augmentation
        self.n_views = n_views
        self.training_pooling, n_pooled = self.pooling, self.n_features
        if training_pooling is not None:
            self.training_pooling = training_pooling.build(self.widths)
            n_pooled = training_pooling.n_features(self.widths)
        self.projector = projector.build(n_pooled)
        self.n_projections = _width(self.projector, n_pooled)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of V views of a batch (B, C, L), each (B, P)."""
        return self.projections(*self.views(batch.x, batch.lengths)).chunk(self.n_views)  # (V B, P) to V of (B, P)

    def views(
        self, x: torch.Tensor, lengths: torch.Tensor | None, n_views: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return V views of x (B, C, L) one after another, (V B, C, L), and their lengths."""
        n_views = n_views or self.n_views
        lengths = None if lengths is None else lengths.repeat(n_views)
        return self.augmentation(x.repeat(n_views, 1, 1), lengths), lengths

    def projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Project what is pooled in training: x (B, C, L) to (B, P)."""
        return self.projector(pooled_features(self.encoder, self.training_pooling, x, lengths))

    def features_and_projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return both, side by side, from one pass of the encoder: x (B, C, L) to (B, F + P)."""
        layers, mask = masked_layers(self.encoder, x, lengths)
        return torch.cat([self.pooling(layers, mask), self.projector(self.training_pooling(layers, mask))], dim=1)


@torch.no_grad()
def _width(projector: nn.Module, n_features: int) -> int:
    with evaluation_mode(projector):
        return projector(torch.zeros(1, n_features)).shape[1]
