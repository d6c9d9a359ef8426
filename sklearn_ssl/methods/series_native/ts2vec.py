"""TS2Vec."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import CroppedArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.losses import ts2vec_loss
from sklearn_ssl.methods.series_native._max_pooled import MaxPooledTransformer


@final
class TS2VecTransformer(MaxPooledTransformer):
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

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers, with one feature per time step. None is ``TCNEncoder(latent_mask=0.5)``, the authors'
        network.
    pooling : Pooling, default=None
        How feature maps become one vector per series. None is ``Pooling(statistics="max", layers="last")``.
    instance : float, default=0.5
        :math:`\alpha`, the weight of the contrast between series.
    temporal_unit : int, default=0
        u. The u finest scales have no contrast between steps, which saves memory, and every series needs
        :math:`2^{u + 1}` steps.
    max_length : int, default=1000
        Most steps of a series in a batch. Of longer ones a random window is taken. The authors take 3,000. The memory
        of the loss grows with its square: 128 MB for 1,000 steps.
    input_mask : float, default=0.5
        Share of the steps of a crop that are set to zero, for encoders that have no `latent_mask` themselves.
    batch_size : int or "auto", default=8
        Series per step.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.

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

    encoder: Any = recipe(default_factory=partial(TCNEncoder, latent_mask=0.5))
    instance: float = number(default=0.5, least=0, most=1)
    temporal_unit: int = number(default=0, least=0, most=20, integer=True)
    max_length: int = number(default=1000, least=2, integer=True)
    input_mask: float = number(default=0.5, least=0, below=1)
    batch_size: int | str = number(default=8, least=2, integer=True, or_else=("auto",))
    weight_decay: float = number(default=1e-2, least=0)

    def _architecture(self):
        own = {name: getattr(self, name) for name in ("temporal_unit", "max_length", "input_mask")}
        return self._max_pooled(CroppedArchitecture, **own)

    def _loss(self):
        return partial(ts2vec_loss, instance=self.instance, temporal_unit=self.temporal_unit)

    def _training_params(self):
        return {"callbacks__schedule": None}

    def _needed_steps(self):
        return 2 ** (self.temporal_unit + 1), ", or lower `temporal_unit`" if self.temporal_unit else ""
