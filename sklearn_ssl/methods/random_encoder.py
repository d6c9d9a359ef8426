"""The untrained encoder."""

from typing import final

from sklearn_ssl.base.untrained import UntrainedTransformer


@final
class RandomEncoderTransformer(UntrainedTransformer):
    """The encoder as initialised: the baseline that every pretrained encoder has to beat.

    The weights are drawn from `random_state`. Another transformer with the same encoder and `random_state` starts from
    the same weights. `fit` leaves them as they are. An encoder that takes thresholds from the series, such as
    `RocketEncoder`, takes them.

    References
    ----------
    Dempster, Schmidt and Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series
    Classification", KDD 2021. They show how strong random convolutions are.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> RandomEncoderTransformer(random_state=0).fit_transform(X).shape
    (20, 768)
    """
