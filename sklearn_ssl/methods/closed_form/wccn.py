"""Within-class covariance normalisation, each series its own class."""

from functools import partial
from typing import final

from sklearn_ssl._numerics.low_rank import partially_whitened
from sklearn_ssl.base import ClosedFormTransformer, choice, number


@final
class WCCNTransformer(ClosedFormTransformer):
    r"""WCCN: shrink the directions of feature space in which augmentations move a series, and keep all others.

    The output z of a series with features :math:`\phi` is

    .. math::

        S_w = \frac{1}{n V} \sum_{i, v} (\phi_{iv} - \phi_i)(\phi_{iv} - \phi_i)^\top, \qquad
        M = \sqrt{r} \, (S_w + r I)^{-1/2}, \qquad
        z = Q\, D^{-w/2}\, W^\top M (\phi - \bar\phi),

    where :math:`\phi_i` are the features of series i of n, :math:`\phi_{iv}` the features of its augmented copy v of V,
    :math:`\bar\phi` is the mean of the series' features, and r a multiple of the mean of the non-zero eigenvalues of
    :math:`S_w`. M divides the length of a direction in which copies have variance :math:`\lambda` by
    :math:`\sqrt{1 + \lambda / r}`. W holds the principal components of :math:`M \phi_i`, at most `n_components` and at
    most their rank. D is the diagonal matrix of the variances of the components, and w is `whitening`. If w is above
    0, z is also scaled so that the sum of the variances stays.

    Q rotates the result so that all features have the same variance. It changes no distance and no inner product, nor
    does a StandardScaler that follows. Without Q, the scaler would undo the effect of M.

    In speaker recognition the recordings of one speaker are a class. Here each series is a class and its copies are the
    members, so no label is needed. `partial_fit` adds series and copies to the earlier ones, and the number of features
    can grow.

    Parameters
    ----------
    whitening : float, default=0.0
        w. 0 leaves the variances of the components as they are. 1 makes them equal.
    rotated : bool, default=True
        Whether to rotate. If not, the features are the principal components in their order.

    See Also
    --------
    ClosedFormVICRegTransformer : The same directions, each with variance 1.

    References
    ----------
    Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker recognition",
    Interspeech 2006.

    Examples
    --------
    >>> from sklearn_ssl import WCCNTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import RocketEncoder
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> wccn = WCCNTransformer(encoder=RocketEncoder(n_features=1000), random_state=0)
    >>> wccn.fit_transform(X).shape
    (20, 19)
    """

    whitening: float = number(default=0.0, least=0, most=1)
    rotated: bool = choice(True, False, default=True)

    def _scaling(self):
        return partial(partially_whitened, whitening=self.whitening, rotated=self.rotated)
