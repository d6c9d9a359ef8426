"""An encoder with its pooling."""

import copy
import inspect
from typing import Any

import torch
from torch import nn

from sklearn_ssl._padding import observed_mask
from sklearn_ssl.encoders import resize_mask
from sklearn_ssl.pooling import Pooling


class Architecture(nn.Module):
    """An encoder with its pooling: what every method trains and every transformer applies.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module
        A recipe with ``build(n_channels)``, a callable ``n_channels -> nn.Module``, or a module, which is copied.
    pooling : Pooling
        Recipe that turns feature maps into one vector per series.
    n_channels : int
        Channels of the series.
    n_timepoints : int
        Time steps of the series, used to try the encoder out.

    Attributes
    ----------
    n_features : int
        Width F of the pooled features.
    """

    def __init__(self, *, encoder: Any, pooling: Pooling, n_channels: int, n_timepoints: int) -> None:
        super().__init__()
        self.encoder = _build_encoder(encoder, n_channels)
        self.pooling = pooling.build()
        self._takes_mask = _takes_mask(self.encoder)
        widths = _try_out(self.encoder, n_channels, n_timepoints)
        self.n_features = pooling.n_features(widths)

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the encoder's feature maps: x (B, C, L) to (B, F)."""
        mask = None if lengths is None else observed_mask(lengths, x.shape[2])
        return self.pooling(self._layers(x, mask), mask)  # (B, F)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L'), NaN where a series is padded."""
        if lengths is None:
            return self._layers(x, None)[-1]  # (B, D, L')
        mask = observed_mask(lengths, x.shape[2])
        h = self._layers(x, mask)[-1]  # (B, D, L')
        return torch.where(resize_mask(mask, h.shape[2])[:, None], h, torch.nan)

    def _layers(self, x: torch.Tensor, mask: torch.Tensor | None) -> list[torch.Tensor]:
        arguments = (x, mask) if self._takes_mask else (x,)
        return feature_layers(self.encoder, *arguments)


def feature_layers(encoder: nn.Module, *arguments: Any) -> list[torch.Tensor]:
    """Return the feature maps of every layer; those of a foreign module are its output alone."""
    layers = getattr(encoder, "layers", None)
    return layers(*arguments) if inspect.ismethod(layers) else [encoder(*arguments)]


def _build_encoder(encoder: Any, n_channels: int) -> nn.Module:
    if isinstance(encoder, nn.Module):
        return copy.deepcopy(encoder).float()
    build = getattr(encoder, "build", encoder)
    module = build(n_channels) if callable(build) else None
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"`encoder` must be a recipe such as InceptionEncoder(), a callable n_channels -> torch.nn.Module, or a "
            f"torch.nn.Module, got {encoder!r}."
        )
    return module


def _takes_mask(encoder: nn.Module) -> bool:
    parameters = inspect.signature(encoder.forward).parameters
    return "mask" in parameters


@torch.no_grad()
def _try_out(encoder: nn.Module, n_channels: int, n_timepoints: int) -> list[int]:
    was_training = encoder.training
    x = torch.zeros(2, n_channels, n_timepoints)
    layers = feature_layers(encoder.eval(), x)
    encoder.train(was_training)
    for h in layers:
        if not isinstance(h, torch.Tensor) or h.ndim != 3 or h.shape[0] != 2 or 0 in h.shape:
            got = tuple(h.shape) if isinstance(h, torch.Tensor) else type(h).__name__
            raise ValueError(
                f"`encoder` must return (batch, features, time) for x of shape {tuple(x.shape)}, got {got}. An encoder "
                "that pools over time by itself returns one time step: h.unsqueeze(-1)."
            )
    return [h.shape[1] for h in layers]
