from typing import Any, Self

import numpy as np

from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl.evaluation import Representation
from sklearn_ssl.evaluation._checks import check_augmentation
from sklearn_ssl.evaluation._representation import random_views
from sklearn_ssl.plotting._canvas import check_case, checked_channels, label_channels, shades, stacked_axes


class ViewsDisplay:
    """One series and random views of it, with one panel per channel.

    Look at the views before training. They should keep the features that the labels depend on, and views of the same
    series should differ.

    Parameters
    ----------
    series : ndarray of shape (n_channels, n_timepoints)
        The series.
    views : ndarray of shape (n_views, n_channels, n_timepoints)
        Random views of the series.

    Attributes
    ----------
    channels_ : ndarray
        The channels that are drawn.
    series_lines_ : list of matplotlib Line2D
        The series, one line per channel.
    view_lines_ : list of list of matplotlib Line2D
        The views of each channel.
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl.augmentations import Compose, CropResize, Jitter
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import ViewsDisplay
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> mild = Compose(crop=CropResize(min_ratio=0.7), jitter=Jitter(sigma=0.1))
    >>> display = ViewsDisplay.from_augmentation(mild, X, n_views=3)
    >>> display.views.shape
    (3, 3, 128)
    """

    def __init__(self, series: np.ndarray, views: np.ndarray) -> None:
        self.series = series
        self.views = views

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        case: int = 0,
        n_views: int = 4,
        channels: Any = None,
        augmentation: Any = None,
        random_state: Any = 0,
        ax: Any = None,
    ) -> Self:
        """Draw the views that a transformer is trained with.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer, or a Pipeline with one; the steps before it are applied first.
        X : array or list of arrays
            The series. All of them are augmented together, as in training, since some augmentations mix series.
        case : int, default=0
            Position of the series that is drawn.
        n_views : int, default=4
            Number of views.
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        augmentation : Augmentation, default=None
            Makes the views. None takes the transformer's own augmentation.
        random_state : int, RandomState or None, default=0
            Seed of the views.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.

        Returns
        -------
        ViewsDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError
            If the transformer makes no views by itself, or a number is out of range.
        """
        representation = Representation.of(estimator)
        augmentation = representation.augmentation(augmentation)
        return cls._drawn(augmentation, representation.collection(X), case, n_views, random_state, channels, ax)

    @classmethod
    def from_augmentation(
        cls,
        augmentation: Any,
        X: Any,
        *,
        case: int = 0,
        n_views: int = 4,
        channels: Any = None,
        random_state: Any = 0,
        ax: Any = None,
    ) -> Self:
        """Draw the views that an augmentation makes.

        Parameters
        ----------
        augmentation : Augmentation
            Makes the views.
        X : array or list of arrays
            The series. All of them are augmented together, as in training, since some augmentations mix series.
        case : int, default=0
            Position of the series that is drawn.
        n_views : int, default=4
            Number of views.
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        random_state : int, RandomState or None, default=0
            Seed of the views.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.

        Returns
        -------
        ViewsDisplay
            The picture.

        Raises
        ------
        TypeError
            If `augmentation` is not an augmentation.
        ValueError
            If a number is out of range.
        """
        check_augmentation(augmentation)
        return cls._drawn(augmentation, collection_of(X), case, n_views, random_state, channels, ax)

    @classmethod
    def _drawn(
        cls,
        augmentation: Any,
        collection: Collection,
        case: int,
        n_views: int,
        random_state: Any,
        channels: Any,
        ax: Any,
    ) -> Self:
        check_whole_number("n_views", n_views, least=1)
        check_case(case, len(collection))
        views = random_views(collection, augmentation, n_views, random_state)
        drawn = np.stack([view[case] for view in views])  # (V, C, L)
        return cls(np.array(collection.values[case]), drawn).plot(channels=channels, ax=ax)

    def plot(self, *, channels: Any = None, ax: Any = None, series_kw: dict | None = None, view_kw: Any = None) -> Self:
        """Draw the series in black and its views in colours.

        Parameters
        ----------
        channels : list of int, default=None
            Channels to draw. None draws the first six.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each channel. None makes a new figure.
        series_kw : dict, default=None
            Further parameters of ``Axes.plot`` for the series.
        view_kw : dict, default=None
            Further parameters of ``Axes.plot`` for the views.

        Returns
        -------
        ViewsDisplay
            This picture.

        Raises
        ------
        ValueError
            If a channel does not exist, or another number of axes is given.
        """
        self.channels_ = checked_channels(channels, len(self.series))
        axes = stacked_axes(self, ax, len(self.channels_), figsize=(8, 1 + 1.5 * len(self.channels_)))
        thick = {"color": "black", "linewidth": 2.2, "label": "series", "zorder": 3, **(series_kw or {})}
        pairs = list(zip(axes, self.channels_, strict=True))
        self.view_lines_ = [self._draw_views(panel, channel, view_kw or {}) for panel, channel in pairs]
        self.series_lines_ = [panel.plot(self.series[channel], **thick)[0] for panel, channel in pairs]
        for panel in axes:
            panel.margins(x=0.01)
        handles = [self.series_lines_[0], *self.view_lines_[0][:1]]
        axes[0].legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False)
        label_channels(self, axes, self.channels_)
        return self

    def _draw_views(self, ax: Any, channel: int, view_kw: dict) -> list:
        label = "view" if len(self.views) == 1 else f"{len(self.views)} views"
        thin = {"linewidth": 0.9, "label": label, **view_kw}
        colours = shades(len(self.views))
        return [
            ax.plot(view[channel], **{"color": colour, **thin})[0]
            for view, colour in zip(self.views, colours, strict=True)
        ]
