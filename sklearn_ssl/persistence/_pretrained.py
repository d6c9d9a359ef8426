"""What becomes of an encoder that is loaded: a transformer that applies it as it is."""

import copy
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl.base.embedding import EmbeddingTransformer

TRIAL_STEPS = 64  # a length that every recipe takes


@typing.final
class PretrainedTransformer(EmbeddingTransformer):
    """An encoder that is applied with the weights it has; `load_encoder` returns one.

    Nothing is trained: `fit` only looks at the number of channels, and its result depends on no random number. So a
    clone, which `fit` has to follow, gives the same features, and cross-validation pretrains nothing anew.

    Parameters
    ----------
    encoder : torch.nn.Module
        The encoder, ``other.net_.module_.encoder`` for example. It must be given, and is copied with its weights.

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
                f"VICRegTransformer().fit(X).net_.module_.encoder, got {self.encoder!r}."
            )

    def _planned_epochs(self, net, dataset):
        return 0

    def _trained(self, net, dataset, reporter):
        return net

    def _continued(self, net, dataset):
        return net


def fitted_on(transformer: PretrainedTransformer, n_channels: int, columns: dict[str, Any]) -> PretrainedTransformer:
    """Make a transformer what `fit` makes of it, knowing only the number of channels, and columns of 2-D input."""
    series = np.zeros((1, n_channels, TRIAL_STEPS), dtype=np.float32)
    transformer.check_hyperparameters()
    transformer.net_ = transformer._build_net(Collection(series, None))
    transformer.n_channels_in_ = n_channels
    for name, value in columns.items():
        setattr(transformer, name, value)
    return transformer


@typing.final
class LearntPooling(Hyperparameters):
    """Pooling that has weights, as a recipe: every module that it builds is a copy.

    Parameters
    ----------
    module : torch.nn.Module, default=None
        Maps the feature maps of an encoder's layers to (B, F). It must be given.
    widths : tuple of int, default=(1,)
        Number of features of each pooled layer, F together.
    """

    module: Any = None
    widths: tuple[int, ...] = (1,)

    def build(self, widths: Sequence[int] | None = None) -> nn.Module:
        """Return a copy of the module.

        Parameters
        ----------
        widths : sequence of int or None, default=None
            Not needed: the module knows its encoder.
        """
        return copy.deepcopy(self.module)

    def n_features_of_layers(self, widths: Sequence[int]) -> list[int]:
        """Return the number of pooled features of each pooled layer.

        Parameters
        ----------
        widths : sequence of int
            Not needed.
        """
        return list(self.widths)

    def n_features(self, widths: Sequence[int]) -> int:
        """Return the number of pooled features.

        Parameters
        ----------
        widths : sequence of int
            Not needed.
        """
        return sum(self.widths)


class MappedPooling(nn.Module):
    """Pooling, then a linear map: W (h - m).

    Parameters
    ----------
    pooling : torch.nn.Module
        Maps feature maps to h (B, F).
    mean : Tensor of shape (F,)
        m.
    weights : Tensor of shape (P, F)
        W.
    """

    mean: torch.Tensor
    weights: torch.Tensor

    def __init__(self, pooling: nn.Module, mean: torch.Tensor, weights: torch.Tensor) -> None:
        super().__init__()
        self.pooling = pooling
        self.register_buffer("mean", mean.clone())
        self.register_buffer("weights", weights.clone())

    def forward(self, layers: Sequence[torch.Tensor], mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pool and map feature maps: (B, P)."""
        h = self.pooling(layers, mask).float()  # (B, F)
        with torch.autocast(h.device.type, enabled=False):
            return (h - self.mean) @ self.weights.T
