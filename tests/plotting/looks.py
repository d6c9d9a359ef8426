"""Describe a picture in words: every artist with the properties that a reader sees."""

from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D


def described(figure: Any) -> str:
    """Return a line for the figure, and one for each axes, artist and legend in it."""
    width, height = figure.get_size_inches()
    lines = [f"figure {width:.2f} x {height:.2f} inches, {type(figure.get_layout_engine()).__name__}"]
    for part in [figure, *figure.subfigs]:
        below = getattr(part._supxlabel, "_text", None)
        lines += [f"  part with {len(part.axes)} axes"] + [f"  below it {below!r}"] * (below is not None)
        lines += [f"  {_legend(legend, part)}" for legend in part.legends]
    for number, ax in enumerate(figure.axes):
        lines += [f"  axes {number} {_axes(ax)}", *(f"    {line}" for line in _artists(ax))]
    return "\n".join(lines)


def _axes(ax: Any) -> str:
    names = [one.get_text() for one in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    limits = f"x {ax.get_xscale()} {_numbers(ax.get_xlim())}, y {ax.get_yscale()} {_numbers(ax.get_ylim())}"
    ticks = f"ticks {_ticks(ax.xaxis)}, {_ticks(ax.yaxis)}"
    grid = f", grid {ax.xaxis._major_tick_kw.get('grid_alpha')}" if ax.xaxis._major_tick_kw.get("gridOn") else ""
    return f"{names}, {limits}, {ticks}{grid}{'' if ax.get_visible() else ', hidden'}"


def _ticks(axis: Any) -> str:
    places = [place for place in axis.get_majorticklocs() if np.isfinite(place)]
    labels = axis.get_majorticklabels()
    look = sorted({f"{one.get_rotation():g} {one.get_ha()} {one.get_fontsize():g}" for one in labels})
    return f"{_numbers(places)} {_texts(labels)} {look} {len(axis.get_minorticklocs())} minor"


def _artists(ax: Any) -> list[str]:
    if ax.get_label() == "<colorbar>":
        return []
    lines = [f"line {_numbers(one.get_xdata())} {_numbers(one.get_ydata())} {_style(one)}" for one in ax.lines]
    lines += [f"{type(one).__name__} {_collection(one)}" for one in ax.collections]
    lines += [f"bar {_numbers(one.get_bbox().bounds)} {to_hex(one.get_facecolor())}" for one in ax.patches]
    lines += [f"image {one.get_cmap().name} {one.get_interpolation()} {_numbers(one.get_array())}" for one in ax.images]
    lines += [f"text {one.get_text()!r} {one.get_fontsize():g} {one.get_ha()} {one.get_va()}" for one in ax.texts]
    return lines + ([] if ax.get_legend() is None else [_legend(ax.get_legend(), ax)])


def _style(line: Line2D) -> str:
    marker = f"{line.get_marker()} of {line.get_markersize():g} every {line.get_markevery()}"
    drawn = f"{line._dash_pattern if line.is_dashed() else 'solid'}, {line.get_linewidth():g} wide"
    clipped = "" if line.get_clip_on() else ", not clipped"
    return f"{to_hex(line.get_color())}, {drawn}, {marker}, {line.get_label()!r}, {line.get_zorder():g}{clipped}"


def _collection(one: Any) -> str:
    colours = sorted({to_hex(colour, keep_alpha=True) for colour in [*one.get_facecolors(), *one.get_edgecolors()]})
    if hasattr(one, "get_sizes") and len(one.get_sizes()):  # points
        shape = (
            f"{_numbers(one.get_offsets())} size {_numbers(one.get_sizes())} {len(one.get_paths()[0].vertices)} corners"
        )
    else:
        shape = " ".join(_numbers(path.vertices) for path in one.get_paths()[:1])
    values = "" if one.get_array() is None else f"{one.get_cmap().name} {one.get_clim()} {_numbers(one.get_array())} "
    look = f"{colours}, {_numbers(one.get_linewidths())} wide, {one.get_zorder():g}"
    return f"{shape} {values}{look}, {one.get_label()!r}"


def _legend(legend: Any, part: Any) -> str:
    to_part = (part.transAxes if hasattr(part, "transAxes") else part.transSubfigure).inverted()
    place = legend._outside_loc or _numbers(legend.get_bbox_to_anchor().transformed(to_part).bounds)
    look = f"{legend._ncols} columns, {'framed' if legend.get_frame_on() else 'no frame'}, {legend.prop.get_size():g}"
    return (
        f"legend {_texts(legend.get_texts())} {legend.get_title().get_text()!r}, {look}, {legend._get_loc()} of {place}"
    )


def _texts(texts: Any) -> list[str]:
    return [one.get_text() for one in texts]


def _numbers(values: Any) -> str:
    return (
        "[" + " ".join(f"{value:.3g}" for value in np.ravel(np.ma.filled(np.ma.asarray(values, float), np.nan))) + "]"
    )
