"""VideoMAE."""

from typing import Any, final

from sklearn_ssl.architectures import TubeArchitecture
from sklearn_ssl.base import recipe
from sklearn_ssl.encoders import ChannelTransformerEncoder
from sklearn_ssl.methods.masked._autoencoders import MaskedAutoencoderTransformer


@final
class VideoMAETransformer(MaskedAutoencoderTransformer):
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
    normalise : {"none", "window", "channel"}, default="channel"
        Whether targets are not scaled, scaled for each token, or scaled for each channel of a window.

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
    normalise: str = "channel"

    def _architecture(self):
        return self._autoencoder(TubeArchitecture)
