"""The methods that predict codes of hidden windows from whole series with blocks replaced."""

import abc
from functools import partial
from typing import Any

from sklearn_ssl.architectures import CodeArchitecture
from sklearn_ssl.base import TokenizedTransformer, recipe
from sklearn_ssl.losses import masked_cross_entropy_loss
from sklearn_ssl.masking import BlockMasking


class CodePredictingTransformer(TokenizedTransformer, abc.ABC):
    """A transformer whose encoder sees series with blocks replaced, and predicts the codes of the hidden windows.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``BlockMasking(ratio=0.4, mean_length=3)``. A window that is hidden
        in some channels only is predicted too.
    """

    masking: Any = recipe(default_factory=partial(BlockMasking, ratio=0.4, mean_length=3), needs="hidden")

    def _architecture(self):
        return self._masked(CodeArchitecture, **self._fitted_modules())

    def _loss(self):
        return masked_cross_entropy_loss
