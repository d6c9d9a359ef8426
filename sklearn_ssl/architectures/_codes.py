"""Prediction of the codes that a tokenizer gives hidden windows."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._frozen import Frozen
from sklearn_ssl.architectures._masked import WindowTargetArchitecture
from sklearn_ssl.architectures._tokenizers import CodebookArchitecture


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
