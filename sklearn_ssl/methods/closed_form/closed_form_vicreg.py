"""The optimum of a linear VICReg."""

from typing import final

from sklearn_ssl._numerics.low_rank import unit_variances
from sklearn_ssl.base import ClosedFormTransformer


@final
class ClosedFormVICRegTransformer(ClosedFormTransformer):
    r"""Closed-form VICReg: keep the directions that vary most between series and least within, each with variance 1.

    The columns of W are the leading solutions v of

    .. math:: S_b v = \gamma \, (S_w + r I) \, v, \qquad v^\top S_b v = 1, \qquad z = W^\top (\phi - \bar\phi),

    where :math:`\phi` are the features of a series and :math:`\bar\phi` their mean over the series, :math:`S_b` is the
    covariance of the series' features, :math:`S_w` the second moments of the changes from series to augmented copies
    as in `WCCNTransformer`, r a multiple of the mean of its non-zero eigenvalues, and z the output.

    Among all W whose outputs have variance 1 and no covariance, W minimises the distance between a series and its
    copies, :math:`\operatorname{tr} W^\top S_w W`, plus :math:`r \lVert W \rVert^2`. VICReg with a linear map and
    strong variance and covariance terms converges to the same W for small r. The user guide derives it.

    `WCCNTransformer` finds the same directions, and gives weak ones less weight. Here all have the same weight, so one
    direction too many does harm. There are at most `n_components` of them, at most as many as the rank of
    :math:`S_b`, and at most a quarter of the number of series. `partial_fit` adds series and copies to the earlier
    ones, and the number of features can grow.

    See Also
    --------
    WCCNTransformer : The same directions with different variances.
    VICRegTransformer : The same goal for an encoder, by gradient steps.

    References
    ----------
    Balestriero and LeCun, "Contrastive and non-contrastive self-supervised learning recover global and local spectral
    embedding methods", NeurIPS 2022.

    Bardes, Ponce and LeCun, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
    ICLR 2022.

    Examples
    --------
    >>> from sklearn_ssl import ClosedFormVICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import RocketEncoder
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> vicreg = ClosedFormVICRegTransformer(encoder=RocketEncoder(n_features=1000), random_state=0)
    >>> vicreg.fit_transform(X).shape
    (20, 5)
    """

    def _scaling(self):
        return unit_variances
