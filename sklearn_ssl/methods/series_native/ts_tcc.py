"""TS-TCC."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import AttentiveContextArchitecture
from sklearn_ssl.augmentations._default_views import permuted_views, scaled_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import tstcc_loss
from sklearn_ssl.methods.series_native._predicting import WindowPredictingTransformer
from sklearn_ssl.projectors import MLPProjector


@final
class TSTCCTransformer(WindowPredictingTransformer):
    r"""TS-TCC: from the past of one view predict the future of another view, and let the contexts of both agree.

    A weakly and a strongly changed view of every series are cut into windows. An attention network sums up the windows
    up to a random one as context c, and predicts the next K windows of the other view. Minimises

    .. math:: \lambda_1 (\ell^{w \to s} + \ell^{s \to w}) + \lambda_2 \, \ell_{\text{NT-Xent}}(c^w, c^s),

    where :math:`\ell^{w \to s}` is the loss of CPC for predictions from the weak view of the strong one; see
    :func:`~sklearn_ssl.losses.tstcc_loss`. A loss of :math:`2 \lambda_1 \log n + \lambda_2 \log(2n - 1)` is chance
    level for n series in a batch.

    Each candidate is compared for one prediction, as in the paper; the authors' code takes the softmax over predictions
    instead. Views are drawn in every step, each channel is scaled by one factor and keeps its own values: their code
    draws views once, scales each time step, and copies the first channel into all. Windows are encoded by themselves,
    as in :class:`~sklearn_ssl.CPCTransformer`; theirs are steps of a strided network, which sees a little of the
    future. Their attention has no codes of positions either.

    Parameters
    ----------
    weak : Augmentation or callable, default=None
        Makes the weak view. None is ``Compose(scaling=Scaling(), jitter=Jitter())``.
    strong : Augmentation or callable, default=None
        Makes the strong view. None is ``Compose(permutation=Permutation(n_segments=5), jitter=Jitter(sigma=0.2))``.
    projector : MLPProjector, default=None
        Head between contexts and loss. None is ``MLPProjector()``.
    context_depth : int, default=4
        Number of attention blocks.
    temporal : float, default=1.0
        :math:`\lambda_1`.
    contextual : float, default=0.7
        :math:`\lambda_2`.
    temperature : float, default=0.2
        Divides the cosines of the contexts.

    References
    ----------
    Eldele, E., Ragab, M., Chen, Z., Wu, M., Kwoh, C. K., Li, X. and Guan, C. (2021). Time-series representation
    learning via temporal and contextual contrasting. IJCAI. https://arxiv.org/abs/2106.14112

    Examples
    --------
    >>> from sklearn_ssl import TSTCCTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TSTCCTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    weak: Any = recipe(default_factory=scaled_views, needs="__call__")
    strong: Any = recipe(default_factory=permuted_views, needs="__call__")
    projector: Any = recipe(default_factory=MLPProjector, needs="build")
    context_depth: int = number(default=4, least=1, integer=True)
    temporal: float = number(default=1.0, least=0)
    contextual: float = number(default=0.7, least=0)
    temperature: float = number(default=0.2, above=0)

    def _architecture(self):
        own = {"projector": self.resolved("projector"), "context_depth": self.context_depth}
        views = {name: as_augmentation(self.resolved(name)) for name in ("weak", "strong")}
        return partial(AttentiveContextArchitecture, **self._windows(), **own, **views)

    def _loss(self):
        return partial(tstcc_loss, temporal=self.temporal, contextual=self.contextual, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return 2 * self.temporal * math.log(n_cases) + self.contextual * math.log(2 * n_cases - 1)
