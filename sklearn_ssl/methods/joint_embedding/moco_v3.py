"""MoCo, version 3."""

import math
from functools import partial
from typing import final

from sklearn_ssl.base import number
from sklearn_ssl.losses import mocov3_loss
from sklearn_ssl.methods.joint_embedding._bootstrapped import BootstrappedTransformer


@final
class MoCoV3Transformer(BootstrappedTransformer):
    r"""MoCo v3: predict from one view a teacher's projection of the other view, against the other series of the batch.

    Minimises, for predictions :math:`q_1, q_2` of two views and the teacher's projections :math:`k_1, k_2` of them,

    .. math::

        c(q_1, k_2) + c(q_2, k_1), \qquad c(q, k) = \frac{2 \tau}{n} \sum_i -\log
        \frac{\exp(\cos(q_i, k_i) / \tau)}{\sum_j \exp(\cos(q_i, k_j) / \tau)},

    where i and j run over the n series of the batch. The teacher's weights :math:`\theta'` follow the encoder's weights
    :math:`\theta` before every step, :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows to 1 along a
    cosine. There is no queue. A loss of :math:`4 \tau \log n` is chance level. The authors' projector and predictor end
    with a batch normalisation without weights. The heads here do not.

    Parameters
    ----------
    temperature : float, default=0.2
        :math:`\tau`. A lower one puts more weight on the hardest negatives.

    See Also
    --------
    MoCoTransformer : The first version, with a queue.
    BYOLTransformer : The same architecture, without negatives.

    References
    ----------
    Chen, Xie and He, "An empirical study of training self-supervised vision transformers", ICCV 2021.

    Examples
    --------
    >>> from sklearn_ssl import MoCoV3Transformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> MoCoV3Transformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    temperature: float = number(default=0.2, above=0)

    def _loss(self):
        return partial(mocov3_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return 4 * self.temperature * math.log(n_cases)
