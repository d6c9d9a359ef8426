from typing import Any, Self

import numpy as np

from sklearn_ssl._parameters.arguments import check_choice
from sklearn_ssl.plotting._canvas import by_name, check_result, legend_width, line_styles, one_axes, place_legend


class StreamDisplay:
    """Accuracy along a stream: a line for each report, or for each task of one report.

    Parameters
    ----------
    results : dict of str to StreamReport
        Reports of `stream_report`, by name.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The lines, by the name of the report or of the task.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import ReplayTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import stream_report
    >>> from sklearn_ssl.plotting import StreamDisplay
    >>> X, y = make_waves(n_cases=60, random_state=0)
    >>> replay = ReplayTransformer(n_updates=1, stream_batch_size=20, random_state=0)
    >>> report = stream_report(replay, X[:40], y[:40], X_test=X[40:], y_test=y[40:], every=0.5)
    >>> display = StreamDisplay.from_results({"MinRed": report})
    >>> display.ax_.get_xlabel()
    'series of the stream so far'
    """

    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results

    @classmethod
    def from_results(cls, results: Any, *, of: str = "all", ax: Any = None) -> Self:
        """Draw one report or several.

        Parameters
        ----------
        results : StreamReport, list of them, or dict of str to StreamReport
            Reports of `stream_report`. Without a dict, every report keeps its own name.
        of : {"all", "tasks"}, default="all"
            A line for the accuracy on all test series of each report, or a line for each task of one report. The legend
            tells the forgetting.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        StreamDisplay
            The picture.

        Raises
        ------
        TypeError
            If something is not a report.
        ValueError
            If there is no report, or if `of` is "tasks" and there are several.
        """
        return cls(by_name(results)).plot(of=of, ax=ax)

    def plot(self, *, of: str = "all", ax: Any = None) -> Self:
        """Draw the lines.

        Parameters
        ----------
        of : {"all", "tasks"}, default="all"
            A line for the accuracy on all test series of each report, or a line for each task of one report. The legend
            tells the forgetting.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        StreamDisplay
            This picture.

        Raises
        ------
        TypeError
            If something is not a report.
        ValueError
            If there is no report, or if `of` is "tasks" and there are several.
        """
        self._check(of)
        curves = self._curves(of)
        labels = {name: f"{name}, forgetting {forgetting:.3f}" for name, (_, _, forgetting) in curves.items()}
        ax = one_axes(self, ax, figsize=(6.4 + legend_width(labels.values()), 4.8))
        self.lines_: dict[str, Any] = {}
        for name, style in line_styles(curves).items():
            n_seen, scores, _ = curves[name]
            self.lines_[name] = ax.plot(n_seen, scores, label=labels[name], **style)[0]
        self._label(ax, of)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @staticmethod
    def _label(ax: Any, of: str) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="series of the stream so far", ylabel="accuracy of nearest neighbours")
        ax.grid(alpha=0.3)
        place_legend(ax, outside=True, title="task" if of == "tasks" else None)

    def _curves(self, of: str) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
        """Return for each line the series seen, the accuracy and the forgetting."""
        if of == "all":
            return {name: (one.n_seen, one.scores, one.forgetting) for name, one in self.results.items()}
        report = next(iter(self.results.values()))
        columns = zip(report.tasks, report.by_task.T, report.forgetting_by_task, strict=True)
        return {str(task): (report.n_seen, scores, forgetting) for task, scores, forgetting in columns}

    def _check(self, of: Any) -> None:
        check_choice("of", of, "all", "tasks")
        if not self.results:
            raise ValueError("`results` is empty. Give at least one name with its report.")
        for name, result in self.results.items():
            check_result("results", name, result, ("n_seen", "by_task", "forgetting"), "stream_report")
        if of == "tasks" and len(self.results) > 1:
            raise ValueError(f'`of` is "tasks", which needs one report, got {len(self.results)}. Draw each alone.')
