"""A transformer over windows of time steps."""

import typing

import torch
from torch import nn

from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders._tokens import TokenEncoderModule, check_heads


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
        check_heads(self)

    def _module(self, n_channels: int) -> EncoderModule:
        return Transformer(
            nn.Linear(n_channels * self.window, self.width),
            depth=self.depth,
            width=self.width,
            window=self.window,
            n_heads=self.n_heads,
            hidden=self.expansion * self.width,
            dropout=self.dropout,
        )


class Transformer(TokenEncoderModule):
    """The module that `TransformerEncoder` builds."""

    def n_groups(self, n_channels: int) -> int:
        """Return 1: a token holds all channels."""
        return 1

    def embedded(self, windows: torch.Tensor) -> torch.Tensor:
        """Map windows (B, C, T, w) to tokens (B, 1, T, D)."""
        return self.embedding(windows.transpose(1, 2).flatten(2)).unsqueeze(1)


def small_transformer() -> TransformerEncoder:
    """Return the default encoder of the masked methods. Dropout would be a second mask that no loss knows of."""
    return TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)
