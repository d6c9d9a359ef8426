"""SoftCLT."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import SoftCroppedArchitecture
from sklearn_ssl.base import number
from sklearn_ssl.losses import softclt_loss
from sklearn_ssl.methods.series_native._cropped import CroppedTransformer


@final
class SoftCLTTransformer(CroppedTransformer):
    r"""SoftCLT: TS2Vec in which similar series and near time steps are not pushed apart.

    As :class:`~sklearn_ssl.TS2VecTransformer`, with soft targets. A step finds itself in the other crop with weight 1,
    other series with weights :math:`w_{ij} = 2 \alpha \, \sigma(-\tau_I d_{ij})`, and steps t' of its own series, at
    scale s = 0, 1, ..., with weights :math:`2 \sigma(-2^s \tau_T |t - t'|)`; see
    :func:`~sklearn_ssl.losses.softclt_loss`. Here :math:`\sigma` is the logistic function and :math:`d_{ij}` the
    distance of two series, from 0 to 1.

    The authors take the distances of dynamic time warping between all training series. Here they are Euclidean
    distances of standardised series, stretched to one length, within each batch. That costs nothing, but it does not
    see that two series are alike if one is delayed. The authors choose both :math:`\tau` for each data set.

    Parameters
    ----------
    instance_sharpness : float, default=10.0
        :math:`\tau_I`. The larger it is, the fewer series count as similar.
    temporal_sharpness : float, default=0.5
        :math:`\tau_T`. The larger it is, the fewer steps count as near.
    similar : float, default=0.5
        :math:`\alpha`, half of the weight of a series that is the same. 0 takes only the series itself.

    See Also
    --------
    TS2VecTransformer : With hard targets.

    References
    ----------
    Lee, S., Park, T. and Lee, K. (2024). Soft contrastive learning for time series. ICLR.
    https://arxiv.org/abs/2312.16424

    Examples
    --------
    >>> from sklearn_ssl import SoftCLTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SoftCLTTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 320)
    """

    instance_sharpness: float = number(default=10.0, least=0)
    temporal_sharpness: float = number(default=0.5, least=0)
    similar: float = number(default=0.5, least=0, most=1)

    def _architecture(self):
        sharpness = self.instance_sharpness
        return self._cropped(SoftCroppedArchitecture, similar=self.similar, instance_sharpness=sharpness)

    def _loss(self):
        return partial(
            softclt_loss,
            sharpness=self.temporal_sharpness,
            instance=self.instance,
            temporal_unit=self.temporal_unit,
        )
