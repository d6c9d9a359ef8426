from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import ReconstructingTransformer
from sklearn_ssl.evaluation import Representation
from sklearn_ssl.plotting._canvas import (
    check_case,
    check_of_series,
    checked_channels,
    label_channels,
    pyplot,
    stacked_axes,
)


class ReconstructionDisplay:
    """One series, what was hidden of it, and what a masked model predicts there, with one panel per channel.

    Good predictions join what is around them. A model that predicts the mean of the series everywhere has learnt
    nothing about it.

    Parameters
    ----------
    series : ndarray of shape (n_channels, n_timepoints)
        The series.
    predicted : ndarray of shape (n_channels, n_timepoints)
        Predictions at hidden values, and NaN elsewhere.

    Attributes
    ----------
    channels_ : ndarray
        The channels that are drawn.
    series_lines_ : list of matplotlib Line2D
        The series, one line per channel.
    predicted_lines_ : list of matplotlib Line2D
        The predictions, one line per channel.
    spans_ : list of list of matplotlib Rectangle
        The hidden steps of each channel.
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import MAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import ReconstructionDisplay
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = MAETransformer(max_epochs=1, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(transformer, X)
    >>> display.predicted.shape
    (3, 128)
    """

    def __init__(self, series: np.ndarray, predicted: np.ndarray) -> None:
        self.series = series
        self.predicted = predicted

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        case: int = 0,
        hidden: Any = None,
        channels: Any = None,
        random_state: Any = 0,
        ax: Any = None,
    ) -> Self:
        """Hide a part of one series, predict it and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted masked transformer that predicts values, or a Pipeline that ends in one; the steps before it are
            applied first.
        X : array or list of arrays
            The series.
        case : int, default=0
            Position of the series that is drawn. The model is applied to this series alone.
        hidden : bool array of shape (n_channels, n_timepoints) or None, default=None
            True at the values to hide. None draws windows as in training.
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        random_state : int, RandomState or None, default=0
            Seed of what is hidden.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.

        Returns
        -------
        ReconstructionDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        TypeError
            If the transformer predicts no values.
        ValueError
            If a number is out of range, or `hidden` has another shape than the series.
        """
        pyplot(cls)
        representation = Representation.of(estimator)
        model = representation.transformer
        if not isinstance(model, ReconstructingTransformer):
            raise TypeError(
                "`estimator` must be a masked transformer that predicts values, such as MAETransformer(), got "
                f"{shown(model)}."
            )
        check_case(case, len(X))
        one = representation.collection(_safe_indexing(X, [case % len(X)]))
        hidden = None if hidden is None else np.asarray(hidden)[None]
        predicted = model.reconstruct(one.values, hidden=hidden, random_state=random_state)
        return cls(np.array(one.values[0]), predicted[0]).plot(channels=channels, ax=ax)

    def plot(
        self, *, channels: Any = None, ax: Any = None, series_kw: dict | None = None, predicted_kw: dict | None = None
    ) -> Self:
        """Draw the series in black, hidden steps shaded and predictions in colour.

        Parameters
        ----------
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.
        series_kw : dict, default=None
            Further parameters of ``Axes.plot`` for the series.
        predicted_kw : dict, default=None
            Further parameters of ``Axes.plot`` for the predictions.

        Returns
        -------
        ReconstructionDisplay
            This picture.

        Raises
        ------
        ValueError
            If the shapes differ, a channel does not exist, or another number of axes is given.
        """
        check_of_series("predicted", self.predicted, self.series)
        self.channels_ = checked_channels(channels, len(self.series))
        axes = stacked_axes(self, ax, len(self.channels_), figsize=(8, 1 + 1.5 * len(self.channels_)))
        black = {"color": "black", "linewidth": 1.3, "label": "series", **(series_kw or {})}
        colour = {"color": "tab:orange", "linewidth": 1.8, "label": "predicted", "zorder": 3, **(predicted_kw or {})}
        colour = {"marker": ".", "markersize": 3, **colour}  # a run of a single step has no line
        pairs = list(zip(axes, self.channels_, strict=True))
        self.spans_ = [_shade(panel, ~np.isnan(self.predicted[channel])) for panel, channel in pairs]
        self.series_lines_ = [panel.plot(self.series[channel], **black)[0] for panel, channel in pairs]
        self.predicted_lines_ = [panel.plot(self.predicted[channel], **colour)[0] for panel, channel in pairs]
        for panel in axes:
            panel.margins(x=0.01)
        handles = [self.series_lines_[0], *self.spans_[0][:1], self.predicted_lines_[0]]
        axes[0].legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
        label_channels(self, axes, self.channels_)
        return self


def _shade(panel: Any, hidden: np.ndarray) -> list:
    """Shade each run of hidden steps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hidden, [False]])))
    style = {"color": "0.88", "linewidth": 0, "label": "hidden", "zorder": 0}
    return [panel.axvspan(first - 0.5, end - 0.5, **style) for first, end in edges.reshape(-1, 2)]
