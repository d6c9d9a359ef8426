"""Masked autoencoder."""

from typing import final

from sklearn_ssl.architectures import MaskedAutoencoder
from sklearn_ssl.methods.masked._autoencoders import MaskedAutoencoderTransformer


@final
class MAETransformer(MaskedAutoencoderTransformer):
    r"""Masked autoencoder: encode the visible windows only, and predict the values of the hidden ones.

    Tokens of hidden windows never enter the encoder. A small decoder gets the encoded tokens, a learnt token at each
    hidden place, and the positions. Minimises

    .. math:: \frac{1}{|H|} \sum_{(i, j) \in H} (\hat y_{ij} - y_{ij})^2,

    where H are the values j of hidden windows of the series i, :math:`\hat y` the predictions and y the targets. With
    ``normalise="none"`` the targets are the values. With "window" they are

    .. math:: y = (x - m) / \sqrt{v + 0.01},

    with mean m and variance v of the values of the window. With "channel" each channel of a window has its own mean and
    variance. The authors add 1e-6 to the variance, which turns the noise of a flat stretch into a target of variance 1.

    The encoder must have tokens: `TransformerEncoder`, or `ChannelTransformerEncoder` with a token for each channel.
    ``MAETransformer(encoder=TransformerEncoder(window=1))`` is the method of Ti-MAE, without its forecasting head.
    ``MAETransformer(encoder=ChannelTransformerEncoder(), masking=RandomMasking(ratio=0.4, channels="apart"))`` is near
    to the self-supervised PatchTST, whose tokens of different channels do not attend to each other.

    See Also
    --------
    SimMIMTransformer : Hidden values are replaced, and every encoder can be used.

    References
    ----------
    He, K., Chen, X., Xie, S., Li, Y., Dollár, P. and Girshick, R. (2022). Masked autoencoders are scalable vision
    learners. CVPR. https://arxiv.org/abs/2111.06377

    Li, Z., Rao, Z., Pan, L., Wang, P. and Xu, Z. (2023). Ti-MAE: self-supervised masked time series autoencoders.
    https://arxiv.org/abs/2301.08871

    Nie, Y., Nguyen, N. H., Sinthong, P. and Kalagnanam, J. (2023). A time series is worth 64 words: long-term
    forecasting with transformers. ICLR. https://arxiv.org/abs/2211.14730

    Examples
    --------
    >>> from sklearn_ssl import MAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import ChannelTransformerEncoder, TransformerEncoder
    >>> from sklearn_ssl.masking import RandomMasking
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> MAETransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    >>> ti_mae = MAETransformer(encoder=TransformerEncoder(depth=1, width=16, window=1), max_epochs=1)
    >>> ti_mae.fit_transform(X).shape
    (20, 64)
    >>> patch_tst = MAETransformer(
    ...     encoder=ChannelTransformerEncoder(depth=1, width=16),
    ...     masking=RandomMasking(ratio=0.4, channels="apart"),
    ...     max_epochs=1,
    ... )
    >>> patch_tst.fit_transform(X).shape
    (20, 64)
    """

    def _architecture(self):
        return self._autoencoder(MaskedAutoencoder)
