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

    Two full views and several windows of a series go through the encoder. The score :math:`S^{(v)}_{ik}` of view v of
    series i is the cosine similarity of its projection to the learnt prototype k of K. Sinkhorn's algorithm turns the
    scores of a full view into assignments Q that use all prototypes equally over the batch. Minimises the mean, over
    the full views a and all other views v, of

    .. math:: \frac{1}{n} \sum_i \sum_k -Q^{(a)}_{ik} \log \operatorname{softmax}_k(S^{(v)}_i / \tau),

    where i runs over the n series of the batch. The assignments receive no gradient. The prototypes do not learn during
    the first epoch, nor during the first quarter of the steps of `fit` if that is shorter. A loss of :math:`\log K` is
    chance level. Batch normalisation sees full views and windows apart.
    The authors' queue for small batches is missing. They set prototypes to unit length after each step. Here the scores
    are cosines, which has the same effect on the scores.

    Parameters
    ----------
    n_prototypes : int or "auto", default="auto"
        K. "auto" is an eighth of the number of series, from 2 to 512. A number above the number of series is reduced to
        it, with a warning.
    temperature : float, default=0.1
        :math:`\tau`.
    epsilon : float, default=0.05
        Weight of the entropy of the assignments. A small one makes them nearly hard.
    iterations : int, default=3
        Number of iterations of Sinkhorn's algorithm.
    n_crops : int, default=4
        Number of windows of each series, in addition to the two full views. They predict, but are not assigned.
    crop_ratio : float, default=0.5
        Share of a series that a window covers.

    See Also
    --------
    DINOTransformer : Prototypes whose targets come from a teacher.

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
