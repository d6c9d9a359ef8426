"""Blocks of a transformer, and the codes of positions."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class TransformerBlock(nn.Module):
    """Attention of tokens to tokens and a feed-forward part, each after a normalisation."""

    def __init__(self, width: int, n_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = feed_forward(width, hidden, dropout)

    def forward(self, h: torch.Tensor, attended: torch.Tensor | None = None) -> torch.Tensor:
        """Map tokens (B, N, D) to tokens, given which ones may be attended to (B, 1, 1, N)."""
        h = h + self.dropout(self._attention(self.attention_norm(h), attended))
        return h + self.feed_forward(h)

    def _attention(self, h: torch.Tensor, attended: torch.Tensor | None) -> torch.Tensor:
        mixed = self.queries_keys_values(h).unflatten(2, (3, self.n_heads, -1))  # (B, N, 3, heads, D / heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, N, D / heads)
        dropout = self.dropout.p if self.training else 0.0
        h = F.scaled_dot_product_attention(query, key, value, attn_mask=attended, dropout_p=dropout)
        return self.out(h.transpose(1, 2).flatten(2))  # (B, N, D)


class CrossBlock(nn.Module):
    """Attention of queries to other tokens and a feed-forward part, each after a normalisation.

    Positions are added to queries and keys, not to values.
    """

    def __init__(self, width: int, n_heads: int, hidden: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_norm, self.key_norm, self.value_norm = (nn.LayerNorm(width) for _ in range(3))
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.feed_forward = feed_forward(width, hidden, dropout=0.0)

    def forward(
        self,
        queries: torch.Tensor,
        places: torch.Tensor,
        memory: torch.Tensor,
        memory_places: torch.Tensor,
        attended: torch.Tensor,
    ) -> torch.Tensor:
        """Map queries to queries.

        Parameters
        ----------
        queries : Tensor of shape (B, k, D)
            The queries.
        places : Tensor of shape (B, k, D)
            The codes of their positions.
        memory : Tensor of shape (B, N, D)
            The tokens to which they attend.
        memory_places : Tensor of shape (B, N, D)
            The codes of their positions.
        attended : bool Tensor of shape (B, 1, 1, N)
            True at the tokens that may be attended to.
        """
        query = self.query(self.query_norm(queries + places))
        key, value = self.key(self.key_norm(memory + memory_places)), self.value(self.value_norm(memory))
        query, key, value = (one.unflatten(2, (self.n_heads, -1)).transpose(1, 2) for one in (query, key, value))
        h = F.scaled_dot_product_attention(query, key, value, attn_mask=attended)  # (B, heads, k, D / heads)
        h = queries + self.out(h.transpose(1, 2).flatten(2))
        return h + self.feed_forward(h)


def feed_forward(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Return the feed-forward part of a block: normalisation and two layers."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, width),
        nn.Dropout(dropout),
    )


def position_codes(n_positions: int, width: int, device: torch.device | None = None) -> torch.Tensor:
    """Return sines and cosines of the positions, (n_positions, width)."""
    exponents = torch.arange(0, width, 2, device=device) / width
    positions = torch.arange(n_positions, device=device)
    angles = positions[:, None] * torch.exp(-math.log(10000) * exponents)  # (n_positions, ceil(width / 2))
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
