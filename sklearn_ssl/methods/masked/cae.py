"""Context autoencoder."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import RegressedArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import cae_loss
from sklearn_ssl.masking import BlockMasking
from sklearn_ssl.methods.masked._regressing import RegressingTransformer


@final
class CAETransformer(RegressingTransformer):
    r"""Context autoencoder: regress features of hidden windows from the visible ones, and decode codes from them.

    A tokenizer is fitted first. It gives each window of a whole series a code q. The encoder f sees the visible windows
    alone. In a regressor a learnt token at each hidden place attends to them, which gives :math:`\hat z`. It is to be
    what the encoder makes of the hidden windows alone, :math:`z = f(x_H)`. A decoder sees :math:`\hat z` and the
    positions, no visible window, and scores the K codes. Minimises

    .. math::

        \frac{1}{|H|} \sum_{t \in H} \Bigl(-\log \operatorname{softmax}(s_t)_{q_t}
        + \frac{\alpha}{D} \|\hat z_t - \operatorname{sg} z_t\|^2\Bigr)

    over the hidden windows H of the batch, where s are the scores, :math:`\alpha` is `alignment`, D the width of the
    encoder, and sg stops the gradient. So the regressor does the predicting, and the encoder can do without. A loss of
    :math:`\log K` is chance level. The encoder must have tokens.

    The authors take four blocks each for regressor and decoder, scale their branches by a learnt factor, and compute z
    by a copy of the encoder that is one step behind; here it is the encoder itself. Their tokenizer is DALL-E's.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``BlockMasking(ratio=0.5, mean_length=3)``.
    decoder_depth : int, default=1
        Number of blocks of the decoder.
    alignment : float, default=2.0
        :math:`\alpha`.

    See Also
    --------
    BEiTTransformer : The encoder itself predicts.
    TimeMAETransformer : Features of a teacher, and no decoder.

    References
    ----------
    Chen, X., Ding, M., Wang, X., Xin, Y., Mo, S., Wang, Y., Han, S., Luo, P., Zeng, G. and Wang, J. (2024). Context
    autoencoder for self-supervised representation learning. IJCV. https://arxiv.org/abs/2202.03026

    Examples
    --------
    >>> from sklearn_ssl import CAETransformer, VQTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> cae = CAETransformer(tokenizer=VQTokenizer(n_codes=32, max_epochs=1), max_epochs=1, random_state=0)
    >>> cae.fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(BlockMasking, ratio=0.5, mean_length=3), needs="hidden")
    decoder_depth: int = number(default=1, least=1, integer=True)
    alignment: float = number(default=2.0, least=0)

    def _architecture(self):
        return self._masked(
            RegressedArchitecture,
            regressor_depth=self.regressor_depth,
            decoder_depth=self.decoder_depth,
            **self._fitted_modules(),
        )

    def _loss(self):
        return partial(cae_loss, alignment=self.alignment)
