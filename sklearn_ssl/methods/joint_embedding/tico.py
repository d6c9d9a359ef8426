"""TiCo."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import MomentumCovarianceArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import tico_loss


@final
class TiCoTransformer(JointEmbeddingTransformer):
    r"""TiCo: agree on two views, and keep away from the directions that projections have had so far.

    Minimises, for n series,

    .. math::

        -\frac{1}{n} \sum_i z_i^\top z'_i + \frac{\rho}{n} \sum_i z_i^\top C z_i, \qquad
        C \leftarrow \beta C + \frac{1 - \beta}{n} \sum_i z_i z_i^\top.

    where :math:`z_i` is the projection of one view of series i at unit length, and :math:`z'_i` the teacher's
    projection of another view. The covariance C starts from zeros and is updated before it is used. The gradient flows
    through the part of C that comes from this batch, but not through its history. Some implementations let it flow
    through neither.

    The teacher's weights :math:`\theta'` follow the encoder's weights :math:`\theta` before every step,
    :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows to 1 along a cosine.

    Parameters
    ----------
    rho : float, default=8.0
        :math:`\rho`, the weight of the covariance term. Public implementations use 8 or 20.
    beta : float, default=0.9
        :math:`\beta`, the share of the history in C.
    momentum : float, default=0.99
        m at the start of training, the share of the teacher's weights that stays in each step.

    See Also
    --------
    VICRegTiCoTransformer : VICReg with this covariance term.

    References
    ----------
    Zhu, Moraes, Karakulak, Sobol, Canziani and LeCun, "TiCo: Transformation invariance and covariance contrast for
    self-supervised visual representation learning", arXiv:2206.10698, 2022.

    Examples
    --------
    >>> from sklearn_ssl import TiCoTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TiCoTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    rho: float = number(default=8.0, least=0)
    beta: float = number(default=0.9, least=0, most=1)
    momentum: float = number(default=0.99, least=0, most=1)

    def _architecture(self):
        return self._with_views(
            MomentumCovarianceArchitecture,
            beta=self.beta,
            momentum=self.momentum,
            increasing=True,
        )

    def _loss(self):
        return partial(tico_loss, rho=self.rho)

    def _collapsed_loss(self, n_cases, n_projections):
        return self.rho - 1  # after many batches, when the zeros that C started from have no weight left
