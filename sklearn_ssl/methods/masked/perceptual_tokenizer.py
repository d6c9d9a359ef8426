"""Tokenizer whose reconstructions look like the series to a teacher."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import PerceptualTokenizerArchitecture
from sklearn_ssl.base import TaughtTokenizer, number, recipe
from sklearn_ssl.losses import vq_perceptual_loss
from sklearn_ssl.methods.joint_embedding.moco_v3 import MoCoV3Transformer


@final
class PerceptualTokenizer(TaughtTokenizer):
    r"""Give each window one of K codes, from which series can be rebuilt that look alike to a teacher.

    As `VQTokenizer`, whose loss is :math:`\ell_\text{vq}`. A teacher sees the series x and the rebuilt series
    :math:`\hat x`, and what it makes of both shall be alike. Minimises

    .. math::

        \ell_\text{vq} + \lambda \sum_l \frac{1}{|S|} \sum_{s \in S} \|F_l(x)_s - F_l(\hat x)_s\|^2,

    where :math:`F_l` is the teacher's map after layer l, with length 1 at each step since layers differ in size, S are
    the observed steps of the maps, and :math:`\lambda` is `perceptual`. The gradient goes through the teacher, which
    stays as it is. The teacher is fitted first, to the same series, and kept as ``teacher_``.

    No code of the authors could be read. The idea and the kind of teacher are the paper's. That the paper compares four
    layers of twelve, and with weight 1, is unverified; here all layers count. Their unit length is ours. The paper's
    adversarial term is left out.

    Parameters
    ----------
    teacher : transformer, default=None
        Any transformer of this package whose encoder gives features per time step or window, and a gradient with
        respect to the series. It is cloned, and the clone is fitted to the same series first. If its encoder is None,
        it has the encoder of this tokenizer. A fitted one in `sklearn.frozen.FrozenEstimator` is used as it is. None is
        ``MoCoV3Transformer()``.
    perceptual : float, default=1.0
        :math:`\lambda`. With 0 the tokenizer is a `VQTokenizer`.

    See Also
    --------
    VQTokenizer : Compares values only.
    PeCoTransformer : A masked method that predicts these codes.

    References
    ----------
    Dong, X., Bao, J., Zhang, T., Chen, D., Zhang, W., Yuan, L., Chen, D., Wen, F., Yu, N. and Guo, B. (2023). PeCo:
    perceptual codebook for BERT pre-training of vision transformers. AAAI. https://arxiv.org/abs/2111.12710

    Examples
    --------
    >>> from sklearn_ssl import MoCoV3Transformer, PerceptualTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> teacher = MoCoV3Transformer(max_epochs=1)
    >>> PerceptualTokenizer(teacher=teacher, n_codes=32, max_epochs=1, random_state=0).fit(X).tokenize(X).shape
    (20, 13)
    """

    teacher: Any = recipe(default_factory=MoCoV3Transformer, needs="fit")
    perceptual: float = number(default=1.0, least=0)

    def _architecture(self):
        return self._coded(PerceptualTokenizerArchitecture, **self._fitted_modules())

    def _loss(self):
        return partial(vq_perceptual_loss, commitment=self.commitment, perceptual=self.perceptual)
