"""An encoder with its pooling, and the feature maps of any encoder."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask, resize_mask
from sklearn_ssl._parameters.shown import on_one_line, shown
from sklearn_ssl._processes.rows import over_rows
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.architectures._protocol import TrainableModule
from sklearn_ssl.encoders import EncoderModule
from sklearn_ssl.pooling import Pooling


class Architecture(nn.Module, TrainableModule):
    """An encoder with its pooling. Every method trains one, and every transformer applies one.

    A subclass overrides `forward`, which turns a batch into the tensors that the loss compares. It keeps all state of
    training in buffers and submodules, so that the state is saved, copied and moved with the weights.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module
        A recipe with ``build(n_channels)``, a callable ``n_channels -> torch.nn.Module``, or a module, which is copied.
    pooling : Pooling or None
        Recipe that turns feature maps into one vector per series. None is ``Pooling()``, or the mean of the last layer
        for an encoder that pools over time by itself.
    n_channels : int
        Number of channels C of the series.
    n_timepoints : int
        Number of time steps L of the longest series. The encoder is tried out with it.
    n_cases : int, default=0
        Number of training series. The sizes of memories follow it.

    Attributes
    ----------
    encoder : torch.nn.Module
        Maps series (B, C, L) to features per time step (B, D, L').
    pooling : torch.nn.Module
        Maps the feature maps of all layers to pooled features (B, F).
    widths : list of int
        Number of features of each layer of the encoder.
    n_steps : int
        Number of time steps L' of the encoder's output for series of `n_timepoints` steps.
    n_features_of_layers : list of int
        Number of pooled features that come from each layer, in the order of the layers.
    n_cases : int
        Number of training series.
    progress : Tensor of shape ()
        Share of the planned steps that are done. The engine sets it before each step. It is 0 if there is no plan.
    keeps_instances : bool
        Whether the architecture has a place for each training series. False unless a subclass says otherwise.
    has_meaningful_sizes : bool
        Whether features are uncorrelated, and large where series differ most. False unless a subclass says otherwise.

    Raises
    ------
    TypeError
        If `encoder` does not give a torch.nn.Module.
    ValueError
        If the encoder fails on series of this shape, or returns something else than (B, D, L').

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.architectures import Architecture
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> architecture = Architecture(encoder=ResNetEncoder(depth=1), pooling=None, n_channels=3, n_timepoints=50)
    >>> x = torch.zeros(2, 3, 50)
    >>> architecture.features(x).shape == (2, architecture.n_features)
    True
    >>> architecture.feature_maps(x).shape == (2, architecture.widths[-1], architecture.n_steps)
    True
    """

    progress: torch.Tensor
    keeps_instances = False
    has_meaningful_sizes = False

    def __init__(
        self, *, encoder: Any, pooling: Pooling | None, n_channels: int, n_timepoints: int, n_cases: int = 0
    ) -> None:
        super().__init__()
        self.encoder = _build_encoder(encoder, n_channels)
        self.widths, self.n_steps = _try_out(self.encoder, n_channels, n_timepoints)
        pooling = pooling or default_pooling(self.encoder)
        self.pooling = pooling.build(self.widths)
        self.n_features_of_layers = _n_features_of_layers(pooling, self.widths)
        self.n_cases = n_cases
        self.register_buffer("progress", torch.zeros(()))

    @property
    def n_features(self) -> int:
        """Width F of the features."""
        return sum(self.n_features_of_layers)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder set values that it does not learn, such as thresholds, from series x (N, C, L)."""
        if isinstance(self.encoder, EncoderModule):
            self.encoder.adapt(x, None if lengths is None else observed_mask(lengths, x.shape[2]))

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the encoder's feature maps: x (B, C, L) to (B, F)."""
        return pooled_features(self.encoder, self.pooling, x, lengths)

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the encoder's output per time step: x (B, C, L) to (B, D, L'), NaN where a series is padded."""
        layers, mask = maps(self.encoder, x, lengths)
        h = layers[-1]  # (B, D, L')
        return h if mask is None else torch.where(resize_mask(mask, h.shape[2])[:, None], h, torch.nan)


def pooled_features(
    encoder: nn.Module, pooling: nn.Module, x: torch.Tensor, lengths: torch.Tensor | None
) -> torch.Tensor:
    """Encode and pool: x (B, C, L) to (B, F)."""
    return over_rows(partial(_pooled, encoder, pooling), x, lengths)


def _pooled(encoder: nn.Module, pooling: nn.Module, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    return pooling(*maps(encoder, x, lengths))  # (B, F)


def maps(
    encoder: nn.Module, x: torch.Tensor, lengths: torch.Tensor | None = None
) -> tuple[Sequence[torch.Tensor], torch.Tensor | None]:
    """Return the feature maps of every layer of an encoder, and the mask of observed steps.

    Use it in an architecture that needs features per time step, instead of calling the encoder. It takes any encoder
    that a user may give. An encoder of this package returns the maps of all its layers. Of any other module the output
    is the only map. The module gets the mask if its ``forward`` has a parameter with the name `mask`.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps x to (B, D, L'), such as `Architecture.encoder`.
    x : Tensor of shape (B, C, L)
        Series. Padded steps are 0.
    lengths : int Tensor of shape (B,) or None, default=None
        Number of observed steps of each series. None if nothing is padded.

    Returns
    -------
    layers : sequence of Tensor of shape (B, D_i, L')
        The maps, the output of the encoder last. The values at padded steps have no meaning.
    mask : bool Tensor of shape (B, L) or None
        True at observed steps. None if nothing is padded.

    See Also
    --------
    sklearn_ssl.encoders.resize_mask : The mask of a map that has fewer steps than the series.
    sklearn_ssl.encoders.at_every_step : A map with fewer steps, brought back to the steps of the series.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.architectures import maps
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> encoder = ResNetEncoder(depth=2, width=8).build(n_channels=3)
    >>> x = torch.zeros(2, 3, 4)
    >>> layers, mask = maps(encoder, x, lengths=torch.tensor([4, 2]))
    >>> [tuple(h.shape) for h in layers]
    [(2, 8, 4), (2, 16, 4)]
    >>> mask
    tensor([[ True,  True,  True,  True],
            [ True,  True, False, False]])
    >>> layers, mask = maps(torch.nn.Conv1d(3, 5, kernel_size=1), x)
    >>> [tuple(h.shape) for h in layers], mask
    ([(2, 5, 4)], None)
    """
    mask = None if lengths is None else observed_mask(lengths, x.shape[2])
    return over_rows(partial(feature_layers, encoder), x, mask), mask


def default_pooling(encoder: nn.Module) -> Pooling:
    """Return the pooling that is used if none is given."""
    if getattr(encoder, "pools_over_time", False):
        return Pooling(statistics="mean", layers="last")
    return Pooling()


def _n_features_of_layers(pooling: Any, widths: list[int]) -> list[int]:
    """Count the pooled features of each layer. A foreign recipe, which cannot tell, counts as one layer."""
    count = getattr(pooling, "n_features_of_layers", None)
    return [pooling.n_features(widths)] if count is None else count(widths)


def feature_layers(encoder: nn.Module, x: torch.Tensor, mask: torch.Tensor | None) -> list[torch.Tensor]:
    """Return the feature maps of every layer, given the mask (B, L). Of a foreign module the output is the only map."""
    if isinstance(encoder, EncoderModule):
        return encoder.layers(x, mask)
    h = _foreign(encoder, x, mask)
    is_vector = isinstance(h, torch.Tensor) and h.ndim == 2  # (B, D): the module pools over time by itself
    return [h.unsqueeze(-1) if is_vector else h]


def _foreign(encoder: nn.Module, x: torch.Tensor, mask: torch.Tensor | None) -> Any:
    parameter = _signature(encoder).get("mask")
    if parameter is None:
        return encoder(x)
    if mask is None and parameter.default is inspect.Parameter.empty:
        mask = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool, device=x.device)
    return encoder(x, mask=mask)


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
            f"torch.nn.Module, got {shown(encoder)}."
        )
    return module


def _signature(encoder: nn.Module) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(encoder.forward).parameters
    except ValueError:  # a scripted module has none
        return {}


def _try_out(encoder: nn.Module, n_channels: int, n_timepoints: int) -> tuple[list[int], int]:
    """Return the widths of the layers and the steps of the last one, and mark a module that pools over time."""
    layers = tried_out(encoder, n_channels, n_timepoints)
    if not isinstance(encoder, EncoderModule):
        if layers[-1].shape[2] == 1 < n_timepoints:
            encoder.pools_over_time = True  # type: ignore[assignment]
        _check_width(encoder, layers[-1], torch.zeros(2, n_channels, n_timepoints))
    return [h.shape[1] for h in layers], layers[-1].shape[2]


@torch.no_grad()
def tried_out(encoder: nn.Module, n_channels: int, n_timepoints: int) -> list[torch.Tensor]:
    """Return the feature maps of two series of zeros; raise a ValueError if the encoder cannot take such series."""
    x = torch.zeros(2, n_channels, n_timepoints)
    try:
        with evaluation_mode(encoder):
            layers = feature_layers(encoder, x, None)
    except (RuntimeError, TypeError, IndexError) as error:
        raise ValueError(
            f"`encoder` failed on series of shape {tuple(x.shape)} (batch, channels, time): "
            f"{on_one_line(error, 200)}. Build it for "
            f"{n_channels} channels and so that it takes any number of time steps; a callable n_channels -> "
            "torch.nn.Module is told the number of channels."
        ) from error
    for h in layers:
        if not isinstance(h, torch.Tensor) or h.ndim != 3 or h.shape[0] != 2 or 0 in h.shape:
            got = tuple(h.shape) if isinstance(h, torch.Tensor) else type(h).__name__
            raise ValueError(
                f"`encoder` must return (batch, features, time), or (batch, features) if it pools over time by "
                f"itself, for x of shape {tuple(x.shape)}, got {got}."
            )
    return layers


@torch.no_grad()
def _check_width(encoder: nn.Module, h: torch.Tensor, x: torch.Tensor) -> None:
    """Refuse a module whose number of features depends on the number of time steps."""
    longer = x.repeat(1, 1, 2)
    try:
        with evaluation_mode(encoder):
            width = feature_layers(encoder, longer, None)[-1].shape[1]
    except (RuntimeError, TypeError, IndexError):
        return  # it takes series of one length only, so that there is nothing to compare
    if width != h.shape[1]:
        raise ValueError(
            f"`encoder` must return as many features for any number of time steps, got {h.shape[1]} for x of shape "
            f"{tuple(x.shape)} and {width} for twice as many steps. If it returns (batch, time, features), let it "
            "return h.transpose(1, 2)."
        )
