"""Generative adversarial network."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import AdversarialArchitecture
from sklearn_ssl.base import AdversarialTransformer
from sklearn_ssl.losses import gan_loss


@final
class GANTransformer(AdversarialTransformer):
    r"""Generative adversarial network: a critic learns to tell real series from those that a generator makes.

    The critic's score of a series x is :math:`s(x) = w^\top \bar h(x) + b` with the mean :math:`\bar h` of the
    encoder's last map, and its probability of "real" is :math:`D(x) = 1 / (1 + e^{-s(x)})`. The generator g makes
    series of standard normal noise z. The critic minimises the first, the generator the second of

    .. math::

        -\operatorname{mean}_i \bigl( \log D(x_i) + \log(1 - D(g(z_i))) \bigr)
        + \frac{\gamma}{2} \operatorname{mean}_i \| \nabla s(x_i) \|^2, \qquad
        -\operatorname{mean}_i \log D(g(z_i)),

    where :math:`\gamma` is `penalty`. Both take each step at once, by one optimiser. The critic's features are those of
    a network that had to notice all that a generator does not yet imitate.

    Usual implementations let both take turns. With the penalty, steps at once converge near a solution as well. A loss
    near chance, :math:`3 \log 2 \approx 2.08` together, is not a sign of failure. To tell whether samples are good, use
    `sklearn_ssl.evaluation.compare_generated`.

    See Also
    --------
    SSGANTransformer : The critic also tells which transformation was applied.
    TimeVAETransformer : New series from an autoencoder.
    sklearn_ssl.evaluation.compare_generated : Compare samples with real series.

    References
    ----------
    Goodfellow, I. J., Pouget-Abadie, J., Mirza, M., Xu, B., Warde-Farley, D., Ozair, S., Courville, A. and Bengio, Y.
    (2014). Generative adversarial nets. NeurIPS. https://arxiv.org/abs/1406.2661

    Radford, A., Metz, L. and Chintala, S. (2016). Unsupervised representation learning with deep convolutional
    generative adversarial networks. ICLR. https://arxiv.org/abs/1511.06434

    Mescheder, L., Geiger, A. and Nowozin, S. (2018). Which training methods for GANs do actually converge? ICML.
    https://arxiv.org/abs/1801.04406

    Examples
    --------
    >>> from sklearn_ssl import GANTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> gan = GANTransformer(max_epochs=1, random_state=0).fit(X)
    >>> gan.sample(5, random_state=0).shape
    (5, 3, 128)
    >>> gan.realism(X).shape
    (20,)
    """

    def _architecture(self):
        return self._with_critic(AdversarialArchitecture)

    def _loss(self):
        return partial(gan_loss, objective=self.objective, penalty=self.penalty)
