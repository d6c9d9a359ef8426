"""Tokenizer that learns codes of a teacher's features."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import DistilledTokenizerArchitecture
from sklearn_ssl.base import TaughtTokenizer, recipe
from sklearn_ssl.losses import vq_distillation_loss
from sklearn_ssl.methods.joint_embedding.dino import DINOTransformer


@final
class DistilledTokenizer(TaughtTokenizer):
    r"""Give each window one of K codes, from which the features of a teacher can be predicted.

    As `VQTokenizer`, but the decoder predicts the features :math:`f_t` that a teacher has of window t. So codes stand
    for what windows mean to the teacher, and not for their values. Minimises

    .. math::

        \frac{1}{T} \sum_t \bigl(1 - \cos(o_t, f_t) + \beta \|z_t - \operatorname{sg} c_{q_t}\|^2\bigr),

    where t runs over the T windows of the batch, o are the predictions, z the vectors of the windows,
    :math:`c_{q_t}` are the vectors of their codes, :math:`\beta` is `commitment`, and sg stops the gradient. The
    teacher is fitted first, to the same series. It sees whole series, stays as it is, and is kept as ``teacher_``. The
    authors take CLIP or a published DINO as teacher, and two layers with a hyperbolic tangent between them before the
    codes and at the end of the decoder; here both maps are linear.

    Parameters
    ----------
    teacher : transformer, default=None
        Any transformer of this package whose encoder gives features per time step or window. It is cloned, and the
        clone is fitted to the same series first. If its encoder is None, it has the encoder of this tokenizer. A fitted
        one in `sklearn.frozen.FrozenEstimator` is used as it is. None is ``DINOTransformer()``.

    See Also
    --------
    VQTokenizer : Codes from which the series can be rebuilt.
    BEiTV2Transformer : A masked method that predicts these codes.

    References
    ----------
    Peng, Z., Dong, L., Bao, H., Ye, Q. and Wei, F. (2022). BEiT v2: masked image modeling with vector-quantized visual
    tokenizers. https://arxiv.org/abs/2208.06366

    Examples
    --------
    >>> from sklearn_ssl import DINOTransformer, DistilledTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> teacher = DINOTransformer(max_epochs=1)
    >>> DistilledTokenizer(teacher=teacher, n_codes=32, max_epochs=1, random_state=0).fit(X).tokenize(X).shape
    (20, 13)
    """

    teacher: Any = recipe(default_factory=DINOTransformer, needs="fit")

    def _architecture(self):
        return self._coded(DistilledTokenizerArchitecture, **self._fitted_modules())

    def _loss(self):
        return partial(vq_distillation_loss, commitment=self.commitment)
