"""A transformer over windows of time steps."""

import math
import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.encoders._base import Encoder, EncoderModule


@typing.final
class TransformerEncoder(Encoder):
    r"""Transformer over windows of time steps, with normalisation before each part of a block.

    The series is cut into windows of `window` steps. The last window is filled up with zeros. A linear map makes each
    window a token, and the code of its position n = 0, 1, ... is added to it. For j = 0, 1, ... the code is

    .. math:: c_{n, 2j} = \sin(n / 10000^{2j / D}), \quad c_{n, 2j + 1} = \cos(n / 10000^{2j / D}),

    with D the width. So series may be longer than those of the training. Tokens of padding are never attended to. The
    output has one step per window: L' is L / window, rounded up.

    Parameters
    ----------
    depth : int, default=3
        Number of transformer blocks.
    width : int, default=128
        Number of features of a token. It must be a multiple of `n_heads`.
    n_heads : int, default=4
        Number of attention heads.
    window : {8, 1, 2, 4, 16, 32, 64}, default=8
        Number of time steps in a window. It is a power of two, so that `resize_mask` can infer it from the lengths.
    expansion : int, default=4
        Width of the hidden layer of a block's feed-forward part, as a multiple of `width`.
    dropout : float, default=0.1
        Share of the values that are set to zero in training: of the tokens, of the attention weights, and of both
        parts of a block.

    References
    ----------
    Vaswani et al. (2017). Attention is all you need. NeurIPS. https://arxiv.org/abs/1706.03762

    Nie et al. (2023). A time series is worth 64 words: long-term forecasting with transformers. ICLR.
    https://arxiv.org/abs/2211.14730

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import TransformerEncoder
    >>> encoder = TransformerEncoder(depth=1, width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 16, 7])
    """

    depth: int = number(default=3, least=1, integer=True)
    width: int = number(default=128, least=1, integer=True)
    n_heads: int = number(default=4, least=1, integer=True)
    window: int = choice(8, 1, 2, 4, 16, 32, 64, default=8)
    expansion: int = number(default=4, least=1, integer=True)
    dropout: float = number(default=0.1, least=0, below=1)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter outside its range."""
        super().check_hyperparameters()
        if self.width % self.n_heads:
            raise ValueError(
                f"TransformerEncoder: `width` must be a multiple of `n_heads`={self.n_heads}, got {self.width}."
            )

    def _module(self, n_channels: int) -> EncoderModule:
        return Transformer(
            n_channels, self.depth, self.width, self.n_heads, self.window, self.expansion * self.width, self.dropout
        )


class Transformer(EncoderModule):
    """The module that `TransformerEncoder` builds."""

    def __init__(
        self, n_channels: int, depth: int, width: int, n_heads: int, window: int, hidden: int, dropout: float
    ) -> None:
        super().__init__([width] * depth, stride=window)
        self.embedding = nn.Linear(n_channels * window, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(_TransformerBlock(width, n_heads, hidden, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the tokens after each block, each (B, D, L'). Those of the last block are normalised."""
        tokens = self.tokens(zero_padding(x, mask))
        observed = None if mask is None else resize_mask(mask, tokens.shape[1])  # (B, L')
        return [zero_padding(h.transpose(1, 2), observed) for h in self.attend(tokens, observed)]

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Turn series (B, C, L) into tokens with positions (B, L', D)."""
        x = F.pad(x, (0, -x.shape[2] % self.stride))  # (B, C, L' window)
        windows = x.unflatten(2, (-1, self.stride)).transpose(1, 2).flatten(2)  # (B, L', C window)
        tokens = self.embedding(windows)  # (B, L', D)
        return tokens + _position_codes(tokens)

    def attend(self, tokens: torch.Tensor, observed: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the tokens (B, L', D) after each block, given which of them are observed (B, L')."""
        attended = None if observed is None else observed[:, None, None]  # (B, 1, 1, L')
        maps = [self.dropout(tokens)]
        for block in self.blocks:
            maps.append(block(maps[-1], attended))
        return [*maps[1:-1], self.norm(maps[-1])]


class _TransformerBlock(nn.Module):
    def __init__(self, width: int, n_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, h: torch.Tensor, attended: torch.Tensor | None) -> torch.Tensor:
        h = h + self.dropout(self._attention(self.attention_norm(h), attended))
        return h + self.feed_forward(h)

    def _attention(self, h: torch.Tensor, attended: torch.Tensor | None) -> torch.Tensor:
        mixed = self.queries_keys_values(h).unflatten(2, (3, self.n_heads, -1))  # (B, L', 3, heads, D / heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, L', D / heads)
        dropout = self.dropout.p if self.training else 0.0
        h = F.scaled_dot_product_attention(query, key, value, attn_mask=attended, dropout_p=dropout)
        return self.out(h.transpose(1, 2).flatten(2))  # (B, L', D)


def _position_codes(tokens: torch.Tensor) -> torch.Tensor:
    """Return sines and cosines of the positions, (L', D)."""
    n_tokens, width = tokens.shape[1:]
    exponents = torch.arange(0, width, 2, device=tokens.device) / width
    positions = torch.arange(n_tokens, device=tokens.device)
    angles = positions[:, None] * torch.exp(-math.log(10000) * exponents)  # (L', ceil(D / 2))
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width].to(tokens.dtype)
