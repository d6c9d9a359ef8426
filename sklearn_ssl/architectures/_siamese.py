"""Two views through one encoder."""

from typing import Any

import torch

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
    """

    def __init__(self, *, augmentation: Any, projector: Any, **common: Any) -> None:
        super().__init__(**common)
        self.augmentation = augmentation
        self.projector = projector.build(self.n_features)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor | None = None, index: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the projections of two views of x (B, C, L), each (B, P)."""
        both = x.repeat(2, 1, 1)  # (2B, C, L)
        lengths = None if lengths is None else lengths.repeat(2)
        views = self.augmentation(both, lengths)  # (2B, C, L)
        z = self.projector(self.features(views, lengths))  # (2B, P)
        z1, z2 = z.chunk(2)
        return z1, z2
