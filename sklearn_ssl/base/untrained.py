"""Transformers whose encoder is applied as it is."""

import abc

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl.base.step_free import StepFreeTransformer


class UntrainedTransformer(StepFreeTransformer, abc.ABC):
    """A transformer that builds its encoder and takes no step of training."""

    def _train(self, net: SSLNet, dataset: SeriesDataset, listeners: tuple) -> None:
        pass  # there is nothing to learn

    def _continue(self, net: SSLNet, dataset: SeriesDataset) -> None:
        pass
