"""TF-C."""

import math
from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import TimeFrequencyArchitecture
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import SSLTransformer, number, recipe
from sklearn_ssl.losses import tfc_loss
from sklearn_ssl.projectors import MLPProjector


@final
class TFCTransformer(SSLTransformer):
    r"""TF-C (time-frequency consistency): a series and its spectrum agree better than with changed copies.

    One encoder sees series, another one of the same kind sees the magnitudes of their spectra. With h the features in
    the time domain (T) and in the frequency domain (F), z their projections into a common space, a tilde for changed
    copies, and S the loss NT-Xent, minimises

    .. math::

        \lambda \bigl( S(h^T, \tilde h^T) + S(h^F, \tilde h^F) \bigr)
        + (1 - \lambda) \sum_{(a, b)} \max\bigl(0, S(z^T, z^F) - S(a, b) + \delta\bigr)

    over the pairs :math:`(z^T, \tilde z^F), (\tilde z^T, z^F), (\tilde z^T, \tilde z^F)`. Changed spectra lack some
    frequencies and have more of others. Vectors that are all the same give
    :math:`2 \lambda \log(2n - 1) + 3 (1 - \lambda) \delta` for n series in a batch.

    `transform` returns the pooled features of both domains, `encode` those of the encoder in the time domain per step.
    So :func:`~sklearn_ssl.persistence.save_encoder` refuses it; use joblib. Fine-tuning changes the encoder in the time
    domain only.

    The paper has no maximum, without which the loss could fall without end. All channels are used, and each encoder
    sees every series by itself. The authors' code uses the first channel, attends across the series of a batch, and
    leaves out the term of consistency.

    Parameters
    ----------
    augmentation : Augmentation or callable, default=None
        Changes the series in the time domain. None is ``Jitter()``.
    projector : MLPProjector, default=None
        Head from the features of each domain into the common space. None is ``MLPProjector()``.
    share : float, default=0.1
        Share of the frequencies that a changed spectrum lacks, and of those to which it adds up to a tenth of the
        largest magnitude.
    contrast : float, default=0.2
        :math:`\lambda`.
    margin : float, default=1.0
        :math:`\delta`.
    temperature : float, default=0.2
        Divides the cosines in S.

    References
    ----------
    Zhang, X., Zhao, Z., Tsiligkaridis, T. and Zitnik, M. (2022). Self-supervised contrastive pre-training for time
    series via time-frequency consistency. NeurIPS. https://arxiv.org/abs/2206.08496

    Examples
    --------
    >>> from sklearn_ssl import TFCTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TFCTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 1536)
    """

    augmentation: Any = recipe(default_factory=Jitter, needs="__call__")
    projector: Any = recipe(default_factory=MLPProjector, needs="build")
    share: float = number(default=0.1, least=0, most=1)
    contrast: float = number(default=0.2, least=0, most=1)
    margin: float = number(default=1.0, least=0)
    temperature: float = number(default=0.2, above=0)

    def _architecture(self):
        augmentation = as_augmentation(self.resolved("augmentation"))
        projector = self.resolved("projector")
        return partial(TimeFrequencyArchitecture, augmentation=augmentation, projector=projector, share=self.share)

    def _loss(self):
        return partial(tfc_loss, contrast=self.contrast, margin=self.margin, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return 2 * self.contrast * math.log(2 * n_cases - 1) + 3 * (1 - self.contrast) * self.margin
