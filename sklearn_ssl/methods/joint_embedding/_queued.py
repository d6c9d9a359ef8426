"""The methods that find a view among views of earlier batches."""

import abc
import math

from sklearn_ssl.architectures import QueueArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number


class QueuedTransformer(JointEmbeddingTransformer, abc.ABC):
    r"""A transformer that contrasts two views with a queue of the teacher's earlier projections.

    Parameters
    ----------
    momentum : float, default=0.99
        m, the share of the teacher's weights that stays in each step. The authors use 0.999. That is an average over a
        thousand steps, more than a fit on a small set has.
    queue_size : int or "auto", default="auto"
        K. "auto" is half the number of series, from 2 to 4096. A number above the number of series is reduced to it,
        with a warning, because a series would find its own earlier views among the negatives.
    """

    momentum: float = number(default=0.99, least=0, most=1)
    queue_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))

    def _architecture(self):
        return self._with_views(QueueArchitecture, momentum=self.momentum, queue_size=self.queue_size)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(len(self.net_.module_.queue) + 1)
