"""SimCLR."""

import math
from functools import partial
from typing import final

from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import ntxent_loss


@final
class SimCLRTransformer(JointEmbeddingTransformer):
    r"""SimCLR: pull two views of a series together and push all other series away.

    Minimises NT-Xent over the 2n views of a batch of n series,

    .. math::

        \frac{1}{2n} \sum_i -\log \frac{\exp(\cos(z_i, z_{p(i)}) / \tau)}{\sum_{k \ne i} \exp(\cos(z_i, z_k) / \tau)},

    where :math:`z_i` is the projection of view i, and :math:`p(i)` the other view of the same series. A loss of
    :math:`\log(2n - 1)` is chance level: it is the loss of projections that are all the same.

    Parameters
    ----------
    temperature : float, default=0.2
        :math:`\tau`. A lower one puts more weight on the hardest negatives.

    References
    ----------
    Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual Representations",
    ICML 2020. Poppelbaum, Chadha and Schwung, "Contrastive learning based self-supervised time-series analysis",
    Applied Soft Computing 117, 2022 (SimCLR-TS).

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SimCLRTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    temperature: float = number(default=0.2, above=0)

    def _loss(self):
        return partial(ntxent_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(2 * n_cases - 1)
