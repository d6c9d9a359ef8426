"""DINO."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import CentredTeacherArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import dino_loss
from sklearn_ssl.projectors import MLPProjector


@final
class DINOTransformer(JointEmbeddingTransformer):
    r"""DINO: match, view by view, the sharpened and centred scores of a teacher.

    Two full views and several windows of a series go through the encoder. The full views go through the teacher too.
    The scores of a view are the cosine similarities of its projection to K learnt prototypes. Minimises the mean, over
    the teacher's full views t and all other views v of the encoder, of

    .. math::

        \frac{1}{n} \sum_i \sum_k -P^{(t)}_{ik} \log \operatorname{softmax}_k(S^{(v)}_i / \tau_s), \qquad
        P^{(t)}_{ik} = \operatorname{softmax}_k\bigl((G^{(t)}_i - c) / \tau_t\bigr),

    where :math:`S^{(v)}_i` are the encoder's scores of view v of series i, :math:`G^{(t)}_i` the teacher's scores of
    view t, n is the number of series of the batch, and the centre c is the moving average of the teacher's scores. The
    teacher's weights :math:`\theta'` follow the weights :math:`\theta` of encoder, projector and prototypes before
    every step, :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows to 1 along a cosine. The prototypes
    do not learn during the first epoch, nor during the first quarter of the steps of `fit` if that is shorter. The
    authors' head has GELU and no batch normalisation, and they clip gradients. The head here is that of all methods,
    and nothing is clipped.

    Parameters
    ----------
    n_prototypes : int, default=128
        K. Unlike SwAV, DINO assigns no series to a prototype, so K may exceed the number of series. Values above
        max(1024, n_cases) are reduced with a warning.
    student_temperature : float, default=0.1
        :math:`\tau_s`.
    teacher_temperature : float, default=0.04
        :math:`\tau_t`. It must be lower than `student_temperature` to make the targets sharper than the predictions.
    center_momentum : float, default=0.9
        Share of the centre c that stays after a batch.
    momentum : float, default=0.996
        m at the start of training, the share of the teacher's weights that stays in each step.
    n_crops : int, default=4
        Number of windows of each series, in addition to the two full views. The teacher does not see them.
    crop_ratio : float, default=0.5
        Share of a series that a window covers.
    projector : MLPProjector, default=None
        Head between the pooled features and the prototypes. None is ``MLPProjector(depth=3)``.

    See Also
    --------
    SwAVTransformer : Prototypes to which series are assigned, without a teacher.

    References
    ----------
    Caron, Touvron, Misra, Jégou, Mairal, Bojanowski and Joulin, "Emerging properties in self-supervised vision
    transformers", ICCV 2021.

    Examples
    --------
    >>> from sklearn_ssl import DINOTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> DINOTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    projector: Any = recipe(default_factory=partial(MLPProjector, depth=3), needs="build")
    n_prototypes: int = number(default=128, least=2, integer=True)
    student_temperature: float = number(default=0.1, above=0)
    teacher_temperature: float = number(default=0.04, above=0)
    center_momentum: float = number(default=0.9, least=0, most=1)
    momentum: float = number(default=0.996, least=0, most=1)
    n_crops: int = number(default=4, least=0, integer=True)
    crop_ratio: float = number(default=0.5, above=0, most=1)

    def _architecture(self):
        return self._with_views(
            CentredTeacherArchitecture,
            n_prototypes=self.n_prototypes,
            n_crops=self.n_crops,
            crop_ratio=self.crop_ratio,
            center_momentum=self.center_momentum,
            momentum=self.momentum,
            increasing=True,
        )

    def _loss(self):
        return partial(
            dino_loss,
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
        )
