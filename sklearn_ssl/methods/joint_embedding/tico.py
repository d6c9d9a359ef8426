"""TiCo."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import MomentumCovarianceArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import tico_loss


@final
class TiCoTransformer(JointEmbeddingTransformer):
    r"""TiCo: agree on two views, and keep away from the directions that embeddings have taken so far.

    Minimises, for the projection :math:`z_i` of one view and the teacher's :math:`z'_i` of another, at unit length,

    .. math::

        -\frac{1}{n} \sum_i z_i^\top z'_i + \frac{\rho}{n} \sum_i z_i^\top C z_i, \qquad
        C \leftarrow \beta C + \frac{1 - \beta}{n} \sum_i z_i z_i^\top.

    Weights :math:`\theta'` of the teacher follow those of the encoder before every step, :math:`\theta' \leftarrow m
    \theta' + (1 - m) \theta`, with m growing to 1 along a cosine. The gradient flows through the part of C that comes
    from this batch, not through its history; implementations differ in the former.

    Parameters
    ----------
    rho : float, default=8.0
        :math:`\rho`. Public implementations have 8 or 20.
    beta : float, default=0.9
        :math:`\beta`, the share of the history in C.
    momentum : float, default=0.99
        m at the start of training.

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
        return self.rho - 1  # once C has forgotten that it began as zeros
