from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation import Occlusion, occlusion
from sklearn_ssl.plotting._canvas import (
    check_case,
    check_of_series,
    checked_channels,
    draw_strip,
    label_channels,
    pyplot,
    stacked_axes,
)

MEANINGS = {
    "features": "relative change of the embedding",
    "projections": "relative change of the projections",
    "probability": "drop of the probability of class {}",
    "decision": "drop of the decision function of class {}",
    "vote": "drop of the vote for class {}",
    "prediction": "change of the prediction",
}


class OcclusionDisplay:
    """One series, and under each channel a strip that shows how much each of its steps matters.

    Parameters
    ----------
    series : ndarray of shape (n_channels, n_timepoints)
        The series; NaN in padding.
    importance : ndarray of shape (n_channels, n_timepoints)
        Importance of each step; NaN in padding.
    label : str, default="importance"
        Meaning of the importance.

    Attributes
    ----------
    channels_ : ndarray
        The channels that are drawn.
    lines_ : list of matplotlib Line2D
        The series, one line per channel.
    strips_ : list of matplotlib QuadMesh
        The importance, one strip per channel.
    colorbar_ : matplotlib Colorbar
        The scale of the importance, one for all channels.
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_bursts
    >>> from sklearn_ssl.plotting import OcclusionDisplay
    >>> X, y = make_bursts(n_cases=20, random_state=0)
    >>> transformer = RandomEncoderTransformer(random_state=0).fit(X)
    >>> display = OcclusionDisplay.from_estimator(transformer, X, case=3)
    >>> display.colorbar_.ax.get_xlabel()
    'relative change of the embedding'
    """

    def __init__(self, series: np.ndarray, importance: np.ndarray, *, label: str = "importance") -> None:
        self.series = series
        self.importance = importance
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        case: int = 0,
        y: Any = None,
        channels: Any = None,
        ax: Any = None,
        **occluded: Any,
    ) -> Self:
        """Compute the importance of each step of one series, and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer of series, or a fitted Pipeline that ends in a transformer or a predictor.
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series.
        case : int, default=0
            Position of the series that is drawn. The model is applied to this series alone.
        y : object, default=None
            For classifiers: the class to follow. None follows the predicted class.
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.
        **occluded : dict
            Further parameters of `occlusion`, such as ``window=20``.

        Returns
        -------
        OcclusionDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a number is out of range.
        """
        pyplot(cls)
        check_case(case, len(X))
        one = _safe_indexing(X, [case % len(X)])
        result = occlusion(estimator, one, y=None if y is None else [y], **occluded)
        return cls.from_occlusion(result, channels=channels, ax=ax)

    @classmethod
    def from_occlusion(cls, result: Occlusion, *, case: int = 0, channels: Any = None, ax: Any = None) -> Self:
        """Draw the result of `occlusion` for one of its series.

        Parameters
        ----------
        result : Occlusion
            The result of `occlusion`.
        case : int, default=0
            Position of the series in `result`.
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.

        Returns
        -------
        OcclusionDisplay
            The picture.

        Raises
        ------
        TypeError
            If `result` is not an `Occlusion`.
        ValueError
            If a number is out of range.
        """
        if not isinstance(result, Occlusion):
            raise TypeError(f"`result` must be a result of `occlusion`, got {shown(result)}.")
        check_case(case, len(result.importance))
        followed = "" if result.explained is None else result.explained[case]
        label = MEANINGS[result.output].format(followed)
        return cls(result.series[case], result.importance[case], label=label).plot(channels=channels, ax=ax)

    def plot(self, *, channels: Any = None, ax: Any = None, cmap: Any = "cividis", line_kw: dict | None = None) -> Self:
        """Draw the series with its strips.

        Parameters
        ----------
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.
        cmap : str or matplotlib Colormap, default="cividis"
            Colours of the importance.
        line_kw : dict, default=None
            Further parameters of ``Axes.plot`` for the series.

        Returns
        -------
        OcclusionDisplay
            This picture.

        Raises
        ------
        ValueError
            If the shapes differ, a channel does not exist, or another number of axes is given.
        """
        check_of_series("importance", self.importance, self.series)
        self.channels_ = checked_channels(channels, len(self.series))
        axes = stacked_axes(self, ax, len(self.channels_), figsize=(9, 1 + 1.6 * len(self.channels_)))
        shown = self.importance[self.channels_]
        strip = {"cmap": cmap, "vmin": np.nanmin(shown), "vmax": np.nanmax(shown)}
        self.lines_: list[Any] = []
        self.strips_: list[Any] = []
        for panel, channel in zip(axes, self.channels_, strict=True):
            self._draw_channel(panel, channel, line_kw or {}, strip)
        label_channels(self, axes, self.channels_)
        place = {"ax": list(axes), "location": "bottom", "aspect": 50, "pad": 0.02}
        self.colorbar_ = axes[0].figure.colorbar(self.strips_[0], label=self.label, **place)
        return self

    def _draw_channel(self, panel: Any, channel: int, line_kw: dict, strip: dict) -> None:
        series, importance = self.series[channel], self.importance[channel]
        style = {"color": "black", "linewidth": 1.3, **line_kw}
        self.lines_.append(panel.plot(series, **style)[0])
        self.strips_.append(draw_strip(panel, np.arange(len(series)), series, importance, **strip))
