"""Context encoder."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import AdversarialContextArchitecture, ContextArchitecture
from sklearn_ssl.base import ReconstructingTransformer, number, recipe
from sklearn_ssl.losses import context_loss
from sklearn_ssl.masking import BlockMasking


@final
class ContextEncoderTransformer(ReconstructingTransformer):
    r"""Context encoder: replace one block of every series by a learnt value, and predict it from the rest.

    The decoder has two convolutions over the encoder's last map. Between them a linear map of the mean of its observed
    steps is added, so each prediction sees the whole series. Minimises

    .. math:: \frac{\sum_{(i, c, t) \in H} w_{ict} (\hat x_{ict} - x_{ict})^2}{\sum_{(i, c, t) \in H} w_{ict}},

    where H are the hidden values of the batch, x the series, :math:`\hat x` the predictions, and the weight w is 10 in
    the first and the last eighth of a block and 1 between them. The paper weighs a border of 7 of 64 pixels like this,
    because predictions must join the context.

    With `adversarial` above 0 a critic, a `StridedEncoder` of its own, learns to tell series whose hidden values are
    predicted from whole ones, and the loss that the predictions fool it is added with this weight, as in
    `GANTransformer`. The paper has 0.001 for sharper pictures, and its critic sees the hidden block alone.

    The mean of the map replaces the paper's channel-wise fully connected layer, which needs series of one length.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``BlockMasking(ratio=0.25, mean_length=math.inf)``, one block.
    kernel_size : int, default=9
        Number of steps of the encoder's map that a convolution of the decoder sees.
    adversarial : float, default=0.0
        Weight of the loss of fooling a critic. 0 trains no critic.

    See Also
    --------
    SimMIMTransformer : Many short windows are hidden, and the decoder is linear.

    References
    ----------
    Pathak, D., Krähenbühl, P., Donahue, J., Darrell, T. and Efros, A. A. (2016). Context encoders: feature learning by
    inpainting. CVPR. https://arxiv.org/abs/1604.07379

    Examples
    --------
    >>> from sklearn_ssl import ContextEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> ContextEncoderTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(BlockMasking, ratio=0.25, mean_length=math.inf), needs="hidden")
    kernel_size: int = number(default=9, least=1, integer=True)
    adversarial: float = number(default=0.0, least=0)

    def _architecture(self):
        architecture = AdversarialContextArchitecture if self.adversarial else ContextArchitecture
        return self._masked(architecture, kernel_size=self.kernel_size)

    def _loss(self):
        return partial(context_loss, adversarial=self.adversarial)
