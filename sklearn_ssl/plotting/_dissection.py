from typing import Any, Self

import numpy as np

from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation import Dissection, dissect
from sklearn_ssl.plotting._canvas import (
    LINE_STYLES,
    MOST_CHANNELS,
    checked_numbers,
    cycled,
    draw_strip,
    pyplot,
    shades,
)

MOST_UNITS = 16


class DissectionDisplay:
    """Units of an encoder: their overlap with concepts, and the segments of series that excite them most.

    The heat map has one row per unit and one column per concept. Its colour is the intersection over union (IoU) of the
    steps at which the unit is active and the steps at which the concept holds. Next to the heat map are segments of
    series, one row for each of the uppermost units, with the strongest segment first. The strip below a segment shows
    the unit's activation. Light colours are high activations.

    Parameters
    ----------
    dissection : Dissection
        The result of `dissect`.
    units : list of int, default=None
        Units to draw, from top to bottom. None takes 16: the best of each concept, then the second best, and so on.

    Attributes
    ----------
    units_ : ndarray
        The units that are drawn.
    heatmap_ : matplotlib AxesImage
        The overlaps.
    colorbar_ : matplotlib Colorbar
        The scale of the overlaps.
    segment_axes_ : ndarray of matplotlib Axes of shape (n_units, n_segments)
        The panels of the segments; empty if `ax` was given.
    ax_ : matplotlib Axes
        The panel of the heat map.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_bursts
    >>> from sklearn_ssl.plotting import DissectionDisplay
    >>> X, y = make_bursts(n_cases=20, random_state=0)
    >>> transformer = RandomEncoderTransformer(random_state=0).fit(X)
    >>> display = DissectionDisplay.from_estimator(transformer, X, concepts=["peak", "burst"])
    >>> len(display.units_), display.segment_axes_.shape
    (16, (4, 3))
    """

    def __init__(self, dissection: Dissection, *, units: Any = None) -> None:
        self.dissection = dissection
        self.units = units

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, units: Any = None, ax: Any = None, random_state: Any = 0, **dissected: Any
    ) -> Self:
        """Dissect the encoder of a fitted transformer, and draw its units.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer with `encode`, or a fitted Pipeline with one.
        X : array or list of arrays
            The series.
        units : list of int, default=None
            Units to draw. None takes 16: the best of each concept, then the second best, and so on.
        ax : matplotlib Axes, default=None
            Where to draw the heat map, without segments. None makes a new figure with both.
        random_state : int, RandomState or None, default=0
            Seed of the draw of series.
        **dissected : dict
            Further parameters of `dissect`, such as ``concepts=["peak"]``. Invariance is not measured by default.

        Returns
        -------
        DissectionDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError, TypeError
            If a parameter is out of range, or the estimator has no `encode`.
        """
        pyplot(cls)
        settings = {"augmentations": (), **dissected}
        return cls.from_dissection(dissect(estimator, X, random_state=random_state, **settings), units=units, ax=ax)

    @classmethod
    def from_dissection(cls, dissection: Dissection, *, units: Any = None, ax: Any = None) -> Self:
        """Draw the result of `dissect`.

        Parameters
        ----------
        dissection : Dissection
            The result of `dissect`.
        units : list of int, default=None
            Units to draw. None takes 16: the best of each concept, then the second best, and so on.
        ax : matplotlib Axes, default=None
            Where to draw the heat map, without segments. None makes a new figure with both.

        Returns
        -------
        DissectionDisplay
            The picture.

        Raises
        ------
        TypeError
            If `dissection` is not a `Dissection`.
        ValueError
            If a unit does not exist.
        """
        return cls(dissection, units=units).plot(ax=ax)

    def plot(
        self, *, corrected: bool = True, n_units: int = 4, n_segments: int = 3, cmap: Any = "cividis", ax: Any = None
    ) -> Self:
        """Draw the heat map and the segments.

        Parameters
        ----------
        corrected : bool, default=True
            Whether to correct the intersection over union for chance.
        n_units : int, default=4
            Number of uppermost units whose segments are drawn. 0 draws no segments.
        n_segments : int, default=3
            Largest number of segments per unit.
        cmap : str or matplotlib Colormap, default="cividis"
            Colours of the heat map and the strips.
        ax : matplotlib Axes, default=None
            Where to draw the heat map, without segments. None makes a new figure with both.

        Returns
        -------
        DissectionDisplay
            This picture.

        Raises
        ------
        TypeError
            If `dissection` is not a `Dissection`.
        ValueError
            If a unit does not exist or a number is negative.
        """
        self._check(n_units, n_segments)
        self.units_ = self._chosen()
        excited = self._excited()[:n_units]
        self.segment_axes_ = np.empty((0, 0), dtype=object)
        self.ax_ = self._new_axes(len(excited), n_segments) if ax is None else ax
        self.figure_ = self.ax_.figure.figure  # the figure of a subfigure
        self._draw_heatmap(corrected, cmap)
        for row, unit in zip(self.segment_axes_, excited, strict=False):
            self._draw_segments(row, unit, cmap)
        if self.segment_axes_.size:
            self._label_segments()
        return self

    def _check(self, n_units: Any, n_segments: Any) -> None:
        if not isinstance(self.dissection, Dissection):
            raise TypeError(f"`dissection` must be a result of `dissect`, got {shown(self.dissection)}.")
        check_whole_number("n_units", n_units, least=0)
        check_whole_number("n_segments", n_segments, least=0)

    def _chosen(self) -> np.ndarray:
        if self.units is None:
            return self._by_turns()[:MOST_UNITS]
        return checked_numbers("units", self.units, len(self.dissection.iou))

    def _by_turns(self) -> np.ndarray:
        """Return all units: the best of each concept, then the second of each, and units without concept last."""
        table = self.dissection.table.sort_values("iou_corrected", ascending=False, kind="stable")
        place = table.groupby("concept").cumcount().where(table["concept"].notna(), len(table))
        return table["unit"].to_numpy()[np.argsort(place.to_numpy(), kind="stable")]

    def _excited(self) -> np.ndarray:
        """Return the units that have segments: all except the constant ones."""
        return self.units_[np.isin(self.units_, self.dissection.segments["unit"])]

    def _new_axes(self, n_rows: int, n_segments: int) -> Any:
        n_found = self.dissection.segments["rank"].max() + 1 if n_rows else 0
        n_columns = min(n_segments, int(n_found))
        wide, for_segments = 3 + 0.45 * len(self.dissection.concepts), 2.1 * n_columns
        high = max(3.0, 1.6 + 0.27 * len(self.units_), 1.2 + 1.4 * n_rows)
        figure = pyplot(self).figure(figsize=(wide + for_segments, high), layout="constrained")
        if n_columns == 0:
            return figure.add_subplot()
        left, right = figure.subfigures(1, 2, width_ratios=[wide, for_segments])
        self.segment_axes_ = right.subplots(n_rows, n_columns, squeeze=False)
        return left.subplots()

    def _draw_heatmap(self, corrected: bool, cmap: Any) -> None:
        overlap = self.dissection.iou_corrected if corrected else self.dissection.iou
        label = "IoU, corrected for chance" if corrected else "IoU"
        names = [name.replace("_", " ") for name in self.dissection.concepts]
        self.heatmap_ = self.ax_.imshow(overlap[self.units_], cmap=cmap, aspect="auto", interpolation="nearest")
        self.ax_.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        self.ax_.set_yticks(range(len(self.units_)), [str(unit) for unit in self.units_])
        self.ax_.set(xlabel="concept", ylabel="unit")
        self.colorbar_ = self.ax_.figure.colorbar(self.heatmap_, ax=self.ax_, label=label)

    def _draw_segments(self, row: np.ndarray, unit: int, cmap: Any) -> None:
        found = self.dissection.segments
        places = np.flatnonzero(found["unit"] == unit)
        activations = [self.dissection.segment_activations[place] for place in places]
        limits = {"vmin": min(each.min() for each in activations), "vmax": max(each.max() for each in activations)}
        for ax, place in zip(row, places, strict=False):
            self._draw_segment(ax, place, {"cmap": cmap, **limits})
        for ax in row[len(places) :]:
            ax.set_visible(False)
        row[0].set_ylabel(self._entry(unit))

    def _entry(self, unit: int) -> str:
        concept = self.dissection.table["concept"].iloc[unit]
        return f"unit {unit}" + ("" if concept is None else "\n" + concept.replace("_", " "))

    def _draw_segment(self, ax: Any, place: int, strip: dict) -> None:
        segment = self.dissection.segments.iloc[place]
        values = self.dissection.segment_values[place][:MOST_CHANNELS]
        steps = np.arange(int(segment["start"]), int(segment["end"]))
        _draw_channels(ax, steps, values)
        draw_strip(ax, steps, values, self.dissection.segment_activations[place], **strip)
        ax.set_yticks([])
        ax.set_xticks([steps[0], steps[-1]])
        for tick, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
            tick.set_horizontalalignment(side)
        ax.set_title(f"series {int(segment['case'])}", fontsize="small")

    def _label_segments(self) -> None:
        right = self.segment_axes_[0, 0].figure
        right.supxlabel("time step", fontsize="medium")
        handles, labels = self.segment_axes_[0, 0].get_legend_handles_labels()
        if len(handles) > 1:
            right.legend(handles, labels, loc="outside upper center", ncols=min(3, len(handles)), frameon=False)


def _draw_channels(ax: Any, steps: np.ndarray, values: np.ndarray) -> None:
    for channel, (series, colour) in enumerate(zip(values, shades(len(values)), strict=True)):
        style = {"color": colour, "linestyle": cycled(LINE_STYLES, channel), "linewidth": 1.3}
        ax.plot(steps, series, label=f"channel {channel}", **style)
