"""Outlier detectors for whole series, on statistics of each series."""

import abc
from typing import Any, Self, final

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number
from sklearn_ssl._parameters.scikit_learn import OutlierMixin
from sklearn_ssl.preprocessing._forms import for_series
from sklearn_ssl.preprocessing._smooth import MAD_TO_STD

# A statistic that spreads by less than this share of the channel's usual range is constant but for rounding errors. The
# mean of z-normalised series is an example.
NEGLIGIBLE = 1e-6
IQR_OF_NORMAL_BY_STD = 1.349
# Statistics are clipped to this size. Then the squares of huge numbers, which mark missing values in some files, are
# finite.
LARGEST = 1e75


def series_statistics(values: np.ndarray) -> np.ndarray:
    r"""Summarise every channel of every series by five statistics of its observed values.

    The statistics are the mean, the standard deviation, the minimum, the maximum and the roughness. The roughness is
    the mean of :math:`(x_{t+1} - x_t)^2` over all pairs of neighbours that are both observed.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series. NaN is missing or padding, and is ignored.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, 5)
        The statistics, float64, between -1e75 and 1e75. They are NaN if a series has no observed value in a channel.
        The roughness is NaN also if there is no pair of neighbours.
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
    """An outlier detector that measures how far the statistics of a series are outside an interval.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_channels, 5)
        The interval of each statistic of each channel: mean, standard deviation, minimum, maximum and roughness. Inside
        it the distance is 0.
    scale_ : ndarray of shape (n_channels, 5)
        Unit of the distance to the interval. It is 0 for statistics that are not used because they are constant.
    offset_ : float
        Minus the largest distance of an inlier: ``decision_function = score_samples - offset_``.
    n_channels_in_ : int
        Number of channels seen at fit.
    n_features_in_ : int
        Number of time steps seen at fit, for 2-D input only.
    """

    @abc.abstractmethod
    def _limit(self) -> float:
        """Return the distance above which a series is an outlier."""

    @abc.abstractmethod
    def _interval(self, statistics: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lower end, the upper end and the unit (C, 5) for statistics (n, C, 5).

        Spreads up to `tolerance` (C, 5) are rounding errors.
        """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the usual range of the statistics.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series. NaN is missing or padding. 2-D input is one channel.
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
            Minus the largest distance of any statistic. 0 means that all statistics are inside their intervals. A
            channel without observed values is ignored, and a series without any observed value has minus infinity.
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
        """Predict whether each series is an inlier or an outlier.

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
        return for_series(super().__sklearn_tags__())


@final
class ZScoreDetector(StatisticsDetector):
    r"""Find series with a statistic that is many standard deviations from its mean over all series.

    The statistics of a channel are the mean, standard deviation, minimum, maximum and roughness (the mean squared step)
    of its observed values. For series i, channel c and statistic k

    .. math:: z_{ick} = |s_{ick} - m_{ck}| / d_{ck},

    where m and d are the centre and the spread of that statistic over the training series. A series is an outlier if
    its largest z is above `threshold`. A statistic that has the same value in all training series has no spread and is
    not used. A series without any observed value is always an outlier.

    Use ``spread="mad"`` if there are few series or many outliers. With ``spread="std"``, z is at most ``sqrt(n_cases -
    1)``, which is above 3 for 11 series or more; and if a tenth of the series or more are outliers, they hide each
    other.

    Parameters
    ----------
    threshold : float, default=3.0
        Largest z of an inlier. For a normally distributed statistic, one series in 370 has z above 3.
    spread : {"std", "mad"}, default="std"
        How m and d are computed.

        - "std": the mean and the standard deviation.
        - "mad": the median, and 1.4826 times the median absolute deviation from it. If more than half of the series
          have the same value, that deviation is 0, and d is the standard deviation instead.

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
        mad = MAD_TO_STD * np.nanmedian(np.abs(statistics - centre), axis=0)
        return centre, centre, np.where(mad > tolerance, mad, std)


@final
class IQRDetector(StatisticsDetector):
    r"""Find series with a statistic that is far outside its quartiles over all series.

    The statistics of a channel are the mean, standard deviation, minimum, maximum and roughness (the mean squared step)
    of its observed values. For series i, channel c and statistic k

    .. math:: q_{ick} = \max(0,\; Q^1_{ck} - s_{ick},\; s_{ick} - Q^3_{ck}) / (Q^3_{ck} - Q^1_{ck}),

    where :math:`Q^1` and :math:`Q^3` are the first and the third quartile of that statistic over the training series. A
    series is an outlier if its largest q is above `factor` (Tukey's fences). If the quartiles are equal, their
    difference is replaced by 1.349 standard deviations. A statistic that has the same value in all training series is
    not used. A series without any observed value is always an outlier.

    Parameters
    ----------
    factor : float, default=1.5
        Largest q of an inlier. For a normally distributed statistic, one series in 143 has q above 1.5, and one in
        430 000 has q above 3.

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
