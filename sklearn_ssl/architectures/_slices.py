"""Several views, and directions on which their projections are compared with a distribution."""

from typing import Any

import torch

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class SlicedArchitecture(SiameseArchitecture):
    """V views of every series, and random directions in the space of projections. Each batch has new directions.

    Parameters
    ----------
    n_slices : int
        Number of directions K.
    **siamese : dict
        Parameters of `SiameseArchitecture`.
    """

    def __init__(self, *, n_slices: int, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.n_slices = n_slices

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of V views (V, B, P), and normally distributed directions (K, P)."""
        z = self.projections(*self.views(batch.x, batch.lengths))  # (V B, P)
        directions = torch.randn(self.n_slices, self.n_projections, device=z.device)
        return z.unflatten(0, (self.n_views, len(batch))), directions
