"""EMP-SSL with a contrastive term."""

import math
from functools import partial
from typing import final

from sklearn_ssl.architectures import WindowArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import contrastive_emp_ssl_loss


@final
class ContrastiveEMPSSLTransformer(JointEmbeddingTransformer):
    r"""EMP-SSL with contrast: the mean of a series finds its own windows among those of all other series.

    Minimises, for the projections :math:`z_i^j` of window i of series j at unit length, V windows and b series,

    .. math::

        -\frac{1}{V} \sum_i R(Z_i) + \frac{\lambda}{V b} \sum_i \sum_j -\log
        \frac{\exp(\bar z^j \cdot z_i^j / \tau)}{\sum_k \sum_{l \ne j} \exp(\bar z^j \cdot z_k^l / \tau)}, \qquad
        R(Z) = \tfrac{1}{2} \log \det \Bigl(I + \frac{d}{b \, \epsilon} Z^\top Z\Bigr),

    where :math:`\bar z^j` is the mean over the windows of series j and :math:`Z_i` the (b, d) matrix of window i. No
    window of series j is in the denominator, so the second term can be negative.

    Parameters
    ----------
    n_windows : int, default=4
        V, at least 2. The paper has 20 and more; on small sets 4 were as good in cross-validation
        (:ref:`joint_embedding`).
    window_ratio : float, default=0.8
        Share of a series that a window covers. A step costs ``n_windows * window_ratio`` passes through the encoder.
    invariance : float, default=200.0
        :math:`\lambda`, the weight of the contrastive term.
    epsilon : float, default=0.2
        :math:`\epsilon`, the squared error up to which the coding rate R codes.
    temperature : float, default=0.2
        :math:`\tau`. A lower one puts more weight on the hardest negatives. With 0.07, the default of the loss,
        features of small sets were behind those of the untrained encoder (:ref:`benchmarks`).

    See Also
    --------
    EMPSSLTransformer : The original, with cosines.

    References
    ----------
    Tong, Chen, Ma and LeCun, "EMP-SSL: Towards self-supervised learning in one training epoch", arXiv:2304.03977, 2023.

    Examples
    --------
    >>> from sklearn_ssl import ContrastiveEMPSSLTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> ContrastiveEMPSSLTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    n_windows: int = number(default=4, least=2, integer=True)
    window_ratio: float = number(default=0.8, above=0, most=1)
    invariance: float = number(default=200.0, least=0)
    epsilon: float = number(default=0.2, above=0)
    temperature: float = number(default=0.2, above=0)

    def _architecture(self):
        return self._with_views(
            WindowArchitecture,
            n_views=self.n_windows,
            window_ratio=self.window_ratio,
        )

    def _loss(self):
        return partial(
            contrastive_emp_ssl_loss,
            invariance=self.invariance,
            epsilon=self.epsilon,
            temperature=self.temperature,
        )

    def _collapsed_loss(self, n_cases, n_projections):
        contrast = self.invariance * math.log(self.n_windows * (n_cases - 1))
        return contrast - math.log1p(n_projections / self.epsilon) / 2
