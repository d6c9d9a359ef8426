"""BYOL."""

from typing import final

from sklearn_ssl.base import number
from sklearn_ssl.losses import byol_loss
from sklearn_ssl.methods.joint_embedding._bootstrapped import BootstrappedTransformer


@final
class BYOLTransformer(BootstrappedTransformer):
    r"""BYOL: predict from one view a teacher's projection of the other view, without negatives.

    Minimises, for predictions :math:`p_1, p_2` of two views and the teacher's projections :math:`z_1, z_2` of them,

    .. math:: \frac{1}{2n} \sum_i \bigl(2 - 2 \cos(p_{1i}, z_{2i}) + 2 - 2 \cos(p_{2i}, z_{1i})\bigr),

    where i runs over the n series of the batch. The teacher's weights :math:`\theta'` follow the encoder's weights
    :math:`\theta` before every step, :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows to 1 along a
    cosine. The teacher receives no gradient. The paper adds the two directions. Here the loss is their mean.

    Parameters
    ----------
    momentum : float, default=0.996
        m at the start of training, the share of the teacher's weights that stays in each step.

    See Also
    --------
    MoCoV3Transformer : The same architecture, with the other series of the batch as negatives.
    SimSiamTransformer : A predictor without a teacher.

    References
    ----------
    Grill, Strub, Altché and others, "Bootstrap your own latent: A new approach to self-supervised learning", NeurIPS
    2020.

    Examples
    --------
    >>> from sklearn_ssl import BYOLTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> BYOLTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    momentum: float = number(default=0.996, least=0, most=1)

    def _loss(self):
        return byol_loss
