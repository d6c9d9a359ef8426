"""An encoder with its pooling."""

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask, resize_mask
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.architectures._protocol import TrainableModule
from sklearn_ssl.encoders import EncoderModule
from sklearn_ssl.pooling import Pooling


class Architecture(nn.Module, TrainableModule):
    """An encoder with its pooling: what every method trains and every transformer applies.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module
        A recipe with ``build(n_channels)``, a callable ``n_channels -> nn.Module``, or a module, which is copied.
    pooling : Pooling or None
        Recipe that turns feature maps into one vector per series; None is the one that suits the encoder.
    n_channels : int
        Channels of the series.
    n_timepoints : int
        Time steps of the series, used to try the encoder out.
    n_cases : int, default=0
        Number of training series, for memories with a place for each.

    Attributes
    ----------
    widths : list of int
        Features of each layer of the encoder.
    n_steps : int
        Time steps L' of its output for series of `n_timepoints`.
    n_features_of_layers : list of int
        How many features come from each pooled layer of the encoder, in their order.
    progress : Tensor of shape ()
        Share of the planned steps that are done, set by the engine; 0 where there is no plan.
    keeps_instances : bool
        Whether there is a place for each training series; False unless a subclass says otherwise.
    """

    progress: torch.Tensor
    keeps_instances = False

    def __init__(
        self, *, encoder: Any, pooling: Pooling | None, n_channels: int, n_timepoints: int, n_cases: int = 0
    ) -> None:
        super().__init__()
        self.encoder = _build_encoder(encoder, n_channels)
        pooling = pooling or default_pooling(self.encoder)
        self.widths, self.n_steps = _try_out(self.encoder, n_channels, n_timepoints)
        self.pooling = pooling.build(self.widths)
        self.n_features_of_layers = _n_features_of_layers(pooling, self.widths)
        self.n_cases = n_cases
        self.register_buffer("progress", torch.zeros(()))

    @property
    def n_features(self) -> int:
        """Width F of the features."""
        return sum(self.n_features_of_layers)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder fix before training what it takes from the series themselves."""
        if isinstance(self.encoder, EncoderModule):
            self.encoder.adapt(x, None if lengths is None else observed_mask(lengths, x.shape[2]))

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the encoder's feature maps: x (B, C, L) to (B, F)."""
        return pooled_features(self.encoder, self.pooling, x, lengths)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L'), NaN where a series is padded."""
        layers, mask = masked_layers(self.encoder, x, lengths)
        h = layers[-1]  # (B, D, L')
        return h if mask is None else torch.where(resize_mask(mask, h.shape[2])[:, None], h, torch.nan)


def pooled_features(
    encoder: nn.Module, pooling: nn.Module, x: torch.Tensor, lengths: torch.Tensor | None
) -> torch.Tensor:
    """Encode and pool: x (B, C, L) to (B, F)."""
    return pooling(*masked_layers(encoder, x, lengths))  # (B, F)


def masked_layers(
    encoder: nn.Module, x: torch.Tensor, lengths: torch.Tensor | None
) -> tuple[list[torch.Tensor], torch.Tensor | None]:
    """Encode x (B, C, L): the feature maps of every layer, and the mask (B, L) of the steps that are observed."""
    mask = None if lengths is None else observed_mask(lengths, x.shape[2])
    return feature_layers(encoder, x, mask), mask


def default_pooling(encoder: nn.Module) -> Pooling:
    """Return the pooling used unless another is given."""
    if getattr(encoder, "pools_over_time", False):
        return Pooling(statistics="mean", layers="last")
    return Pooling()


def _n_features_of_layers(pooling: Any, widths: list[int]) -> list[int]:
    """Count the pooled features of each layer; those of a foreign recipe, which cannot tell, are one layer."""
    count = getattr(pooling, "n_features_of_layers", None)
    return [pooling.n_features(widths)] if count is None else count(widths)


def feature_layers(encoder: nn.Module, x: torch.Tensor, mask: torch.Tensor | None) -> list[torch.Tensor]:
    """Return the feature maps of every layer; those of a foreign module are its output alone."""
    if isinstance(encoder, EncoderModule):
        return encoder.layers(x, mask)
    parameter = _signature(encoder).get("mask")
    if parameter is None:
        return [encoder(x)]
    if mask is None and parameter.default is inspect.Parameter.empty:
        mask = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool, device=x.device)
    return [encoder(x, mask=mask)]


def _build_encoder(encoder: Any, n_channels: int) -> nn.Module:
    if isinstance(encoder, nn.Module):
        return copy.deepcopy(encoder).float()
    if isinstance(encoder, type) and hasattr(encoder, "build"):
        raise TypeError(f"`encoder` must be a recipe, not its class: write {encoder.__name__}().")
    build = getattr(encoder, "build", encoder)
    module = build(n_channels) if callable(build) else None
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"`encoder` must be a recipe such as InceptionEncoder(), a callable n_channels -> torch.nn.Module, or a "
            f"torch.nn.Module, got {encoder!r}."
        )
    return module


def _signature(encoder: nn.Module) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(encoder.forward).parameters
    except ValueError:  # a scripted module has none
        return {}


@torch.no_grad()
def _try_out(encoder: nn.Module, n_channels: int, n_timepoints: int) -> tuple[list[int], int]:
    x = torch.zeros(2, n_channels, n_timepoints)
    try:
        with evaluation_mode(encoder):
            layers = feature_layers(encoder, x, None)
    except (RuntimeError, TypeError, IndexError) as error:
        raise ValueError(
            f"`encoder` failed on series of shape {tuple(x.shape)} (batch, channels, time): {error}. It must take any "
            "number of channels that it was built for and the length of the series."
        ) from error
    for h in layers:
        if not isinstance(h, torch.Tensor) or h.ndim != 3 or h.shape[0] != 2 or 0 in h.shape:
            got = tuple(h.shape) if isinstance(h, torch.Tensor) else type(h).__name__
            raise ValueError(
                f"`encoder` must return (batch, features, time) for x of shape {tuple(x.shape)}, got {got}. An encoder "
                "that pools over time by itself returns one time step: h.unsqueeze(-1)."
            )
    return [h.shape[1] for h in layers], layers[-1].shape[2]
