from typing import Any, Self

import numpy as np

from sklearn_ssl.evaluation import robustness_report
from sklearn_ssl.plotting._canvas import check_result, given_axes, line_styles, named, place_legend, pyplot

COLUMNS = 3
PANEL = (3.2, 2.7)  # inches
UNITS = {
    "noise": "σ of the noise / σ of the channel",
    "gaps": "share of the time",
    "drift": "largest deviation / σ of the channel",
    "dropped channels": "share of the channels",
    "time shift": "share of the length",
    "pgd": "radius / σ of the channel",
}


class RobustnessDisplay:
    """Accuracy against severity: one panel per corruption, one curve per report, dotted lines for the clean series.

    Sizes are relative to the standard deviation σ of the channel. If there are several draws, a band around the curve
    shows one standard deviation over the draws to either side.

    Parameters
    ----------
    reports : dict of str to RobustnessReport
        Results of `robustness_report`, by name.

    Attributes
    ----------
    lines_ : dict of (str, str) to matplotlib Line2D
        The curves, by corruption and report.
    clean_lines_ : dict of (str, str) to matplotlib Line2D
        The lines of the clean accuracy.
    axes_ : ndarray of matplotlib Axes of shape (n_corruptions,)
        The panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import FCNEncoder
    >>> from sklearn_ssl.plotting import RobustnessDisplay
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> transformer = RandomEncoderTransformer(encoder=FCNEncoder(width=8), random_state=0)
    >>> model = SSLClassifier(transformer, mode="probe", random_state=0)
    >>> display = RobustnessDisplay.from_estimator(model.fit(X[:40], y[:40]), X[40:], y[40:], corruptions=["noise"])
    >>> [ax.get_title() for ax in display.axes_]
    ['noise']
    """

    def __init__(self, reports: dict[str, Any]) -> None:
        self.reports = reports

    @classmethod
    def from_estimator(cls, model: Any, X: Any, y: Any, *, ax: Any = None, **measured: Any) -> Self:
        """Measure the robustness of a classifier and draw it.

        Parameters
        ----------
        model : classifier or Pipeline that ends in one
            The fitted classifier.
        X : array or list of arrays
            Test series.
        y : array-like of shape (n_cases,)
            The classes of the series.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each corruption that can be applied. None makes a new figure.
        **measured : dict
            Further parameters of `robustness_report`, such as ``corruptions=["noise", "pgd"]``.

        Returns
        -------
        RobustnessDisplay
            The picture.
        """
        pyplot(cls)
        return cls.from_reports(robustness_report(model, X, y, **measured), ax=ax)

    @classmethod
    def from_reports(cls, reports: Any, *, ax: Any = None) -> Self:
        """Draw one report or several.

        Parameters
        ----------
        reports : RobustnessReport or dict of str to RobustnessReport
            One result of `robustness_report`, or several by name.
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each corruption that any report has. None makes a new figure.

        Returns
        -------
        RobustnessDisplay
            The picture.

        Raises
        ------
        TypeError
            If something is not a report.
        ValueError
            If there is no report, if no report has a corruption, or if another number of axes is given.
        """
        return cls(named(reports, "accuracy", "reports")).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : array of matplotlib Axes, default=None
            Where to draw, one for each corruption that any report has. None makes a new figure.

        Returns
        -------
        RobustnessDisplay
            This picture.

        Raises
        ------
        TypeError
            If something is not a report.
        ValueError
            If no report has a corruption, or if another number of axes is given.
        """
        corruptions = self._corruptions()
        self.axes_ = _panels(self, ax, len(corruptions))
        self.figure_ = self.axes_[0].figure
        self.lines_: dict[tuple[str, str], Any] = {}
        self.clean_lines_: dict[tuple[str, str], Any] = {}
        for panel, corruption in zip(self.axes_, corruptions, strict=True):
            self._draw(panel, corruption)
            panel.set_ylim(-0.03, 1.03)
        if len(self.reports) > 1:
            self._place_legend(outside=ax is None)
        return self

    def _place_legend(self, *, outside: bool) -> None:
        handles = {name: line for (_, name), line in self.lines_.items()}
        legend: dict[str, Any] = {"handles": list(handles.values()), "labels": list(handles), "fontsize": "small"}
        if outside:
            n_columns = min(len(handles), len(self.axes_), COLUMNS)
            self.figure_.legend(**legend, loc="outside lower center", ncols=n_columns)
        else:
            place_legend(self.axes_[0], **legend)

    def _draw(self, panel: Any, corruption: str) -> None:
        levels = set()
        for name, style in line_styles(self.reports).items():
            if corruption in self.reports[name].corruptions:
                part = self.reports[name].of(corruption)
                self._draw_curve(panel, corruption, name, part, style)
                levels |= set(part.severity.tolist())
        _label(panel, corruption, sorted(levels))

    def _draw_curve(self, panel: Any, corruption: str, name: str, part: Any, style: dict) -> None:
        colour = style["color"]
        self.lines_[corruption, name] = panel.plot(part.severity, part.accuracy, label=name, **style)[0]
        self.clean_lines_[corruption, name] = panel.axhline(part.clean, color=colour, linestyle=":", linewidth=1)
        if part.scores.shape[1] > 1:
            low, high = part.accuracy - part.std, part.accuracy + part.std
            panel.fill_between(part.severity, low, high, color=colour, alpha=0.15, linewidth=0)

    def _corruptions(self) -> list[str]:
        for name, report in self.reports.items():
            attributes = ("corruptions", "severity", "scores", "clean")
            check_result("reports", name, report, attributes, "robustness_report")
        each = list(dict.fromkeys(one for report in self.reports.values() for one in report.corruptions))
        if not each:
            raise ValueError(
                "`reports` have no corruption to draw: all were skipped. `skipped` of each report tells why."
            )
        return each


def _label(panel: Any, corruption: str, levels: list[float]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    panel.set_xscale("log")
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_locator(FixedLocator(levels))
    panel.xaxis.set_major_formatter(FixedFormatter([f"{level:g}" for level in levels]))
    panel.set(title=corruption, xlabel=UNITS.get(corruption, "severity"))
    panel.grid(alpha=0.3)
    if panel.get_subplotspec() is None or panel.get_subplotspec().is_first_col():
        panel.set_ylabel("accuracy")


def _panels(display: Any, ax: Any, n_panels: int) -> np.ndarray:
    """Return the given axes, or the axes of a new figure with three panels in a row."""
    plt = pyplot(display)
    if ax is not None:
        return given_axes(ax, n_panels)
    n_columns = min(n_panels, COLUMNS)
    n_rows = -(-n_panels // COLUMNS)
    size = (PANEL[0] * n_columns, PANEL[1] * n_rows)
    figure, axes = plt.subplots(n_rows, n_columns, sharey=True, squeeze=False, layout="constrained", figsize=size)
    for unused in axes.flat[n_panels:]:
        figure.delaxes(unused)
    return axes.ravel()[:n_panels]
