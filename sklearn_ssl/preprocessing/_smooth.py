"""Smoothing."""

import dataclasses
import typing

import numpy as np
import scipy
from scipy.ndimage import gaussian_filter1d, median_filter, uniform_filter1d

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._gaps import bridged, equal_lengths
from sklearn_ssl.preprocessing._wavelets import check_wavelet, deepest_level, pywavelets

MAD_TO_STD = 1.4826  # standard deviation of a normal distribution by its median absolute deviation


@typing.final
class Smooth(CollectionTransformer):
    r"""Smooth time series, each channel of each series by itself.

    Let :math:`w` be the `window` and :math:`h = (w - 1) / 2`. The value :math:`y_t` of the result at step :math:`t` is

    ================  ==============================================================================================
    "moving_average"  :math:`\frac{1}{w} \sum_{i=-h}^{h} x_{t+i}`
    "exponential"     :math:`\alpha x_t + (1 - \alpha)\, y_{t-1}` with :math:`y_0 = x_0`; it uses no later values
    "savgol"          the value at :math:`t` of the polynomial of degree `polyorder` that fits
                      :math:`x_{t-h}, \dots, x_{t+h}` best (Savitzky-Golay)
    "median"          the median of :math:`x_{t-h}, \dots, x_{t+h}`
    "gaussian"        :math:`\sum_i g_i\, x_{t+i}` with :math:`g_i \propto \exp(-i^2 / 2 \sigma^2)`
    "wavelet"         the inverse transform of the wavelet coefficients :math:`d` after soft thresholding,
                      :math:`\operatorname{sign}(d) \max(|d| - \lambda, 0)`, with the universal threshold
                      :math:`\lambda = s \sqrt{2 \ln L}`, where :math:`L` is the number of steps and :math:`s` is 1.4826
                      times the median absolute coefficient of the finest level
    ================  ==============================================================================================

    Before its first step, a series is continued by its first value, and after its last step by its last value. So a
    window may be longer than the series. The wavelet transform mirrors the series instead.

    Missing values (NaN) are bridged by straight lines, level at the ends, and are missing again in the result. The
    result of a series does not depend on the other series, nor on their length.

    Parameters
    ----------
    method : {"moving_average", "exponential", "savgol", "median", "gaussian", "wavelet"}, default="moving_average"
        How to smooth. "wavelet" needs PyWavelets: ``pip install PyWavelets``.
    window : int, default=5
        Number of steps in a window of "moving_average", "savgol" and "median", an odd number.
    alpha : float, default=0.3
        Weight of the newest value in "exponential"; 1 changes nothing.
    polyorder : int, default=2
        Degree of the polynomial of "savgol", below `window`.
    sigma : float, default=1.0
        Standard deviation of "gaussian", in steps.
    wavelet : str, default="db4"
        Discrete wavelet of "wavelet", by PyWavelets' name.
    level : int or None, default=None
        How often "wavelet" halves the series. None, or a larger number than the length of a series allows, is the
        largest number possible for that series. A series that is too short to be halved stays as it is.

    Raises
    ------
    ValueError
        If `window` is even or not above `polyorder`, or the wavelet is unknown.
    ImportError
        If ``method="wavelet"`` and PyWavelets is not installed.

    References
    ----------
    Savitzky, A. and Golay, M. J. E. (1964). Smoothing and differentiation of data by simplified least squares
    procedures. Analytical Chemistry 36.

    Donoho, D. L. (1995). De-noising by soft-thresholding. IEEE Transactions on Information Theory 41.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import Smooth
    >>> X = np.array([[[0.0, 0.0, 6.0, 0.0, np.nan, 0.0]]])
    >>> Smooth(window=3).fit_transform(X)
    array([[[ 0.,  2.,  2.,  2., nan,  0.]]])
    >>> Smooth(method="median", window=3).fit_transform(X)
    array([[[ 0.,  0.,  0.,  0., nan,  0.]]])
    """

    method: str = choice(
        "moving_average", "exponential", "savgol", "median", "gaussian", "wavelet", default="moving_average"
    )
    window: int = number(default=5, least=1, integer=True)
    alpha: float = number(default=0.3, above=0, most=1)
    polyorder: int = number(default=2, least=0, integer=True)
    sigma: float = number(default=1.0, above=0)
    wavelet: str = "db4"
    level: int | None = number(default=None, least=1, integer=True, or_else=(None,))

    def _learn(self, collection: Collection) -> None:
        if self.method in ("moving_average", "savgol", "median"):
            check_odd_window(self)
        if self.method == "savgol" and self.polyorder >= self.window:
            raise ValueError(
                f"Smooth: `polyorder` must be below `window`, got polyorder={self.polyorder} and window={self.window}. "
                "Lower the one or raise the other."
            )
        if self.method == "wavelet":
            check_wavelet(self.wavelet, _WAVELET_METHOD)

    def _changed(self, collection: Collection) -> Collection:
        complete, missing = bridged(collection.values)
        smooth = np.asarray(self._smoothed(complete, collection), complete.dtype)
        if missing is not None:
            smooth[missing] = np.nan
        return dataclasses.replace(collection, values=smooth)

    def _smoothed(self, x: np.ndarray, collection: Collection) -> np.ndarray:
        match self.method:
            case "moving_average":
                return uniform_filter1d(x, self.window, mode="nearest")
            case "exponential":
                start = (1 - self.alpha) * x[:, :, :1]
                return scipy.signal.lfilter([self.alpha], [1, self.alpha - 1], x, zi=start)[0]
            case "savgol":
                return scipy.signal.savgol_filter(x, self.window, self.polyorder, mode="nearest")
            case "median":
                return median_filter(x, size=(1, 1, self.window), mode="nearest")
            case "gaussian":
                return gaussian_filter1d(x, self.sigma, mode="nearest")
            case _:
                return self._denoised(x, collection)

    def _denoised(self, x: np.ndarray, collection: Collection) -> np.ndarray:
        smooth = x.copy()
        for rows, n_steps in equal_lengths(collection):
            deepest = deepest_level(self.wavelet, n_steps, _WAVELET_METHOD)
            level = deepest if self.level is None else min(self.level, deepest)
            if level > 0:
                smooth[rows, :, :n_steps] = _soft_thresholded(x[rows, :, :n_steps], self.wavelet, level)
        return smooth


_WAVELET_METHOD = 'Smooth(method="wavelet")'


def check_odd_window(estimator: typing.Any) -> None:
    """Raise a ValueError if the window of `estimator` has an even number of steps."""
    if estimator.window % 2 == 0:
        raise ValueError(
            f"{type(estimator).__name__}: `window` must be odd, so that it has a middle, got {estimator.window}: "
            f"set it to {estimator.window - 1} or {estimator.window + 1}."
        )


def _soft_thresholded(x: np.ndarray, wavelet: str, level: int) -> np.ndarray:
    pywt = pywavelets(_WAVELET_METHOD)
    approximation, *details = pywt.wavedec(x, wavelet, mode="symmetric", level=level, axis=-1)
    noise = MAD_TO_STD * np.median(np.abs(details[-1]), axis=-1, keepdims=True)  # (n, C, 1)
    threshold = noise * np.sqrt(2 * np.log(x.shape[-1]))
    # We do not use pywt.threshold: if the threshold and a coefficient are both 0, it gives NaN.
    shrunk = [np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0) for detail in details]
    return pywt.waverec([approximation, *shrunk], wavelet, mode="symmetric", axis=-1)[..., : x.shape[-1]]
