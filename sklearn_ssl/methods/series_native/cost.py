"""CoST."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import SeasonTrendArchitecture
from sklearn_ssl.augmentations._default_views import shifted_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import number, recipe
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.losses import cost_loss
from sklearn_ssl.methods.series_native._max_pooled import MaxPooledTransformer
from sklearn_ssl.projectors import MLPProjector


@final
class CoSTTransformer(MaxPooledTransformer):
    r"""CoST: features per step that are split into trend and season, each with a contrast of its own.

    :class:`~sklearn_ssl.encoders.SeasonTrendEncoder` has the formulas of trend and season. Two changed views of a
    window of every series are encoded. Minimises

    .. math:: \ell^{\text{time}} + \tfrac{\alpha}{2} (\ell^{\text{amp}} + \ell^{\text{phase}}).

    In the first term a projection of the trend at a random step t finds the teacher's projection of the trend at step t
    of the other view, among those of series of earlier batches. In the others the amplitudes, and the phases, of a
    season find those of the other view among all series of the batch, at each frequency; see
    :func:`~sklearn_ssl.losses.cost_loss`. The teacher's weights :math:`\theta'` follow the weights :math:`\theta`
    before every step, :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`. A loss of
    :math:`\log(K + 1) + \alpha \log(2 n - 1)` is chance level for n series in a batch.

    `encode` returns trend and season per step, `transform` their maxima over time. The paper forecasts only, with the
    features of the last step: ``pooling=Pooling(statistics="last", layers="last")``. It has been made for long
    recordings with a period; cut windows of a few hundred steps from them. With the default widths it has some twenty
    million weights, more than the other methods.

    The season of a longer series is computed window by window, that of a shorter or padded one as if zeros followed;
    the authors' layer takes series of one length. Their code cuts windows of two views at different places, multiplies
    phases as if both ends of their range were far apart, starts the season with a twelfth of the size of the trend, and
    reads padded steps; here none of that happens. Its scripts have kernels of up to 128 steps
    for windows of 201; here, as in the paper, no kernel is longer than half of a window. They train by SGD.

    Parameters
    ----------
    encoder : Encoder, default=None
        Recipe of the encoder whose features are split. None is ``TCNEncoder(dropout=0.0)``.
    augmentation : Augmentation or callable, default=None
        Makes the views. It must leave time steps where they are. None is
        ``Compose(scaling=RandomApply(Scaling(sigma=0.5)), shift=RandomApply(LevelShift(sigma=0.5)),
        jitter=RandomApply(Jitter(sigma=0.5)))``.
    projector : MLPProjector, default=None
        Head between trend and queue. None is ``MLPProjector(width=160, norm="none")``.
    width : int, default=160
        Number of features of the trend, and of the season.
    n_kernels : int, default=8
        Most kernels of the trend, of 1, 2, 4, ... steps. Those longer than half a window are left out.
    dropout : float, default=0.1
        Share of the values of the season that are set to zero in training.
    max_length : int, default=201
        Most steps of a window. The season has weights for the frequencies of such a window.
    momentum : float, default=0.99
        m. The authors use 0.999, which is an average over a thousand steps.
    queue_size : int or "auto", default="auto"
        K. "auto" is half the number of series, from 2 to 4096. The authors use 256. A number above the number of series
        is reduced to it, with a warning.
    temperature : float, default=0.07
        Divides the cosine similarities of the trends.
    seasonal : float, default=5e-4
        :math:`\alpha`. It is small because the products of amplitudes are sums over all steps of a window.

    See Also
    --------
    MoCoTransformer : The same contrast with a queue, for whole series.
    TS2VecTransformer : Compares single time steps without a split.

    References
    ----------
    Woo, G., Liu, C., Sahoo, D., Kumar, A. and Hoi, S. (2022). CoST: contrastive learning of disentangled
    seasonal-trend representations for time series forecasting. ICLR. https://arxiv.org/abs/2202.01575

    Examples
    --------
    >>> from sklearn_ssl import CoSTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import TCNEncoder
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> small = TCNEncoder(depth=3, width=16, n_features=32, dropout=0.0)
    >>> cost = CoSTTransformer(encoder=small, width=16, max_epochs=1, random_state=0).fit(X)
    >>> cost.transform(X).shape
    (20, 32)
    >>> cost.encode(X).shape  # 16 features of the trend and 16 of the season
    (20, 32, 128)
    """

    encoder: Any = recipe(default_factory=partial(TCNEncoder, dropout=0.0), needs="build")
    augmentation: Any = recipe(default_factory=shifted_views, needs="__call__")
    projector: Any = recipe(default_factory=partial(MLPProjector, width=160, norm="none"), needs="build")
    width: int = number(default=160, least=1, integer=True)
    n_kernels: int = number(default=8, least=1, most=16, integer=True)
    dropout: float = number(default=0.1, least=0, below=1)
    max_length: int = number(default=201, least=2, integer=True)
    momentum: float = number(default=0.99, least=0, most=1)
    queue_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    temperature: float = number(default=0.07, above=0)
    seasonal: float = number(default=5e-4, least=0)

    def _architecture(self):
        names = ("width", "n_kernels", "dropout", "max_length", "momentum", "queue_size")
        own = {name: getattr(self, name) for name in names} | {"projector": self.resolved("projector")}
        augmentation = as_augmentation(self.resolved("augmentation"))
        return self._max_pooled(SeasonTrendArchitecture, augmentation=augmentation, **own)

    def _loss(self):
        return partial(cost_loss, temperature=self.temperature, seasonal=self.seasonal)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(len(self.net_.module_.queue) + 1) + self.seasonal * math.log(2 * n_cases - 1)
