"""Filling missing values."""

import typing

import numpy as np
from scipy.linalg import solve_banded

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._gaps import Gaps
from sklearn_ssl.preprocessing._pieces import channel_statistics


@typing.final
class FillMissing(CollectionTransformer):
    r"""Fill missing values (NaN) of time series.

    Let :math:`t` be a missing step of one channel of one series, and :math:`l < t < r` the nearest observed steps. The
    value :math:`x_t` becomes

    ============  ==================================================================================================
    "forward"     :math:`x_l`, or :math:`x_r` at the start of the series
    "linear"      :math:`x_l + (x_r - x_l)\,(t - l) / (r - l)`; :math:`x_l` or :math:`x_r` where the other is missing
    "spline"      the value at :math:`t` of the natural cubic spline through all observed steps of the channel; the same
                  as "linear" at both ends, where the spline would leave the range of the values
    "constant"    `fill_value`
    "mean"        the mean of the channel over the training series
    ============  ==================================================================================================

    Only "mean" uses values of other series. There is one exception: for a channel that is missing in a whole series,
    all methods but "constant" use the mean of that channel over the training series. Observed values never change.

    Parameters
    ----------
    method : {"forward", "linear", "spline", "constant", "mean"}, default="forward"
        How missing values are filled.
    fill_value : float, default=0.0
        The value for ``method="constant"``.
    limit : int or None, default=None
        Longest gap that is filled, in time steps. A longer gap stays as it is, all of it. None fills all gaps.
    padding : {"keep", "fill"}, default="keep"
        What happens to padding, the trailing steps at which all channels are NaN. "keep" leaves it, and the series
        stays shorter than the longest one. "fill" fills it like any other gap, and all series get the length of the
        longest one. Trailing NaN of some channels only is always filled.

    Attributes
    ----------
    channel_means_ : ndarray of shape (n_channels_in_,)
        Mean of each channel over all observed values of the training series.

    Raises
    ------
    ValueError
        At fit, if a channel is missing in every series. At transform, if a series has no observed value and
        ``padding="keep"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import FillMissing
    >>> X = np.array([[[np.nan, 1.0, np.nan, 3.0, np.nan], [5.0, 5.0, np.nan, 7.0, np.nan]]])
    >>> FillMissing().fit_transform(X)
    array([[[ 1.,  1.,  1.,  3., nan],
            [ 5.,  5.,  5.,  7., nan]]])
    >>> FillMissing(method="linear", padding="fill").fit_transform(X)
    array([[[1., 1., 2., 3., 3.],
            [5., 5., 6., 7., 7.]]])
    """

    method: str = choice("forward", "linear", "spline", "constant", "mean", default="forward")
    fill_value: float = number(default=0.0)
    limit: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    padding: str = choice("keep", "fill", default="keep")

    def _learn(self, collection: Collection) -> None:
        self.channel_means_ = channel_statistics(collection).mean

    def _changed(self, collection: Collection) -> Collection:
        lengths = collection.lengths if self.padding == "keep" else None
        _check_observed(lengths)
        missing = np.isnan(collection.values)
        if lengths is not None:
            missing &= (np.arange(collection.n_timepoints) < lengths[:, None])[:, None]
        values = collection.values.copy()
        gaps = Gaps.of(missing, lengths)
        if self.limit is not None:
            gaps = gaps.where(gaps.width <= self.limit)
        if self.method == "constant":
            values.reshape(-1)[gaps.at] = self.fill_value
        elif self.method == "mean":
            self._fill_with_means(values, gaps)
        else:
            self._fill_from_neighbours(values, gaps)
        return Collection(values, lengths)

    def _fill_from_neighbours(self, values: np.ndarray, gaps: Gaps) -> None:
        self._fill_with_means(values, gaps.where(gaps.hopeless))
        if self.method == "forward":
            gaps.hold(values)
        elif self.method == "linear":
            gaps.connect(values)
        else:
            _follow_splines(values, gaps.where(gaps.enclosed))
            gaps.where(~gaps.enclosed).hold(values)

    def _fill_with_means(self, values: np.ndarray, gaps: Gaps) -> None:
        n_channels, n_timepoints = values.shape[1:]
        values.reshape(-1)[gaps.at] = self.channel_means_[gaps.at // n_timepoints % n_channels]


def _check_observed(lengths: np.ndarray | None) -> None:
    if lengths is not None and (lengths == 0).any():
        raise ValueError(
            f"Series {int(np.argmin(lengths))} of X has no observed value: all are NaN. Remove it, or set "
            'padding="fill" to fill it with the means of the training series.'
        )


def _follow_splines(values: np.ndarray, gaps: Gaps) -> None:
    if len(gaps) == 0:
        return
    n_timepoints = values.shape[2]
    flat, rows = values.reshape(-1), values.reshape(-1, n_timepoints)  # views; each row is a channel of a series
    affected = np.unique(gaps.at // n_timepoints)
    row, step = np.nonzero(~np.isnan(rows[affected]))
    knots = affected[row] * n_timepoints + step
    curvature = _natural_curvature(row, step, flat[knots].astype(np.float64))
    left = np.searchsorted(knots, gaps.left)
    before, after = flat[gaps.left].astype(np.float64), flat[gaps.right].astype(np.float64)
    width, since, until = gaps.right - gaps.left, gaps.at - gaps.left, gaps.right - gaps.at
    chord = (before * until + after * since) / width
    bend_before = curvature[left] * until * (width**2 - until**2)
    bend_after = curvature[left + 1] * since * (width**2 - since**2)
    flat[gaps.at] = chord - (bend_before + bend_after) / (6 * width)


def _natural_curvature(row: np.ndarray, step: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the second derivative at the knots of the natural cubic spline of each row, from one system for all."""
    same_row = row[1:] == row[:-1]
    width = np.where(same_row, np.diff(step), 1)
    slope = np.diff(value) / width
    inner = np.flatnonzero(same_row[1:] & same_row[:-1]) + 1
    bands, bend = np.zeros((3, len(step))), np.zeros(len(step))
    bands[1] = 1  # at the first and last knot of a row the curvature is zero
    bands[0, inner + 1] = width[inner]
    bands[1, inner] = 2 * (width[inner - 1] + width[inner])
    bands[2, inner - 1] = width[inner - 1]
    bend[inner] = 6 * (slope[inner] - slope[inner - 1])
    return solve_banded((1, 1), bands, bend)
