"""MoCo, version 3."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import BootstrapArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import mocov3_loss
from sklearn_ssl.projectors import MLPProjector


@final
class MoCoV3Transformer(JointEmbeddingTransformer):
    r"""MoCo v3: predict from one view what a moving average of the encoder makes of the other, against the batch.

    Minimises, for predictions :math:`q_1, q_2` of two views and the teacher's projections :math:`k_1, k_2` of them,

    .. math::

        c(q_1, k_2) + c(q_2, k_1), \qquad c(q, k) = \frac{2 \tau}{n} \sum_i -\log
        \frac{\exp(\cos(q_i, k_i) / \tau)}{\sum_j \exp(\cos(q_i, k_j) / \tau)}.

    Weights :math:`\theta'` of the teacher follow those of the encoder before every step, :math:`\theta' \leftarrow m
    \theta' + (1 - m) \theta`, with m growing to 1 along a cosine. There is no queue: the negatives are the other series
    of the batch. A loss of :math:`4 \tau \log n` is chance level.

    Parameters
    ----------
    temperature : float, default=0.2
        :math:`\tau`.
    momentum : float, default=0.99
        m at the start of training.
    predictor : MLPProjector, default=None
        Head from the projection to the prediction, which is as wide. None is ``MLPProjector()``.

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
    momentum: float = number(default=0.99, least=0, most=1)
    predictor: Any = recipe(default_factory=MLPProjector, needs="build")

    def _architecture(self):
        return self._with_views(
            BootstrapArchitecture,
            predictor=self.resolved("predictor"),
            momentum=self.momentum,
            increasing=True,
        )

    def _loss(self):
        return partial(mocov3_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return 4 * self.temperature * math.log(n_cases)
