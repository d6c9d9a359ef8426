"""OmniMAE."""

from typing import Any, final

from sklearn_ssl.architectures import ChannelAutoencoder
from sklearn_ssl.base import recipe
from sklearn_ssl.encoders import ChannelTransformerEncoder
from sklearn_ssl.methods.masked._autoencoders import MaskedAutoencoderTransformer


@final
class OmniMAETransformer(MaskedAutoencoderTransformer):
    r"""OmniMAE: one masked autoencoder for several data sets with other channels and lengths.

    `fit_many` trains on all sets at once, in batches of one set each. `fit` trains on one, as everywhere. Minimises

    .. math:: \frac{1}{|H|} \sum_{(i, j) \in H} (\hat y_{ij} - y_{ij})^2

    where H are the values j of hidden tokens of the series i of a batch, :math:`\hat y` the predictions and y the
    targets. `fit_many` draws the sets in turn, so each counts alike.

    The paper trains one network on images and videos, and how often a set is drawn is chosen by hand. The authors hide
    0.9 of an image and 0.95 of a video. Scale the series of every set before.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        An encoder with tokens for each channel. None is ``ChannelTransformerEncoder()``.
    normalise : {"none", "window", "channel"}, default="channel"
        Whether targets are not scaled, scaled for each token, or scaled for each channel of a window.

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
    >>> model.transform(three).shape
    (20, 768)
    >>> model.transform(six).shape
    (30, 768)
    """

    encoder: Any = recipe(default_factory=ChannelTransformerEncoder)
    normalise: str = "channel"

    def _architecture(self):
        return self._autoencoder(ChannelAutoencoder)
