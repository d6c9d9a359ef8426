"""VideoMAE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import TubeArchitecture
from sklearn_ssl.base import ReconstructingTransformer, choice, number, recipe
from sklearn_ssl.encoders import ChannelTransformerEncoder
from sklearn_ssl.losses import masked_mse_loss
from sklearn_ssl.masking import RandomMasking


@final
class VideoMAETransformer(ReconstructingTransformer):
    r"""VideoMAE: a masked autoencoder with a token per channel that hides the same windows in all channels.

    Frames of a video are nearly alike, so VideoMAE hides the same places in all frames: tubes. Channels of a series are
    alike in the same way, and take the place of the frames. Minimises

    .. math:: \frac{1}{|H|} \sum_{(i, j) \in H} (\hat y_{ij} - y_{ij})^2,

    where H are the values j of hidden tokens of the series i, :math:`\hat y` the predictions and y the targets. The
    targets are the values of a window and channel, minus their mean and divided by the root of their variance plus
    0.01. The authors add 1e-6 to the standard deviation, and hide 0.9 of a video.

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
    MAETransformer : A token holds all channels, or channels are hidden apart.

    References
    ----------
    Tong, Z., Song, Y., Wang, J. and Wang, L. (2022). VideoMAE: masked autoencoders are data-efficient learners for
    self-supervised video pre-training. NeurIPS. https://arxiv.org/abs/2203.12602

    Examples
    --------
    >>> from sklearn_ssl import VideoMAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_channels=3, random_state=0)
    >>> VideoMAETransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    encoder: Any = recipe(default_factory=ChannelTransformerEncoder)
    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.75), needs="hidden")
    decoder_depth: int = number(default=1, least=1, integer=True)
    decoder_width: int = number(default=64, least=1, integer=True)
    normalise: str = choice("channel", "none", "window", default="channel")

    def _architecture(self):
        return self._masked(
            TubeArchitecture,
            decoder_depth=self.decoder_depth,
            decoder_width=self.decoder_width,
            normalise=self.normalise,
        )

    def _loss(self):
        return masked_mse_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return None if self.normalise == "none" else 1.0
