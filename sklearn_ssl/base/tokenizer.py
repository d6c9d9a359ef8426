"""The base of transformers that turn windows into codes, and of those that learn from such codes."""

import abc
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.base.masked import MaskedTransformer
from sklearn_ssl.base.staged import StagedTransformer
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.encoders.transformer import small_transformer


class Tokenizer(SSLTransformer, abc.ABC):
    """A transformer that gives each window of a series one of K codes.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers. None is ``TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)``.
    window : int or "auto", default="auto"
        Number of time steps of a window. "auto" is the window of the encoder if it has one, and else 8, but at most a
        quarter of the longest series, rounded down to a power of two.
    n_codes : int, default=64
        Number of codes K. More than a quarter of the windows of all series is reduced to that, with a warning.
    code_width : int, default=16
        Number of values of a vector of the codebook.
    commitment : float, default=1.0
        Weight of the squared distance between windows and the vectors of their codes.
    decay : float, default=0.9
        The share of a vector of the codebook that stays in each step, and how long a code lives that no window has. The
        authors of BEiT v2 use 0.99. They take many more steps.

    Attributes
    ----------
    n_codes_ : int
        Number of codes of the fitted codebook.
    """

    encoder: Any = recipe(default_factory=small_transformer)
    window: int | str = number(default="auto", least=1, integer=True, or_else=("auto",))
    n_codes: int = number(default=64, least=2, integer=True)
    code_width: int = number(default=16, least=1, integer=True)
    commitment: float = number(default=1.0, least=0)
    decay: float = number(default=0.9, least=0, most=1)

    def tokenize(self, X: Any) -> np.ndarray:
        """Return the code of every window.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.

        Returns
        -------
        ndarray of shape (n_cases, n_windows)
            The codes, int64, from 0 to K - 1. -1 at windows of padding.

        Examples
        --------
        >>> from sklearn_ssl import VQTokenizer
        >>> from sklearn_ssl.datasets import make_waves
        >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
        >>> VQTokenizer(max_epochs=1, random_state=0).fit(X).tokenize(X).shape
        (20, 13)
        """
        net, dataset = self._ready(X)
        return torch.cat(list(net.represent(dataset, "codes", whole=True))).numpy().astype(np.int64)

    @property
    def n_codes_(self) -> int:
        """The number of codes of the fitted codebook."""
        return len(self.net_.module_.codebook)

    def _coded(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return partial(
            architecture,
            window=self.window,
            n_codes=self.n_codes,
            code_width=self.code_width,
            decay=self.decay,
            **own,
        )


class TaughtTokenizer(Tokenizer, StagedTransformer, abc.ABC):
    """A tokenizer that learns from the features of a teacher.

    A tokenizer declares the field `teacher`, with a default of its own.

    Attributes
    ----------
    teacher_ : transformer
        The fitted teacher. Training does not change it.
    """

    _stages = ("teacher",)


class TokenizedTransformer(MaskedTransformer, StagedTransformer, abc.ABC):
    """A masked transformer that predicts the codes that a tokenizer gives hidden windows.

    A method declares the field `tokenizer`, with a default of its own.

    Attributes
    ----------
    tokenizer_ : transformer
        The fitted tokenizer. Training does not change it.
    """

    _stages = ("tokenizer",)
    _kind_of_stage = Tokenizer

    def _collapsed_loss(self, n_cases: int, n_projections: int) -> float:
        return math.log(self.net_.module_.tokenizer.n_codes)  # all scores are equal
