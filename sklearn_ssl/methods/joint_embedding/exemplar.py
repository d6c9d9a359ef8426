"""Exemplar."""

import math
from typing import final

from sklearn_ssl.architectures import InstanceClassifierArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer
from sklearn_ssl.losses import exemplar_loss


@final
class ExemplarTransformer(JointEmbeddingTransformer):
    r"""Exemplar: predict which training series a view came from.

    Minimises the cross-entropy of a linear classifier that has a class for each of the N training series,

    .. math:: \frac{1}{n} \sum_i -\log \frac{\exp(s_{i,t(i)})}{\sum_k \exp(s_{ik})},

    where :math:`s_{ik}` is the output of the classifier for view i and class k, :math:`t(i)` the series that view i
    came from, and n the number of views in a batch. The classifier has a weight vector for each series, so the method
    suits sets of up to some ten thousand series. A loss of :math:`\log N` is chance level.

    Give `partial_fit` the series that training started with, in the same order.

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
        return self._with_views(InstanceClassifierArchitecture)

    def _loss(self):
        return exemplar_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(self.net_.module_.n_cases)
