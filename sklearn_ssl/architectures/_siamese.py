"""Two views through one encoder."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture


class SiameseArchitecture(Architecture):
    """Two random views of every series through the same encoder and projector.

    Parameters
    ----------
    augmentation : Augmentation
        Makes the views.
    projector : recipe
        ``build(n_features)`` maps pooled features (B, F) to projections (B, P).
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    n_projections : int
        Width P of the projections.
    """

    def __init__(self, *, augmentation: Any, projector: Any, **common: Any) -> None:
        super().__init__(**common)
        self.augmentation = augmentation
        self.projector = projector.build(self.n_features)
        self.n_projections = _width(self.projector, self.n_features)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor | None = None, index: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the projections of two views of x (B, C, L), each (B, P)."""
        both = x.repeat(2, 1, 1)  # (2B, C, L)
        lengths = None if lengths is None else lengths.repeat(2)
        views = self.augmentation(both, lengths)  # (2B, C, L)
        z1, z2 = self.projections(views, lengths).chunk(2)  # (2B, P) to two of (B, P)
        return z1, z2

    def projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Project the pooled features: x (B, C, L) to (B, P)."""
        return self.projector(self.features(x, lengths))


@torch.no_grad()
def _width(projector: nn.Module, n_features: int) -> int:
    was_training = projector.training
    width = projector.eval()(torch.zeros(1, n_features)).shape[1]
    projector.train(was_training)
    return width
