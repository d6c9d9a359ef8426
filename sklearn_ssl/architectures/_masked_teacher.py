"""A teacher that scores views and their windows, for a student from which windows are hidden."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._masked import Hidden, WindowTargetArchitecture
from sklearn_ssl.architectures._prototypes import CentredTeacherArchitecture, thaw_in_time, with_crops


class MaskedTeacherArchitecture(CentredTeacherArchitecture, WindowTargetArchitecture):
    """Scores of masked views and of their windows for prototypes, and a teacher's scores of the views as they are.

    Projector and prototypes serve series and windows. The windows have a centre of their own, which follows the mean of
    the teacher's scores of observed windows. Windows do not count as rows that the prototypes have seen. Nothing is
    hidden in crops.

    Parameters
    ----------
    masked_share : float
        Share of the views of which a part is hidden.
    **centred : dict
        Parameters of `CentredTeacherArchitecture` and of `MaskedArchitecture`.

    Attributes
    ----------
    window_center : Tensor of shape (K,)
        Zeros at the start.

    Raises
    ------
    ValueError
        If a series has another number of features than a window, or if the projector normalises over the batch.
    """

    window_center: torch.Tensor

    def __init__(self, *, masked_share: float, **centred: Any) -> None:
        super().__init__(**centred)
        self.masked_share = masked_share
        self.register_buffer("window_center", torch.zeros_like(self.center))
        _check_projector(self.projector, self.n_pooled, self.widths[-1])

    def hide(self, batch: Batch) -> Hidden:
        """Draw what is hidden of views. Some have nothing hidden."""
        hidden = super().hide(batch)
        chosen = torch.rand(len(batch), device=batch.x.device) < self.masked_share
        return self.hidden_by(hidden.windows & chosen[:, None, None], batch)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return scores of views and windows, the teacher's with their centres, and what is hidden.

        Returns
        -------
        student : Tensor of shape (V, B, K)
            The student's scores of the views, the two full views first.
        teacher : Tensor of shape (2, B, K)
            The teacher's scores of the full views.
        center : Tensor of shape (K,)
            Their centre before this batch.
        student_windows, teacher_windows : Tensor of shape (2, B, T, K)
            Scores of the windows of the full views.
        window_center : Tensor of shape (K,)
            The centre of the teacher's scores of windows before this batch.
        hidden : bool Tensor of shape (2, B, T)
            True at windows that are hidden from the student.
        """
        return self.compared(batch)[:-1]

    def compared(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return what `forward` does, and the student's pooled features of the two full views (2, B, F)."""
        views = Batch(*self.views(batch.x, batch.lengths))  # (2B, C, L)
        self.follow()
        thaw_in_time(self)
        hidden = self.hide(views)
        masked = self.replaced(views.x, hidden)
        pooled, series, student_windows = self._scored(partial(getattr, self), masked, views.lengths)
        student = with_crops(self, series, batch)  # (V, B, K)
        with torch.no_grad():
            _, teacher, teacher_windows = self._scored(self.teacher.__getitem__, views.x, views.lengths)
        center, window_center = self.center, self.window_center
        if self.training:
            self.center = torch.lerp(teacher.mean(dim=0), center, self.center_momentum)
            seen = hidden.seen.to(teacher.dtype)[:, :, None]  # (2B, T, 1)
            mean = (seen * teacher_windows).sum((0, 1)) / seen.sum()
            self.window_center = torch.lerp(mean, window_center, self.center_momentum)
        of_windows = _by_view(student_windows), _by_view(teacher_windows), window_center
        is_hidden = _by_view(self.hidden_windows(hidden))
        return student, _by_view(teacher), center, *of_windows, is_hidden, _by_view(pooled)

    def _scored(
        self, part: Callable[[str], Any], x: torch.Tensor, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return pooled features (2B, F), scores (2B, K) and scores of windows (2B, T, K), by the parts of a net."""
        layers, mask = maps(part("encoder"), x, lengths)
        windows = self.window_features(layers[-1], mask)  # (2B, T, D)
        pooled = part("training_pooling")(layers, mask)  # (2B, D)
        projector, prototypes = part("projector"), part("prototypes")
        scores = prototypes.scores(projector(windows.flatten(0, 1)))  # (2B T, K)
        return pooled, prototypes(projector(pooled)), scores.unflatten(0, windows.shape[:2])


class SpreadTeacherArchitecture(MaskedTeacherArchitecture):
    """The same, with the student's pooled features, so that the loss can spread them, and a teacher that is published.

    Parameters
    ----------
    **masked : dict
        Parameters of `MaskedTeacherArchitecture`.
    """

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return what `MaskedTeacherArchitecture` does, and the student's features of two views (2, B, F)."""
        return self.compared(batch)

    def exchange(self) -> None:
        """Let encoder and teacher swap their weights. A second call swaps them back."""
        mine, other = self.encoder.state_dict(), self.teacher["encoder"].state_dict()
        for name, value in mine.items():
            kept = value.clone()
            value.copy_(other[name])
            other[name].copy_(kept)


def _by_view(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(0, (2, -1))


def _check_projector(projector: nn.Module, n_pooled: int, width: int) -> None:
    if n_pooled != width:
        raise ValueError(
            f"`training_pooling` must give the {width} features that a window has in the last layer of the encoder, "
            f"since one projector serves series and windows, got {n_pooled}; take "
            'Pooling(statistics="mean", layers="last").'
        )
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in projector.modules()):
        raise ValueError(
            "`projector` must not normalise over the batch, since it serves series and windows, and some windows "
            'are padding; take norm="layer", as in MLPProjector(depth=3, norm="layer").'
        )
