"""SimPer."""

import math
from functools import partial
from typing import Any, final

import numpy as np

from sklearn_ssl._numerics.spectrum import dominant_frequency, thinned_rate
from sklearn_ssl.architectures import PeriodicArchitecture
from sklearn_ssl.augmentations import SpeedChange
from sklearn_ssl.augmentations._default_views import periodic_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import SSLTransformer, function, number, recipe
from sklearn_ssl.losses import periodic_similarity, simper_loss


@final
class SimPerTransformer(SSLTransformer):
    r"""SimPer: copies of a series at similar speeds are similar.

    Windows of each series are played at M random speeds, twice, which makes two views. They are so short that the
    fastest one fits into the series, and begin at random places. The encoder, and a linear map of its features at each
    step, turn a window into a sequence of one value per time step. Minimises, on average over the series of a batch,

    .. math::

        \frac{1}{M} \sum_i \sum_j -\operatorname{softmax}_j \Bigl( \frac{-|s_i - s_j|}{\tau_s} \Bigr) \log
        \operatorname{softmax}_j \Bigl( \frac{S_{ij}}{\tau} \Bigr).

    where :math:`s_i` is the speed of copy i, and :math:`S_{ij}` the similarity of the sequence of copy i in the first
    view to the sequence of copy j in the second. The negatives of a copy are the same series at other speeds. A loss of
    :math:`\log M` is chance level. The authors' head ends with batch normalisation and a ReLU; the one here is linear.

    Parameters
    ----------
    n_speeds : int, default=10
        M, at least 2. A step costs 2 M passes through the encoder.
    speed : SpeedChange, default=None
        Range of the speeds, which are uniform in it, within 1 / L and L for series of L time steps. None is
        ``SpeedChange(slowest=0.5, fastest=2.0)``.
    similarity : callable, default=None
        Maps sequences (B, M, L') of two views to similarities (B, M, M). It is pickled, so it must not be a lambda.
        None is ``periodic_similarity``, the largest correlation over all lags. ``kind="spectrum_cosine"`` with
        ``band=(0.01, 0.1)`` compares power spectra in a band of fractions of the sampling rate.
    temperature : float, default=1.0
        :math:`\tau`. The paper has none, which is 1. Similarities are from -1 to 1, so the softmax is then nearly flat.
    label_temperature : float, default=0.1
        :math:`\tau_s`. The smaller it is, the closer a speed must be to count as similar.
    batch_size : int or "auto", default=8
        Series per step, each at M speeds. A larger one brings no more negatives.
    augmentation : Augmentation, default=None
        How windows are changed further. It must not change how often things repeat. None is
        ``Compose(reversal=TimeReversal(), scaling=Scaling(), jitter=Jitter())``.

    References
    ----------
    Yang, Liu, Wu and others, "SimPer: Simple self-supervised learning of periodic targets", ICLR 2023.

    Examples
    --------
    >>> from sklearn_ssl import SimPerTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SimPerTransformer(max_epochs=1, n_speeds=4, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    n_speeds: int = number(default=10, least=2, integer=True)
    speed: Any = recipe(default_factory=SpeedChange, needs="slowest")
    similarity: Any = function(periodic_similarity)
    temperature: float = number(default=1.0, above=0)
    label_temperature: float = number(default=0.1, above=0)
    batch_size: int | str = number(default=8, least=2, integer=True, or_else=("auto",))
    augmentation: Any = recipe(default_factory=periodic_views, needs="__call__")

    def predict_frequency(
        self, X: Any, sampling_rate: float, *, lowest: float = 0.0, highest: float | None = None
    ) -> np.ndarray:
        """Return the dominant frequency of the learnt sequence of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        sampling_rate : float
            Time steps per second.
        lowest : float, default=0.0
            Lower end of the band in Hz.
        highest : float or None, default=None
            Upper end of the band in Hz. None is half the sampling rate of the sequence.

        Returns
        -------
        frequencies : ndarray of shape (n_cases,)
            In Hz. NaN if a sequence is constant or has no frequency in the band.
        """
        net, dataset = self._ready(X)
        sequences = np.concatenate([s.numpy() for s in net.represent(dataset, "sequences", whole=True)])  # (n, L')
        rate = thinned_rate(sampling_rate, dataset.collection.n_timepoints, sequences.shape[1])
        return dominant_frequency(sequences, rate, lowest, highest)

    def _architecture(self):
        return partial(
            PeriodicArchitecture,
            augmentation=as_augmentation(self.resolved("augmentation")),
            n_speeds=self.n_speeds,
            speed_change=self.resolved("speed"),
        )

    def _loss(self):
        return partial(
            simper_loss,
            temperature=self.temperature,
            label_temperature=self.label_temperature,
            similarity=self.resolved("similarity"),
        )

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(self.n_speeds)
