"""MoCo, version 2."""

from functools import partial
from typing import Any, final

from sklearn_ssl.augmentations._default_views import strong_views
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import queue_contrastive_loss
from sklearn_ssl.methods.joint_embedding._queued import QueuedTransformer


@final
class MoCoV2Transformer(QueuedTransformer):
    r"""MoCo v2: MoCo with a deeper projector, stronger views and a higher temperature.

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
    temperature : float, default=0.2
        :math:`\tau`. A lower one puts more weight on the hardest negatives.
    augmentation : Augmentation, default=None
        How views are made. None is a strong mix: ``Compose(crop=CropResize(min_ratio=0.6), warp=MagnitudeWarp(),
        scaling=Scaling(sigma=0.2), jitter=Jitter(sigma=0.1))``.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss. `transform` does not use it. None is ``MLPProjector()``. Its
        hidden layer is normalised over the batch, unlike in the authors' code.

    See Also
    --------
    MoCoTransformer : The first version.
    MoCoV3Transformer : MoCo with a predictor, without a queue.

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

    augmentation: Any = recipe(default_factory=strong_views, needs="__call__", several=True)
    temperature: float = number(default=0.2, above=0)

    def _loss(self):
        return partial(queue_contrastive_loss, temperature=self.temperature)
