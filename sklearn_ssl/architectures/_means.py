"""Windows of series, compared by the means of an encoder's last map."""

from typing import Any

import torch

from sklearn_ssl.architectures._base import Architecture, pooled_features
from sklearn_ssl.pooling import Pooling


class MeanArchitecture(Architecture):
    """An encoder whose features are compared in training as means over time of its last map.

    Parameters
    ----------
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    training_pooling : torch.nn.Module
        The mean of the last map.
    n_projections : int
        Width D of the last map.
    """

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.training_pooling = Pooling(statistics="mean", layers="last").build(self.widths)
        self.n_projections = self.widths[-1]

    def projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Encode and take the mean of the last map over the observed steps: x (B, C, L) to (B, D)."""
        return pooled_features(self.encoder, self.training_pooling, x, lengths)
