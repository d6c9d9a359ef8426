"""TimeMAE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import TaughtRegressedArchitecture
from sklearn_ssl.base import number, recipe
from sklearn_ssl.losses import cae_loss
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.methods.masked._regressing import RegressingTransformer


@final
class TimeMAETransformer(RegressingTransformer):
    r"""TimeMAE: regress a teacher's features of hidden windows from the visible ones, and score codes by them.

    A tokenizer is fitted first. It gives each window of a whole series a code q. The encoder sees the visible windows
    alone. In a regressor a learnt token at each hidden place attends to them, which gives :math:`\hat z`. A teacher,
    the moving average of the encoder, sees the hidden windows alone, which gives z. Minimises

    .. math::

        \frac{1}{|H|} \sum_{t \in H} \Bigl(\operatorname{CE}_\epsilon(W \hat z_t, q_t)
        + \frac{\alpha}{D} \|\hat z_t - z_t\|^2\Bigr)

    over the hidden windows H of the batch, where :math:`\alpha` is `alignment`, D the width of the encoder, and CE the
    cross-entropy of scores with the code. A share :math:`\epsilon`, `label_smoothing`, of the target is spread over
    all codes. Each weight of the teacher keeps the share m in a step and takes the rest from the encoder. A loss of
    :math:`\log K` is chance level, for K codes. The encoder must have tokens.

    The authors' codes come from a linear map of a window plus random noise. This map is never trained to be a codebook,
    so the codes are random in part; here a tokenizer learns them. Their regressor of four blocks attends to visible
    windows only, all series of a batch are masked alike, and the teacher shares the embedding with the encoder. Their
    K is 192.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``RandomMasking(ratio=0.6)``.
    alignment : float, default=5.0
        :math:`\alpha`.
    label_smoothing : float, default=0.2
        :math:`\epsilon`.
    momentum : float, default=0.99
        m, the share of the teacher's weights that stays in each step.

    See Also
    --------
    CAETransformer : The same without a teacher, and with a decoder.

    References
    ----------
    Cheng, M., Liu, Q., Liu, Z., Zhang, H., Zhang, R. and Chen, E. (2023). TimeMAE: self-supervised representations of
    time series with decoupled masked autoencoders. https://arxiv.org/abs/2303.00320

    Examples
    --------
    >>> from sklearn_ssl import TimeMAETransformer, VQTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> time_mae = TimeMAETransformer(tokenizer=VQTokenizer(n_codes=32, max_epochs=1), max_epochs=1, random_state=0)
    >>> time_mae.fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(RandomMasking, ratio=0.6), needs="hidden")
    alignment: float = number(default=5.0, least=0)
    label_smoothing: float = number(default=0.2, least=0, below=1)
    momentum: float = number(default=0.99, least=0, most=1)

    def _architecture(self):
        return self._masked(
            TaughtRegressedArchitecture,
            regressor_depth=self.regressor_depth,
            decoder_depth=0,
            momentum=self.momentum,
            **self._fitted_modules(),
        )

    def _loss(self):
        return partial(cae_loss, alignment=self.alignment, label_smoothing=self.label_smoothing)
