"""BYOL."""

from typing import Any, final

from sklearn_ssl.architectures import BootstrapArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import byol_loss
from sklearn_ssl.projectors import MLPProjector


@final
class BYOLTransformer(JointEmbeddingTransformer):
    r"""BYOL: predict from one view what a slowly moving copy of the encoder makes of the other, without negatives.

    Minimises, for predictions :math:`p_1, p_2` of two views and the teacher's projections :math:`z_1, z_2` of them,

    .. math:: \frac{1}{2n} \sum_i \bigl(2 - 2 \cos(p_{1i}, z_{2i}) + 2 - 2 \cos(p_{2i}, z_{1i})\bigr).

    Weights :math:`\theta'` of the teacher follow those of the encoder before every step, :math:`\theta' \leftarrow m
    \theta' + (1 - m) \theta`, with m growing to 1 along a cosine, and receive no gradient. The paper adds the two
    directions up; here their mean is taken.

    Parameters
    ----------
    momentum : float, default=0.996
        m at the start of training.
    predictor : MLPProjector, default=None
        Head from the projection to the prediction, which is as wide. None is ``MLPProjector()``.

    References
    ----------
    Grill, Strub, Altché and others, "Bootstrap your own latent: A new approach to self-supervised learning", NeurIPS
    2020.

    Examples
    --------
    >>> from sklearn_ssl import BYOLTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> BYOLTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    momentum: float = number(default=0.996, least=0, most=1)
    predictor: Any = recipe(default_factory=MLPProjector, needs="build")

    def _architecture(self):
        return self._with_views(
            BootstrapArchitecture,
            predictor=self.resolved("predictor"),
            momentum=self.momentum,
            increasing=True,
        )

    def _loss(self):
        return byol_loss
