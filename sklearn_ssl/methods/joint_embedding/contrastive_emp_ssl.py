"""EMP-SSL with a contrastive term."""

import math
from functools import partial
from typing import final

from sklearn_ssl.base import number
from sklearn_ssl.losses import contrastive_emp_ssl_loss
from sklearn_ssl.methods.joint_embedding._windowed import WindowedTransformer


@final
class ContrastiveEMPSSLTransformer(WindowedTransformer):
    r"""EMP-SSL with contrast: the mean of a series finds its own windows among the windows of all other series.

    Minimises, for V windows of each of b series,

    .. math::

        -\frac{1}{V} \sum_i R(Z_i) + \frac{\lambda}{V b} \sum_i \sum_j -\log
        \frac{\exp(\bar z^j \cdot z_i^j / \tau)}{\sum_k \sum_{l \ne j} \exp(\bar z^j \cdot z_k^l / \tau)}, \qquad
        R(Z) = \tfrac{1}{2} \log \det \Bigl(I + \frac{d}{b \, \epsilon} Z^\top Z\Bigr),

    where :math:`z_i^j` is the projection of window i of series j at unit length, :math:`\bar z^j` the mean over the
    windows of series j, :math:`Z_i` the (b, d) matrix of window i, and d the width of the projections. The denominator
    has no window of series j, so the second term can be negative.

    Parameters
    ----------
    window_ratio : float, default=0.8
        Share of a series that a window covers. A step costs ``n_windows * window_ratio`` passes through the encoder.
    temperature : float, default=0.2
        :math:`\tau`. A lower one puts more weight on the hardest negatives.

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

    window_ratio: float = number(default=0.8, above=0, most=1)
    temperature: float = number(default=0.2, above=0)

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
