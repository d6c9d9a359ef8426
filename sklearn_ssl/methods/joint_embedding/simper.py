"""SimPer."""

import math
from functools import partial
from typing import Any, final

import numpy as np

from sklearn_ssl._numerics.spectrum import dominant_frequency, thinned_rate
from sklearn_ssl.architectures import PeriodicArchitecture
from sklearn_ssl.augmentations import Compose, Jitter, Scaling, SpeedChange, TimeReversal, TimeShift
from sklearn_ssl.base import SSLTransformer, function, number, recipe
from sklearn_ssl.losses import periodic_similarity, simper_loss


def invariant_views() -> Compose:
    """Return the augmentation used unless another is given; it leaves frequencies as they are."""
    return Compose(shift=TimeShift(ratio=0.5), reversal=TimeReversal(), scaling=Scaling(), jitter=Jitter())


@final
class SimPerTransformer(SSLTransformer):
    r"""SimPer: the similarity of a series at different speeds follows the closeness of the speeds.

    Each series is played at M random speeds, in two views. The encoder, and a linear map of its features at each step,
    give a sequence of one value per time step. Minimises, with the similarity :math:`S_{ij}` of the sequences of copy i
    in the first view and copy j in the second, averaged over the series of a batch,

    .. math::

        \frac{1}{M} \sum_i \sum_j -\operatorname{softmax}_j \Bigl( \frac{-|s_i - s_j|}{\tau_s} \Bigr) \log
        \operatorname{softmax}_j \Bigl( \frac{S_{ij}}{\tau} \Bigr).

    The negatives of a copy are the other speeds of the same series. `predict_frequency` reads the frequency of the
    learnt sequence; `transform` gives pooled features, as elsewhere. log(M) is chance level.

    Parameters
    ----------
    n_speeds : int, default=10
        M, at least 2. A step costs 2 M passes through the encoder.
    speed : SpeedChange, default=None
        Range of the speeds, which are uniform in it, within 1 / L and L for series of L time steps. None is
        ``SpeedChange(slowest=0.5, fastest=2.0)``.
    similarity : callable, default=None
        From sequences (B, M, L') of two views to (B, M, M); no lambda, for it is pickled. None is
        `periodic_similarity`, the largest correlation over all lags; ``partial(periodic_similarity,
        kind="spectrum_cosine", band=(0.01, 0.1))`` compares power spectra in a band of fractions of the sampling rate.
    temperature : float, default=1.0
        :math:`\tau`. The paper has none, that is 1: similarities from -1 to 1 then make a nearly flat softmax.
    label_temperature : float, default=0.1
        :math:`\tau_s`. A small one asks for the very same speed.
    batch_size : int or "auto", default=8
        Series, each at M speeds. More are no more negatives, and 64 were no better by cross-validation.
    augmentation : Augmentation, default=None
        Must not change how often things repeat. None is TimeShift(ratio=0.5), TimeReversal(), Scaling() and Jitter().

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
    speed: Any = recipe(default_factory=SpeedChange, needs="apply")
    similarity: Any = function(periodic_similarity)
    temperature: float = number(default=1.0, above=0)
    label_temperature: float = number(default=0.1, above=0)
    batch_size: int | str = number(default=8, least=2, integer=True, or_else=("auto",))
    augmentation: Any = recipe(default_factory=invariant_views, needs="apply")

    def predict_frequency(
        self, X: Any, sampling_rate: float, *, lowest: float = 0.0, highest: float | None = None
    ) -> np.ndarray:
        """Read from the learnt sequence of every series the frequency that dominates it.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        sampling_rate : float
            Time steps a second.
        lowest, highest : float, default=0.0, None
            Band in Hz. None is half the sampling rate of the sequence.

        Returns
        -------
        ndarray of shape (n_cases,)
            In Hz; NaN where a sequence is constant or has no frequency in the band.
        """
        collection, batches = self._represent(X, "sequences")
        sequences = np.concatenate([batch.numpy() for batch in batches])  # (n, L')
        rate = thinned_rate(sampling_rate, collection.n_timepoints, sequences.shape[1])
        return dominant_frequency(sequences, rate, lowest, highest)

    def _architecture(self):
        return partial(
            PeriodicArchitecture,
            augmentation=self.resolved("augmentation"),
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
