"""VICReg with TiCo's covariance term."""

import math
from functools import partial
from typing import final

from sklearn_ssl.architectures import CovarianceArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import vicreg_tico_loss


@final
class VICRegTiCoTransformer(JointEmbeddingTransformer):
    r"""VICReg with the covariance term of TiCo, which remembers earlier batches.

    Minimises, for projections Z, Z' of two views of a batch of n series,

    .. math::

        \lambda \, \mathrm{mse}(Z, Z') + \tfrac{\mu}{2} [v(Z) + v(Z')] + \frac{\rho}{2n} \sum_i u_i^\top C u_i, \qquad
        C \leftarrow \beta C + \frac{1 - \beta}{2n} \sum_i u_i u_i^\top,

    where :math:`v(Z) = \frac{1}{d} \sum_j \max(0, 1 - \sqrt{\mathrm{Var}(Z_j) + 10^{-4}})`, d is the width of the
    projections, and :math:`u_1, \dots, u_{2n}` are the rows of Z and Z' at unit length. Only the last term uses unit
    length. The covariance C starts from zeros and is updated before it is used. The gradient flows through the part of
    C that comes from this batch, but not through its history.

    Parameters
    ----------
    invariance : float, default=20.0
        :math:`\lambda`, the weight of the distance between views.
    variance : float, default=25.0
        :math:`\mu`, the weight of the hinge that keeps standard deviations from falling below 1.
    rho : float, default=8.0
        :math:`\rho`, the weight of the covariance term.
    beta : float, default=0.9
        :math:`\beta`, the share of the history in C.

    See Also
    --------
    VICRegTransformer : The same with the covariance of the batch alone.
    TiCoTransformer : The method that the covariance term comes from.

    References
    ----------
    Bardes, Ponce and LeCun, "VICReg: Variance-invariance-covariance regularization for self-supervised learning",
    ICLR 2022. Zhu, Moraes, Karakulak, Sobol, Canziani and LeCun, "TiCo: Transformation invariance and covariance
    contrast for self-supervised visual representation learning", arXiv:2206.10698, 2022.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTiCoTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> VICRegTiCoTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    invariance: float = number(default=20.0, least=0)
    variance: float = number(default=25.0, least=0)
    rho: float = number(default=8.0, least=0)
    beta: float = number(default=0.9, least=0, most=1)

    def _architecture(self):
        return self._with_views(CovarianceArchitecture, beta=self.beta)

    def _loss(self):
        return partial(vicreg_tico_loss, invariance=self.invariance, variance=self.variance, rho=self.rho)

    def _collapsed_loss(self, n_cases, n_projections):
        # after many batches, when the zeros that C started from have no weight left
        return self.variance * (1 - math.sqrt(1e-4)) + self.rho
