from typing import Any, Self

import numpy as np

from sklearn_ssl._parameters.shown import on_one_line, shown
from sklearn_ssl.plotting._canvas import by_name, check_result, legend_width, line_styles, one_axes, place_legend

SPREADS = ("std", "range", None)
METRICS = {"mae": "mean absolute error"}


class LabelEfficiencyDisplay:
    """The score against the share of labels: the mean over draws of the labels, with its spread.

    Parameters
    ----------
    results : dict of str to LabelEfficiencyResult
        Results of `label_efficiency`, by name.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The means.
    bands_ : dict of str to matplotlib PolyCollection
        The spreads; empty for ``spread=None``.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import label_efficiency
    >>> from sklearn_ssl.plotting import LabelEfficiencyDisplay
    >>> X, y = make_waves(n_cases=60, random_state=0)
    >>> result = label_efficiency(RandomEncoderTransformer(random_state=0), X, y, fractions=(0.2, 1.0), n_draws=2)
    >>> display = LabelEfficiencyDisplay.from_results({"untrained": result})
    >>> display.ax_.get_ylabel()
    'accuracy'
    """

    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results

    @classmethod
    def from_results(cls, results: Any, *, spread: str | None = "std", ax: Any = None) -> Self:
        """Draw one result or several.

        Parameters
        ----------
        results : LabelEfficiencyResult, list of them, or dict of str to LabelEfficiencyResult
            Results of `label_efficiency`. Without a dict, every result keeps its own name.
        spread : {"std", "range", None}, default="std"
            Band around the mean: one standard deviation to either side, or from the lowest to the highest draw. None
            draws no band.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
            The picture.

        Raises
        ------
        TypeError
            If something is not a result.
        ValueError
            If there is no result, if the metrics differ, or if `spread` is unknown.
        """
        return cls(by_name(results)).plot(spread=spread, ax=ax)

    def plot(self, *, spread: str | None = "std", ax: Any = None) -> Self:
        """Draw the means and their spread.

        Parameters
        ----------
        spread : {"std", "range", None}, default="std"
            Band around the mean: one standard deviation to either side, or from the lowest to the highest draw. None
            draws no band.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
            This picture.

        Raises
        ------
        TypeError
            If something is not a result.
        ValueError
            If there is no result, if the metrics differ, or if `spread` is unknown.
        """
        self._check(spread)
        legend = legend_width(self.results) if len(self.results) > 1 else 0.0
        ax = one_axes(self, ax, figsize=(6.4 + legend, 4.8))
        self.lines_: dict[str, Any] = {}
        self.bands_: dict[str, Any] = {}
        for name, style in line_styles(self.results).items():
            self._draw(ax, name, style, spread)
        self._label(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax: Any, name: str, style: dict, spread: str | None) -> None:
        result = self.results[name]
        order = np.argsort(result.fractions)
        fractions = np.asarray(result.fractions)[order]
        self.lines_[name] = ax.plot(fractions, np.asarray(result.mean)[order], label=name, **style)[0]
        if spread is not None:
            low, high = (edge[order] for edge in _band(result, spread))
            band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
            self.bands_[name] = ax.fill_between(fractions, low, high, **band)

    def _label(self, ax: Any) -> None:
        from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

        fractions = self._fractions()
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(_apart(fractions)))
        ax.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))
        ax.xaxis.set_minor_locator(NullLocator())
        metric = next(iter(self.results.values())).metric
        ax.set(xlabel="share of the labels", ylabel=METRICS.get(metric, metric))
        ax.grid(alpha=0.3)
        place_legend(ax, outside=len(self.results) > 1)

    def _fractions(self) -> list[float]:
        return sorted({float(one) for result in self.results.values() for one in result.fractions})

    def _check(self, spread: Any) -> None:
        if spread not in SPREADS:
            raise ValueError(f'`spread` must be "std", "range" or None, got {shown(spread)}.')
        if not self.results:
            raise ValueError("`results` is empty. Give at least one name with its result.")
        for name, result in self.results.items():
            check_result("results", name, result, ("fractions", "scores", "metric"), "label_efficiency")
        metrics = sorted({str(result.metric) for result in self.results.values()})
        if len(metrics) > 1:
            raise ValueError(
                f"`results` must have one metric, got {on_one_line(', '.join(metrics))}. Draw one picture per metric."
            )


def _band(result: Any, spread: str) -> tuple[np.ndarray, np.ndarray]:
    if spread == "range":
        return np.min(result.scores, axis=1), np.max(result.scores, axis=1)
    mean, std = np.asarray(result.mean), np.asarray(result.std)
    return mean - std, mean + std


def _apart(fractions: list[float]) -> list[float]:
    """Return the fractions whose labels do not overlap on a logarithmic axis."""
    kept = fractions[-1:]
    for fraction in fractions[-2::-1]:
        if np.log(kept[0] / fraction) > 0.06 * np.log(fractions[-1] / fractions[0]):
            kept.insert(0, fraction)
    return kept
