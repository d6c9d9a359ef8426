"""The untrained encoder."""

from typing import final

from sklearn_ssl.base import EmbeddingTransformer


@final
class RandomEncoderTransformer(EmbeddingTransformer):
    """The encoder as initialised: the baseline that every pretrained one has to beat.

    The weights are drawn from `random_state` exactly as a pretraining transformer with the same encoder draws its
    initial ones, and stay as they are. Only the number of channels is learnt from the data.

    References
    ----------
    Dempster, Schmidt and Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series
    Classification", KDD 2021, show how strong random convolutions are.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> RandomEncoderTransformer(random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _planned_epochs(self, net, dataset):
        return 0

    def _trained(self, net, dataset, reporter):
        return net

    def _continued(self, net, dataset):
        return net
