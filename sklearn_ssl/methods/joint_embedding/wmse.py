"""W-MSE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import wmse_loss
from sklearn_ssl.projectors import MLPProjector


@final
class WMSETransformer(JointEmbeddingTransformer):
    r"""W-MSE: pull two views together after their projections are whitened.

    Minimises, for n series,

    .. math:: \frac{1}{n} \sum_i 2 - 2 \cos(W z_i, W' z'_i),

    where :math:`z_i` and :math:`z'_i` are the projections of two views of series i, each minus the mean of its view.
    The whitening matrices W and W' are the inverse Cholesky factors of the covariances of the two views over a batch.
    White projections cannot be the same for all series, so no negatives are needed.

    Parameters
    ----------
    shrinkage : float, default=0.01
        Share s of a multiple of the identity in the covariance. A covariance C of width d becomes
        :math:`(1 - s) C + s \operatorname{tr}(C) / d \, I`. If it is 0, a batch must hold more series than d.
    sub_batch : int or None, default=None
        Smallest number of series that are whitened together, at least 2. A batch is cut into as many groups as this
        allows. None is the whole batch. Twice the width of the projections is advisable.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss. `transform` does not use it. None is
        ``MLPProjector(output_width=16)``. The paper uses a width of 64, for which batches of small sets are too small.

    References
    ----------
    Ermolov, Siarohin, Sangineto and Sebe, "Whitening for self-supervised representation learning", ICML 2021.

    Examples
    --------
    >>> from sklearn_ssl import WMSETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> WMSETransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    projector: Any = recipe(default_factory=partial(MLPProjector, output_width=16), needs="build")
    shrinkage: float = number(default=0.01, least=0, most=1)
    sub_batch: int | None = number(default=None, least=2, integer=True, or_else=(None,))

    def _loss(self):
        return partial(wmse_loss, shrinkage=self.shrinkage, sub_batch=self.sub_batch)

    def _collapsed_loss(self, n_cases, n_projections):
        return 2.0
