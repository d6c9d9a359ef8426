"""Decomposition into trend, season and rest, or into bands."""

import typing
from types import ModuleType
from typing import Any, Self

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.utils.metaestimators import available_if

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._gaps import Gaps, bridged, equal_lengths
from sklearn_ssl.preprocessing._optional import optional_module
from sklearn_ssl.preprocessing._smooth import check_odd_window
from sklearn_ssl.preprocessing._wavelets import check_wavelet, deepest_level, pywavelets


def _gives_one_part(decompose: "Decompose") -> bool:
    parts = decompose.parts
    return isinstance(parts, str) or (isinstance(parts, (list, tuple)) and len(parts) == 1)


@typing.final
class Decompose(CollectionTransformer):
    r"""Split every channel into parts that add up to it, each a channel of the result.

    ================  ==============================================================================================
    "moving_average"  With a `period` :math:`p`, classical decomposition. The trend is the centred moving average over
                      one period. Near both ends, where the average lacks steps, the trend is level. For the seasonal
                      part, the series minus the trend is averaged over the steps
                      :math:`t, t \pm p, t \pm 2p, \dots`, which gives one mean per phase. The seasonal part at step
                      :math:`t` is its mean minus the average of all :math:`p` means. The residual is the rest. Without
                      a period, the trend is the moving average over `window` steps, and there is no seasonal part.
    "stl"             Trend, seasonal part and residual by locally weighted regression, with the given `period`.
    "wavelet"         Bands of a multiresolution analysis by the discrete wavelet transform: an approximation, and
                      details from the slowest, ``f"detail{level}"``, to the fastest, ``"detail1"``.
    ================  ==============================================================================================

    Each channel of each series is split by itself, and nothing is learnt. The channels of the result are the first part
    of all channels, then the second part of all channels, and so on. Missing values (NaN) are bridged by straight
    lines, level at the ends, and are missing again in all parts. The result of a series does not depend on the other
    series, nor on their length.

    From 2-D input, several parts give a 3-D result with one channel per part. `set_output` is available with one part
    only.

    Parameters
    ----------
    method : {"moving_average", "stl", "wavelet"}, default="moving_average"
        How to split. "stl", and "moving_average" with a period, need statsmodels:
        ``pip install statsmodels``; "wavelet" needs PyWavelets: ``pip install PyWavelets``.
        "stl" runs once for each channel of each series, and takes by far the longest time.
    period : int or None, default=None
        Number of steps in a season, for "moving_average" and "stl". "stl" needs it. All series need at least two
        periods.
    parts : str, list of str or None, default=None
        Which parts become channels, in the order given. The parts are "trend", "seasonal" and "residual", or, for
        "wavelet", "approximation" and "detail1", "detail2", ...; the part "original" is the series itself. None is all
        parts but "original".
    window : int, default=5
        Number of steps in the moving average without a period, an odd number. Before its first step, a series is
        continued by its first value, and after its last step by its last value.
    robust : bool, default=False
        Whether "stl" gives outliers less weight.
    wavelet : str, default="db4"
        Discrete wavelet of "wavelet", by PyWavelets' name.
    level : int, default=3
        Number of details of "wavelet". All series must be long enough for it.

    Raises
    ------
    ValueError
        If a part or wavelet is unknown, if "stl" or the part "seasonal" is used without a period, if `window` is even,
        or if a series is too short.
    ImportError
        If the package that `method` needs is not installed.

    References
    ----------
    Cleveland, R. B., Cleveland, W. S., McRae, J. E. and Terpenning, I. (1990). STL: A seasonal-trend decomposition
    procedure based on loess. Journal of Official Statistics 6.

    Percival, D. B. and Mofjeld, H. O. (1997). Analysis of subtidal coastal sea level fluctuations using wavelets.
    Journal of the American Statistical Association 92.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import Decompose
    >>> X = np.array([[[1.0, 5.0, 3.0, 7.0, 5.0, 9.0]]])
    >>> Decompose(window=3).fit_transform(X).round(2)
    array([[[ 2.33,  3.  ,  5.  ,  5.  ,  7.  ,  7.67],
            [-1.33,  2.  , -2.  ,  2.  , -2.  ,  1.33]]])
    >>> Decompose(period=2, parts=["original", "seasonal"]).fit_transform(X)
    array([[[ 1. ,  5. ,  3. ,  7. ,  5. ,  9. ],
            [-1.5,  1.5, -1.5,  1.5, -1.5,  1.5]]])
    """

    method: str = choice("moving_average", "stl", "wavelet", default="moving_average")
    period: int | None = number(default=None, least=2, integer=True, or_else=(None,))
    parts: Any = None
    window: int = number(default=5, least=1, integer=True)
    robust: bool = choice(False, True, default=False)
    wavelet: str = "db4"
    level: int = number(default=3, least=1, integer=True)

    @available_if(_gives_one_part)
    def set_output(self, *, transform: Any = None) -> Self:
        """Choose the container of 2-D results. Available with a single part only.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            The container. None changes nothing.

        Returns
        -------
        self : object
            This transformer.
        """
        return super().set_output(transform=transform)

    def _learn(self, collection: Collection) -> None:
        if self.method == "wavelet":
            check_wavelet(self.wavelet, _WAVELET_METHOD)
        elif self.period is not None:
            _seasonal_module()
        elif self.method == "stl":
            raise ValueError('Decompose: method="stl" needs `period`, the number of steps in a season, got None.')
        else:
            check_odd_window(self)
        self._check_parts()
        for _, n_steps in equal_lengths(collection):
            self._check_long_enough(n_steps)

    def _check_parts(self) -> None:
        known = ("original", *self._parts)
        chosen = self._chosen_parts
        if not chosen or not all(isinstance(part, str) and part in known for part in chosen):
            hint = " Set `period` to have a seasonal part." if "seasonal" in map(str, chosen) else ""
            raise ValueError(
                f'Decompose: `parts` must be one or more of {", ".join(map(repr, known))} for method="{self.method}", '
                f"got {shown(self.parts)}.{hint}"
            )

    def _changed(self, collection: Collection) -> Collection:
        complete, missing = bridged(collection.values)
        parts = self._chosen_parts
        shape = (len(collection), len(parts) * collection.n_channels, collection.n_timepoints)
        values = np.empty(shape, complete.dtype)
        for rows, n_steps in equal_lengths(collection):
            self._check_long_enough(n_steps)
            series = complete[rows, :, :n_steps]
            split = dict(zip(self._parts, self._split(series), strict=True), original=series)
            values[rows, :, :n_steps] = np.concatenate([split[part] for part in parts], axis=1)
        if missing is not None:
            values[np.tile(missing, (1, len(parts), 1))] = np.nan
        return Collection(values, collection.lengths)

    def _split(self, x: np.ndarray) -> list[np.ndarray]:
        if self.method == "wavelet":
            pywt = pywavelets(_WAVELET_METHOD)
            return pywt.mra(x, self.wavelet, level=self.level, axis=-1, transform="dwt", mode="symmetric")
        if self.method == "stl":
            return _stl(x, self.period, self.robust)
        if self.period is not None:
            return _classical(x, self.period)
        trend = uniform_filter1d(x, self.window, mode="nearest")
        return [trend, x - trend]

    def _check_long_enough(self, n_steps: int) -> None:
        if self.method == "wavelet":
            deepest = deepest_level(self.wavelet, n_steps, _WAVELET_METHOD)
            if self.level > deepest:
                raise ValueError(
                    f"Decompose: `level` must be at most {deepest} for a series of {n_steps} steps and the wavelet "
                    f"{shown(self.wavelet)}, got {self.level}. Lower it, or use a shorter wavelet such as 'haar'."
                )
        elif self.period is not None and n_steps < 2 * self.period:
            raise ValueError(
                f"Decompose: `period` must be at most half the steps of every series, got period={self.period} and a "
                f"series of {n_steps} steps. Lower `period`, or remove short series."
            )

    @property
    def _parts(self) -> list[str]:
        if self.method == "wavelet":
            return ["approximation", *(f"detail{level}" for level in range(self.level, 0, -1))]
        seasonal = [] if self.period is None else ["seasonal"]
        return ["trend", *seasonal, "residual"]

    @property
    def _chosen_parts(self) -> list:
        if self.parts is None:
            return self._parts
        return list(self.parts) if isinstance(self.parts, (list, tuple)) else [self.parts]

    @property
    def _n_channels_out(self) -> int:
        return len(self._chosen_parts) * self.n_channels_in_

    def _channel_names_out(self, names: list[str]) -> np.ndarray:
        return np.array([f"{name}_{part}" for part in self._chosen_parts for name in names], dtype=object)


_WAVELET_METHOD = 'Decompose(method="wavelet")'


def _seasonal_module() -> ModuleType:
    return optional_module("statsmodels.tsa.seasonal", package="statsmodels", needed_by="Decompose(period=...)")


def _classical(x: np.ndarray, period: int) -> list[np.ndarray]:
    columns = x.reshape(-1, x.shape[2]).T  # (L, n * C)
    result = _seasonal_module().seasonal_decompose(columns, period=period)
    trend, seasonal = (np.array(part.T, order="C").reshape(x.shape) for part in (result.trend, result.seasonal))
    Gaps.of(np.isnan(trend)).hold(trend)
    return [trend, seasonal, x - trend - seasonal]


def _stl(x: np.ndarray, period: int | None, robust: bool) -> list[np.ndarray]:
    stl = _seasonal_module().STL
    rows = x.reshape(-1, x.shape[2]).astype(np.float64)  # (n * C, L)
    fits = [stl(row, period=period, robust=robust).fit() for row in rows]
    return [np.reshape([getattr(fit, part) for fit in fits], x.shape) for part in ("trend", "seasonal", "resid")]
