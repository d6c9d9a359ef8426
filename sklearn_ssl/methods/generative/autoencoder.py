"""Autoencoder."""

from typing import Any, final

from sklearn_ssl.architectures import AutoencoderArchitecture
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import BottleneckTransformer, recipe
from sklearn_ssl.losses import masked_mse_loss


@final
class AutoencoderTransformer(BottleneckTransformer):
    r"""Autoencoder: rebuild every series from a few numbers.

    A small network turns the last map of the encoder for a series x into the code of P numbers, and the generator g
    makes a series of the code. Minimises

    .. math:: \frac{1}{N} \sum_{i, c, t} \bigl( g(f(\tilde x_i))_{ct} - x_{ict} \bigr)^2

    over the N observed values of a batch, where f makes the code, and :math:`\tilde x` is x after
    `corruption`. Without a corruption :math:`\tilde x = x`. With one, such as ``Jitter(sigma=0.3)``, it is a
    denoising autoencoder. Corruptions that move values in time ask for a prediction of how far they moved.

    The small network is a convolution over pieces of eight steps of the map, ReLU, and a linear map of all pieces. It
    sees where something is, which pooled features do not tell. Scale the series before, so that all channels count.

    Parameters
    ----------
    corruption : Augmentation or callable, default=None
        Changes a series before it is encoded. None is ``Compose()``, which changes nothing.

    See Also
    --------
    TimeVAETransformer : Codes are drawn from a distribution, so that new series can be made.
    MAETransformer : Parts of a series are predicted from other parts.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with neural networks. Science.

    Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008). Extracting and composing robust features with
    denoising autoencoders. ICML.

    Examples
    --------
    >>> from sklearn_ssl import AutoencoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = AutoencoderTransformer(max_epochs=1, random_state=0).fit(X)
    >>> transformer.embed(X).shape
    (20, 16)
    >>> transformer.reconstruct(X).shape == X.shape
    True
    >>> transformer.reconstruction_error(X).shape
    (20,)
    """

    corruption: Any = recipe(default_factory=Compose, needs="__call__")

    def _architecture(self):
        return self._with_bottleneck(AutoencoderArchitecture, augmentation=as_augmentation(self.resolved("corruption")))

    def _loss(self):
        return masked_mse_loss
