"""OmniMAE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import ManySetsArchitecture
from sklearn_ssl.base import ManySetsMixin, ReconstructingTransformer, choice, number, recipe
from sklearn_ssl.encoders import ChannelTransformerEncoder
from sklearn_ssl.losses import masked_mse_loss
from sklearn_ssl.masking import RandomMasking


@final
class OmniMAETransformer(ManySetsMixin, ReconstructingTransformer):
    r"""OmniMAE: one masked autoencoder for several data sets with other channels and lengths.

    `fit_many` trains on all sets at once. `fit` trains on one, as everywhere. Each set counts alike. Minimises

    .. math::

        \frac{\sum_{(i, j) \in H} w_i (\hat y_{ij} - y_{ij})^2}{\sum_{(i, j) \in H} w_i}, \qquad
        w_i = \frac{N}{S \, n_{s(i)}},

    where H are the values j of hidden tokens of the series i, :math:`\hat y` the predictions, y the targets, N the
    number of all series, S the number of sets, and :math:`n_{s(i)}` the number of series of the set of i. A channel
    that a series lacks is neither seen, nor hidden, nor predicted.

    The paper trains one network on images and videos, and weighs nothing: how often a set is drawn is chosen by hand.
    The authors hide 0.9 of an image and 0.95 of a video. Scale the series of every set before.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        An encoder with tokens for each channel. None is ``ChannelTransformerEncoder()``.
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``RandomMasking(ratio=0.75)``.
    decoder_depth : int, default=1
        Number of transformer blocks of the decoder.
    decoder_width : int, default=64
        Number of features of its tokens.
    normalise : {"channel", "none", "window"}, default="channel"
        Whether targets are scaled for each channel of a window, not scaled, or scaled for each token.

    See Also
    --------
    VideoMAETransformer : One set, and windows that are hidden in all channels.

    References
    ----------
    Girdhar, R., El-Nouby, A., Singh, M., Alwala, K. V., Joulin, A. and Misra, I. (2023). OmniMAE: single model masked
    pretraining on images and videos. CVPR. https://arxiv.org/abs/2206.08356

    Examples
    --------
    >>> from sklearn_ssl import OmniMAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> three, _ = make_waves(n_cases=20, n_channels=3, n_timepoints=80, random_state=0)
    >>> six, _ = make_waves(n_cases=30, n_channels=6, n_timepoints=48, random_state=1)
    >>> model = OmniMAETransformer(max_epochs=1, random_state=0).fit_many([three, six])
    >>> model.for_channels(3).transform(three).shape
    (20, 768)
    >>> model.transform(six).shape
    (30, 768)
    """

    encoder: Any = recipe(default_factory=ChannelTransformerEncoder)
    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.75), needs="hidden")
    decoder_depth: int = number(default=1, least=1, integer=True)
    decoder_width: int = number(default=64, least=1, integer=True)
    normalise: str = choice("channel", "none", "window", default="channel")

    def _architecture(self):
        return self._masked(
            ManySetsArchitecture,
            decoder_depth=self.decoder_depth,
            decoder_width=self.decoder_width,
            normalise=self.normalise,
        )

    def _loss(self):
        return masked_mse_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return None if self.normalise == "none" else 1.0
