"""SdAE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import FoldedTeacherArchitecture
from sklearn_ssl.base import MaskedTransformer, number, recipe
from sklearn_ssl.losses import masked_cosine_loss
from sklearn_ssl.masking import RandomMasking


@final
class SdAETransformer(MaskedTransformer):
    r"""SdAE: a masked autoencoder that predicts a teacher's features of hidden windows instead of their values.

    Tokens of hidden windows never enter the encoder. A small decoder gets the encoded tokens, a learnt token at each
    hidden place, and the positions, and predicts features o of the hidden tokens. The teacher is the moving average of
    the encoder. It sees the hidden tokens only, in F random parts that it encodes one by one. Minimises

    .. math:: \frac{1}{|H|} \sum_{t \in H} \bigl(1 - \cos(o_t, y_t)\bigr),

    where H are the hidden tokens of the batch, and :math:`y_t` are the teacher's features of token t in its last layer,
    with mean 0 and variance 1 over the features. Before every step the teacher's weights :math:`\theta'` follow the
    weights :math:`\theta` of the encoder, :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`.

    A teacher that gives the same features to all tokens makes the loss 0. The collapse monitor sees this in the
    features, the loss does not tell. Where F does not divide the number of hidden tokens, the authors leave some out;
    here the parts differ by one token. The authors' code compares, feature by feature, the tokens of a part; the cosine
    here is between the two vectors of a token. The authors move the teacher once per epoch, with m from 0.96 to 0.99.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Passes over the series. "auto" is about 1,000 optimiser steps, five times as many as for other methods, because
        the features of this one are worse than untrained ones after 200. 0 leaves the weights as initialised.
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``RandomMasking(ratio=0.75)``.
    decoder_depth : int, default=1
        Number of transformer blocks of the decoder.
    decoder_width : int, default=64
        Number of features of its tokens.
    n_folds : int, default=2
        F, the number of parts of the hidden tokens. The paper takes 3 for 147 hidden tokens.
    momentum : float, default=0.99
        m, the share of the teacher's weights that stays in each step.

    See Also
    --------
    MAETransformer : The values of hidden windows are predicted.
    Data2VecTransformer : The teacher sees the whole series.

    References
    ----------
    Chen, Y., Liu, Y., Jiang, D., Zhang, X., Dai, W., Xiong, H. and Tian, Q. (2022). SdAE: self-distillated masked
    autoencoder. ECCV. https://arxiv.org/abs/2208.00449

    Examples
    --------
    >>> from sklearn_ssl import SdAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SdAETransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    _auto_steps = 1000

    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.75), needs="hidden")
    decoder_depth: int = number(default=1, least=1, integer=True)
    decoder_width: int = number(default=64, least=1, integer=True)
    n_folds: int = number(default=2, least=1, integer=True)
    momentum: float = number(default=0.99, least=0, most=1)

    def _architecture(self):
        return self._masked(
            FoldedTeacherArchitecture,
            decoder_depth=self.decoder_depth,
            decoder_width=self.decoder_width,
            n_folds=self.n_folds,
            momentum=self.momentum,
        )

    def _loss(self):
        return masked_cosine_loss
