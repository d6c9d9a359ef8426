"""PeCo."""

from typing import Any, final

from sklearn_ssl.base import recipe
from sklearn_ssl.methods.masked._coded import CodePredictingTransformer
from sklearn_ssl.methods.masked.perceptual_tokenizer import PerceptualTokenizer


@final
class PeCoTransformer(CodePredictingTransformer):
    r"""PeCo: predict the codes of hidden windows, as BEiT, but codes of what windows look like to a teacher.

    A teacher and a tokenizer are fitted first. The tokenizer gives each window t of a whole series a code :math:`q_t`.
    Then the encoder sees the series with blocks hidden, and a linear map of its features :math:`h_t` of the windows
    scores the K codes. Minimises

    .. math:: \frac{1}{|H|} \sum_{t \in H} -\log \operatorname{softmax}(W h_t)_{q_t}

    over the hidden windows H of the batch. A loss of :math:`\log K` is chance level. It takes every encoder that gives
    features per time step or window. The paper differs from BEiT in the tokenizer alone. Its code could not be read, so
    details are as in `BEiTTransformer`.

    Parameters
    ----------
    tokenizer : transformer, default=None
        Turns windows into codes. It is cloned, and the clone is fitted to the same series first. Its encoder, if that
        is None, and its window, if that is "auto", are as here. A fitted tokenizer in `sklearn.frozen.FrozenEstimator`
        is used as it is. None is ``PerceptualTokenizer()``.

    See Also
    --------
    BEiTTransformer : Codes from which values can be rebuilt.
    BEiTV2Transformer : Codes of a teacher's features.

    References
    ----------
    Dong, X., Bao, J., Zhang, T., Chen, D., Zhang, W., Yuan, L., Chen, D., Wen, F., Yu, N. and Guo, B. (2023). PeCo:
    perceptual codebook for BERT pre-training of vision transformers. AAAI. https://arxiv.org/abs/2111.12710

    Examples
    --------
    >>> from sklearn_ssl import MoCoV3Transformer, PeCoTransformer, PerceptualTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> tokenizer = PerceptualTokenizer(teacher=MoCoV3Transformer(max_epochs=1), n_codes=32, max_epochs=1)
    >>> PeCoTransformer(tokenizer=tokenizer, max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    tokenizer: Any = recipe(default_factory=PerceptualTokenizer, needs="tokenize")
