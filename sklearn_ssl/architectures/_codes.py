"""Prediction of the codes that a tokenizer gives hidden windows."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._processes.rows import over_rows
from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._frozen import Frozen
from sklearn_ssl.architectures._masked import WindowTargetArchitecture, check_tokens
from sklearn_ssl.architectures._tokenizers import CodebookArchitecture
from sklearn_ssl.architectures._window_steps import mask_of_windows
from sklearn_ssl.encoders._attention import TransformerBlock
from sklearn_ssl.encoders._tokens import TokenEncoderModule


class FrozenTokenizer(Frozen):
    """A copy of a fitted tokenizer.

    Parameters
    ----------
    tokenizer : CodebookArchitecture
        The module of the tokenizer.
    window : int
        Number of time steps of the windows that are to have codes.

    Attributes
    ----------
    n_codes : int
        Number of codes K.

    Raises
    ------
    ValueError
        If the tokenizer has other windows.
    """

    def __init__(self, tokenizer: CodebookArchitecture, window: int) -> None:
        super().__init__(tokenizer)
        if tokenizer.window != window:
            raise ValueError(
                f"`tokenizer` has windows of {tokenizer.window} time steps, and here windows have {window}, so that "
                f"codes and hidden windows would not align; set `window` of the tokenizer to {window}, with an encoder "
                f"to which this fits, or leave its `window` and `encoder` out."
            )
        self.n_codes = len(tokenizer.codebook)

    @torch.no_grad()
    def codes(self, batch: Batch) -> torch.Tensor:
        """Return the codes of the windows of whole series, int (B, T); -1 at windows of padding."""
        return self.module.codes(batch.x, batch.lengths)


class CodeArchitecture(WindowTargetArchitecture):
    """Hidden values are replaced before the encoder, and a linear map predicts the codes of windows.

    Parameters
    ----------
    tokenizer : Architecture
        The fitted module of the tokenizer. It is copied.
    **windows : dict
        Parameters of `WindowTargetArchitecture`.

    Attributes
    ----------
    tokenizer : torch.nn.Module
        The copy. It never changes.
    head : torch.nn.Module
        Maps features of windows to scores of the K codes.
    """

    def __init__(self, *, tokenizer: CodebookArchitecture, **windows: Any) -> None:
        super().__init__(**windows)
        self.tokenizer = FrozenTokenizer(tokenizer, self.window)
        self.head = nn.Linear(self.widths[-1], self.tokenizer.n_codes)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return scores (B, T, K), the codes of the whole series (B, T), and which windows are hidden (B, T)."""
        hidden = self.hide(batch)
        layers, mask = maps(self.encoder, self.replaced(batch.x, hidden), batch.lengths)
        scores = self.head(self.window_features(layers[-1], mask))
        return scores, self.tokenizer.codes(batch), self.hidden_windows(hidden)


class AggregatedCodeArchitecture(CodeArchitecture):
    r"""The codes are predicted twice: from the encoder's output, and from an earlier layer with the mean of the output.

    The second prediction comes from the tokens after block l of the encoder and one more token, the mean of the
    encoder's output over the observed windows. They go through blocks of their own, and then through the last
    normalisation and the head of the first prediction. So the mean has to carry what block l does not know yet.

    Parameters
    ----------
    aggregation_depth : int
        Number of blocks of the second prediction.
    **coded : dict
        Parameters of `CodeArchitecture`.

    Attributes
    ----------
    layer : int
        l, three quarters of the depth of the encoder, rounded, and below the depth.
    aggregation : torch.nn.ModuleList
        The blocks.

    Raises
    ------
    TypeError
        If the encoder has no tokens.
    ValueError
        If the encoder has one block only.
    """

    encoder: TokenEncoderModule

    def __init__(self, *, aggregation_depth: int, **coded: Any) -> None:
        super().__init__(**coded)
        depth, width = len(self.widths), self.widths[-1]
        if depth < 2:
            raise ValueError(
                "`encoder` must have two blocks or more, so that the features of one and the mean of the last one can "
                "be joined, got 1; set its `depth` to 2 or more."
            )
        self.layer = min(round(0.75 * depth), depth - 1)
        self.aggregation = nn.ModuleList(
            TransformerBlock(width, self.encoder.n_heads, 4 * width, dropout=0.0) for _ in range(aggregation_depth)
        )

    def _stride(self, n_timepoints: int) -> int:
        check_tokens(self.encoder)
        return super()._stride(n_timepoints)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return both scores (B, T, K), the codes of the whole series, and which windows are hidden, both (B, T)."""
        hidden = self.hide(batch)
        tokens = self.encoder.tokens(self.replaced(batch.x, hidden))  # (B, N, D)
        observed = self._observed(batch, tokens)
        layers = over_rows(self.encoder.attend, tokens, observed)
        joined = torch.cat([self.summary(layers[-1], observed), layers[self.layer - 1]], dim=1)  # (B, 1 + N, D)
        for block in self.aggregation:
            joined = block(joined, F.pad(observed, (1, 0), value=True)[:, None, None])
        both = [self.scores(h, batch) for h in (layers[-1], self.encoder.norm(joined[:, 1:]))]
        return *both, self.tokenizer.codes(batch), self.hidden_windows(hidden)

    def _observed(self, batch: Batch, tokens: torch.Tensor) -> torch.Tensor:
        """Tell which tokens (B, N) have an observed step."""
        if batch.mask is None:
            return torch.ones_like(tokens[..., 0], dtype=torch.bool)
        seen = mask_of_windows(batch.mask, self.stride)  # (B, L')
        return seen.repeat(1, tokens.shape[1] // seen.shape[1])

    def summary(self, h: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
        """Average tokens (B, N, D) over the observed ones (B, N): (B, 1, D)."""
        weight = observed[:, :, None].to(h.dtype)
        return (h * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)

    def scores(self, h: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Score the codes of windows (B, T, K) by the features of tokens (B, N, D)."""
        n_groups = self.encoder.n_groups(batch.x.shape[1])
        means = h.unflatten(1, (n_groups, -1)).mean(1).transpose(1, 2)  # (B, D, L')
        return self.head(self.window_features(means, batch.mask))
