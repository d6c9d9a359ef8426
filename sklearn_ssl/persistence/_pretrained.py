"""A transformer that applies a pretrained encoder as it is."""

import copy
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base.untrained import UntrainedTransformer
from sklearn_ssl.encoders import ChannelIndependentEncoder


@typing.final
class PretrainedTransformer(UntrainedTransformer):
    """Apply a pretrained encoder with the weights that it has. `load_encoder` returns such a transformer.

    Nothing is trained: `fit` only reads the number of channels, and no random number changes its result. So a clone
    gives the same features once it is fitted, and cross-validation does not pretrain in each fold.

    Parameters
    ----------
    encoder : torch.nn.Module, default=None
        The encoder, ``other.net_.module_.encoder`` for example. It must be given. It is copied with its weights.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.persistence import PretrainedTransformer
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> vicreg = VICRegTransformer(max_epochs=1, random_state=0).fit(X)
    >>> pretrained = PretrainedTransformer(encoder=vicreg.net_.module_.encoder).fit(X)
    >>> bool((pretrained.transform(X) == vicreg.transform(X)).all())
    True
    """

    encoder: Any = None

    def check_hyperparameters(self) -> None:
        """Raise a TypeError or ValueError naming the first parameter that is not valid."""
        super().check_hyperparameters()
        if not isinstance(self.encoder, nn.Module):
            raise TypeError(
                "PretrainedTransformer: `encoder` must be a torch.nn.Module with weights, such as "
                f"VICRegTransformer().fit(X).net_.module_.encoder, got {shown(self.encoder)}."
            )

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        if not isinstance(self.encoder, nn.Module):
            return super().__repr__(N_CHAR_MAX)  # type: ignore[call-arg]
        n_weights = sum(weight.numel() for weight in self.encoder.parameters())
        encoder = f"<{type(self.encoder).__name__} with {n_weights:,} weights>"  # its layers would fill a page
        return f"PretrainedTransformer(encoder={encoder}, pooling={self.pooling!r})"


def fitted_on(transformer: PretrainedTransformer, n_channels: int, columns: dict[str, Any]) -> PretrainedTransformer:
    """Fit a transformer without series, on their number of channels and the columns of 2-D input."""
    transformer.check_hyperparameters()
    transformer.net_ = transformer._build_net(shortest_series(transformer.encoder, n_channels))
    transformer.n_channels_in_ = n_channels
    for name, value in columns.items():
        setattr(transformer, name, value)
    return transformer


def shortest_series(encoder: Any, n_channels: int) -> Collection:
    """Return one series on which an encoder can be tried out at the least cost."""
    n_tried = 1 if isinstance(encoder.recipe, ChannelIndependentEncoder) else n_channels
    return Collection(np.zeros((1, n_tried, 1), dtype=np.float32), None)


@typing.final
class LearntPooling(Hyperparameters):
    """A recipe of a pooling that has weights. Every module that it builds is a copy.

    Parameters
    ----------
    module : torch.nn.Module, default=None
        Maps the feature maps of an encoder's layers to pooled features (B, F). It must be given.
    widths : tuple of int, default=(1,)
        Number of features of each pooled layer. Their sum is F.
    """

    module: Any = None
    widths: tuple[int, ...] = (1,)

    def build(self, widths: Sequence[int] | None = None) -> nn.Module:
        """Return a copy of the module.

        Parameters
        ----------
        widths : sequence of int or None, default=None
            Ignored.
        """
        return copy.deepcopy(self.module)

    def n_features_of_layers(self, widths: Sequence[int]) -> list[int]:
        """Return the number of pooled features of each pooled layer.

        Parameters
        ----------
        widths : sequence of int
            Ignored.
        """
        return list(self.widths)

    def n_features(self, widths: Sequence[int]) -> int:
        """Return the number of pooled features.

        Parameters
        ----------
        widths : sequence of int
            Ignored.
        """
        return sum(self.widths)


class MappedPooling(nn.Module):
    r"""Pooling, and then the linear map :math:`W (h - m)`.

    Parameters
    ----------
    pooling : torch.nn.Module
        Maps feature maps to pooled features h (B, F).
    mean : Tensor of shape (F,)
        The mean m.
    weights : Tensor of shape (P, F)
        The matrix W.
    """

    mean: torch.Tensor
    weights: torch.Tensor

    def __init__(self, pooling: nn.Module, mean: torch.Tensor, weights: torch.Tensor) -> None:
        super().__init__()
        self.pooling = pooling
        self.register_buffer("mean", mean)
        self.register_buffer("weights", weights)

    def forward(self, layers: Sequence[torch.Tensor], mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pool and map feature maps: (B, P)."""
        h = self.pooling(layers, mask).float()  # (B, F)
        with torch.autocast(h.device.type, enabled=False):
            return (h - self.mean) @ self.weights.T
