"""Outlying values of series."""

import dataclasses
import typing

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.lengths import CHUNK_BYTES
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._gaps import Gaps
from sklearn_ssl.preprocessing._pieces import channel_quantiles, channel_statistics, channel_variances
from sklearn_ssl.preprocessing._smooth import MAD_TO_STD, check_odd_window


@typing.final
class ClipOutliers(CollectionTransformer):
    r"""Clip, remove or bridge values that are far from the usual range of their channel, or of their window.

    Let :math:`k` be the `threshold`. A value is an outlier if it is outside of

    ========  ======================================================================================================
    "zscore"  :math:`\mu \pm k \sigma`, the mean and standard deviation of the channel over the training series
    "iqr"     :math:`[q_1 - k (q_3 - q_1),\ q_3 + k (q_3 - q_1)]`, the quartiles of the channel over the training
              series
    "hampel"  :math:`m_t \pm 1.4826\, k \max(\operatorname{MAD}_t, q / 2)`, with :math:`m_t` the median of the `window`
              around step :math:`t`, :math:`\operatorname{MAD}_t` the median of the absolute deviations from it and
              :math:`q` the resolution of the channel in this series; nothing is learnt, and near the ends of a series
              the window has fewer values
    ========  ======================================================================================================

    Missing values (NaN) are ignored and stay missing. A channel whose training values do not spread, with
    :math:`\sigma = 0` or :math:`q_1 = q_3`, has no limits, because there is no scale that says which values are far.

    The resolution :math:`q` is the smallest difference between two values. The values of a quantised signal are known
    to half of it only, so no smaller deviation than :math:`q / 2` is a scale. With one or two values :math:`q`
    is 0; so a single spike in a flat series is an outlier.

    Parameters
    ----------
    method : {"zscore", "iqr", "hampel"}, default="zscore"
        How the limits are computed.
    action : {"clip", "nan", "interpolate"}, default="clip"
        What replaces an outlier.

        - "clip": the limit that it exceeds.
        - "nan": NaN, for a later step to fill. If all channels of trailing steps become NaN, later steps take these
          steps for padding; ``FillMissing(padding="fill")`` fills them.
        - "interpolate": a straight line between the nearest values within the limits, level at the ends of the series.
          Where a channel of a series has no value within the limits, its values are clipped instead.
    threshold : float or None, default=None
        The factor k. None is 3 for "zscore" and "hampel", and 1.5 for "iqr".
    window : int, default=7
        Number of steps in a window of "hampel", an odd number of at least 3.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_channels_in_,) or None
        The limits; None for "hampel".

    Raises
    ------
    ValueError
        If a channel is missing in every training series, or `window` is even.

    References
    ----------
    Hampel, F. R. (1974). The influence curve and its role in robust estimation. Journal of the American Statistical
    Association 69.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import ClipOutliers
    >>> X = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 90.0, 8.0]]])
    >>> ClipOutliers(method="iqr").fit_transform(X)
    array([[[ 1.   ,  2.   ,  3.   ,  4.   ,  5.   ,  6.   , 12.125,  8.   ]]])
    >>> ClipOutliers(method="hampel", action="interpolate").fit_transform(X)
    array([[[1., 2., 3., 4., 5., 6., 7., 8.]]])
    """

    method: str = choice("zscore", "iqr", "hampel", default="zscore")
    action: str = choice("clip", "nan", "interpolate", default="clip")
    threshold: float | None = number(default=None, above=0, or_else=(None,))
    window: int = number(default=7, least=3, integer=True)

    def _learn(self, collection: Collection) -> None:
        if self.method == "hampel":
            check_odd_window(self)
        self.lower_, self.upper_ = self._learnt_limits(collection)

    def _learnt_limits(self, collection: Collection) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.method == "hampel":
            return None, None
        limits = _zscore_limits if self.method == "zscore" else _iqr_limits
        return limits(collection, self._factor)

    def _changed(self, collection: Collection) -> Collection:
        values = collection.values
        lower, upper = self._limits(values)
        if self.action == "clip":
            return dataclasses.replace(collection, values=np.clip(values, lower, upper))
        outlying = (values < lower) | (values > upper)
        if self.action == "nan":
            return dataclasses.replace(collection, values=np.where(outlying, values.dtype.type(np.nan), values))
        result = np.clip(values, lower, upper)
        gaps = Gaps.of(outlying | np.isnan(values))
        gaps.where(outlying.reshape(-1)[gaps.at] & ~gaps.hopeless).connect(result)
        return dataclasses.replace(collection, values=result)

    @property
    def _factor(self) -> float:
        if self.threshold is None:
            return 1.5 if self.method == "iqr" else 3.0
        return self.threshold

    def _limits(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.lower_ is None or self.upper_ is None:
            median, mad = _rolling_median_and_mad(values, self.window)  # (n, C, L)
            mad = np.fmax(mad, _resolution(values) / 2)
            reach = mad * values.dtype.type(MAD_TO_STD * self._factor)
            return median - reach, median + reach
        return self.lower_[:, None].astype(values.dtype), self.upper_[:, None].astype(values.dtype)  # (C, 1)


def _zscore_limits(collection: Collection, factor: float) -> tuple[np.ndarray, np.ndarray]:
    known = channel_statistics(collection)
    reach = factor * np.sqrt(channel_variances(collection, known))
    return _unless(known.smallest == known.largest, known.mean - reach, known.mean + reach)


def _iqr_limits(collection: Collection, factor: float) -> tuple[np.ndarray, np.ndarray]:
    first, third = channel_quantiles(collection, 0.25), channel_quantiles(collection, 0.75)
    return _unless(first == third, first - factor * (third - first), third + factor * (third - first))


def _unless(unknown: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(unknown, -np.inf, lower), np.where(unknown, np.inf, upper)


def _rolling_median_and_mad(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    half = min(window // 2, values.shape[2] - 1)
    padded = np.pad(values, ((0, 0), (0, 0), (half, half)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * half + 1, axis=2)  # (n, C, L, w), a view
    median, mad = np.empty_like(values), np.empty_like(values)
    at_once = max(1, CHUNK_BYTES // (values[:1].nbytes * (2 * half + 1)))
    for start in range(0, len(values), at_once):
        rows = slice(start, start + at_once)
        median[rows] = _median(windows[rows])
        mad[rows] = _median(np.abs(windows[rows] - median[rows, :, :, None]))
    return median, mad


def _resolution(values: np.ndarray) -> np.ndarray:
    """Return the smallest difference between values of each channel of each series, (n, C, 1); 0 if they are two."""
    ordered = np.sort(values, axis=2)  # NaN last
    gaps = np.diff(ordered, axis=2, append=np.nan)
    rounding = np.finfo(values.dtype).eps * np.nanmax(np.abs(values), axis=2, keepdims=True, initial=0)
    is_gap = gaps > rounding  # equal decimals may differ in their last bit
    smallest = np.where(is_gap, gaps, np.inf).min(axis=2, keepdims=True)
    return np.where(is_gap.sum(axis=2, keepdims=True) >= 2, smallest, 0).astype(values.dtype)


def _median(windows: np.ndarray) -> np.ndarray:
    ordered = np.sort(windows)  # NaN last
    count = np.count_nonzero(~np.isnan(ordered), axis=-1, keepdims=True)
    below = np.take_along_axis(ordered, (count - 1) // 2, axis=-1)
    above = np.take_along_axis(ordered, count // 2, axis=-1)
    return ((below + above) / 2)[..., 0]
