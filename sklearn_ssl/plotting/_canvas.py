"""Axes, legends and styles that all pictures share; colours differ in lightness too."""

from collections.abc import Collection, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._optional import optional_module

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
LINE_STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
ENTRIES_INSIDE = 8
ENTRIES_PER_COLUMN = 16
INCHES_PER_CHARACTER = 0.085
INCHES_PER_HANDLE = 0.6
MOST_CHANNELS = 6
STRIP = 0.16  # share of a panel's height


def pyplot(display: Any) -> ModuleType:
    """Return matplotlib.pyplot, or raise an ImportError that says how to install it."""
    name = display.__name__ if isinstance(display, type) else type(display).__name__
    return optional_module("matplotlib.pyplot", package="matplotlib", needed_by=name)


def one_axes(display: Any, ax: Any, **figure: Any) -> Any:
    """Return `ax`, or the axes of a new figure."""
    plt = pyplot(display)
    return plt.subplots(layout="constrained", **figure)[1] if ax is None else ax


def stacked_axes(display: Any, ax: Any, n_panels: int, **figure: Any) -> np.ndarray:
    """Return the given axes, or the axes of a new figure with panels one below the other.

    Raises
    ------
    ValueError
        If another number of axes is given.
    """
    plt = pyplot(display)
    if ax is None:
        return plt.subplots(n_panels, 1, sharex=True, squeeze=False, layout="constrained", **figure)[1][:, 0]
    return given_axes(ax, n_panels)


def given_axes(ax: Any, n_panels: int) -> np.ndarray:
    """Return the axes that the user gave as a vector.

    Raises
    ------
    ValueError
        If there are not exactly `n_panels` of them.
    """
    axes = np.ravel(np.array(ax, dtype=object))
    if len(axes) != n_panels:
        raise ValueError(f"`ax` must have {n_panels} axes here, one for each panel, got {len(axes)}.")
    return axes


def label_channels(display: Any, axes: np.ndarray, channels: np.ndarray) -> None:
    """Name the channel of each panel, and keep the panels on the display."""
    for panel, channel in zip(axes, channels, strict=True):
        panel.set_ylabel(f"channel {channel}")
    axes[-1].set_xlabel("time step")
    display.ax_, display.axes_, display.figure_ = axes[0], axes, axes[0].figure


def check_of_series(name: str, values: np.ndarray, series: np.ndarray) -> None:
    """Raise a ValueError unless `values`, the parameter `name`, has a value for each one of a series."""
    if np.shape(series) != np.shape(values) or np.ndim(series) != 2:
        raise ValueError(
            f"`series` and `{name}` must have the same shape (n_channels, n_timepoints), got "
            f"{np.shape(series)} and {np.shape(values)}."
        )


def shades(n_colours: int) -> list:
    """Return colours from dark to light, so that they differ in greyscale as well."""
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0.05, 0.8, n_colours)]


def cycled(values: tuple, position: int) -> Any:
    """Return the value at a position, starting again after the last."""
    return values[position % len(values)]


def line_styles(names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return marker, line style and colour of a line for each name."""
    return {
        name: {"marker": cycled(MARKERS, position), "linestyle": cycled(LINE_STYLES, position), "color": colour}
        for position, (name, colour) in enumerate(zip(names, shades(len(names)), strict=True))
    }


def legend_width(labels: Iterable[str]) -> float:
    """Return the width in inches of a legend next to the axes."""
    lengths = [len(label) for label in labels]
    columns = np.ceil(len(lengths) / ENTRIES_PER_COLUMN)
    return float(columns * (INCHES_PER_HANDLE + INCHES_PER_CHARACTER * max(lengths, default=0)))


def place_legend(ax: Any, *, outside: bool = False, **legend: Any) -> Any:
    """Put a legend inside the axes, or next to them if it is long or if `outside` and the figure makes room for it."""
    n_entries = len(ax.get_legend_handles_labels()[0])
    makes_room = ax.figure.get_layout_engine() is not None
    if n_entries <= ENTRIES_INSIDE and not (outside and makes_room):
        return ax.legend(**legend)
    columns = int(np.ceil(n_entries / ENTRIES_PER_COLUMN))
    return ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, ncols=columns, **legend)


def named(sources: Any, name: str, parameter: str) -> dict[str, Any]:
    """Return a dictionary of sources by name, also for a single source.

    Raises
    ------
    ValueError
        If the dictionary is empty.
    """
    if not isinstance(sources, dict):
        return {name: sources}
    if not sources:
        raise ValueError(f"`{parameter}` is an empty dictionary. Give at least one name with its value.")
    return {str(key): value for key, value in sources.items()}


def check_result(parameter: str, name: str, result: Any, attributes: Iterable[str], function: str) -> None:
    """Raise a TypeError unless a source has the attributes of a result of a function."""
    if not all(hasattr(result, attribute) for attribute in attributes):
        raise TypeError(f"`{parameter}`: {shown(name)} must be a result of {function}, got {shown(result)}.")


def by_name(results: Any) -> dict[str, Any]:
    """Return a dictionary of results by name; without a dictionary every result keeps its own name.

    Raises
    ------
    ValueError
        If two results have the same name.
    """
    if isinstance(results, dict):
        return results
    each = list(results) if isinstance(results, (list, tuple)) else [results]
    names = [getattr(result, "name", "embedding") for result in each]
    if len(set(names)) < len(names):
        raise ValueError(
            f"`results`: names must differ, got {shown(names)}. Give a dictionary with a name for each result."
        )
    return dict(zip(names, each, strict=True))


def draw_strip(ax: Any, steps: np.ndarray, values: np.ndarray, strip: np.ndarray, **style: Any) -> Any:
    """Draw one number per time step as a coloured strip at the foot of a panel, below the line of the values."""
    low, high = np.nanmin(values), np.nanmax(values)
    height = float(high - low) or 1.0
    ticks = ax.yaxis.get_major_locator().tick_values(low, high)
    ax.set_yticks([tick for tick in ticks if low - 0.05 * height <= tick <= high + 0.05 * height])
    ax.set_ylim(low - height * (0.05 + 1.1 * STRIP / (1 - STRIP)), high + 0.08 * height)
    ax.set_xlim(steps[0] - 0.5, steps[-1] + 0.5)
    borders = np.append(steps, steps[-1] + 1) - 0.5
    return ax.pcolormesh(
        borders, [0, STRIP], np.ma.masked_invalid(strip[None]), transform=ax.get_xaxis_transform(), **style
    )


def check_case(case: Any, n_cases: int) -> None:
    """Raise a ValueError unless `case` is the position of a series."""
    if isinstance(case, bool) or not isinstance(case, (int, np.integer)) or not -n_cases <= case < n_cases:
        raise ValueError(f"`case` must be the position of one of the {n_cases} series, got {shown(case)}.")


def checked_channels(channels: Any, n_channels: int) -> np.ndarray:
    """Return the channels to draw; None takes the first six.

    Raises
    ------
    ValueError
        If a channel does not exist.
    """
    if channels is None:
        return np.arange(min(n_channels, MOST_CHANNELS))
    return checked_numbers("channels", channels, n_channels)


def checked_numbers(parameter: str, given: Any, n_all: int) -> np.ndarray:
    """Return the numbers of channels or units that the user chose.

    Raises
    ------
    ValueError
        If there are none, or one does not exist.
    """
    chosen = np.atleast_1d(given)
    if chosen.size == 0 or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= n_all:
        raise ValueError(f"`{parameter}` must be numbers of {parameter} from 0 to {n_all - 1}, got {shown(given)}.")
    return chosen
