"""CPC."""

import math
from functools import partial
from typing import final

from sklearn_ssl.architectures import RecurrentContextArchitecture
from sklearn_ssl.losses import cpc_loss
from sklearn_ssl.methods.series_native._predicting import WindowPredictingTransformer


@final
class CPCTransformer(WindowPredictingTransformer):
    r"""CPC (contrastive predictive coding): predict the features of later windows, among those of other series.

    A series is cut into windows. The encoder and the mean over time give the features :math:`z_1, \dots, z_N` of the
    windows, each encoded by itself. A recurrent network (GRU) reads them up to a random window t and gives the context
    :math:`c_t`. Minimises, with :math:`W_1, \dots, W_K` learnt matrices and n series in a batch,

    .. math::

        \frac{1}{K n} \sum_{k=1}^{K} \sum_i -\log \frac{\exp(z_{t+k}^i \cdot W_k c_t^i)}
        {\sum_j \exp(z_{t+k}^j \cdot W_k c_t^i)}.

    A loss of :math:`\log n` is chance level. It needs no augmentation.

    Encoders of this package look both ways in time. Windows make sure that a context knows nothing of the future. The
    paper has a causal encoder instead, and applies to a task what the recurrent network returns. Here `transform`
    returns the pooled features of the encoder for the whole series. Batch normalisation in the encoder sees all windows
    of the batch; take ``InceptionEncoder(norm="layer")`` to exclude that too.

    See Also
    --------
    TSTCCTransformer : Predicts the windows of another view.

    References
    ----------
    van den Oord, A., Li, Y. and Vinyals, O. (2018). Representation learning with contrastive predictive coding.
    https://arxiv.org/abs/1807.03748

    Examples
    --------
    >>> from sklearn_ssl import CPCTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> CPCTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _architecture(self):
        return partial(RecurrentContextArchitecture, **self._windows())

    def _loss(self):
        return cpc_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(n_cases)
