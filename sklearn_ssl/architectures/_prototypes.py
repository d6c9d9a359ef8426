"""Scores of views for learnt prototypes."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._bounded import at_most, bounded_size, of_series
from sklearn_ssl.architectures._momentum import MomentumArchitecture
from sklearn_ssl.architectures._siamese import SiameseArchitecture
from sklearn_ssl.architectures._windows import check_window, random_windows
from sklearn_ssl.losses._vectors import cosine_logits

LARGEST_N_PROTOTYPES = 512  # chosen automatically
SENSIBLE_N_PROTOTYPES = 1024  # with a teacher, however few series there are
LARGEST_FROZEN_SHARE = 0.25  # of a fit that has few passes


class Prototypes(nn.Module):
    """Cosine similarities of projections to K learnt directions.

    Parameters
    ----------
    n_projections : int
        Width P of the projections.
    n_prototypes : int
        Number of prototypes K.
    n_frozen : int, default=0
        Number of rows, counted in training mode, during which the prototypes stay as initialised.

    Attributes
    ----------
    weight : Tensor of shape (K, P)
        The prototypes. Only their directions count.
    seen : Tensor of shape ()
        Number of rows that were scored in training mode.
    """

    seen: torch.Tensor

    def __init__(self, n_projections: int, n_prototypes: int, n_frozen: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_prototypes, n_projections) / n_projections**0.5)
        self.n_frozen = n_frozen
        self._learns = False  # a GPU is asked until they do, and never again
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def __len__(self) -> int:
        return len(self.weight)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Score projections: z (B, P) to (B, K)."""
        scores = self.scores(z)
        if self.training:
            self.seen += len(z)
        return scores

    def scores(self, z: torch.Tensor) -> torch.Tensor:
        """Score projections z (n, P) that are not counted, such as those of windows: (n, K)."""
        weight = self.weight if not self.weight.requires_grad or self.learns else self.weight.detach()
        return cosine_logits(z, weight, temperature=1.0)

    @property
    def learns(self) -> bool:
        """Whether the prototypes learn."""
        self._learns = self._learns or bool(self.seen >= self.n_frozen)
        return self._learns

    def thaw(self) -> None:
        """Let the prototypes learn from now on."""
        self.seen.clamp_(min=self.n_frozen)

    def _load_from_state_dict(self, *args: Any) -> None:
        self._learns = False
        super()._load_from_state_dict(*args)


class PrototypeArchitecture(SiameseArchitecture):
    """Scores of two full views and several windows of every series for prototypes.

    The prototypes do not learn during the first pass over the series, nor during the first quarter of a fit if that is
    shorter.

    Parameters
    ----------
    n_prototypes : int or "auto"
        Number of prototypes K. "auto" is an eighth of the training series, from 2 to 512. With up to 256 series that is
        half of an automatic batch, so that each prototype can be used. A number above the number of series is reduced
        to it, with a warning.
    n_crops : int
        Number of windows of each series, in addition to the two full views.
    crop_ratio : float
        Share of a series that a window covers.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    prototypes : torch.nn.Module
        Maps projections (B, P) to scores (B, K).
    """

    compares_whole_series = False

    def __init__(
        self,
        *,
        n_prototypes: int | str,
        n_crops: int,
        crop_ratio: float,
        n_timepoints: int,
        **siamese: Any,
    ) -> None:
        check_window("crop_ratio", crop_ratio, n_timepoints)
        super().__init__(n_timepoints=n_timepoints, **siamese)
        self.n_crops = n_crops
        self.crop_ratio = crop_ratio
        automatic = min(max(self.n_cases // 8, 2), LARGEST_N_PROTOTYPES)
        self.prototypes = _prototypes(self, bounded_size("n_prototypes", n_prototypes, automatic, self.n_cases))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the scores of V views in one tensor (V, B, K), the two full views first."""
        thaw_in_time(self)
        return (_scores(self, self.views(batch.x, batch.lengths), batch),)


class CentredTeacherArchitecture(MomentumArchitecture):
    r"""Scores of full views and windows for prototypes, a teacher's scores of the full views, and their mean.

    The student's prototypes do not learn during the first pass over the series, nor during the first quarter of a fit
    if that is shorter. The centre follows the mean m of the teacher's scores over each batch:
    :math:`c \leftarrow \beta c + (1 - \beta) m`.

    Parameters
    ----------
    n_prototypes : int
        Number of prototypes K. Values above 1024 and above the number of series are reduced to the larger of the two,
        with a warning.
    n_crops : int
        Number of windows of each series, in addition to the two full views. The teacher does not see them.
    crop_ratio : float
        Share of a series that a window covers.
    center_momentum : float
        :math:`\beta`, from 0 to 1.
    **momentum : dict
        Parameters of `MomentumArchitecture`.

    Attributes
    ----------
    prototypes : torch.nn.Module
        Maps projections (B, P) to scores (B, K). The teacher has prototypes of its own, which follow.
    center : Tensor of shape (K,)
        c, zeros at the start.
    """

    center: torch.Tensor

    compares_whole_series = False

    def __init__(
        self,
        *,
        n_prototypes: int,
        n_crops: int,
        crop_ratio: float,
        center_momentum: float,
        n_timepoints: int,
        **momentum: Any,
    ) -> None:
        if n_crops:
            check_window("crop_ratio", crop_ratio, n_timepoints)
        super().__init__(n_timepoints=n_timepoints, **momentum)
        self.n_crops = n_crops
        self.crop_ratio = crop_ratio
        self.center_momentum = center_momentum
        most = max(self.n_cases, SENSIBLE_N_PROTOTYPES)
        self.prototypes = _prototypes(self, at_most("n_prototypes", n_prototypes, most, of_series(self.n_cases)))
        self.teach("prototypes")
        self.register_buffer("center", torch.zeros(len(self.prototypes)))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the student's scores (V, B, K), the teacher's (2, B, K) and the centre before this batch (K,)."""
        views = self.views(batch.x, batch.lengths)  # (2B, C, L)
        self.follow()
        thaw_in_time(self)
        student = _scores(self, views, batch)  # (V, B, K)
        teacher = self.teacher_scores(*views)  # (2B, K)
        center = self.center
        if self.training:
            self.center = torch.lerp(teacher.mean(dim=0), center, self.center_momentum)
        return student, teacher.unflatten(0, (2, len(batch))), center

    def teacher_scores(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Score by the teacher, without gradient: x (B, C, L) to (B, K)."""
        return self.teacher["prototypes"](self.teacher_projections(x, lengths))


def _prototypes(architecture: PrototypeArchitecture | CentredTeacherArchitecture, n_prototypes: int) -> Prototypes:
    """Return prototypes that do not learn during the first pass over the views of all series."""
    n_views = 2 + architecture.n_crops
    return Prototypes(architecture.n_projections, n_prototypes, n_frozen=architecture.n_cases * n_views)


def thaw_in_time(architecture: PrototypeArchitecture | CentredTeacherArchitecture) -> None:
    if not architecture.prototypes.learns and architecture.progress >= LARGEST_FROZEN_SHARE:
        architecture.prototypes.thaw()


def _scores(
    architecture: PrototypeArchitecture | CentredTeacherArchitecture, full_views: tuple, batch: Batch
) -> torch.Tensor:
    """Score full views (2B, C, L), and windows of the series of a batch, in one tensor (V, B, K)."""
    return with_crops(architecture, architecture.prototypes(architecture.projections(*full_views)), batch)


def with_crops(
    architecture: PrototypeArchitecture | CentredTeacherArchitecture, scores: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """Add the scores of windows of the series of a batch to the scores of full views (2B, K): (V, B, K)."""
    if architecture.n_crops:
        windows = random_windows(batch.x, batch.lengths, architecture.n_crops, architecture.crop_ratio)
        crops = architecture.views(*windows, n_views=1)  # ((V - 2) B, C, W)
        scores = torch.cat([scores, architecture.prototypes(architecture.projections(*crops))])
    return scores.unflatten(0, (-1, len(batch)))  # (V, B, K)
