"""Two views, each of which predicts the other."""

from typing import Any

import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class PredictorArchitecture(SiameseArchitecture):
    """Two views, with a predictor behind the projector.

    Parameters
    ----------
    predictor : MLPProjector
        Head from projections (B, P) to predictions (B, P). Its output is made as wide as the projections.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    predictor : torch.nn.Module
        Maps projections to predictions.
    """

    def __init__(self, *, predictor: Any, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.predictor = build_predictor(predictor, self.n_projections)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions p1, p2 and projections z1, z2 of two views, each (B, P)."""
        z = self.projections(*self.views(batch.x, batch.lengths))  # (2B, P)
        return (*self.predictor(z).chunk(2), *z.chunk(2))


def build_head(recipe: Any, n_inputs: int, n_projections: int) -> nn.Module:
    """Build a head whose outputs are as wide as the projections, and leave the recipe as it is."""
    return clone(recipe).set_params(output_width=n_projections).build(n_inputs)


def build_predictor(predictor: Any, n_projections: int) -> nn.Module:
    """Build a head from projections to predictions of the same width."""
    return build_head(predictor, n_projections, n_projections)
