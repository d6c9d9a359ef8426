"""T-Loss."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import NestedPieceArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.losses import tloss_loss
from sklearn_ssl.methods.series_native._max_pooled import MaxPooledTransformer


@final
class TLossTransformer(MaxPooledTransformer):
    r"""T-Loss: a piece of a series is like a piece of this piece, and unlike pieces of random series.

    With :math:`a_i` the features of a random piece of series i, :math:`p_i` those of a random piece of this piece, and
    :math:`n_{ki}` those of K pieces of random series, minimises

    .. math::

        \frac{1}{n} \sum_i \Bigl( -\log \sigma(a_i \cdot p_i)
        - \frac{\lambda}{K} \sum_{k=1}^{K} \log \sigma(-a_i \cdot n_{ki}) \Bigr),

    where :math:`\sigma` is the logistic function. Features of zero give :math:`(1 + \lambda) \log 2`. It needs no
    augmentation. A step costs a pass over anchors, one over their pieces and K over the negatives.

    The negatives come from the batch, the authors' from the whole training set. They may come from the series itself,
    as in the authors' code. The mean over the negatives is the code's; the paper has their sum. The authors' encoder is
    causal. Theirs takes 1,500 steps in batches of 10; set ``max_steps=1500, batch_size=10`` for the same.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers. None is ``TCNEncoder(depth=10, width=40, n_features=320, dropout=0.0)``.
    n_negatives : int, default=10
        K.
    negative_weight : float, default=1.0
        :math:`\lambda`.

    See Also
    --------
    TS2VecTransformer : Compares single time steps.
    TNCTransformer : Neighbouring windows are alike.

    References
    ----------
    Franceschi, J.-Y., Dieuleveut, A. and Jaggi, M. (2019). Unsupervised scalable representation learning for
    multivariate time series. NeurIPS. https://arxiv.org/abs/1901.10738

    Examples
    --------
    >>> from sklearn_ssl import TLossTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TLossTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 320)
    """

    encoder: Any = recipe(
        default_factory=partial(TCNEncoder, depth=10, width=40, n_features=320, dropout=0.0),
    )
    n_negatives: int = number(default=10, least=1, integer=True)
    negative_weight: float = number(default=1.0, least=0)

    def _architecture(self):
        return self._max_pooled(NestedPieceArchitecture, n_negatives=self.n_negatives)

    def _loss(self):
        return partial(tloss_loss, negative_weight=self.negative_weight)
