"""Colorization."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import HiddenChannelArchitecture
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import HiddenChannelTransformer, number
from sklearn_ssl.losses import colorization_loss


@final
class ColorizationTransformer(HiddenChannelTransformer):
    r"""Colorization: predict the values of a hidden channel from the other channels.

    For images, colours are predicted from lightness. Here a random channel c of each series is set to 0 in what the
    encoder sees. A linear classifier for each channel tells from the features of each step in which of Q bins the
    hidden value lies. Bins are equally wide and are set for each channel by its quantiles. Minimises

    .. math:: \frac{\sum_{i,t} w_{it} \sum_q -s_{iqt} \log p_{iqt}}{\sum_{i,t} w_{it}}

    over observed steps t of series i, where p are the predicted shares of the bins, and s spreads the value over the
    five nearest bins. The weight w makes rare values count more. It is the inverse of
    :math:`\lambda p_q + (1 - \lambda) / Q` for the nearest bin q, with :math:`p_q` the share of that bin in the
    channel, and 1 on average. One series in C + 1 is seen whole and does not count, C the number of channels.

    The encoder learns what channels have to do with each other. It learns nothing from channels that are independent.
    `colorize` predicts a channel, to be compared with the series themselves.

    A series of a single channel is split: the encoder sees the means over short windows, and the deviations from them
    are predicted. Then the encoder learns which details go with which outline.

    Parameters
    ----------
    rebalancing : float, default=0.5
        Weight :math:`\lambda` of the shares of the bins in the weight of a step. 0 gives all steps the same weight.

    See Also
    --------
    MAETransformer : Predict hidden windows of all channels.
    RotationTransformer : Tell which transformation was applied.

    References
    ----------
    Zhang, R., Isola, P. and Efros, A. A. (2016). Colorful image colorization. ECCV. https://arxiv.org/abs/1603.08511.
    There :math:`\lambda` is called 1 minus lambda, and what is hidden is always the same. The split of a single channel
    and the whole series are ours.

    Examples
    --------
    >>> from sklearn_ssl import ColorizationTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = ColorizationTransformer(max_epochs=1, random_state=0).fit(X)
    >>> transformer.colorize(X, channel=1).shape == X[:, 1].shape
    True
    """

    rebalancing: float = number(default=0.5, least=0, below=1)

    def _architecture(self):
        augmentation = as_augmentation(self.resolved("augmentation"))
        return partial(
            HiddenChannelArchitecture, augmentation=augmentation, n_bins=self.n_bins, rebalancing=self.rebalancing
        )

    def _loss(self):
        return colorization_loss
