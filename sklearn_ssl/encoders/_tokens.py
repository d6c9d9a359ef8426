"""The base of encoders whose tokens can be left out."""

import abc
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl.encoders._attention import TransformerBlock, position_codes
from sklearn_ssl.encoders._base import EncoderModule


def check_heads(recipe: Any) -> None:
    """Raise a ValueError unless the width of a recipe is a multiple of its number of attention heads."""
    if recipe.width % recipe.n_heads:
        raise ValueError(
            f"{type(recipe).__name__}: `width` must be a multiple of `n_heads`={recipe.n_heads}, got {recipe.width}."
        )


class TokenEncoderModule(EncoderModule, abc.ABC):
    """A transformer over windows of time steps. A method may give it some of the tokens of a series only.

    A series of L steps has T windows, L divided by the window and rounded up. The last window is filled up with zeros.
    Each window has G tokens, one per group of channels. Token g T + t belongs to group g and window t. Positions are
    added before any token is left out.

    Parameters
    ----------
    embedding : torch.nn.Module
        Maps what `embedded` makes of windows to tokens.
    depth : int
        Number of transformer blocks.
    width : int
        Number of features D of a token.
    window : int
        Number of time steps w of a window.
    n_heads : int
        Number of attention heads.
    hidden : int
        Width of the hidden layer of the feed-forward parts.
    dropout : float
        Share of the values that are set to zero in training.
    """

    def __init__(
        self, embedding: nn.Module, *, depth: int, width: int, window: int, n_heads: int, hidden: int, dropout: float
    ) -> None:
        super().__init__([width] * depth, stride=window)
        self.n_heads = n_heads
        self.embedding = embedding
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(TransformerBlock(width, n_heads, hidden, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    @abc.abstractmethod
    def n_groups(self, n_channels: int) -> int:
        """Return the number of tokens G of one window of a series with so many channels."""

    @abc.abstractmethod
    def embedded(self, windows: torch.Tensor) -> torch.Tensor:
        """Map windows (B, C, T, w) to tokens without positions (B, G, T, D)."""

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the mean over the groups after each block, each (B, D, T). The last block's are normalised."""
        tokens = self.tokens(zero_padding(x, mask))  # (B, G T, D)
        n_groups = self.n_groups(x.shape[1])
        seen = None if mask is None else resize_mask(mask, tokens.shape[1] // n_groups)  # (B, T)
        layers = self.attend(tokens, None if seen is None else seen.repeat(1, n_groups))
        maps = [h.unflatten(1, (n_groups, -1)).mean(1) if n_groups > 1 else h for h in layers]  # each (B, T, D)
        return [zero_padding(h.transpose(1, 2), seen) for h in maps]

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Turn series (B, C, L) into tokens with positions (B, G T, D)."""
        tokens = self.embedded(windows_of(x, self.stride))  # (B, G, T, D)
        _, n_groups, n_windows, width = tokens.shape
        return tokens.flatten(1, 2) + token_codes(n_groups, n_windows, width, x.device).to(tokens.dtype)

    def attend(self, tokens: torch.Tensor, observed: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return some of the tokens (B, N, D) after each block, given which of them are observed (B, N)."""
        attended = None if observed is None else observed[:, None, None]  # (B, 1, 1, N)
        maps = [self.dropout(tokens)]
        for block in self.blocks:
            maps.append(block(maps[-1], attended))
        return [*maps[1:-1], self.norm(maps[-1])]


def windows_of(x: torch.Tensor, window: int) -> torch.Tensor:
    """Cut series (B, C, L) into windows (B, C, T, w); the last one is filled up with zeros, or with False."""
    return F.pad(x, (0, -x.shape[2] % window)).unflatten(2, (-1, window))


def token_codes(n_groups: int, n_windows: int, width: int, device: torch.device | None = None) -> torch.Tensor:
    """Return the codes of the places of all tokens (G T, D): of the window, and of the group if there are several.

    The code of a group has the sines and cosines of a position, rotated by half of the width, so that it differs from
    the code of a window.
    """
    codes = position_codes(n_windows, width, device)  # (T, D)
    if n_groups == 1:
        return codes
    groups = position_codes(n_groups, width, device).roll(width // 2, dims=1)  # (G, D)
    return (groups[:, None] + codes).flatten(0, 1)
