"""A teacher whose weights follow the weights of the encoder that is trained."""

import copy
import math
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._predictor import build_predictor
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class MomentumArchitecture(SiameseArchitecture):
    r"""Two views, one through the encoder and one through its moving average, the teacher.

    At the start of every training step each weight :math:`\theta'` of the teacher moves towards the weight
    :math:`\theta` of the encoder:

    .. math:: \theta' \leftarrow m\, \theta' + (1 - m)\, \theta.

    Parameters
    ----------
    momentum : float
        m at the start of training, from 0 to 1.
    increasing : bool, default=False
        Whether m grows to 1 along a cosine: :math:`1 - (1 - m)(1 + \cos(\pi s)) / 2` when the share s of the planned
        steps is done.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    teacher : torch.nn.ModuleDict
        Copies of the modules that the teacher follows, by the name of the attribute that holds the original. They
        receive no gradient.
    """

    def __init__(self, *, momentum: float, increasing: bool = False, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.momentum = momentum
        self.increasing = increasing
        self.teacher = nn.ModuleDict()
        self.teach("encoder", "training_pooling", "projector")

    def teach(self, *names: str) -> None:
        """Give the teacher copies of modules of the student, by their names. They follow from then on."""
        for name in names:
            self.teacher[name] = copy.deepcopy(getattr(self, name)).requires_grad_(False)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder set values that it does not learn from series x (N, C, L), and copy them to the teacher."""
        super().adapt(x, lengths)
        self.teacher["encoder"].load_state_dict(self.encoder.state_dict())

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of one view and the teacher's projections of another, each (B, P)."""
        views, _ = self.views(batch.x, batch.lengths)  # (2B, C, L)
        first, second = views.chunk(2)
        self.follow()
        return self.projections(first, batch.lengths), self.teacher_projections(second, batch.lengths)

    @torch.no_grad()
    def teacher_projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Project by the teacher, without gradient: x (B, C, L) to (B, P)."""
        h = pooled_features(self.teacher["encoder"], self.teacher["training_pooling"], x, lengths)  # (B, F)
        return self.teacher["projector"](h)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teacher towards the student, in training mode only."""
        if not self.training:
            return
        momentum = self._momentum()
        for name, module in self.teacher.items():
            for mine, taught in zip(module.parameters(), getattr(self, name).parameters(), strict=True):
                mine.lerp_(taught, 1 - momentum)

    def _momentum(self) -> torch.Tensor:
        share = (1 + torch.cos(math.pi * self.progress)) / 2 if self.increasing else torch.ones_like(self.progress)
        return 1 - (1 - self.momentum) * share


class BootstrapArchitecture(MomentumArchitecture):
    """Two views, each of which predicts the teacher's projection of the other.

    Parameters
    ----------
    predictor : MLPProjector
        Head from projections (B, P) to predictions (B, P). Its output is made as wide as the projections.
    **momentum : dict
        Parameters of `MomentumArchitecture`.

    Attributes
    ----------
    predictor : torch.nn.Module
        Maps projections to predictions. The teacher has none.
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
