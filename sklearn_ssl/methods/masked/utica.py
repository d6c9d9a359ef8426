"""Utica."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import SpreadTeacherArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import utica_loss
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.methods.masked._masked_views import MaskedViewsTransformer


@final
class UticaTransformer(MaskedViewsTransformer):
    r"""Utica: DINOv2 for time series, which is iBOT with crops and a term that spreads the features of the series.

    Minimises the loss of `IBOTTransformer` plus

    .. math::

        -\lambda \sum_{v=1}^{2} \frac{1}{n} \sum_i \log \min_{j \ne i} \lVert u^{(v)}_i - u^{(v)}_j \rVert,

    where :math:`u^{(v)}_i` are the pooled features of masked view v of series i, scaled to length 1, and i and j run
    over the n series of the batch. The further each series is from its nearest neighbour, the lower the term.

    The features are the teacher's. At the end of `fit` and `partial_fit` encoder and teacher exchange their weights, so
    that `transform`, saved files and fine-tuning have the moving average. The next `partial_fit` exchanges them back
    before it goes on. Callbacks see the encoder that is being trained.

    The authors train a tokeniser and transformer of their own, Mantis, on synthetic series; the encoder here is that of
    the other masked methods. They have separate heads for series and windows and balance the teacher's scores by
    Sinkhorn's algorithm; one head and moving centres are used here, as in iBOT. They take 8 crops of 0.1 to 0.4 of a
    series, global views of 0.4 to 1, 65,536 prototypes and m from 0.992, and raise the teacher's temperatures from 0.04
    to 0.07.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden in a view. None is ``RandomMasking(ratio=0.4, spread=0.3)``.
    n_crops : int, default=4
        Number of random parts of each series that are further views. The teacher does not see them, and nothing is
        hidden in them.
    koleo : float, default=0.1
        :math:`\lambda`.

    See Also
    --------
    IBOTTransformer : Without the last term.

    References
    ----------
    Moakher, Y., Attia El Hili, Y. and Feofanov, V. (2026). UTICA: multi-objective self-distillation foundation model
    pretraining for time series classification. https://arxiv.org/abs/2603.01348

    Oquab, M. et al. (2024). DINOv2: learning robust visual features without supervision. TMLR.
    https://arxiv.org/abs/2304.07193

    Examples
    --------
    >>> from sklearn_ssl import UticaTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> UticaTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.4, spread=0.3), needs="hidden")
    n_crops: int = number(default=4, least=0, integer=True)
    koleo: float = number(default=0.1, least=0)

    def _architecture(self):
        return self._of_masked_views(SpreadTeacherArchitecture)

    def _loss(self):
        return partial(utica_loss, koleo=self.koleo, **self._temperatures())

    def _train(self, net, dataset, listeners):
        try:
            super()._train(net, dataset, listeners)
        finally:  # an interrupted fit keeps what it learnt
            net.module_.exchange()

    def _continue(self, net, dataset):
        net.module_.exchange()
        try:
            super()._continue(net, dataset)
        finally:
            net.module_.exchange()
