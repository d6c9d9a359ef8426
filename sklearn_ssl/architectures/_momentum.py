"""A teacher whose weights follow those of the encoder that is trained."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._predictor import build_predictor
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class MomentumArchitecture(SiameseArchitecture):
    r"""Two views, one through the encoder and one through its moving average, the teacher.

    At the start of every training step the teacher's weights become :math:`m \theta' + (1 - m) \theta`.

    Parameters
    ----------
    momentum : float
        m at the start of training.
    increasing : bool, default=False
        Whether m grows to 1 along a cosine, :math:`1 - (1 - m)(1 + \cos(\pi k / K)) / 2` at step k of K.
    **siamese : dict
        Parameters of `SiameseArchitecture`.
    """

    def __init__(self, *, momentum: float, increasing: bool = False, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.momentum = momentum
        self.increasing = increasing
        self.teacher = copy.deepcopy(nn.ModuleDict(self._student())).requires_grad_(False)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder fix what it takes from the series, and the teacher begin with the same."""
        super().adapt(x, lengths)
        self.teacher["encoder"].load_state_dict(self.encoder.state_dict())

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of one view and the teacher's of another, each (B, P)."""
        first, second = self._two_views(batch)
        self.follow()
        return self.projections(*first), self.teacher_projections(*second)

    def _two_views(self, batch: Batch) -> Iterator[tuple]:
        views, _ = self.views(batch.x, batch.lengths)  # (2B, C, L)
        return ((view, batch.lengths) for view in views.chunk(2))

    def _student(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "pooling": self.training_pooling, "projector": self.projector}

    @torch.no_grad()
    def teacher_projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Project by the teacher: x (B, C, L) to (B, P), without gradient."""
        h = pooled_features(self.teacher["encoder"], self.teacher["pooling"], x, lengths)  # (B, F)
        return self.teacher["projector"](h)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teacher towards the student, in training only."""
        if not self.training:
            return
        momentum = self._momentum()
        for name, module in self._student().items():
            for mine, taught in zip(self.teacher[name].parameters(), module.parameters(), strict=True):
                mine.lerp_(taught.detach(), 1 - momentum)

    def _momentum(self) -> torch.Tensor:
        share = (1 + torch.cos(math.pi * self.progress)) / 2 if self.increasing else torch.ones_like(self.progress)
        return 1 - (1 - self.momentum) * share


class BootstrapArchitecture(MomentumArchitecture):
    """Each view predicts the teacher's projection of the other.

    Parameters
    ----------
    predictor : MLPProjector
        Head from projections (B, P) to predictions (B, P).
    **momentum : dict
        Parameters of `MomentumArchitecture`.
    """

    def __init__(self, *, predictor: Any, **momentum: Any) -> None:
        super().__init__(**momentum)
        self.predictor = build_predictor(predictor, self.n_projections)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions p1, p2 of two views and the teacher's projections z1, z2 of them, each (B, P)."""
        views, lengths = self.views(batch.x, batch.lengths)  # (2B, C, L)
        self.follow()
        p = self.predictor(self.projections(views, lengths))  # (2B, P)
        return (*p.chunk(2), *self.teacher_projections(views, lengths).chunk(2))
