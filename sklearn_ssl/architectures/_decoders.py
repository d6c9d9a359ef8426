"""Decoders: from features of windows to predictions."""

import math

import torch
from torch import nn

from sklearn_ssl.encoders._attention import TransformerBlock, position_codes
from sklearn_ssl.encoders._tokens import token_codes


class ValueHead(nn.Module):
    """A linear map from each step of a map to the values of the time steps that it covers.

    Parameters
    ----------
    n_features : int
        Number of features D of a step.
    n_channels : int
        Number of channels C.
    stride : int
        Number of time steps that one step of the map covers.
    """

    def __init__(self, n_features: int, n_channels: int, stride: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.linear = nn.Linear(n_features, n_channels * stride)

    def forward(self, h: torch.Tensor, n_timepoints: int) -> torch.Tensor:
        """Map (B, D, L') to values (B, C, L)."""
        values = self.linear(h.transpose(1, 2))  # (B, L', C stride)
        values = values.unflatten(2, (self.n_channels, -1)).permute(0, 2, 1, 3)  # (B, C, L', stride)
        return values.flatten(2)[:, :, :n_timepoints]


class TokenDecoder(nn.Module):
    """A small transformer that predicts all tokens from some of them.

    A learnt token takes the place of each token that is left out. The decoder adds position codes of its own.

    Parameters
    ----------
    n_features : int
        Number of features D of the encoder's tokens.
    width : int
        Number of features of the decoder's tokens.
    depth : int
        Number of blocks.
    n_heads : int
        Number of attention heads.
    n_out : int
        Number of values that are predicted for a token.
    """

    def __init__(self, n_features: int, *, width: int, depth: int, n_heads: int, n_out: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(n_features, width)
        self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList(TransformerBlock(width, n_heads, 4 * width, dropout=0.0) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, n_out)

    def forward(
        self, h: torch.Tensor, order: torch.Tensor, there: torch.Tensor, observed: torch.Tensor, n_windows: int
    ) -> torch.Tensor:
        """Predict all tokens.

        Parameters
        ----------
        h : Tensor of shape (B, k, D)
            The tokens that the encoder saw.
        order : int Tensor of shape (B, k)
            Their places among all N tokens.
        there : bool Tensor of shape (B, k)
            False where a series has fewer tokens.
        observed : bool Tensor of shape (B, N)
            True at the tokens of windows with an observed step.
        n_windows : int
            Number of windows T. N is a multiple of it.

        Returns
        -------
        prediction : Tensor of shape (B, N, n_out)
            The predictions.
        """
        codes = token_codes(observed.shape[1] // n_windows, n_windows, self.mask_token.shape[0], h.device)
        tokens = self.placed(self.embedding(h), order, there, codes)  # (B, N, width)
        for block in self.blocks:
            tokens = block(tokens, observed[:, None, None])
        return self.out(self.norm(tokens))

    def placed(self, h: torch.Tensor, order: torch.Tensor, there: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Put tokens (B, k, width) to their places, mask tokens elsewhere, and add codes (N, width): (B, N, width)."""
        canvas = put(h, order, there, self.mask_token.to(h.dtype).expand(len(h), len(codes) + 1, -1))
        return canvas + codes.to(h.dtype)


def put(h: torch.Tensor, order: torch.Tensor, there: torch.Tensor, canvas: torch.Tensor) -> torch.Tensor:
    """Put tokens to their places: h (B, k, D), order and there (B, k), and a canvas (B, N + 1, D), to (B, N, D)."""
    places = torch.where(there, order, canvas.shape[1] - 1)  # tokens that are not there go to a place beyond the last
    return canvas.scatter(1, places[:, :, None].expand(-1, -1, h.shape[2]), h)[:, :-1]


class VectorDecoder(nn.Module):
    """A transformer block over the windows of a series, for predictions from a vector of each window.

    Parameters
    ----------
    n_features : int
        Number of values d of a vector.
    width : int
        Number of features of the block.
    n_out : int
        Number of values that are predicted for a window.
    """

    def __init__(self, n_features: int, width: int, n_out: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(n_features, width)
        self.block = TransformerBlock(width, math.gcd(4, width), 4 * width, dropout=0.0)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, n_out)

    def forward(self, z: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
        """Map vectors (B, T, d) to predictions (B, T, n_out), given which windows are observed (B, T)."""
        h = self.embedding(z)
        h = h + position_codes(h.shape[1], h.shape[2], h.device).to(h.dtype)
        return self.out(self.norm(self.block(h, observed[:, None, None])))
