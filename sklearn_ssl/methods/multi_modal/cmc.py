"""Contrastive multiview coding."""

import math
from typing import final

from sklearn_ssl.architectures import GroupedArchitecture
from sklearn_ssl.base import GroupedTransformer
from sklearn_ssl.losses import cmc_loss


@final
class CMCTransformer(GroupedTransformer):
    r"""Contrastive multiview coding: bring what several sensors say about a series near to each other.

    Each group of channels has an encoder and a projector of its own. With :math:`z^g_i` the projection of group g of
    series i, minimises over all pairs of groups g < h the mean of

    .. math::

        -\frac{1}{2} \left( \log \frac{\exp(s \cos(z^g_i, z^h_i))}{\sum_k \exp(s \cos(z^g_i, z^h_k))}
        + \log \frac{\exp(s \cos(z^g_i, z^h_i))}{\sum_k \exp(s \cos(z^g_k, z^h_i))} \right),

    where k runs over the series of the batch that have both groups, and s is the scale, the inverse of the temperature.
    Projections that are all the same have the loss log n for n series.

    `transform` returns the features of all groups. `embed` returns the mean of their unit vectors, brought to length 1.
    The vectors of all groups are in one space, so a classifier on `embed` also works if a group is missing. What only
    one sensor sees is lost in `embed`, and kept in `transform`.

    The paper compares the halves of an image's colours with a memory bank of negatives. Here the negatives are the
    other series of the batch, and the temperature is learnt, as in CLIP.

    References
    ----------
    Tian, Krishnan and Isola, "Contrastive multiview coding", ECCV 2020. Deldari, Xue, Saeed, Smith and Salim, "COCOA:
    Cross modality contrastive learning for sensor data", IMWUT 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import CMCTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_channels=6, random_state=0)
    >>> cmc = CMCTransformer(channel_groups=[[0, 1, 2], [3, 4, 5]], max_epochs=1, random_state=0).fit(X)
    >>> cmc.transform(X).shape, cmc.embed(X).shape
    ((20, 1536), (20, 128))
    >>> X[:, 3:] = np.nan  # the second sensor failed
    >>> cmc.embed(X).shape
    (20, 128)
    """

    def _architecture(self):
        return self._grouped(GroupedArchitecture)

    def _loss(self):
        return cmc_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(n_cases)
