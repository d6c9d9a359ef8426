"""Scores of views for learnt prototypes."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._bounded import at_most, bounded_size
from sklearn_ssl.architectures._momentum import MomentumArchitecture
from sklearn_ssl.architectures._siamese import SiameseArchitecture, _width
from sklearn_ssl.architectures._windows import check_window, random_windows
from sklearn_ssl.losses._vectors import cosine_logits

LARGEST_N_PROTOTYPES = 512  # chosen automatically
SENSIBLE_N_PROTOTYPES = 1024  # of a teacher, however few series there are
LARGEST_FROZEN_SHARE = 0.25  # of a fit, where it has few passes


class Prototypes(nn.Module):
    """Cosine similarities of projections to K learnt directions.

    Parameters
    ----------
    n_projections : int
        Width P of the projections.
    n_prototypes : int
        K.
    n_frozen : int, default=0
        For how many rows, counted in training, the prototypes stay as initialised.

    Attributes
    ----------
    weight : Tensor of shape (K, P)
        The prototypes; only their directions count.
    seen : Tensor of shape ()
        Rows that have been scored in training.
    """

    seen: torch.Tensor

    def __init__(self, n_projections: int, n_prototypes: int, n_frozen: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_prototypes, n_projections) / n_projections**0.5)
        self.n_frozen = n_frozen
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Score projections: z (B, P) to (B, K)."""
        weight = self.weight.detach() if self.seen < self.n_frozen else self.weight
        if self.training:
            self.seen += len(z)
        return cosine_logits(z, weight, temperature=1.0)

    def thaw(self) -> None:
        """Let the prototypes learn from now on."""
        self.seen.clamp_(min=self.n_frozen)


class _PrototypeHead:
    """Recipe of a projector with prototypes behind it."""

    def __init__(self, projector: Any, n_prototypes: int, n_frozen: int) -> None:
        self.projector = projector
        self.n_prototypes = n_prototypes
        self.n_frozen = n_frozen

    def build(self, n_features: int) -> nn.Module:
        projector = self.projector.build(n_features)
        return nn.Sequential(projector, Prototypes(_width(projector, n_features), self.n_prototypes, self.n_frozen))


class PrototypeArchitecture(SiameseArchitecture):
    """Scores of two full views and several windows of every series for prototypes.

    The prototypes are held fixed for the first pass over the series, and no longer than for a quarter of a fit.

    Parameters
    ----------
    n_prototypes : int or "auto"
        Prototypes K. "auto" is an eighth of the training series, from 2 to 512: up to 256 series half of an automatic
        batch, so that each can be used. More than the number of series is cut to it.
    n_crops : int
        Windows V - 2 besides the full views.
    crop_ratio : float
        Share of a series that a window covers.
    **siamese : dict
        Parameters of `SiameseArchitecture`.
    """

    def __init__(
        self,
        *,
        n_prototypes: int | str,
        n_crops: int,
        crop_ratio: float,
        projector: Any,
        n_cases: int,
        n_timepoints: int,
        **siamese: Any,
    ) -> None:
        check_window("crop_ratio", crop_ratio, n_timepoints)
        automatic = min(max(n_cases // 8, 2), LARGEST_N_PROTOTYPES)
        n_prototypes = bounded_size("n_prototypes", n_prototypes, automatic, n_cases)
        head = _PrototypeHead(projector, n_prototypes, n_frozen=n_cases * (2 + n_crops))
        super().__init__(projector=head, n_cases=n_cases, n_timepoints=n_timepoints, **siamese)
        self.n_crops = n_crops
        self.crop_ratio = crop_ratio

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the scores of V views in one tensor (V, B, K), those of the two full views first."""
        _thaw_in_time(self)
        full = self.projections(*self.views(batch.x, batch.lengths))  # (2B, K)
        return (_with_crops(self, full, batch.x, batch.lengths),)


class CentredTeacherArchitecture(MomentumArchitecture):
    r"""Scores of two full views and several windows for prototypes, a teacher's scores of the full views, their mean.

    The student's prototypes are held fixed for the first pass over the series, and no longer than for a quarter of a
    fit. The centre follows the mean m of the teacher's scores over each batch:
    :math:`c \leftarrow \beta c + (1 - \beta) m`.

    Parameters
    ----------
    n_prototypes : int
        Prototypes K, reduced with a warning to 1024 or the number of series, whichever is more.
    n_crops : int
        Windows V - 2 besides the full views; the teacher does not see them.
    crop_ratio : float
        Share of a series that a window covers.
    center_momentum : float
        :math:`\beta`.
    **momentum : dict
        Parameters of `MomentumArchitecture`.

    Attributes
    ----------
    center : Tensor of shape (K,)
        c, zeros at the start.
    """

    center: torch.Tensor

    def __init__(
        self,
        *,
        n_prototypes: int,
        n_crops: int,
        crop_ratio: float,
        center_momentum: float,
        projector: Any,
        n_cases: int,
        n_timepoints: int,
        **momentum: Any,
    ) -> None:
        check_window("crop_ratio", crop_ratio, n_timepoints)
        n_prototypes = at_most("n_prototypes", n_prototypes, max(n_cases, SENSIBLE_N_PROTOTYPES), n_cases)
        head = _PrototypeHead(projector, n_prototypes, n_frozen=n_cases * (2 + n_crops))
        super().__init__(projector=head, n_cases=n_cases, n_timepoints=n_timepoints, **momentum)
        self.n_crops = n_crops
        self.crop_ratio = crop_ratio
        self.center_momentum = center_momentum
        self.register_buffer("center", torch.zeros(n_prototypes))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the student's scores (V, B, K), the teacher's (2, B, K) and the centre before this batch (K,)."""
        views = self.views(batch.x, batch.lengths)  # (2B, C, L)
        self.follow()
        _thaw_in_time(self)
        student = _with_crops(self, self.projections(*views), batch.x, batch.lengths)  # (V, B, K)
        teacher = self.teacher_projections(*views)  # (2B, K)
        center = self.center
        if self.training:
            self.center = torch.lerp(teacher.mean(dim=0), center, self.center_momentum)
        return student, teacher.unflatten(0, (2, len(batch))), center


def _thaw_in_time(architecture: PrototypeArchitecture | CentredTeacherArchitecture) -> None:
    if architecture.progress >= LARGEST_FROZEN_SHARE:
        architecture.projector[-1].thaw()


def _with_crops(
    architecture: PrototypeArchitecture | CentredTeacherArchitecture,
    full: torch.Tensor,
    x: torch.Tensor,
    lengths: torch.Tensor | None,
) -> torch.Tensor:
    """Add to the scores of full views (2B, K) those of windows of x (B, C, L), in one tensor (V, B, K)."""
    scores = [full]
    if architecture.n_crops:
        crops = random_windows(x, lengths, architecture.n_crops, architecture.crop_ratio)
        scores.append(architecture.projections(*architecture.views(*crops, n_views=1)))  # ((V - 2) B, K)
    return torch.cat(scores).unflatten(0, (-1, len(x)))  # (V, B, K)
