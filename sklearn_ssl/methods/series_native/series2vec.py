"""Series2Vec."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import DistanceArchitecture
from sklearn_ssl.base import SSLTransformer, number, recipe
from sklearn_ssl.losses import series2vec_loss
from sklearn_ssl.projectors import MLPProjector


@final
class Series2VecTransformer(SSLTransformer):
    r"""Series2Vec: series that are near to each other have features that are near, in time and in frequency.

    One encoder sees series, another one of the same kind sees their spectra. With z the projections in one of both
    domains, and :math:`D_{ij}` the distance of series i and j there, minimises the sum over both domains of

    .. math::

        \frac{1}{n (n - 1)} \sum_{i < j}
        \bigl( \operatorname{u}(\lVert z_i - z_j \rVert) - \operatorname{u}(D_{ij}) \bigr)^2

    for n series in a batch, where u stretches the distances of all pairs of the batch to the range from 0 to 1; see
    :func:`~sklearn_ssl.losses.series2vec_loss`. In the time domain D is the soft-DTW distance, in which :math:`\gamma`
    is the softness of the minimum. It aligns the series, so that a delay costs little. In the frequency domain D is the
    Euclidean distance of the spectra :math:`\log(1 + |X_k| / m)`, with X the Fourier transform of a series of m steps.
    It needs no augmentation.

    Long series are aligned in a coarse form: they are replaced by the means of at most `max_length` segments of equal
    length. The time of an alignment grows with the square of `max_length`, and there are as many as pairs in a batch.
    Series are divided by one number, the standard deviation of the training values, before they are aligned.

    `transform` returns the pooled features of both domains, `encode` those of the encoder in the time domain per step.
    So :func:`~sklearn_ssl.persistence.save_encoder` refuses it; use joblib. Fine-tuning changes the encoder in the time
    domain only.

    The paper lets the projections of a batch attend to each other. Here they do not, so that no row depends on others;
    in the authors' code the attention is over a sequence of one, and mixes no series either. Their code aligns the
    channels of two series instead of their steps, takes the real part of the Fourier transform alone, which a delay
    changes, and filters the spectra as if they were series.

    Parameters
    ----------
    projector : MLPProjector, default=None
        Head from the features of each domain to what is compared. None is ``MLPProjector()``.
    gamma : float, default=0.1
        :math:`\gamma`. The smaller it is, the nearer is D to dynamic time warping.
    max_length : int, default=48
        Most steps of the series that are aligned.

    See Also
    --------
    TFCTransformer : Contrast of series and spectra.
    SoftCLTTransformer : Similar series are not pushed apart.

    References
    ----------
    Foumani, N. M., Tan, C. W., Webb, G. I., Rezatofighi, H. and Salehi, M. (2024). Series2Vec: similarity-based
    self-supervised representation learning for time series classification. Data Mining and Knowledge Discovery.
    https://arxiv.org/abs/2312.03998

    Examples
    --------
    >>> from sklearn_ssl import Series2VecTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> Series2VecTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 1536)
    """

    projector: Any = recipe(default_factory=MLPProjector, needs="build")
    gamma: float = number(default=0.1, above=0)
    max_length: int = number(default=48, least=2, integer=True)

    def _architecture(self):
        projector = self.resolved("projector")
        return partial(DistanceArchitecture, projector=projector, gamma=self.gamma, max_length=self.max_length)

    def _loss(self):
        return series2vec_loss
