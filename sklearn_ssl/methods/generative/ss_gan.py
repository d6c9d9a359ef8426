"""Self-supervised generative adversarial network."""

from functools import partial
from typing import Any, final

from sklearn_ssl._engine.history import PretextAccuracy
from sklearn_ssl.architectures import TransformedAdversarialArchitecture
from sklearn_ssl.augmentations import NumberedTransformations
from sklearn_ssl.base import AdversarialTransformer, PretextAccuracyMixin, number, recipe
from sklearn_ssl.losses import ssgan_loss


@final
class SSGANTransformer(PretextAccuracyMixin, AdversarialTransformer):
    r"""SS-GAN: a generative adversarial network whose critic also tells which transformation was applied.

    The critic of a GAN forgets what the generator imitates well. A second task, which does not depend on the generator,
    keeps its features. A transformation :math:`g_r` with a random number r is applied to each series, and a linear map
    Q of the critic's features guesses r. The losses of critic and generator are those of `GANTransformer` plus

    .. math::

        \beta \operatorname{mean}_i \operatorname{CE}(Q(g_{r_i}(x_i)), r_i), \qquad
        \alpha \operatorname{mean}_i \operatorname{CE}(Q(g_{r_i}(g(z_i))), r_i),

    with the cross-entropy CE. The critic learns r from real series alone. The generator is helped to make series of
    which the critic, held fixed, can tell r. The scores of the game itself are of series that are not transformed.

    The authors transform by quarter turns of pictures. They turn a quarter of each batch in all four ways; here each
    series has one transformation in each step, which costs less. A generator that makes few kinds of series can satisfy
    the second task too. Look at the coverage in `sklearn_ssl.evaluation.compare_generated`.

    Parameters
    ----------
    transformations : NumberedTransformations, default=None
        The transformations. None is ``NumberedTransformations()``: reversed in time, with another sign, both, or none.
        Choose kinds that change your series in a way that can be seen.
    generator_weight : float, default=0.2
        Weight :math:`\alpha`.
    critic_weight : float, default=1.0
        Weight :math:`\beta`.

    Attributes
    ----------
    pretext_accuracy_ : float or None
        Share of real series in the last epoch whose transformation the critic told right. None before the first step.

    See Also
    --------
    GANTransformer : The game alone.
    RotationTransformer : The second task alone.

    References
    ----------
    Chen, T., Zhai, X., Ritter, M., Lucic, M. and Houlsby, N. (2019). Self-supervised GANs via auxiliary rotation loss.
    CVPR. https://arxiv.org/abs/1811.11212

    Tran, N.-T., Tran, V.-H., Nguyen, B.-N., Yang, L. and Cheung, N.-M. (2019). Self-supervised GAN: analysis and
    improvement with multi-class minimax game. NeurIPS. https://arxiv.org/abs/1911.06997

    Examples
    --------
    >>> from sklearn_ssl import SSGANTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> gan = SSGANTransformer(max_epochs=1, random_state=0).fit(X)
    >>> gan.sample(5, random_state=0).shape
    (5, 3, 128)
    """

    transformations: Any = recipe(default_factory=NumberedTransformations, needs="all_of")
    generator_weight: float = number(default=0.2, least=0)
    critic_weight: float = number(default=1.0, least=0)

    def _architecture(self):
        return self._with_critic(TransformedAdversarialArchitecture, transformations=self.resolved("transformations"))

    def _loss(self):
        names = ("objective", "penalty", "generator_weight", "critic_weight")
        return partial(ssgan_loss, **{name: getattr(self, name) for name in names})

    def _training_params(self):
        params = super()._training_params()
        return {**params, "callbacks": [*params["callbacks"], ("pretext", PretextAccuracy(number=4, logits=5))]}
