"""Outlier detectors for whole series, on statistics of each series."""

import abc
from typing import Any, Self, final

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number

# A statistic that spreads by less than this part of the channel's usual range is rounding, as after z-normalisation.
NEGLIGIBLE = 1e-6
STD_OF_NORMAL_BY_MAD = 1.4826
IQR_OF_NORMAL_BY_STD = 1.349
# Statistics beyond count as this, so that squares of what stands for "missing" at the end of float64 stay finite.
LARGEST = 1e75


def series_statistics(values: np.ndarray) -> np.ndarray:
    r"""Summarise every channel of every series by five statistics of its observed values.

    They are the mean, the standard deviation, the minimum, the maximum and the roughness, the mean squared step
    :math:`(x_{t+1} - x_t)^2` over all pairs of neighbours that are both observed.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series; NaN is missing or padding and left out.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, 5)
        The statistics, float64, none beyond 1e75; NaN where a series has no observed value in a channel, and for a
        roughness without any pair of neighbours.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _observed_mean(values)  # (n, C)
        std = np.sqrt(_observed_mean(np.square(values - mean[:, :, None])))
        roughness = _observed_mean(np.square(np.diff(values, axis=2), dtype=np.float64))
    extremes = np.fmin.reduce(values, axis=2), np.fmax.reduce(values, axis=2)
    return np.clip(np.stack([mean, std, *extremes, roughness], axis=2), -LARGEST, LARGEST)  # (n, C, 5)


def _observed_mean(values: np.ndarray) -> np.ndarray:
    observed = ~np.isnan(values)
    total = np.where(observed, values, 0.0).sum(axis=2, dtype=np.float64)
    count = observed.sum(axis=2)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


class StatisticsDetector(OutlierMixin, Hyperparameters, abc.ABC):
    """An outlier detector that looks how far the statistics of a series lie outside an interval.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_channels, 5)
        Interval in which mean, standard deviation, minimum, maximum and roughness of a channel are not far at all.
    scale_ : ndarray of shape (n_channels, 5)
        Unit of the distance to the interval; 0 for a statistic that is not used because it is constant.
    offset_ : float
        Minus the largest distance of an inlier; ``decision_function = score_samples - offset_``.
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.
    """

    @abc.abstractmethod
    def _limit(self) -> float:
        """Return the distance above which a series is an outlier."""

    @abc.abstractmethod
    def _interval(self, statistics: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return lower end, upper end and unit for statistics (n, C, 5) and the spreads that are mere rounding."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is usual.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series; NaN is missing or padding. 2-D input is one channel.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter is outside its range or a value is infinite.
        """
        self.check_hyperparameters()
        with unchanged_on_error(self):
            statistics = self._statistics(X, reset=True)
            never_observed = np.isnan(statistics).all(axis=0)
            statistics = np.where(never_observed, 0.0, statistics)
            tolerance = _rounding(statistics)
            self.lower_, self.upper_, scale = self._interval(statistics, tolerance)
            self.scale_ = np.where(scale > tolerance, scale, 0.0)
            self.offset_ = -float(self._limit())
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Compute how usual every series is.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.

        Returns
        -------
        ndarray of shape (n_cases,)
            Minus the largest distance of any statistic; 0 is entirely usual. A channel without observed values does
            not count, and a series without any observed value has minus infinity.
        """
        check_is_fitted(self)
        statistics = self._statistics(X, reset=False)  # (n, C, 5)
        distance = np.maximum(np.maximum(self.lower_ - statistics, statistics - self.upper_), 0.0)
        used = self.scale_ > 0
        distance = np.divide(distance, self.scale_, out=np.zeros_like(distance), where=used & ~np.isnan(distance))
        unobserved = np.isnan(statistics).all(axis=(1, 2))
        return np.where(unobserved, -np.inf, -distance.max(axis=(1, 2)))

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute the signed distance to the limit.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.

        Returns
        -------
        ndarray of shape (n_cases,)
            ``score_samples(X) - offset_``, negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Tell inliers from outliers.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.

        Returns
        -------
        ndarray of shape (n_cases,)
            1 for inliers, -1 for outliers.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _statistics(self, X: Any, *, reset: bool) -> np.ndarray:
        collection = validated_collection(self, X, reset=reset, allow_missing=True, dtype=None)
        return series_statistics(collection.values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


@final
class ZScoreDetector(StatisticsDetector):
    r"""Finds series of which a statistic lies many standard deviations from its mean.

    For series i, channel c and statistic k (mean, standard deviation, minimum, maximum, and roughness, which is
    the mean squared step, all over observed values)

    .. math:: z_{ick} = |s_{ick} - m_{ck}| / d_{ck},

    where m and d are centre and spread of that statistic over the training series. The series is an outlier when its
    largest z is above `threshold`. A statistic with the same value in every training series has no spread and is not
    used; a series without any observed value is always an outlier.

    The mean and standard deviation of few series cannot show one of them as an outlier: z is at most
    ``sqrt(n_cases - 1)``, which exceeds 3 from 11 series on; and outliers of a tenth or more of the series hide each
    other. ``spread="mad"`` has neither limit.

    Parameters
    ----------
    threshold : float, default=3.0
        Largest z of an inlier. Normally distributed statistics are above 3 once in 370 times each.
    spread : {"std", "mad"}, default="std"
        Mean and standard deviation, or median and 1.4826 times the median absolute deviation from it. Where more than
        half of the series share one value, the latter is 0 and the standard deviation stands in for it.

    References
    ----------
    B. Iglewicz and D. C. Hoaglin, "How to Detect and Handle Outliers", ASQC Quality Press, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import ZScoreDetector
    >>> X = np.random.default_rng(0).normal(size=(40, 2, 50))
    >>> X[7, 1] += 20
    >>> np.flatnonzero(ZScoreDetector(threshold=5).fit_predict(X) == -1)
    array([7])
    """

    threshold: float = number(default=3.0, above=0)
    spread: str = choice("std", "mad", default="std")

    def _limit(self) -> float:
        return self.threshold

    def _interval(self, statistics: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        std = np.nanstd(statistics, axis=0)
        if self.spread == "std":
            centre = np.nanmean(statistics, axis=0)
            return centre, centre, std
        centre = np.nanmedian(statistics, axis=0)
        mad = STD_OF_NORMAL_BY_MAD * np.nanmedian(np.abs(statistics - centre), axis=0)
        return centre, centre, np.where(mad > tolerance, mad, std)


@final
class IQRDetector(StatisticsDetector):
    r"""Finds series of which a statistic lies far outside the quartiles.

    For series i, channel c and statistic k (mean, standard deviation, minimum, maximum, and roughness, which is
    the mean squared step, all over observed values)

    .. math:: q_{ick} = \max(0,\; Q^1_{ck} - s_{ick},\; s_{ick} - Q^3_{ck}) / (Q^3_{ck} - Q^1_{ck}),

    where :math:`Q^1` and :math:`Q^3` are the quartiles of that statistic over the training series. The series is an
    outlier when its largest q is above `factor` (Tukey's fences). Where the quartiles coincide, 1.349 standard
    deviations stand in for their difference; a statistic with the same value in every training series is not used; a
    series without any observed value is always an outlier.

    Parameters
    ----------
    factor : float, default=1.5
        Largest q of an inlier. Normally distributed statistics are above 1.5 once in 143 times each, above 3 once in
        430 000 times.

    References
    ----------
    J. W. Tukey, "Exploratory Data Analysis", Addison-Wesley, 1977.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import IQRDetector
    >>> X = np.random.default_rng(0).normal(size=(40, 2, 50))
    >>> X[7, 1] += 20
    >>> np.flatnonzero(IQRDetector(factor=3).fit_predict(X) == -1)
    array([7])
    """

    factor: float = number(default=1.5, above=0)

    def _limit(self) -> float:
        return self.factor

    def _interval(self, statistics: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lower, upper = np.nanpercentile(statistics, [25, 75], axis=0)
        iqr = upper - lower
        std = np.nanstd(statistics, axis=0)
        return lower, upper, np.where(iqr > tolerance, iqr, IQR_OF_NORMAL_BY_STD * std)


def _rounding(statistics: np.ndarray) -> np.ndarray:
    lowest, highest = statistics[:, :, 2], statistics[:, :, 3]  # (n, C)
    usual_range = np.nanmedian(highest - lowest, axis=0)
    usual_size = np.nanmedian(np.maximum(np.abs(lowest), np.abs(highest)), axis=0)
    spread = NEGLIGIBLE * usual_range + NEGLIGIBLE**2 * usual_size
    return np.stack([spread, spread, spread, spread, spread**2], axis=1)  # (C, 5)
