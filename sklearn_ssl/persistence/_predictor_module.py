"""The module of a predictor: all that a prediction takes, and nothing of training."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import TrainableModule, maps
from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.architectures._headed import UnitLength
from sklearn_ssl.persistence._description import INSTEAD

BY_LENGTH = "length"


class PredictorModule(nn.Module, TrainableModule):
    """An encoder with its pooling, and a head on standardised features.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps series (B, C, L) to feature maps.
    pooling : torch.nn.Module
        Maps feature maps to features h (B, F).
    shift, scale : Tensor of shape (F,)
        They standardise the features: (h - shift) * scale.
    head : torch.nn.Module
        Maps standardised features to outputs (B, K).
    """

    shift: torch.Tensor
    scale: torch.Tensor
    progress: torch.Tensor
    n_cases = 0
    keeps_instances = False

    def __init__(
        self, encoder: nn.Module, pooling: nn.Module, shift: torch.Tensor, scale: torch.Tensor, head: nn.Module
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.head = head
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("progress", torch.zeros(()), persistent=False)

    @property
    def n_features(self) -> int:
        """Width F of the features."""
        return len(self.shift)

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Turn series x (B, C, L) into features (B, F)."""
        return pooled_features(self.encoder, self.pooling, x, lengths)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L')."""
        return maps(self.encoder, x, lengths)[0][-1]

    def outputs(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Predict: x (B, C, L) to (B, K)."""
        return self.outputs_of(self.features(x, lengths))

    def outputs_of(self, h: torch.Tensor) -> torch.Tensor:
        """Predict from features h (B, F): (B, K)."""
        return self.head((h - self.shift) * self.scale)


def described_head(head: nn.Module) -> dict[str, Any]:
    """Return the structure of a head as values that JSON knows.

    Raises
    ------
    ValueError
        If it is not a head of this package.
    """
    first = type(head[0] if isinstance(head, nn.Sequential) else head)
    normalised = {nn.BatchNorm1d: True, UnitLength: BY_LENGTH}.get(first, False)
    inner = list(head[1:] if normalised else [head])  # type: ignore[index]
    layers = [layer for part in inner for layer in (part if isinstance(part, nn.Sequential) else [part])]
    kinds = [type(layer) for layer in layers]
    if kinds not in ([nn.Linear], [nn.Linear, nn.ReLU, nn.Linear]):
        raise ValueError(f"`predictor` has a head that cannot be stored, got {shown(head)}. {INSTEAD}")
    width = None if len(layers) == 1 else layers[0].out_features
    return {"n_outputs": layers[-1].out_features, "width": width, "normalised": normalised}


def built_head(n_features: int, n_outputs: int, width: int | None, normalised: bool | str) -> nn.Module:
    """Build a head that `described_head` describes, without numbers that mean anything."""
    if width is None:
        head: nn.Module = nn.Linear(n_features, n_outputs)
    else:
        head = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))
    if normalised == BY_LENGTH:
        return nn.Sequential(UnitLength(), head)
    return nn.Sequential(nn.BatchNorm1d(n_features, affine=False), head) if normalised else head
