"""BEiT."""

from typing import Any, final

from sklearn_ssl.base import recipe
from sklearn_ssl.methods.masked._coded import CodePredictingTransformer
from sklearn_ssl.methods.masked.vq_tokenizer import VQTokenizer


@final
class BEiTTransformer(CodePredictingTransformer):
    r"""BEiT: replace blocks of windows by a learnt value, and predict the codes that a tokenizer gives them.

    A tokenizer is fitted first. It gives each window t of a whole series a code :math:`q_t`. Then the encoder sees the
    series with blocks hidden, and a linear map of its features :math:`h_t` of the windows scores the K codes. Minimises

    .. math:: \frac{1}{|H|} \sum_{t \in H} -\log \operatorname{softmax}(W h_t)_{q_t}

    over the hidden windows H of the batch. A loss of :math:`\log K` is chance level. It takes every encoder that gives
    features per time step or window. The authors' tokenizer was trained on other images, with K = 8192, and they hide
    blocks of 16 patches or more; here the tokenizer learns from the same series.

    Parameters
    ----------
    tokenizer : transformer, default=None
        Turns windows into codes. It is cloned, and the clone is fitted to the same series first. Its encoder, if that
        is None, and its window, if that is "auto", are as here. A fitted tokenizer in `sklearn.frozen.FrozenEstimator`
        is used as it is. None is ``VQTokenizer()``.

    See Also
    --------
    BEiTV2Transformer : Codes of a teacher's features, and a second term that trains the mean of the windows.
    SimMIMTransformer : The values themselves are predicted, in one stage.

    References
    ----------
    Bao, H., Dong, L., Piao, S. and Wei, F. (2022). BEiT: BERT pre-training of image transformers. ICLR.
    https://arxiv.org/abs/2106.08254

    Examples
    --------
    >>> from sklearn_ssl import BEiTTransformer, VQTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> beit = BEiTTransformer(tokenizer=VQTokenizer(n_codes=32, max_epochs=2), max_epochs=2, random_state=0)
    >>> beit.fit_transform(X).shape
    (20, 768)
    >>> beit.tokenizer_.tokenize(X).shape
    (20, 13)
    """

    tokenizer: Any = recipe(default_factory=VQTokenizer, needs="tokenize")
