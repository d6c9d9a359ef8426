"""The methods that regress features of hidden windows from visible ones, and predict their codes from them."""

import abc
from typing import Any

from sklearn_ssl.base import TokenizedTransformer, number, recipe
from sklearn_ssl.methods.masked.vq_tokenizer import VQTokenizer


class RegressingTransformer(TokenizedTransformer, abc.ABC):
    """A transformer with a regressor from the tokens of visible windows to those of hidden ones.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Passes over the series. "auto" is about 1,000 optimiser steps, five times as many as for other methods, because
        the features of this one are worse than untrained ones after 200. 0 leaves the weights as initialised.
    tokenizer : transformer, default=None
        Turns windows into codes. It is cloned, and the clone is fitted to the same series first. Its encoder, if that
        is None, and its window, if that is "auto", are as here. A fitted tokenizer in `sklearn.frozen.FrozenEstimator`
        is used as it is. None is ``VQTokenizer()``.
    regressor_depth : int, default=1
        Number of blocks of the regressor.
    """

    _auto_steps = 1000

    tokenizer: Any = recipe(default_factory=VQTokenizer, needs="tokenize")
    regressor_depth: int = number(default=1, least=1, integer=True)

    def _left_open(self, stage: Any, seed: int) -> dict[str, Any]:
        taken = super()._left_open(stage, seed)
        encoder = self.resolved("encoder")
        if taken.get("window") == "auto":  # whole tokens are hidden, so the windows are those of the encoder
            taken["window"] = getattr(encoder, "window", getattr(encoder, "stride", "auto"))
        return taken
