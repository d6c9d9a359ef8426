"""Views made by a network that is trained against the encoder."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import ViewmakerArchitecture
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.base import JointEmbeddingTransformer, ViewMakingMixin, number, recipe
from sklearn_ssl.losses import ntxent_loss


@final
class GeneratedViewsTransformer(ViewMakingMixin, JointEmbeddingTransformer):
    r"""Viewmaker: a network makes views that are as hard as they may be, and the encoder learns to see through them.

    A network m makes a change of a series x from the series and uniform noise u. The change is bounded: its mean
    absolute value is :math:`\varepsilon` standard deviations of each channel,

    .. math::

        v(x) = x + \varepsilon\, s \frac{\delta}{\operatorname{mean} |\delta|}, \qquad \delta = \tanh m(x, u).

    The encoder minimises the NT-Xent loss of two such views, as in `SimCLRTransformer`, and the network maximises it.
    Both take each step at once: on its way to the weights of the network the gradient is multiplied by minus
    `view_weight`. No augmentation has to be chosen. What matters is how large the changes are.

    The authors take turns, bound the values of pictures, and have :math:`\varepsilon = 0.05` of their range with the
    temperature 0.07.

    Parameters
    ----------
    epsilon : float, default=0.1
        :math:`\varepsilon`. Larger changes may leave nothing of a series.
    view_weight : float, default=1.0
        What the gradient of the network is multiplied by, besides -1. 0 leaves its weights as they were initialised.
    temperature : float, default=0.2
        Temperature of the loss.
    augmentation : Augmentation or tuple, default=None
        Changes the views further. It must be one of this package, which gradients pass through. None is ``Compose()``,
        which changes nothing.

    See Also
    --------
    SimCLRTransformer : The same loss with views of a fixed kind.
    sklearn_ssl.augmentations.GeneratedViews : These views for other methods.

    References
    ----------
    Tamkin, A., Wu, M. and Goodman, N. (2021). Viewmaker networks: learning views for unsupervised representation
    learning. ICLR. https://arxiv.org/abs/2010.07432

    Examples
    --------
    >>> from sklearn_ssl import GeneratedViewsTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = GeneratedViewsTransformer(max_epochs=1, random_state=0).fit(X)
    >>> transformer.views(X, random_state=0).shape
    (2, 20, 3, 128)
    """

    epsilon: float = number(default=0.1, above=0)
    view_weight: float = number(default=1.0, least=0)
    temperature: float = number(default=0.2, above=0)
    augmentation: Any = recipe(default_factory=Compose, needs="__call__", several=True)

    def _architecture(self):
        return self._with_views(ViewmakerArchitecture, epsilon=self.epsilon, view_weight=self.view_weight)

    def _loss(self):
        return partial(ntxent_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(2 * n_cases - 1)
