"""Any loss of two views, over many views."""

from functools import partial
from typing import Any, final

import torch

from sklearn_ssl.architectures import SiameseArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, function, number
from sklearn_ssl.losses import multi_view_loss, ntxent_loss


@final
class MultiViewTransformer(JointEmbeddingTransformer):
    r"""More than two views: the mean of a loss of two views over all pairs of them.

    Minimises

    .. math:: \frac{2}{V (V - 1)} \sum_{u < v} L(Z_u, Z_v),

    where V is the number of views, L a loss of two views, and :math:`Z_v` the projections of view v of a batch. With
    two views it is L itself.

    Parameters
    ----------
    n_views : int, default=4
        V, at least 2. A step costs as many passes through the encoder.
    pair_loss : callable, default=None
        L, a function of two tensors (n, d), such as ``vicreg_loss`` of `sklearn_ssl.losses` or
        ``partial(barlow_twins_loss, redundancy=1e-2)``. None is ``partial(ntxent_loss, temperature=0.2)``, the loss of
        `SimCLRTransformer`. The function is pickled with the transformer, so it must not be a lambda.

    References
    ----------
    Tian, Krishnan and Isola, "Contrastive multiview coding", ECCV 2020.

    Examples
    --------
    >>> from sklearn_ssl import MultiViewTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.losses import vicreg_loss
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> MultiViewTransformer(n_views=3, pair_loss=vicreg_loss, max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    n_views: int = number(default=4, least=2, integer=True)
    pair_loss: Any = function(ntxent_loss, temperature=0.2)

    def _architecture(self):
        return self._with_views(SiameseArchitecture, n_views=self.n_views)

    def _loss(self):
        return partial(multi_view_loss, pair_loss=self.resolved("pair_loss"))

    def _collapsed_loss(self, n_cases, n_projections):
        same = torch.ones(n_cases, n_projections)
        return float(self.resolved("pair_loss")(same, same))
