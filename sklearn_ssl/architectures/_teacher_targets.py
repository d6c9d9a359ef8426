"""Encoders that see a part of each series and predict features of a teacher that sees more."""

from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._decoders import put
from sklearn_ssl.architectures._frozen import FrozenEncoder
from sklearn_ssl.architectures._masked import DecodedArchitecture, Hidden, WindowTargetArchitecture
from sklearn_ssl.architectures._momentum import TaughtArchitecture
from sklearn_ssl.losses._reconstruction import normalised_windows

MOST_CANDIDATES = 1024  # among which a window is to be found
FEWEST_WINDOWS = 3  # two normalised windows are always one at -1 and one at 1


class TeacherTargetArchitecture(TaughtArchitecture, WindowTargetArchitecture):
    """Hidden values are replaced before the encoder, which predicts features of a teacher that sees the whole series.

    Parameters
    ----------
    n_layers : int
        The target is the mean of so many of the teacher's top layers. Only layers with as many features and time steps
        as the last one are counted.
    **taught : dict
        Parameters of `TaughtArchitecture` and of `MaskedArchitecture`.

    Attributes
    ----------
    head : torch.nn.Module
        Maps features of windows (B, T, D) to predictions (B, T, D). The teacher has none.
    """

    eps = 1e-5

    def __init__(self, *, n_layers: int, **taught: Any) -> None:
        super().__init__(**taught)
        self.n_layers = n_layers
        self.head = nn.Linear(self.widths[-1], self.widths[-1])

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, targets, and the weights of the targets, each (B, T, D)."""
        hidden = self.hide(batch)
        self.follow()
        layers, mask = maps(self.encoder, self.replaced(batch.x, hidden), batch.lengths)
        prediction = self.head(self.window_features(layers[-1], mask))  # (B, T, D)
        counts = hidden.seen.sum(1, keepdim=True) >= FEWEST_WINDOWS  # (B, 1)
        weight = (self.hidden_windows(hidden) & counts)[:, :, None].expand_as(prediction)
        return prediction, self.targets(batch, hidden), weight.to(batch.x.dtype)

    @torch.no_grad()
    def targets(self, batch: Batch, hidden: Hidden) -> torch.Tensor:
        """Return the mean over the teacher's top layers of its normalised features of windows (B, T, D)."""
        layers, mask = maps(self.teacher["encoder"], self.known(batch.x, hidden), batch.lengths)
        top = [h for h in layers if h.shape == layers[-1].shape][-self.n_layers :]
        seen = hidden.seen[:, None]  # (B, 1, T)
        features = [self.window_features(h, mask).float().transpose(1, 2) for h in top]  # each (B, D, T)
        normalised = [normalised_windows(h, seen.expand_as(h), self.eps) for h in features]
        return torch.stack(normalised).mean(0).transpose(1, 2)  # (B, T, D)


class FoldedTeacherArchitecture(TaughtArchitecture, DecodedArchitecture):
    """A decoder predicts the features that a teacher gives to hidden tokens, seeing a part of the hidden tokens only.

    The hidden tokens of a series are divided at random into parts of nearly equal size. The teacher encodes each part
    by itself.

    Parameters
    ----------
    n_folds : int
        Number of parts.
    **taught : dict
        Parameters of `TaughtArchitecture` and of `DecodedArchitecture`.
    """

    eps = 1e-6

    def __init__(self, *, n_folds: int, **taught: Any) -> None:
        super().__init__(**taught)
        self.n_folds = n_folds

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions and targets, both (B, G T, D), and the weights of the tokens (B, G T)."""
        hidden = self.hide(batch)
        self.follow()
        tokens = self.whole_tokens(hidden.windows, hidden)  # (B, G T)
        prediction = self.predicted(hidden, *self.visible(batch, hidden))
        return prediction, self.targets(batch.x, self.folds(tokens)), tokens.to(batch.x.dtype)

    def folds(self, tokens: torch.Tensor) -> torch.Tensor:
        """Divide tokens (B, G T) at random into parts of nearly equal size: (F, B, G T)."""
        noise = torch.rand(tokens.shape, device=tokens.device).masked_fill(~tokens, 2)
        rank = noise.argsort(dim=1).argsort(dim=1)  # (B, G T), the given tokens first
        return tokens & (rank % self.n_folds == torch.arange(self.n_folds, device=tokens.device)[:, None, None])

    @torch.no_grad()
    def targets(self, x: torch.Tensor, folds: torch.Tensor) -> torch.Tensor:
        """Encode each part (F, B, G T) by itself, and normalise the features of each token: (B, G T, D)."""
        teacher = cast(Any, self.teacher["encoder"])
        tokens = teacher.tokens(x)  # (B, G T, D)
        n_groups = self.encoder.n_groups(x.shape[1])
        most = self.masking.most_hidden(tokens.shape[1] // n_groups)
        most = None if most is None else -(-n_groups * most // self.n_folds)
        layers, order, there = self.encoded(tokens.repeat(self.n_folds, 1, 1), folds.flatten(0, 1), most, teacher)
        features = F.layer_norm(layers[-1].float(), layers[-1].shape[2:], eps=self.eps)  # (F B, k, D)
        canvas = features.new_zeros(len(features), tokens.shape[1] + 1, features.shape[2])
        return put(features, order, there, canvas).unflatten(0, (self.n_folds, -1)).sum(0)


class ContrastedTeacherArchitecture(WindowTargetArchitecture):
    """Hidden values are replaced before the encoder, for which a fixed teacher has features of windows and series.

    Parameters
    ----------
    teacher : Architecture
        The fitted module of the teacher. Its encoder is copied.
    **windows : dict
        Parameters of `WindowTargetArchitecture`.

    Attributes
    ----------
    teacher : torch.nn.Module
        The copy. It never changes.
    head : torch.nn.Module
        Maps features of windows (B, T, D) to as many as the teacher has.
    """

    def __init__(self, *, teacher: Any, n_channels: int, n_timepoints: int, **windows: Any) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **windows)
        self.teacher = FrozenEncoder(teacher.encoder, self.window, n_channels, n_timepoints)
        self.head = nn.Linear(self.widths[-1], self.teacher.n_features)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return features of N windows by encoder and teacher, which of them are hidden, and features of the series.

        Returns
        -------
        student_windows, teacher_windows : Tensor of shape (N, D)
            Features of at most 1,024 windows, the hidden ones first if there are more.
        counted : bool Tensor of shape (N,)
            True at hidden windows.
        student, teacher : Tensor of shape (B, D)
            Means of the features of the observed windows of each series.
        """
        hidden = self.hide(batch)
        layers, mask = maps(self.encoder, self.replaced(batch.x, hidden), batch.lengths)
        student = self.head(self.window_features(layers[-1], mask))  # (B, T, D)
        teacher = self.teacher.windows(self.known(batch.x, hidden), batch.lengths)  # (B, T, D)
        counted = self.hidden_windows(hidden).flatten()  # (B T,)
        chosen = _some(counted, MOST_CANDIDATES)
        windows = (one.flatten(0, 1)[chosen] for one in (student, teacher))
        return *windows, counted[chosen], *(_mean_of_seen(one, hidden.seen) for one in (student, teacher))


def _some(counted: torch.Tensor, most: int) -> torch.Tensor:
    """Return the places of at most so many windows, random ones of those that count (N,) and then others."""
    if len(counted) <= most:
        return torch.arange(len(counted), device=counted.device)
    noise = torch.rand(len(counted), device=counted.device)
    return (noise + 2 * ~counted).argsort()[:most]


def _mean_of_seen(h: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Average features of windows (B, T, D) over the observed ones (B, T): (B, D)."""
    weight = seen[:, :, None].to(h.dtype)
    return (weight * h).sum(1) / weight.sum(1)
