"""A transformer with a token for each channel and window."""

import typing

import torch
from torch import nn

from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl._parameters.notices import warn_caller
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders._tokens import TokenEncoderModule, check_heads

MANY_TOKENS = 1024


@typing.final
class ChannelTransformerEncoder(Encoder):
    """Transformer whose tokens are the windows of single channels.

    Each channel of a series is cut into windows. One linear map, the same for all channels, makes each window a token.
    A token gets a code of its window and, if there are several channels, a code of its channel. All tokens of a series
    attend to each other. The output is the mean over the channels. It has one step per window.

    No weight depends on the number of channels, so the module takes series of any number of channels. Unlike the
    features of `ChannelIndependentEncoder`, its features depend on the order of the channels. Time and memory grow with
    the square of channels times windows. There is a warning above 1,024 tokens.

    Parameters
    ----------
    depth : int, default=3
        Number of transformer blocks.
    width : int, default=64
        Number of features of a token. It must be a multiple of `n_heads`.
    n_heads : int, default=4
        Number of attention heads.
    window : {8, 1, 2, 4, 16, 32, 64}, default=8
        Number of time steps in a window.
    expansion : int, default=4
        Width of the hidden layer of a block's feed-forward part, as a multiple of `width`.
    dropout : float, default=0.0
        Share of the values that are set to zero in training.

    References
    ----------
    Nie et al. (2023). A time series is worth 64 words: long-term forecasting with transformers. ICLR.
    https://arxiv.org/abs/2211.14730. In the paper tokens of different channels do not attend to each other.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import ChannelTransformerEncoder
    >>> encoder = ChannelTransformerEncoder(depth=1, width=16).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape, encoder(torch.zeros(2, 5, 50)).shape
    (torch.Size([2, 16, 7]), torch.Size([2, 16, 7]))
    """

    depth: int = number(default=3, least=1, integer=True)
    width: int = number(default=64, least=1, integer=True)
    n_heads: int = number(default=4, least=1, integer=True)
    window: int = choice(8, 1, 2, 4, 16, 32, 64, default=8)
    expansion: int = number(default=4, least=1, integer=True)
    dropout: float = number(default=0.0, least=0, below=1)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter outside its range."""
        super().check_hyperparameters()
        check_heads(self)

    def _module(self, n_channels: int) -> EncoderModule:
        return ChannelTransformer(
            nn.Linear(self.window, self.width),
            depth=self.depth,
            width=self.width,
            window=self.window,
            n_heads=self.n_heads,
            hidden=self.expansion * self.width,
            dropout=self.dropout,
        )


class ChannelTransformer(TokenEncoderModule):
    """The module that `ChannelTransformerEncoder` builds."""

    def n_groups(self, n_channels: int) -> int:
        """Return the number of channels: each has tokens of its own."""
        return n_channels

    def embedded(self, windows: torch.Tensor) -> torch.Tensor:
        """Map windows (B, C, T, w) to tokens (B, C, T, D)."""
        return self.embedding(windows)

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Warn if series such as x (B, C, L) have very many tokens."""
        n_windows = -(-x.shape[2] // self.stride)
        if x.shape[1] * n_windows > MANY_TOKENS:
            warn_caller(
                f"ChannelTransformerEncoder makes {x.shape[1] * n_windows} tokens of a series, {x.shape[1]} channels "
                f"times {n_windows} windows. Time and memory grow with the square of their number: use a longer "
                "`window`, fewer channels, or TransformerEncoder()."
            )
