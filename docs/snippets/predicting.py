"""A method with an architecture of its own: each view predicts the other."""

from typing import Any, final

import torch
from sklearn.base import clone
from torch.nn import functional as F

from sklearn_ssl.architectures import Batch, SiameseArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, recipe
from sklearn_ssl.projectors import MLPProjector


def prediction_loss(
    p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor
) -> torch.Tensor:
    """Mean negative cosine of predictions (n, d) and projections (n, d)."""
    return (
        -(F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean()) / 2
    )


class PredictingArchitecture(SiameseArchitecture):
    """Two views, and a predictor behind the projector."""

    def __init__(self, *, predictor: Any, **siamese: Any) -> None:
        super().__init__(**siamese)
        width = self.n_projections
        self.predictor = clone(predictor).set_params(output_width=width).build(width)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        z1, z2 = super().forward(batch)  # (B, P) each
        return self.predictor(z1), self.predictor(z2), z1.detach(), z2.detach()


def small_predictor() -> MLPProjector:
    """Return the default predictor."""
    return MLPProjector(width=64)


@final
class PredictingTransformer(JointEmbeddingTransformer):
    """Each view predicts the projection of the other view.

    Parameters
    ----------
    predictor : MLPProjector, default=None
        Head between the projection and the loss, whose output is as wide as the
        projection. None is ``MLPProjector(width=64)``.
    """

    predictor: Any = recipe(default_factory=small_predictor, needs="build")

    def _architecture(self):
        return self._with_views(
            PredictingArchitecture, predictor=self.resolved("predictor")
        )

    def _loss(self):
        return prediction_loss
