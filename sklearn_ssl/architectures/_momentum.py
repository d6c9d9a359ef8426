"""A teacher whose weights follow the weights of the encoder that is trained."""

import copy
import math
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._predictor import build_predictor
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class MovingAverage(nn.ModuleDict):
    """Copies of modules whose weights follow the weights of the originals. They receive no gradient."""

    def copy_of(self, name: str, module: nn.Module) -> None:
        """Add a copy of a module, under the name of the attribute of the student that holds the original."""
        self[name] = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: torch.Tensor) -> None:
        """Keep the share `momentum` of each weight, and take the rest from the student."""
        for name, module in self.items():
            for mine, taught in zip(module.parameters(), getattr(student, name).parameters(), strict=True):
                mine.lerp_(taught, 1 - momentum)

    def start_from(self, student: nn.Module) -> None:
        """Become equal to the student."""
        for name, module in self.items():
            module.load_state_dict(getattr(student, name).state_dict())


def annealed(start: float, end: float, progress: torch.Tensor, schedule: str) -> torch.Tensor:
    """Return what a number that goes from `start` to `end` is when the share `progress` of the steps is done."""
    left = {
        "constant": torch.ones_like,
        "linear": lambda done: 1 - done,
        "cosine": lambda done: (1 + torch.cos(math.pi * done)) / 2,
    }[schedule](progress)
    return end - (end - start) * left


class TaughtArchitecture(Architecture):
    r"""An encoder with a teacher, which is its moving average.

    At the start of every training step each weight :math:`\theta'` of the teacher moves towards the weight
    :math:`\theta` of the original:

    .. math:: \theta' \leftarrow m\, \theta' + (1 - m)\, \theta.

    Parameters
    ----------
    momentum : float
        m at the start of training, from 0 to 1.
    final_momentum : float, default=1.0
        m at the end of training. It is not below `momentum`.
    schedule : {"constant", "linear", "cosine"}, default="constant"
        How m goes from the first to the second, by the share of the planned steps that is done.
    **common : dict
        Parameters of `Architecture`, or of the architecture that comes next among the bases.

    Attributes
    ----------
    teacher : torch.nn.ModuleDict
        Copies of the modules that the teacher follows, by the name of the attribute that holds the original. They
        receive no gradient.
    taught : tuple of str
        The attributes that the teacher follows from the start: the encoder, unless a subclass names parts of it.
    """

    taught: tuple[str, ...] = ("encoder",)

    def __init__(
        self, *, momentum: float, final_momentum: float = 1.0, schedule: str = "constant", **common: Any
    ) -> None:
        super().__init__(**common)
        self.momentum = momentum
        self.final_momentum = max(momentum, final_momentum)
        self.schedule = schedule
        self.teacher = MovingAverage()
        self.teach(*self.taught)

    def teach(self, *names: str) -> None:
        """Give the teacher copies of modules of the student, by their names. They follow from then on."""
        for name in names:
            self.teacher.copy_of(name, getattr(self, name))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder set values that it does not learn from series x (N, C, L), and copy them to the teacher."""
        super().adapt(x, lengths)
        self.teacher.start_from(self)

    def follow(self) -> None:
        """Move the teacher towards the student, in training mode only."""
        if self.training:
            self.teacher.follow(self, self._momentum())

    def _momentum(self) -> torch.Tensor:
        return annealed(self.momentum, self.final_momentum, self.progress, self.schedule)


class MomentumArchitecture(TaughtArchitecture, SiameseArchitecture):
    """Two views, one through the encoder and one through its moving average, the teacher.

    Parameters
    ----------
    momentum : float
        Share m of the teacher's weights that stays in each step, from 0 to 1.
    increasing : bool, default=False
        Whether m grows to 1 along a cosine. If not, it is constant.
    **siamese : dict
        Parameters of `SiameseArchitecture`.
    """

    def __init__(self, *, increasing: bool = False, **siamese: Any) -> None:
        super().__init__(schedule="cosine" if increasing else "constant", **siamese)
        self.teach("training_pooling", "projector")

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
