"""The methods that train a masked autoencoder: an encoder of visible tokens and a small decoder."""

import abc
from functools import partial
from typing import Any

from sklearn_ssl.base import ReconstructingTransformer, choice, number, recipe
from sklearn_ssl.losses import masked_mse_loss
from sklearn_ssl.masking import RandomMasking


class MaskedAutoencoderTransformer(ReconstructingTransformer, abc.ABC):
    """A transformer whose encoder sees visible tokens only, and whose decoder predicts the values of the hidden ones.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``RandomMasking(ratio=0.75)``.
    decoder_depth : int, default=1
        Number of transformer blocks of the decoder.
    decoder_width : int, default=64
        Number of features of its tokens.
    normalise : {"none", "window", "channel"}, default="none"
        Whether targets are not scaled, scaled for each token, or scaled for each channel of a window.
    """

    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.75), needs="hidden")
    decoder_depth: int = number(default=1, least=1, integer=True)
    decoder_width: int = number(default=64, least=1, integer=True)
    normalise: str = choice("none", "window", "channel", default="none")

    def _autoencoder(self, architecture):
        """Bind what every architecture of a masked autoencoder takes."""
        names = ("decoder_depth", "decoder_width", "normalise")
        return self._masked(architecture, **{name: getattr(self, name) for name in names})

    def _loss(self):
        return masked_mse_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return None if self.normalise == "none" else 1.0
