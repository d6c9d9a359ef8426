"""Time series transformer."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import ReplacedArchitecture
from sklearn_ssl.base import ReconstructingTransformer, recipe
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.losses import masked_mse_loss
from sklearn_ssl.masking import GeometricMasking


@final
class TSTTransformer(ReconstructingTransformer):
    r"""Time series transformer: hide runs of single steps, in each channel apart, and predict their values.

    Hidden values are replaced by a learnt value per channel. A linear map of the encoder's last map predicts them.
    Minimises

    .. math:: \frac{1}{|H|} \sum_{(i, c, t) \in H} (\hat x_{ict} - x_{ict})^2,

    where H are the hidden values of the batch, x the series and :math:`\hat x` the predictions. Hidden runs have 3
    steps on average, and 15 % of the values are hidden. The authors replace them by zeros.

    The authors' encoder is a transformer with one token per step and batch normalisation. Its cost grows with the
    square of the length: ``encoder=TransformerEncoder(window=1)`` is its form here. The default is a small
    convolutional network with layer normalisation, whose cost grows with the length.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers. None is ``InceptionEncoder(depth=3, width=16, bottleneck=16, norm="layer")``.
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``GeometricMasking(ratio=0.15)``.
    window : int or "auto", default=1
        Number of time steps of the windows that are hidden or seen as a whole.

    See Also
    --------
    SimMIMTransformer : Windows are hidden in all channels.

    References
    ----------
    Zerveas, G., Jayaraman, S., Patel, D., Bhamidipaty, A. and Eickhoff, C. (2021). A transformer-based framework for
    multivariate time series representation learning. KDD. https://arxiv.org/abs/2010.02803

    Examples
    --------
    >>> from sklearn_ssl import TSTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TSTTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    encoder: Any = recipe(default_factory=partial(InceptionEncoder, depth=3, width=16, bottleneck=16, norm="layer"))
    masking: Any = recipe(default_factory=partial(GeometricMasking, ratio=0.15), needs="hidden")
    window: int | str = 1

    def _architecture(self):
        return self._masked(ReplacedArchitecture)

    def _loss(self):
        return masked_mse_loss
