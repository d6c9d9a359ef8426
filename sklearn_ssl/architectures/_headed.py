"""A head for labels on an architecture."""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.architectures._protocol import TrainableModule


class UnitLength(nn.Module):
    """Scale every row of features (B, F) to length 1."""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return h (B, F) with rows of length 1."""
        return nn.functional.normalize(h, dim=1)


class HeadedArchitecture(nn.Module, TrainableModule):
    """The features of an architecture, standardised, and a head that predicts from them.

    Features are scaled so that every pooled layer contributes the same total variance, and features have variance 1 on
    average. A ridge penalty then does not favour wide layers. With `unit_length`, features whose sizes mean something
    are centred only, and each series is scaled to length 1.

    Parameters
    ----------
    start : Architecture
        The architecture with its weights. It is copied.
    n_outputs : int
        Columns K of the head's output.
    head_width : int or None, default=None
        Width of the head's hidden layer. None is a linear head.
    n_cases : int, default=0
        Number of training series.
    unit_length : bool, default=False
        Whether the head sees features of length 1, if the backbone has `has_meaningful_sizes`.
    **trial : dict
        Other arguments that the engine gives to every architecture, such as `n_channels`. The copy needs none of them.

    Attributes
    ----------
    backbone : Architecture
        The copy.
    head : torch.nn.Module
        Maps standardised features (B, F) to (B, K). A linear head starts from zeros.
    shift, scale : Tensor of shape (F,)
        They standardise features h: (h - shift) * scale. The scale of a constant feature is 0. For other features it is
        the inverse of the standard deviation, times the square root of m / n, where n is the number of features of its
        layer and m is the mean number of features per layer. For features of length 1 it is 1.
    unit_length : bool
        Whether the head sees features of length 1.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self,
        *,
        start: Architecture,
        n_outputs: int,
        head_width: int | None = None,
        n_cases: int = 0,
        unit_length: bool = False,
        **trial: Any,
    ) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(start).cpu()
        self.n_cases = n_cases
        self.unit_length = unit_length and start.has_meaningful_sizes
        head = _head(self.n_features, n_outputs, head_width)
        self.head = nn.Sequential(UnitLength(), head) if self.unit_length else head
        self.register_buffer("shift", torch.zeros(self.n_features))
        self.register_buffer("scale", torch.ones(self.n_features))

    @property
    def n_features(self) -> int:
        """Width F of the features."""
        return self.backbone.n_features

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

    @property
    def progress(self) -> torch.Tensor:  # type: ignore[override]
        """Share of the planned steps that are done, set by the engine."""
        return self.backbone.progress

    @property
    def keeps_instances(self) -> bool:  # type: ignore[override]
        """Whether the copy has a place for each training series."""
        return self.backbone.keeps_instances

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Do nothing: the copy is adapted already."""

    def after_step(self) -> None:
        """Do what the copy does after an optimiser step."""
        self.backbone.after_step()

    def outputs(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Predict: x (B, C, L) to (B, K)."""
        return self.head((self.features(x, lengths) - self.shift) * self.scale)  # (B, K)

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features in front of the head, not standardised: x (B, C, L) to (B, F)."""
        return self.backbone.features(x, lengths)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L')."""
        return self.backbone.feature_maps(x, lengths)

    def standardise(self, features: np.ndarray) -> np.ndarray:
        """Learn shift and scale from features (n, F), and return them standardised. Constant features become zero."""
        shift, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        varies = spread > 1e-6 * np.maximum(np.abs(shift), 1)
        sizes = np.where(varies & (not self.unit_length), spread, 1)
        scale = np.where(varies, 1 / sizes, 0) * self._share_of_layer()
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.copy_(torch.from_numpy(scale))
        return self.standardised(features)

    def _share_of_layer(self) -> np.ndarray:
        """Return the standard deviation of each feature (F,) with which all layers have the same total variance."""
        sizes = np.array(self.backbone.n_features_of_layers)
        return np.repeat(np.sqrt(sizes.sum() / (len(sizes) * sizes)), sizes)

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Return features (n, F) as the head sees them, with the shift and scale that `standardise` has learnt."""
        shift, scale = self.shift.cpu().numpy(), self.scale.cpu().numpy()  # (F,)
        rows = ((features - shift) * scale).astype(np.float32)
        return UnitLength()(torch.from_numpy(rows)).numpy() if self.unit_length else rows

    @torch.no_grad()
    def start_head(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Set the weight (K, F) and the bias (K,) of a linear head."""
        for parameter, values in zip(self.head.parameters(), (weight, bias), strict=True):
            parameter.copy_(torch.from_numpy(np.asarray(values)))


def _head(n_features: int, n_outputs: int, width: int | None) -> nn.Module:
    if width is not None:
        return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))
    head = nn.Linear(n_features, n_outputs)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
