"""LeJEPA."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import SlicedArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import lejepa_loss
from sklearn_ssl.projectors import MLPProjector


@final
class LeJEPATransformer(JointEmbeddingTransformer):
    r"""LeJEPA: views agree with their mean, and projections have a standard normal distribution.

    Minimises, for V views of each of n series,

    .. math::

        \frac{\lambda}{V} \sum_v T(Z_v) + \frac{1 - \lambda}{V n d} \sum_v \sum_i \lVert z_{vi} - \bar z_i \rVert^2,
        \qquad T(Z) = \frac{1}{K} \sum_k n \int_{-3}^{3} \Bigl| \frac{1}{n} \sum_i e^{\mathrm{i} t u_k^\top z_i} -
        e^{-t^2 / 2} \Bigr|^2 e^{-t^2 / 2} \, dt,

    where :math:`z_{vi}` is the projection of view v of series i, d its width, :math:`\bar z_i` the mean over the views
    of series i, and :math:`Z_v` the (n, d) matrix of view v. Each batch has new random directions :math:`u_1, \dots,
    u_K` of length 1. T is the test statistic of Epps and Pulley. The integral is computed by the trapezoidal rule.
    There is no teacher, and the gradient flows through all projections.

    Parameters
    ----------
    n_views : int, default=4
        V, at least 2. A step costs as many passes through the encoder.
    normality : float, default=0.05
        :math:`\lambda`, the weight of the distance from the normal distribution, from 0 to 1.
    n_slices : int, default=1024
        K, the number of directions.
    n_knots : int, default=17
        Number of points of the integration from 0 to 3, at least 2.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss. `transform` does not use it. None is
        ``MLPProjector(depth=3, output_width=16)``.

    References
    ----------
    Balestriero and LeCun, "LeJEPA: Provable and scalable self-supervised learning without the heuristics",
    arXiv:2511.08544, 2025.

    Examples
    --------
    >>> from sklearn_ssl import LeJEPATransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> LeJEPATransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    projector: Any = recipe(default_factory=partial(MLPProjector, depth=3, output_width=16), needs="build")
    n_views: int = number(default=4, least=2, integer=True)
    normality: float = number(default=0.05, least=0, most=1)
    n_slices: int = number(default=1024, least=1, integer=True)
    n_knots: int = number(default=17, least=2, integer=True)

    def _architecture(self):
        return self._with_views(SlicedArchitecture, n_views=self.n_views, n_slices=self.n_slices)

    def _loss(self):
        return partial(lejepa_loss, weight=self.normality, knots=self.n_knots)
