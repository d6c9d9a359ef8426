"""EMP-SSL."""

import math
from functools import partial
from typing import final

from sklearn_ssl.losses import emp_ssl_loss
from sklearn_ssl.methods.joint_embedding._windowed import WindowedTransformer


@final
class EMPSSLTransformer(WindowedTransformer):
    r"""EMP-SSL: many windows of a series agree with their mean, and the series fill the space.

    Minimises, for V windows of each of b series,

    .. math::

        -\frac{\lambda}{V b} \sum_i \sum_j \cos(z_i^j, \bar z^j) - \frac{1}{V} \sum_i R(Z_i), \qquad
        R(Z) = \tfrac{1}{2} \log \det \Bigl(I + \frac{d}{b \, \epsilon} Z^\top Z\Bigr),

    where :math:`z_i^j` is the projection of window i of series j at unit length, :math:`\bar z^j` the mean over the
    windows of series j, :math:`Z_i` the (b, d) matrix of window i, and d the width of the projections. The paper has
    :math:`\epsilon^2` in place of :math:`\epsilon`. This class follows the authors' code. `transform`
    embeds the whole series. The authors average the embeddings of many windows.

    See Also
    --------
    ContrastiveEMPSSLTransformer : A contrastive term in place of the cosines.

    References
    ----------
    Tong, Chen, Ma and LeCun, "EMP-SSL: Towards self-supervised learning in one training epoch", arXiv:2304.03977, 2023.

    Examples
    --------
    >>> from sklearn_ssl import EMPSSLTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> EMPSSLTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _loss(self):
        return partial(emp_ssl_loss, invariance=self.invariance, epsilon=self.epsilon)

    def _collapsed_loss(self, n_cases, n_projections):
        return -self.invariance - math.log1p(n_projections / self.epsilon) / 2
