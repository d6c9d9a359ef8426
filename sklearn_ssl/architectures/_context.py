"""One hidden block, predicted by a decoder that sees the whole context."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._critic import two_games
from sklearn_ssl.architectures._masked import ReplacedArchitecture
from sklearn_ssl.encoders import StridedEncoder
from sklearn_ssl.encoders._blocks import SameConv1d
from sklearn_ssl.pooling import Pooling

BORDER_WEIGHT = 10.0
BORDER_SHARE = 1 / 8


class ContextArchitecture(ReplacedArchitecture):
    """Hidden blocks are predicted by a decoder that sees the whole context. Their ends weigh more.

    Parameters
    ----------
    kernel_size : int
        Number of steps of the encoder's map that a convolution of the decoder sees.
    **replaced : dict
        Parameters of `ReplacedArchitecture`.
    """

    def __init__(self, *, kernel_size: int, n_channels: int, **replaced: Any) -> None:
        super().__init__(n_channels=n_channels, **replaced)
        self.head = ContextHead(self.widths[-1], n_channels, self.stride, kernel_size)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, values, and the weights of the values, each (B, C, L)."""
        prediction, values, weight = super().forward(batch)
        return prediction, values, border_weights(weight > 0).to(values.dtype)

    def decoded(self, h: torch.Tensor, mask: torch.Tensor | None, n_timepoints: int) -> torch.Tensor:
        """Map (B, D, L') to values (B, C, L)."""
        observed = None if mask is None else resize_mask(mask, h.shape[2])  # (B, L')
        return self.head(h, observed, n_timepoints)


class AdversarialContextArchitecture(ContextArchitecture):
    """A critic learns to tell series whose hidden values are predicted from whole ones. The predictions must fool it.

    Parameters
    ----------
    **context : dict
        Parameters of `ContextArchitecture`.

    Attributes
    ----------
    critic_encoder : torch.nn.Module
        The encoder of the critic, `StridedEncoder` without normalisation.
    critic : torch.nn.Module
        Maps the mean of its last map to a score.
    """

    def __init__(self, *, n_channels: int, **context: Any) -> None:
        super().__init__(n_channels=n_channels, **context)
        self.critic_encoder = StridedEncoder(norm="none").build(n_channels)
        self.critic_pooling = Pooling(statistics="mean", layers="last").build(self.critic_encoder.widths)
        self.critic = nn.Linear(self.critic_encoder.widths[-1], 1)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, values and weights, each (B, C, L), and what `two_games` returns, each (B,)."""
        prediction, values, weight = super().forward(batch)
        filled = torch.where(weight > 0, prediction, values)
        modules = (self.critic_encoder, self.critic_pooling, self.critic)
        games = two_games(self.critic_scores, modules, (values, batch.lengths), (filled, batch.lengths), penalised=True)
        return prediction, values, weight, *games

    def critic_scores(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return how real series seem to the critic: x (B, C, L) to (B,)."""
        return self.critic(pooled_features(self.critic_encoder, self.critic_pooling, x, lengths)).squeeze(1)


class ContextHead(nn.Module):
    """A convolution over the steps of a map plus a linear map of their mean, then another convolution.

    Parameters
    ----------
    n_features : int
        Number of features D of a step.
    n_channels : int
        Number of channels C.
    stride : int
        Number of time steps that one step of the map covers.
    kernel_size : int
        Number of steps of the map that a convolution sees.
    """

    def __init__(self, n_features: int, n_channels: int, stride: int, kernel_size: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.mixing = SameConv1d(n_features, n_features, kernel_size)
        self.context = nn.Linear(n_features, n_features)
        self.out = SameConv1d(n_features, n_channels * stride, kernel_size)

    def forward(self, h: torch.Tensor, observed: torch.Tensor | None, n_timepoints: int) -> torch.Tensor:
        """Map (B, D, L'), given the observed steps (B, L'), to values (B, C, L)."""
        n_observed = h.shape[2] if observed is None else observed.sum(1)[:, None, None]
        h = zero_padding(h, observed)
        mean = (h.sum(2, keepdim=True) / n_observed).squeeze(2)  # (B, D)
        h = self.mixing(h) + self.context(mean)[:, :, None]  # (B, D, L')
        values = self.out(zero_padding(F.gelu(h), observed))  # (B, C stride, L')
        return values.unflatten(1, (self.n_channels, -1)).transpose(2, 3).flatten(2)[:, :, :n_timepoints]


def border_weights(hidden: torch.Tensor) -> torch.Tensor:
    """Weigh hidden steps (B, C, L): 10 in the first and the last eighth of a run, 1 between them, 0 elsewhere."""
    steps = torch.arange(hidden.shape[2], device=hidden.device)
    first = _last_start(hidden, steps)
    last = hidden.shape[2] - 1 - _last_start(hidden.flip(2), steps).flip(2)
    border = BORDER_SHARE * (last - first + 1)
    at_border = (steps - first < border) | (last - steps < border)
    return torch.where(hidden, torch.where(at_border, BORDER_WEIGHT, 1.0), 0.0)


def _last_start(hidden: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Return for every step where the last run of hidden steps began, (B, C, L)."""
    begins = hidden & ~F.pad(hidden, (1, 0))[:, :, :-1]
    return torch.where(begins, steps, 0).cummax(2).values
