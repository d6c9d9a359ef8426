"""SimSiam."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import PredictorArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, recipe
from sklearn_ssl.losses import simsiam_loss
from sklearn_ssl.projectors import MLPProjector


@final
class SimSiamTransformer(JointEmbeddingTransformer):
    r"""SimSiam: each view predicts the projection of the other view, which receives no gradient.

    Minimises, for predictions :math:`p_1, p_2` from the projections :math:`z_1, z_2` of two views,

    .. math:: -\frac{1}{2n} \sum_i \bigl(\cos(p_{1i}, z_{2i}) + \cos(p_{2i}, z_{1i})\bigr),

    where i runs over the n series of the batch. No gradient flows into the projections as targets. That alone prevents
    collapse: there are neither negatives nor a teacher. The learning rate of the predictor decays like all others. The
    authors keep it constant.

    Parameters
    ----------
    projector : MLPProjector, default=None
        Head between the pooled features and the predictor. `transform` does not use it. None is
        ``MLPProjector(depth=3)``. Its last layer is not normalised, unlike in the paper.
    predictor : MLPProjector, default=None
        Head from the projection to the prediction, which is as wide. None is the bottleneck ``MLPProjector(width=32)``.

    See Also
    --------
    BYOLTransformer : A predictor with a teacher.

    References
    ----------
    Chen and He, "Exploring simple Siamese representation learning", CVPR 2021.

    Examples
    --------
    >>> from sklearn_ssl import SimSiamTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SimSiamTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    projector: Any = recipe(default_factory=partial(MLPProjector, depth=3), needs="build")
    predictor: Any = recipe(default_factory=partial(MLPProjector, width=32), needs="build")

    def _architecture(self):
        return self._with_views(PredictorArchitecture, predictor=self.resolved("predictor"))

    def _loss(self):
        return simsiam_loss
