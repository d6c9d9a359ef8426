"""VICReg."""

import math
from functools import partial
from typing import final

from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import vicreg_loss


@final
class VICRegTransformer(JointEmbeddingTransformer):
    r"""VICReg: agree on two views while every feature keeps its variance and no two features are correlated.

    Minimises, for projections Z, Z' of two views of a batch of n series,

    .. math::

        \lambda \, \mathrm{mse}(Z, Z') + \tfrac{\mu}{2} [v(Z) + v(Z')] + \nu \, [c(Z) + c(Z')],

    :math:`v(Z) = \frac{1}{d} \sum_j \max(0, 1 - \sqrt{\mathrm{Var}(Z_j) + 10^{-4}})` and
    :math:`c(Z) = \frac{1}{d} \sum_{i \ne j} \mathrm{Cov}(Z)_{ij}^2` with d the width of the projections. The factor 1/2
    of the variance term is in the authors' code. The paper's formula has no such factor.

    Parameters
    ----------
    invariance : float, default=25.0
        :math:`\lambda`, the weight of the distance between views.
    variance : float, default=25.0
        :math:`\mu`, the weight of the hinge that keeps standard deviations from falling below 1.
    covariance : float, default=1.0
        :math:`\nu`, the weight of the squared covariances between features.

    References
    ----------
    Bardes, Ponce and LeCun, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
    ICLR 2022.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> VICRegTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    invariance: float = number(default=25.0, least=0)
    variance: float = number(default=25.0, least=0)
    covariance: float = number(default=1.0, least=0)

    def _loss(self):
        return partial(vicreg_loss, invariance=self.invariance, variance=self.variance, covariance=self.covariance)

    def _collapsed_loss(self, n_cases, n_projections):
        return self.variance * (1 - math.sqrt(1e-4))
