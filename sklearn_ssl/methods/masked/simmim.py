"""SimMIM."""

from typing import final

from sklearn_ssl.architectures import ReplacedArchitecture
from sklearn_ssl.base import ReconstructingTransformer
from sklearn_ssl.losses import masked_l1_loss


@final
class SimMIMTransformer(ReconstructingTransformer):
    r"""SimMIM: replace random windows by a learnt value, and predict their values by a linear map.

    The encoder sees the whole series, with a learnt value per channel at hidden steps. A linear map turns each step of
    its last map into the values of the time steps that it covers. Minimises

    .. math:: \frac{1}{|H|} \sum_{(i, c, t) \in H} |\hat x_{ict} - x_{ict}|,

    where H are the hidden values of the batch, x the series and :math:`\hat x` the predictions. So long series weigh
    more than short ones. It takes every encoder that gives features per time step or window. The paper hides 0.6 of an
    image in units of 32 pixels; the default here is 0.5 in units of one window.

    See Also
    --------
    MAETransformer : Hidden windows never enter the encoder, which makes a step cheaper.

    References
    ----------
    Xie, Z., Zhang, Z., Cao, Y., Lin, Y., Bao, J., Yao, Z., Dai, Q. and Hu, H. (2022). SimMIM: a simple framework for
    masked image modeling. CVPR. https://arxiv.org/abs/2111.09886

    Examples
    --------
    >>> from sklearn_ssl import SimMIMTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SimMIMTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _architecture(self):
        return self._masked(ReplacedArchitecture)

    def _loss(self):
        return masked_l1_loss
