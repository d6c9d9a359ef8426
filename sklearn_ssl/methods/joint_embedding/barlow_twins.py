"""Barlow Twins."""

from functools import partial
from typing import final

from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import barlow_twins_loss


@final
class BarlowTwinsTransformer(JointEmbeddingTransformer):
    r"""Barlow Twins: make the cross-correlation of two views the identity matrix.

    Minimises

    .. math:: \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2,

    where :math:`C_{ij}` is the correlation, over the series of a batch, of feature i of the projections of one view
    with feature j of the projections of the other view.

    Parameters
    ----------
    redundancy : float, default=5e-3
        :math:`\lambda`, the weight of the correlations between different features.

    References
    ----------
    Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021.

    Examples
    --------
    >>> from sklearn_ssl import BarlowTwinsTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> BarlowTwinsTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    redundancy: float = number(default=5e-3, least=0)

    def _loss(self):
        return partial(barlow_twins_loss, redundancy=self.redundancy)

    def _collapsed_loss(self, n_cases, n_projections):
        return float(n_projections)
