"""SwAV."""

import math
from functools import partial
from typing import final

from sklearn_ssl.architectures import PrototypeArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import swav_loss


@final
class SwAVTransformer(JointEmbeddingTransformer):
    r"""SwAV: predict from one view of a series to which prototypes another view is assigned.

    Two full views and several shorter windows of a series are compared with K learnt prototypes :math:`c_k`, which
    gives scores :math:`S_{ik} = \cos(z_i, c_k)`. Sinkhorn's algorithm turns those of a full view into assignments Q
    that use all prototypes equally over a batch. Minimises the mean, over the full views a and all other views v, of

    .. math:: \frac{1}{n} \sum_i \sum_k -Q^{(a)}_{ik} \log \operatorname{softmax}_k(S^{(v)}_i / \tau).

    The assignments receive no gradient, and the prototypes are held fixed for the first epoch, or for a quarter of the
    steps of `fit` if that is less. A loss of log(K) is chance level.

    Parameters
    ----------
    n_prototypes : int or "auto", default="auto"
        K. "auto" is an eighth of the number of series, from 2 to 512. More than the number of series is cut to it with
        a warning.
    temperature : float, default=0.1
        :math:`\tau`.
    epsilon : float, default=0.05
        Weight of the entropy in the assignments. A small one makes them nearly hard.
    iterations : int, default=3
        Iterations of Sinkhorn's algorithm.
    n_crops : int, default=4
        Windows besides the two full views. They predict and are not assigned.
    crop_ratio : float, default=0.5
        Share of a series that a window covers.

    References
    ----------
    Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, "Unsupervised learning of visual features by contrasting cluster
    assignments", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn_ssl import SwAVTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SwAVTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    n_prototypes: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    temperature: float = number(default=0.1, above=0)
    epsilon: float = number(default=0.05, above=0)
    iterations: int = number(default=3, least=1, integer=True)
    n_crops: int = number(default=4, least=0, integer=True)
    crop_ratio: float = number(default=0.5, above=0, most=1)

    def _architecture(self):
        return self._with_views(
            PrototypeArchitecture,
            n_prototypes=self.n_prototypes,
            n_crops=self.n_crops,
            crop_ratio=self.crop_ratio,
        )

    def _loss(self):
        return partial(swav_loss, temperature=self.temperature, epsilon=self.epsilon, iterations=self.iterations)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(len(self.net_.module_.prototypes))
