from typing import Any, Self

import numpy as np

from sklearn_ssl._input.collections import collection_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation import GeneratedReport, Representation, compare_generated
from sklearn_ssl.plotting._canvas import given_axes, pyplot

N_PANELS = 4
N_SERIES = 4
OFFSET = 5  # standard deviations from one series to the next


class GeneratedDisplay:
    """Real and generated series side by side, their spectra, and which real series have a generated one nearby.

    Parameters
    ----------
    real : ndarray of shape (n, n_timepoints)
        One channel of some real series.
    generated : ndarray of shape (n, n_timepoints)
        The same channel of some generated series.
    report : GeneratedReport
        What `compare_generated` returns.
    channel : int, default=0
        The channel.

    Attributes
    ----------
    real_lines_ : list of matplotlib Line2D
        The real series.
    generated_lines_ : list of matplotlib Line2D
        The generated series.
    spectrum_lines_ : list of matplotlib Line2D
        The spectra of real and generated series.
    points_ : list of matplotlib PathCollection
        Generated series, real series that are covered, and real series that are not.
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of matplotlib Axes
        All four panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import GANTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import GeneratedDisplay
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> gan = GANTransformer(max_epochs=1, random_state=0).fit(X)
    >>> display = GeneratedDisplay.from_estimator(gan, X)
    >>> display.generated.shape
    (4, 128)
    """

    def __init__(self, real: np.ndarray, generated: np.ndarray, report: GeneratedReport, channel: int = 0) -> None:
        self.real = real
        self.generated = generated
        self.report = report
        self.channel = channel

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, channel: int = 0, random_state: Any = 0, ax: Any = None) -> Self:
        """Sample as many series as there are real ones, compare and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer with `sample`, or a Pipeline that ends in one; the steps before it are applied to `X`.
        X : array or list of arrays
            Real series, at least six.
        channel : int, default=0
            The channel of which series and spectra are drawn.
        random_state : int, RandomState or None, default=0
            Seed of the samples and of the report.
        ax : array of four matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        GeneratedDisplay
            The picture.

        Raises
        ------
        TypeError
            If the transformer does not sample.
        ValueError
            If the channel does not exist, or there are too few series.
        """
        pyplot(cls)
        representation = Representation.of(estimator)
        model = representation.transformer
        if not hasattr(model, "sample"):
            raise TypeError(
                f"`estimator` must be a transformer that makes series such as GANTransformer(), got {shown(model)}."
            )
        real = representation.series(X)
        n_cases = len(collection_of(real))
        return cls.from_series(
            real, model.sample(n_cases, random_state), channel=channel, random_state=random_state, ax=ax
        )

    @classmethod
    def from_series(cls, X: Any, X_generated: Any, *, channel: int = 0, random_state: Any = 0, ax: Any = None) -> Self:
        """Compare and draw series.

        Parameters
        ----------
        X : array or list of arrays
            Real series, at least six.
        X_generated : array or list of arrays
            Generated series, at least six.
        channel : int, default=0
            The channel of which series and spectra are drawn.
        random_state : int, RandomState or None, default=0
            Seed of the report.
        ax : array of four matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        GeneratedDisplay
            The picture.

        Raises
        ------
        ValueError
            If the channel does not exist, there are too few series, or the channels differ.
        """
        report = compare_generated(X, X_generated, random_state=random_state)
        n_channels = len(report.deviation_ratio)
        if isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < n_channels:
            raise ValueError(f"`channel` must be a whole number from 0 to {n_channels - 1}, got {shown(channel)}.")
        real, generated = (np.array(collection_of(one).values[:N_SERIES, channel]) for one in (X, X_generated))
        return cls(real, generated, report, channel).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the four panels.

        Parameters
        ----------
        ax : array of four matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        GeneratedDisplay
            This picture.

        Raises
        ------
        ValueError
            If another number of axes is given.
        """
        plt = pyplot(self)
        if ax is None:
            ax = plt.subplots(2, 2, layout="constrained", figsize=(9, 6))[1]
        self.axes_ = given_axes(ax, N_PANELS)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        step = OFFSET * float(np.nanstd(self.real)) or 1.0
        self.real_lines_ = self._series(self.axes_[0], self.real, step, "real", "black")
        self.generated_lines_ = self._series(self.axes_[1], self.generated, step, "generated", "tab:orange")
        self.axes_[1].set_ylim(self.axes_[0].get_ylim())
        self.spectrum_lines_ = self._spectra(self.axes_[2])
        self.points_ = self._coverage(self.axes_[3])
        return self

    def _series(self, panel: Any, series: np.ndarray, step: float, title: str, color: str) -> list:
        panel.set(title=title, xlabel="time step", ylabel=f"channel {self.channel}")
        panel.set_yticks([])  # each series has a level of its own
        return [panel.plot(one - place * step, color=color, linewidth=1.0)[0] for place, one in enumerate(series)]

    def _spectra(self, panel: Any) -> list:
        spectra = {"real": self.report.real_spectrum, "generated": self.report.generated_spectrum}
        styles = {"real": ("black", "-"), "generated": ("tab:orange", "--")}
        n_steps = 2 * (self.report.real_spectrum.shape[1] - 1) or 1
        lines = []
        for name, spectrum in spectra.items():
            color, style = styles[name]
            frequency = np.arange(spectrum.shape[1]) / n_steps
            lines += panel.plot(frequency, spectrum[self.channel], color=color, linestyle=style, label=name)
        panel.set(xlabel="cycles per time step", ylabel="share of the power")
        panel.legend(frameon=False)
        return lines

    def _coverage(self, panel: Any) -> list:
        report, covered, missed = self.report, self.report.covered, "real, not covered"
        panel.set(title=f"{report.coverage:.0%} of the real series covered", xlabel="component 1", ylabel="component 2")
        drawn = [
            panel.scatter(*report.generated_positions.T, s=12, c="tab:orange", marker="x", label="generated"),
            panel.scatter(*report.real_positions[covered].T, s=14, c="black", label="real, covered"),
            panel.scatter(*report.real_positions[~covered].T, s=14, facecolors="none", edgecolors="0", label=missed),
        ]
        panel.legend(frameon=False, fontsize="small")
        return drawn
