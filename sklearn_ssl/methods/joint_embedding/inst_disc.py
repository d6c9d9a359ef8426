"""Instance discrimination."""

import math
from functools import partial
from typing import final

from sklearn_ssl.architectures import InstanceBankArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number
from sklearn_ssl.losses import instance_discrimination_loss


@final
class InstDiscTransformer(JointEmbeddingTransformer):
    r"""InstDisc: every series is a class, and a memory bank holds the latest projection of each.

    Minimises

    .. math::

        \frac{1}{n} \sum_i -\log \frac{\exp(\cos(z_i, m_{t(i)}) / \tau)}{\sum_k \exp(\cos(z_i, m_k) / \tau)},

    where :math:`z_i` is the projection of view i, :math:`t(i)` the series that view i came from, n the number of views
    in a batch, and :math:`m_1, \dots, m_N` are the rows of the bank, one for each training series. After the step
    :math:`m_{t(i)}` becomes :math:`\beta m_{t(i)} + (1 - \beta) z_i` at unit length. The softmax runs over all series.
    The paper estimates it by noise contrast, because it has a million images. A loss of :math:`\log N` is chance level.
    The authors' head is one linear layer, ``MLPProjector(depth=1)``. The default here is that of all methods.

    Give `partial_fit` the series that training started with, in the same order.

    Parameters
    ----------
    temperature : float, default=0.07
        :math:`\tau`. A lower one puts more weight on the hardest negatives.
    bank_momentum : float, default=0.5
        :math:`\beta`, the share of a row of the bank that stays.

    See Also
    --------
    ExemplarTransformer : The same question with learnt class weights.

    References
    ----------
    Wu, Xiong, Yu and Lin, "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018.

    Examples
    --------
    >>> from sklearn_ssl import InstDiscTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> InstDiscTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    temperature: float = number(default=0.07, above=0)
    bank_momentum: float = number(default=0.5, least=0, below=1)

    def _architecture(self):
        return self._with_views(InstanceBankArchitecture, bank_momentum=self.bank_momentum)

    def _loss(self):
        return partial(instance_discrimination_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(self.net_.module_.n_cases)
