"""Exemplar."""

import math
from typing import final

from sklearn_ssl.architectures import InstanceClassifierArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer
from sklearn_ssl.losses import exemplar_loss


@final
class ExemplarTransformer(JointEmbeddingTransformer):
    r"""Exemplar: classify of which series of the training set a view is.

    Minimises the cross-entropy of a linear classifier with a class for each of the N series,

    .. math:: \frac{1}{n} \sum_i -\log \frac{\exp(s_{i,t(i)})}{\sum_k \exp(s_{ik})},

    where :math:`s_{ik}` is the output for view i and class k, and :math:`t(i)` the series of view i. The classifier
    has a weight vector for each series, so this suits sets of up to some ten thousand. A loss of log(N) is chance
    level.

    `partial_fit` must be given the series that training started with, in the same order.

    See Also
    --------
    InstDiscTransformer : The same question with stored embeddings in place of class weights.

    References
    ----------
    Dosovitskiy, Springenberg, Riedmiller and Brox, "Discriminative unsupervised feature learning with convolutional
    neural networks", NeurIPS 2014.

    Examples
    --------
    >>> from sklearn_ssl import ExemplarTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> ExemplarTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _architecture(self):
        return self._with_views(
            InstanceClassifierArchitecture,
        )

    def _loss(self):
        return exemplar_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(self.net_.module_.n_cases)
