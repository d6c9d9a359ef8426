"""I-JEPA."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import LatentPredictionArchitecture
from sklearn_ssl.base import MaskedTransformer, number, recipe
from sklearn_ssl.losses import masked_smooth_l1_loss
from sklearn_ssl.masking import BlockMasking


@final
class IJEPATransformer(MaskedTransformer):
    r"""I-JEPA: from a part of each series, predict a teacher's features of several blocks, each by itself.

    Only tokens of a context enter the encoder. A small decoder gets the encoded tokens, a learnt token at each place of
    a target block, and the positions, and predicts features :math:`\hat y` of the block. The teacher is the moving
    average of the encoder and sees the whole series. Minimises

    .. math::

        \frac{1}{D \sum_m |H_m|} \sum_m \sum_{t \in H_m} \sum_d s(\hat y^{(m)}_{td} - y_{td}), \qquad
        s(e) = \begin{cases} e^2 / 2 & |e| \le 1 \\ |e| - 1 / 2 & \text{else} \end{cases}

    where :math:`H_m` are the tokens t of the target blocks m of the batch, and :math:`y_t` are the D features that the
    teacher's last layer gives to token t, with mean 0 and variance 1 over the features. Before every step the teacher's
    weights :math:`\theta'` follow the weights :math:`\theta` of the encoder,
    :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows linearly to 1.

    The context is a block at a random place, which covers a random share of the windows of the series, without all
    target blocks. If these would cover the whole context, the last ones are left out. The authors draw one size for all
    target blocks of a batch, two-dimensional ones, and take the teacher's features for later tasks; the features here
    are those of the encoder. They let m begin at 0.996, which belongs to many more steps.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Passes over the series. "auto" is about 1,000 optimiser steps, five times as many as for other methods, because
        the features of this one are worse than untrained ones after 200. 0 leaves the weights as initialised.
    masking : Masking, default=None
        Draws a target block. None is ``BlockMasking(ratio=0.175, spread=0.025, mean_length=float("inf"))``.
    n_blocks : int, default=4
        Number of target blocks. They may overlap.
    context_ratio : float, default=0.85
        The context covers a share that is uniform from this one to 1, before the targets are taken out.
    decoder_depth : int, default=1
        Number of transformer blocks of the decoder.
    decoder_width : int, default=32
        Number of features of its tokens. It should be fewer than those of the encoder.
    momentum : float, default=0.99
        m at the start of training, the share of the teacher's weights that stays in each step.

    See Also
    --------
    Data2VecTransformer : Hidden values are replaced, and any encoder can be used.
    SdAETransformer : The teacher sees hidden windows only.

    References
    ----------
    Assran, M., Duval, Q., Misra, I., Bojanowski, P., Vincent, P., Rabbat, M., LeCun, Y. and Ballas, N. (2023).
    Self-supervised learning from images with a joint-embedding predictive architecture. CVPR.
    https://arxiv.org/abs/2301.08243

    Examples
    --------
    >>> from sklearn_ssl import IJEPATransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> IJEPATransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    _auto_steps = 1000

    masking: Any = recipe(
        default_factory=partial(BlockMasking, ratio=0.175, spread=0.025, mean_length=math.inf), needs="hidden"
    )
    n_blocks: int = number(default=4, least=1, integer=True)
    context_ratio: float = number(default=0.85, above=0, most=1)
    decoder_depth: int = number(default=1, least=1, integer=True)
    decoder_width: int = number(default=32, least=1, integer=True)
    momentum: float = number(default=0.99, least=0, most=1)

    def _architecture(self):
        return self._masked(
            LatentPredictionArchitecture,
            n_blocks=self.n_blocks,
            context_ratio=self.context_ratio,
            decoder_depth=self.decoder_depth,
            decoder_width=self.decoder_width,
            momentum=self.momentum,
            schedule="linear",
        )

    def _loss(self):
        return masked_smooth_l1_loss
