"""Modules that an earlier stage of a method has trained, and that never change again."""

import copy
from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import resize_mask
from sklearn_ssl.architectures._base import feature_layers, maps
from sklearn_ssl.architectures._modes import attackable, evaluation_mode
from sklearn_ssl.architectures._window_steps import map_stride, window_means
from sklearn_ssl.losses._vectors import unit_length


class Frozen(nn.Module):
    """A copy of a module with its weights, which receives no gradient and stays in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    """

    module: Any

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).cpu().requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode, so that no average, queue or running statistics move."""
        return super().train(False)


class FrozenEncoder(Frozen):
    """The encoder of a fitted transformer, which gives features of windows.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps series (B, C, L) to (B, D, L').
    window : int
        Number of time steps w of a window.
    n_channels : int
        Number of channels C.
    n_timepoints : int
        Number of time steps of the longest series.
    name : str, default="teacher"
        The parameter that gave the transformer, for messages.

    Attributes
    ----------
    n_features : int
        Number of features D of a window.

    Raises
    ------
    ValueError
        If the encoder pools over time, or if a window is no multiple of the time steps that one step of its map stands
        for.
    """

    def __init__(
        self, encoder: nn.Module, window: int, n_channels: int, n_timepoints: int, name: str = "teacher"
    ) -> None:
        super().__init__(encoder)
        with torch.no_grad(), evaluation_mode(self.module):
            h = feature_layers(self.module, torch.zeros(2, n_channels, n_timepoints), None)[-1]
        self.n_features = h.shape[1]
        stride = map_stride(self.module, n_timepoints, h.shape[2], name)
        if window % stride:
            raise ValueError(
                f"`{name}` has an encoder with {stride} time steps per step of its map, and that does not divide "
                f"the windows of {window} time steps; give `{name}` an encoder with windows of {window} time steps, or "
                "none, so that it has the same encoder."
            )
        self.n_steps = window // stride

    @torch.no_grad()
    def windows(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features of the windows of series (B, C, L), (B, T, D)."""
        layers, mask = maps(self.module, x, lengths)
        return window_means(layers[-1], mask, self.n_steps)

    def unit_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the maps of all layers, and which steps are observed. Series may have a gradient.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series.
        lengths : int Tensor of shape (B,) or None, default=None
            Number of observed steps of each.

        Returns
        -------
        maps : Tensor of shape (B, L', D)
            The features of all layers, one after the other. At each step those of each layer have length 1, since
            layers differ in size.
        observed : bool Tensor of shape (B, L')
            True at observed steps.
        """
        with attackable(self.module):
            layers, mask = maps(self.module, x, lengths)
        features = torch.cat([unit_length(h.transpose(1, 2).float()) for h in layers], dim=2)  # (B, L', D)
        mask = torch.ones_like(x[:, 0], dtype=torch.bool) if mask is None else mask
        return features, resize_mask(mask, features.shape[1])
