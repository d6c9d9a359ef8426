"""A head for labels on a pretrained architecture."""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.encoders import stages


class FineTunedArchitecture(nn.Module):
    """The features of a pretrained architecture, standardised, and a head that predicts from them.

    Parameters
    ----------
    pretrained : Architecture
        What is copied with its weights.
    n_outputs : int
        Columns K that the head returns.
    head_width : int or None, default=None
        Width of the head's hidden layer; None is a linear head.
    n_frozen : int or None, default=0
        Lowest stages of the encoder whose weights never change; None freezes all of them.
    gradual : bool, default=False
        Whether stages begin to learn one after another, from the top, in equal shares of the planned steps; the head
        learns alone in the first.
    update_statistics : bool, default=False
        Whether batch normalisation of what learns follows the labelled series; otherwise it keeps the statistics of
        pretraining.
    **trial : dict
        What the engine tells every architecture (`n_channels`, `n_timepoints`, `n_cases`); the copy knows it already.

    Attributes
    ----------
    backbone : Architecture
        The copy.
    head : torch.nn.Module
        Maps standardised features (B, F) to (B, K); a linear one starts from zeros.
    shift, scale : Tensor of shape (F,)
        What standardises the features: (h - shift) * scale. The scale of a constant feature is zero.
    n_thawed : int
        How many stages of the encoder learn, counted from the top.
    progress : Tensor of shape ()
        Share of the planned steps that are done, set by the engine.
    """

    shift: torch.Tensor
    scale: torch.Tensor
    progress: torch.Tensor

    def __init__(
        self,
        *,
        pretrained: Architecture,
        n_outputs: int,
        head_width: int | None = None,
        n_frozen: int | None = 0,
        gradual: bool = False,
        update_statistics: bool = False,
        **trial: Any,
    ) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(pretrained).cpu()
        self.n_features = pretrained.n_features
        self.n_cases = trial.get("n_cases", 0)
        n_stages = len(stages(self.backbone.encoder))
        self.n_trained = 0 if n_frozen is None else max(0, n_stages - n_frozen)
        self.gradual = gradual
        self.update_statistics = update_statistics
        self.head = _head(self.n_features, n_outputs, head_width)
        self.register_buffer("shift", torch.zeros(self.n_features))
        self.register_buffer("scale", torch.ones(self.n_features))
        self.register_buffer("progress", torch.zeros(()))
        self.n_thawed = 0 if gradual else self.n_trained
        self._freeze()

    @property
    def encoder(self) -> nn.Module:
        """The encoder, with its weights as they are now."""
        return self.backbone.encoder

    @property
    def pooling(self) -> nn.Module:
        """The pooling of the encoder's feature maps."""
        return self.backbone.pooling

    @property
    def widths(self) -> list[int]:
        """Features of each layer of the encoder."""
        return self.backbone.widths

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Take nothing from the series: the encoder stays what pretraining made of it."""

    def forward(
        self,
        x: torch.Tensor,
        lengths: torch.Tensor | None = None,
        index: torch.Tensor | None = None,
        **labels: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Return the outputs for x (B, C, L), (B, K), with the batch's targets and weights."""
        self._thaw()
        return self.outputs(x, lengths), labels["target"], labels["weight"]

    def outputs(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Predict: x (B, C, L) to (B, K)."""
        return self.head((self._learning_features(x, lengths) - self.shift) * self.scale)  # (B, K)

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features in front of the head, not standardised: x (B, C, L) to (B, F)."""
        return self.backbone.features(x, lengths)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L')."""
        return self.backbone.feature_maps(x, lengths)

    def train(self, mode: bool = True) -> "FineTunedArchitecture":
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        for stage in self._learning_stages():
            for part in stage:
                part.train(mode)
                if not self.update_statistics:
                    _keep_statistics(part)
        return self

    @torch.no_grad()
    def standardise(self, features: np.ndarray) -> np.ndarray:
        """Learn from features (n, F) how to standardise, and return them standardised; constant ones become zero."""
        shift, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        varies = spread > 1e-6 * np.maximum(np.abs(shift), 1)
        scale = np.where(varies, 1 / np.where(varies, spread, 1), 0)
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.copy_(torch.from_numpy(scale))
        return ((features - shift) * scale).astype(np.float32)

    @torch.no_grad()
    def start_head(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Let a linear head start from a weight (K, F) and a bias (K,)."""
        for parameter, values in zip(self.head.parameters(), (weight, bias), strict=True):
            parameter.copy_(torch.from_numpy(np.asarray(values)))

    def _learning_features(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.n_thawed > 0):
            return self.backbone.features(x, lengths)  # (B, F)

    def _learning_stages(self) -> list[list[nn.Module]]:
        return stages(self.backbone.encoder)[::-1][: self.n_thawed]

    def _thaw(self) -> None:
        """Let further stages learn as the training goes on; a stage that learns is never frozen again."""
        if not (self.gradual and self.training and self.n_thawed < self.n_trained):
            return
        due = min(self.n_trained, int(self.progress * (self.n_trained + 1)))
        if due > self.n_thawed:
            self.n_thawed = due
            self._freeze()
            self.train()

    def _freeze(self) -> None:
        self.backbone.requires_grad_(False)
        learning = [part for stage in self._learning_stages() for part in stage]
        for part in [*learning, *([self.backbone.pooling] if learning else [])]:
            part.requires_grad_(True)


def _head(n_features: int, n_outputs: int, width: int | None) -> nn.Module:
    if width is not None:
        return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))
    head = nn.Linear(n_features, n_outputs)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _keep_statistics(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()
