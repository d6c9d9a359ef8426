"""TS2Vec."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import CroppedArchitecture
from sklearn_ssl.losses import ts2vec_loss
from sklearn_ssl.methods.series_native._cropped import CroppedTransformer


@final
class TS2VecTransformer(CroppedTransformer):
    r"""TS2Vec: the features of a time step are the same in two crops, and tell it from other steps and other series.

    Two random crops of every series overlap. In each crop random steps are hidden from the encoder. At a scale of m
    common steps of n series the two crops have the features :math:`z_{it}` and :math:`z'_{it}`. Minimises the mean over
    all scales of

    .. math:: \alpha \, \ell^{\text{inst}} + (1 - \alpha) \, \ell^{\text{temp}},

    two cross-entropies of products :math:`z_{it} \cdot z'_{it}`. In :math:`\ell^{\text{inst}}` each step finds itself
    in the other crop among the same step of all series, in :math:`\ell^{\text{temp}}` among all steps of its series;
    see :func:`~sklearn_ssl.losses.ts2vec_loss`. The next scale has the maxima of pairs of steps. Features that are all
    zero give the mean of :math:`\alpha \log(2n - 1) + (1 - \alpha) \log(2m - 1)`.

    `encode` returns features per time step, and `transform` their maxima over time. Both are those of an encoder with
    the mean of the weights at the start and after every step. The learning rate is constant.

    As in the authors' code, but for three things. The last batch of an epoch counts even if it is small. In a batch of
    unequal lengths the crops are as long as the shortest series allows. `max_steps` is as for all transformers; the
    authors take 200 steps for up to 100,000 numbers and else 600.

    See Also
    --------
    SoftCLTTransformer : Steps that are near and series that are alike count as positives too.
    TLossTransformer : A piece of a series is compared with a piece of this piece.

    References
    ----------
    Yue, Z., Wang, Y., Duan, J., Yang, T., Huang, C., Tong, Y. and Xu, B. (2022). TS2Vec: towards universal
    representation of time series. AAAI. https://arxiv.org/abs/2106.10466

    Examples
    --------
    >>> from sklearn_ssl import TS2VecTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> ts2vec = TS2VecTransformer(max_epochs=1, random_state=0).fit(X)
    >>> ts2vec.transform(X).shape
    (20, 320)
    >>> ts2vec.encode(X).shape  # per time step
    (20, 320, 128)
    """

    def _architecture(self):
        return self._cropped(CroppedArchitecture)

    def _loss(self):
        return partial(ts2vec_loss, instance=self.instance, temporal_unit=self.temporal_unit)
