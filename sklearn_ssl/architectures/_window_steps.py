"""Windows of time steps: how long they are, and the features and values that belong to each."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, stride_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders._tokens import windows_of


def map_stride(encoder: nn.Module, n_timepoints: int, n_steps: int, name: str = "encoder") -> int:
    """Return how many time steps one step of the encoder's map covers.

    Raises
    ------
    ValueError
        If the encoder pools over time, so that its map has no features of single windows.
    """
    stride = getattr(encoder, "stride", None)
    stride = stride if isinstance(stride, int) else stride_of(n_timepoints, n_steps)
    pools = getattr(encoder, "pools_over_time", False)
    if pools or stride is None or -(-n_timepoints // stride) != n_steps:
        raise ValueError(
            f"`{name}` must give features of every window, but this one pools over time or leaves out steps: "
            f"{n_steps} steps for series of {n_timepoints}, got {shown_encoder(encoder)}. Take TransformerEncoder() or "
            "InceptionEncoder(norm='layer')."
        )
    return stride


def resolved_window(window: int | str, stride: int, n_timepoints: int) -> int:
    """Return the number of time steps of a window; "auto" depends on the encoder and on the longest series."""
    if isinstance(window, int):
        return window
    quarter = max(n_timepoints // 4, 1)
    return min(stride if stride > 1 else 8, 1 << (quarter.bit_length() - 1))


def whole_window(window: int | str, stride: int, n_timepoints: int) -> int:
    """Return the number of time steps of a window that has whole steps of the encoder's map.

    Raises
    ------
    ValueError
        If `window` is not a multiple of the stride.
    """
    steps = max(resolved_window(window, stride, n_timepoints), stride if window == "auto" else 1)
    if steps % stride:
        raise ValueError(
            f"`window` must be a multiple of the {stride} time steps that one step of the encoder covers, got "
            f"{steps}; take window={stride} or window='auto'."
        )
    return steps


def check_halves(window: int, n_timepoints: int) -> None:
    """Raise a ValueError unless the longest series has two windows, or a single time step."""
    if n_timepoints > 1 and 2 * window > n_timepoints:
        longest = 1 << ((n_timepoints // 2).bit_length() - 1)
        raise ValueError(
            f"`window` must be at most half of the longest series of {n_timepoints} time steps, so that one window can "
            f"be hidden and another seen, got {window}; take encoder=TransformerEncoder(window={longest}), or "
            f"window={longest} if the encoder has no windows."
        )


def window_means(h: torch.Tensor, mask: torch.Tensor | None, n_steps: int) -> torch.Tensor:
    """Average a map (B, D, L') over the observed ones of the `n_steps` steps of each window: (B, T, D)."""
    if n_steps == 1:
        return h.transpose(1, 2)
    observed = torch.ones_like(h[:, :1]) if mask is None else resize_mask(mask, h.shape[2])[:, None].to(h.dtype)
    n_observed = windows_of(observed, n_steps).sum(3).clamp(min=1)  # (B, 1, T)
    return (windows_of(h * observed, n_steps).sum(3) / n_observed).transpose(1, 2)


def mask_of_windows(mask: torch.Tensor, window: int) -> torch.Tensor:
    """Tell which windows have an observed step: (B, L) to (B, T)."""
    return F.pad(mask, (0, -mask.shape[1] % window)).unflatten(1, (-1, window)).any(2)


def window_values(x: torch.Tensor, window: int) -> torch.Tensor:
    """Return the values that each window holds: (B, C, L) to (B, T, C w)."""
    return windows_of(x, window).transpose(1, 2).flatten(2)


def of_window_values(values: torch.Tensor, n_channels: int, n_timepoints: int) -> torch.Tensor:
    """Turn the values of windows back into series: (B, T, C w) to (B, C, L)."""
    return values.unflatten(2, (n_channels, -1)).transpose(1, 2).flatten(2)[:, :, :n_timepoints]


def shown_encoder(encoder: nn.Module) -> str:
    """Return the recipe of an encoder, or the encoder itself, cut to a line."""
    recipe: Any = getattr(encoder, "recipe", None)
    return shown(encoder if recipe is None else recipe)
