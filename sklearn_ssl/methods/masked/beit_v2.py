"""BEiT v2."""

from typing import Any, final

from sklearn_ssl.architectures import AggregatedCodeArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import beit_v2_loss
from sklearn_ssl.methods.masked._coded import CodePredictingTransformer
from sklearn_ssl.methods.masked.distilled_tokenizer import DistilledTokenizer


@final
class BEiTV2Transformer(CodePredictingTransformer):
    r"""BEiT v2: predict codes of a teacher's features, also from the mean of all windows.

    A teacher and a tokenizer are fitted first. The tokenizer gives each window t of a whole series a code :math:`q_t`.
    Then the encoder sees the series with blocks hidden. Minimises

    .. math::

        \frac{1}{|H|} \sum_{t \in H} \bigl(-\log \operatorname{softmax}(W h_t)_{q_t}
        - \log \operatorname{softmax}(W h'_t)_{q_t}\bigr)

    over the hidden windows H of the batch. h are the encoder's features of the windows. h' come from the features after
    an earlier block, at three quarters of the depth, and from the mean of h over the observed windows, which is one
    more token; both go through a few blocks that are thrown away after training. So the mean, which is pooled into the
    features, has to carry what the earlier block does not know. A loss of :math:`2 \log K` is chance level. The mean
    replaces the class token of the authors, which the encoders of this package do not have. The encoder must have
    tokens and two blocks or more.

    Parameters
    ----------
    tokenizer : transformer, default=None
        Turns windows into codes. It is cloned, and the clone is fitted to the same series first. Its encoder, if that
        is None, and its window, if that is "auto", are as here. A fitted tokenizer in `sklearn.frozen.FrozenEstimator`
        is used as it is. None is ``DistilledTokenizer()``.
    aggregation_depth : int, default=2
        Number of blocks from which h' come.

    See Also
    --------
    BEiTTransformer : Codes of values, without the second term.

    References
    ----------
    Peng, Z., Dong, L., Bao, H., Ye, Q. and Wei, F. (2022). BEiT v2: masked image modeling with vector-quantized visual
    tokenizers. https://arxiv.org/abs/2208.06366

    Examples
    --------
    >>> from sklearn_ssl import BEiTV2Transformer, DINOTransformer, DistilledTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> tokenizer = DistilledTokenizer(teacher=DINOTransformer(max_epochs=1), n_codes=32, max_epochs=1)
    >>> BEiTV2Transformer(tokenizer=tokenizer, max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    tokenizer: Any = recipe(default_factory=DistilledTokenizer, needs="tokenize")
    aggregation_depth: int = number(default=2, least=1, integer=True)

    def _architecture(self):
        own = {"aggregation_depth": self.aggregation_depth, **self._fitted_modules()}
        return self._masked(AggregatedCodeArchitecture, **own)

    def _loss(self):
        return beit_v2_loss

    def _collapsed_loss(self, n_cases, n_projections):
        return 2 * super()._collapsed_loss(n_cases, n_projections)
