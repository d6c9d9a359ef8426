"""The methods in which each view predicts a teacher's projection of the other."""

import abc
from typing import Any

from sklearn_ssl.architectures import BootstrapArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.projectors import MLPProjector


class BootstrappedTransformer(JointEmbeddingTransformer, abc.ABC):
    """A transformer with a teacher whose momentum grows to 1, and with a predictor.

    Parameters
    ----------
    momentum : float, default=0.99
        m at the start of training, the share of the teacher's weights that stays in each step.
    predictor : MLPProjector, default=None
        Head from the projection to the prediction, which is as wide. None is ``MLPProjector()``.
    """

    momentum: float = number(default=0.99, least=0, most=1)
    predictor: Any = recipe(default_factory=MLPProjector, needs="build")

    def _architecture(self):
        predictor = self.resolved("predictor")
        return self._with_views(BootstrapArchitecture, predictor=predictor, momentum=self.momentum, increasing=True)
