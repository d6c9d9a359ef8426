"""TimeMCL."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import MixingArchitecture
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.losses import timemcl_loss


@final
class TimeMCLTransformer(JointEmbeddingTransformer):
    r"""TimeMCL (mixing-up contrastive learning): tell how much of each of two series is in their mixture.

    A mixture is :math:`\tilde x_i = \lambda_i x_i + (1 - \lambda_i) x_{\pi(i)}` with a random permutation :math:`\pi`
    of the n series of a batch and :math:`\lambda_i \sim \mathrm{Beta}(\alpha, \alpha)`. Minimises

    .. math::

        \frac{1}{n} \sum_i -\lambda_i \log P_{i,i} - (1 - \lambda_i) \log P_{i,n+i}, \qquad
        P_{ij} = \frac{\exp(\cos(\tilde z_i, z_j) / \tau)}{\sum_{k=1}^{2n} \exp(\cos(\tilde z_i, z_k) / \tau)},

    where :math:`\tilde z_i` is the projection of mixture i, :math:`z_1, \dots, z_n` are the projections of the series,
    and :math:`z_{n+1}, \dots, z_{2n}` the same projections in the order :math:`\pi`. A loss of :math:`\log 2n` is
    chance level. Each mixture has its own :math:`\lambda_i`. The authors draw one for the whole batch. Series
    and mixtures go through batch normalisation together. The authors normalise mixtures and both sets of series apart.

    Parameters
    ----------
    alpha : float, default=0.2
        :math:`\alpha`. The larger it is, the closer the shares are to one half.
    temperature : float, default=0.5
        :math:`\tau`.
    augmentation : Augmentation, default=None
        Changes the series before they are mixed. None is ``Compose()``, which changes nothing.

    References
    ----------
    Wickstrøm, Kampffmeyer, Mikalsen and Jenssen, "Mixing up contrastive learning: Self-supervised representation
    learning for time series", Pattern Recognition Letters 155, 2022.

    Examples
    --------
    >>> from sklearn_ssl import TimeMCLTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TimeMCLTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    augmentation: Any = recipe(default_factory=Compose, needs="__call__")
    alpha: float = number(default=0.2, above=0)
    temperature: float = number(default=0.5, above=0)

    def _architecture(self):
        return self._with_views(MixingArchitecture, alpha=self.alpha)

    def _loss(self):
        return partial(timemcl_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(2 * n_cases)
