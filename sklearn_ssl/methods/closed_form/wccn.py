"""Within-class covariance normalisation, each series its own class."""

from functools import partial
from typing import final

from sklearn_ssl._numerics.low_rank import partially_whitened
from sklearn_ssl.base import ClosedFormTransformer, choice, number


@final
class WCCNTransformer(ClosedFormTransformer):
    r"""WCCN: shrink the directions of feature space along which augmentation moves a series, keep all others.

    For features :math:`\phi_i` of n series and :math:`\phi_{iv}` of V augmented copies of each,

    .. math::

        S_w = \frac{1}{n V} \sum_{i, v} (\phi_{iv} - \phi_i)(\phi_{iv} - \phi_i)^\top, \qquad
        M = \sqrt{r} \, (S_w + r I)^{-1/2}, \qquad
        z = Q\, V^{-w/2}\, W^\top M (\phi - \bar\phi).

    M divides the length of a direction in which copies have variance :math:`\lambda` by
    :math:`\sqrt{1 + \lambda / r}`. :math:`\bar\phi` is the mean of the series' features, and W holds the principal
    components of :math:`M \phi_i`, at most `n_components` and at most their rank. V are the variances of the components
    and w is `whitening`, none by default. Q rotates the result such that all features have the same variance. It leaves
    distances and inner products as they are, and it lets a StandardScaler that follows leave them too: on components
    that are not rotated, a scaler undoes what M did.

    In speaker recognition the normalisation uses the recordings of one speaker as a class. Here each series is a class
    and its copies are the members, so no label is needed. `partial_fit` adds series and copies to those seen before;
    the number of features can grow.

    Parameters
    ----------
    whitening : float, default=0.0
        w, from 0, which leaves the variances of components as they are, to 1, which makes them equal. 0.5 helps the
        nearest neighbour where all components are kept, and harms it where there are more series than components.
    rotated : bool, default=True
        Whether to rotate. Without, features are the principal components, in order.

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
