"""Rotation."""

from typing import Any, final

from sklearn_ssl.architectures import TransformationArchitecture
from sklearn_ssl.augmentations import Compose, CropResize, Jitter, NumberedTransformations
from sklearn_ssl.base import PretextTransformer, recipe
from sklearn_ssl.losses import pretext_loss


def _views() -> Compose:
    return Compose(crop=CropResize(min_ratio=0.8), jitter=Jitter(sigma=0.05))


@final
class RotationTransformer(PretextTransformer):
    r"""Rotation: tell which transformation was applied to a series.

    For images the transformations are four quarter turns. For series they are K numbered changes
    :math:`g_0, \dots, g_{K-1}` that can be undone, where :math:`g_0` changes nothing. The default changes turn a curve
    by 180 degrees and mirror it: played backwards or not, and upside down or not. Minimises

    .. math:: \frac{1}{K B} \sum_{i=1}^{B} \sum_{k=0}^{K-1} -\log p_k(g_k(\tilde x_i))

    where B is the number of series in the batch, :math:`\tilde x` is x after `augmentation`, and :math:`p_k` is the
    probability that a classifier on the pooled features gives to transformation k. All K copies of all series pass the
    encoder together, so a step costs K passes of the batch.

    The encoder learns what has a direction: which way time runs, which way is up. It learns nothing from series that
    look the same after the changes, such as symmetric noise. Compare `pretext_accuracy_` with `pretext_chance_`. A
    trend gives the direction of time away, so remove trends first.

    Parameters
    ----------
    transformations : NumberedTransformations, default=None
        The transformations. None is ``NumberedTransformations()``: time and sign.
    augmentation : Augmentation or callable, default=None
        Changes series before they are transformed. It must not make the changes of `transformations`. None is
        ``Compose(crop=CropResize(min_ratio=0.8), jitter=Jitter(sigma=0.05))``.

    See Also
    --------
    JigsawTransformer : Tell the order of shuffled pieces.
    ColorizationTransformer : Predict a hidden channel.

    References
    ----------
    Gidaris, S., Singh, P. and Komodakis, N. (2018). Unsupervised representation learning by predicting image rotations.
    ICLR. https://arxiv.org/abs/1803.07728. The transformations of series and `augmentation` are ours.

    Examples
    --------
    >>> from sklearn_ssl import RotationTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = RotationTransformer(max_epochs=1, random_state=0).fit(X)
    >>> transformer.transform(X).shape[0], transformer.pretext_chance_
    (20, 0.25)
    """

    transformations: Any = recipe(default_factory=NumberedTransformations, needs="all_of")
    augmentation: Any = recipe(default_factory=_views, needs="__call__")

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        self.resolved("transformations").check_augmentation(self.resolved("augmentation"))

    def _architecture(self):
        return self._with_pretext(TransformationArchitecture, transformations=self.resolved("transformations"))

    def _loss(self):
        return pretext_loss
