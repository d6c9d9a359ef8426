"""MoCo, version 1."""

from functools import partial
from typing import Any, final

from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import queue_contrastive_loss
from sklearn_ssl.methods.joint_embedding._queued import QueuedTransformer
from sklearn_ssl.projectors import MLPProjector


@final
class MoCoTransformer(QueuedTransformer):
    r"""MoCo v1: find the other view of a series among views from earlier batches, which are kept in a queue.

    Minimises, for n series,

    .. math::

        \frac{1}{n} \sum_i -\log \frac{\exp(\cos(q_i, k_i) / \tau)}
        {\exp(\cos(q_i, k_i) / \tau) + \sum_j \exp(\cos(q_i, m_j) / \tau)},

    where :math:`q_i` is the encoder's projection of one view of series i, :math:`k_i` the teacher's projection of
    another view, and :math:`m_1, \dots, m_K` are the teacher's projections of series of earlier batches. The teacher's
    weights :math:`\theta'` follow the encoder's weights :math:`\theta` before every step,
    :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`. A loss of :math:`\log(K + 1)` is chance level.

    Parameters
    ----------
    temperature : float, default=0.07
        :math:`\tau`. A lower one puts more weight on the hardest negatives.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss. `transform` does not use it. None is the single linear layer
        ``MLPProjector(depth=1)``.

    See Also
    --------
    MoCoV2Transformer : MoCo with a deeper projector, stronger views and a higher temperature.
    MoCoV3Transformer : MoCo with a predictor, without a queue.

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

    def _loss(self):
        return partial(queue_contrastive_loss, temperature=self.temperature)
