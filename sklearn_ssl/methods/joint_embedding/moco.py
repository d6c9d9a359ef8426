"""MoCo, version 1."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import QueueArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import queue_contrastive_loss
from sklearn_ssl.projectors import MLPProjector


@final
class MoCoTransformer(JointEmbeddingTransformer):
    r"""MoCo v1: find the other view of a series among the views of earlier batches, kept in a queue.

    Minimises, for the projection :math:`q_i` of one view, the teacher's projection :math:`k_i` of another, and the
    queue :math:`m_1, \dots, m_K` of what the teacher gave for earlier batches,

    .. math::

        \frac{1}{n} \sum_i -\log \frac{\exp(\cos(q_i, k_i) / \tau)}
        {\exp(\cos(q_i, k_i) / \tau) + \sum_j \exp(\cos(q_i, m_j) / \tau)}.

    Weights :math:`\theta'` of the teacher follow those of the encoder before every step, :math:`\theta' \leftarrow m
    \theta' + (1 - m) \theta`. A loss of log(K + 1) is chance level.

    Parameters
    ----------
    temperature : float, default=0.07
        :math:`\tau`.
    momentum : float, default=0.99
        m. The authors' 0.999 averages over a thousand steps, which is more than a fit on a small set has.
    queue_size : int or "auto", default="auto"
        K. "auto" is half the number of series, from 2 to 4096. More than the number of series is cut to it with a
        warning: a series would find its own earlier views among the negatives.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss; it is not used by `transform`. None is the single linear layer
        ``MLPProjector(depth=1)``.

    See Also
    --------
    MoCoV2Transformer : With a deeper projector, stronger views and a higher temperature.
    MoCoV3Transformer : Without a queue, with a predictor.

    References
    ----------
    He, Fan, Wu, Xie and Girshick, "Momentum contrast for unsupervised visual representation learning", CVPR 2020.

    Examples
    --------
    >>> from sklearn_ssl import MoCoTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> MoCoTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    projector: Any = recipe(default_factory=partial(MLPProjector, depth=1), needs="build")
    temperature: float = number(default=0.07, above=0)
    momentum: float = number(default=0.99, least=0, most=1)
    queue_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))

    def _architecture(self):
        return self._with_views(
            QueueArchitecture,
            momentum=self.momentum,
            queue_size=self.queue_size,
        )

    def _loss(self):
        return partial(queue_contrastive_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(len(self.net_.module_.queue) + 1)
