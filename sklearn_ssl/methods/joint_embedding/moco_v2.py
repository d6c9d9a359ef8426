"""MoCo, version 2."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import QueueArchitecture
from sklearn_ssl.augmentations import Compose, CropResize, Jitter, MagnitudeWarp, Scaling
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import queue_contrastive_loss


def stronger_views() -> Compose:
    """Return the augmentation used unless another is given."""
    return Compose(
        crop=CropResize(min_ratio=0.6), warp=MagnitudeWarp(), scaling=Scaling(sigma=0.2), jitter=Jitter(sigma=0.1)
    )


@final
class MoCoV2Transformer(JointEmbeddingTransformer):
    r"""MoCo v2: MoCo with a deeper projector, stronger views and a higher temperature.

    Minimises, for the projection :math:`q_i` of one view, the teacher's projection :math:`k_i` of another, and the
    queue :math:`m_1, \dots, m_K` of what the teacher gave for earlier batches,

    .. math::

        \frac{1}{n} \sum_i -\log \frac{\exp(\cos(q_i, k_i) / \tau)}
        {\exp(\cos(q_i, k_i) / \tau) + \sum_j \exp(\cos(q_i, m_j) / \tau)}.

    Weights :math:`\theta'` of the teacher follow those of the encoder before every step, :math:`\theta' \leftarrow m
    \theta' + (1 - m) \theta`. A loss of log(K + 1) is chance level.

    Parameters
    ----------
    temperature : float, default=0.2
        :math:`\tau`.
    momentum : float, default=0.99
        m. The authors' 0.999 averages over a thousand steps, which is more than a fit on a small set has.
    queue_size : int or "auto", default="auto"
        K. "auto" is half the number of series, from 2 to 4096. More than the number of series is cut to it with a
        warning: a series would find its own earlier views among the negatives.
    augmentation : Augmentation, default=None
        How views are made. None is stronger than elsewhere: ``Compose(crop=CropResize(min_ratio=0.6),
        warp=MagnitudeWarp(), scaling=Scaling(sigma=0.2), jitter=Jitter(sigma=0.1))``.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss; it is not used by `transform`. None is ``MLPProjector()``, which
        normalises its hidden layer over the batch; that of the authors does not.

    See Also
    --------
    MoCoTransformer : The first version.
    MoCoV3Transformer : Without a queue, with a predictor.

    References
    ----------
    Chen, Fan, Girshick and He, "Improved baselines with momentum contrastive learning", arXiv:2003.04297, 2020.

    Examples
    --------
    >>> from sklearn_ssl import MoCoV2Transformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> MoCoV2Transformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    augmentation: Any = recipe(default_factory=stronger_views, needs="apply")
    temperature: float = number(default=0.2, above=0)
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
