"""The optimum of a linear VICReg."""

from typing import final

from sklearn_ssl._numerics.low_rank import unit_variances
from sklearn_ssl.base import ClosedFormTransformer


@final
class ClosedFormVICRegTransformer(ClosedFormTransformer):
    r"""Closed-form VICReg: keep the directions that vary most between series and least within, all with variance 1.

    With the scatter :math:`S_w` of the changes from series to augmented copies, as in `WCCNTransformer`, and the
    covariance :math:`S_b` of the series' features, the columns of W are the leading solutions of

    .. math:: S_b v = \gamma \, (S_w + r I) \, v, \qquad v^\top S_b v = 1, \qquad z = W^\top (\phi - \bar\phi).

    Among all W whose outputs have variance 1 and no covariance, they minimise the distance between a series and its
    copies, :math:`\operatorname{tr} W^\top S_w W`, plus :math:`r \lVert W \rVert^2`. For small r that is where VICReg
    with a linear map converges if its variance and covariance terms are strong; the user guide derives it.

    The directions are those of `WCCNTransformer`, whose outputs have different variances, so that weak directions
    count for little. Here all count the same, and one too many does harm. There are at most `n_components` of them, at
    most as many as the rank of :math:`S_b`, and at most a quarter of the number of series. `partial_fit` adds series
    and copies to those seen before; the number of features can grow.

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
