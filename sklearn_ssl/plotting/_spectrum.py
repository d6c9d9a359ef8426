from typing import Any, Self

import numpy as np

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation import CollapseReport, Representation, effective_rank, spectrum
from sklearn_ssl.plotting._canvas import (
    ENTRIES_INSIDE,
    legend_width,
    line_styles,
    named,
    one_axes,
    place_legend,
    pyplot,
)

LEAST_SHARE = 1e-7  # smaller values are rounding in single precision
MARKED_VALUES = 25


class SpectrumDisplay:
    r"""Singular values of embeddings, from the largest, with the effective rank of each.

    An embedding that uses all its features has a flat spectrum. The spectrum of an embedding that collapsed onto few
    directions falls steeply. Embeddings are centred, and the values are divided by the largest. The number of series
    limits `effective_rank`, so compare embeddings of the same series only.

    Parameters
    ----------
    singular_values : dict of str to ndarray
        Singular values of each embedding, the largest first.
    effective_ranks : dict of str to float, default=None
        Effective rank of each embedding, for the legend.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The spectra.
    legend_ : matplotlib Legend
        Names and effective ranks.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.plotting import SpectrumDisplay
    >>> rich = np.random.RandomState(0).normal(size=(50, 8))
    >>> poor = rich[:, :2] @ rich[:2]
    >>> display = SpectrumDisplay.from_embedding({"rich": rich, "poor": poor})
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['rich, effective rank 7.8', 'poor, effective rank 1.7']
    """

    def __init__(
        self, singular_values: dict[str, np.ndarray], *, effective_ranks: dict[str, float] | None = None
    ) -> None:
        self.singular_values = singular_values
        self.effective_ranks = effective_ranks

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, space: str = "features", ax: Any = None) -> Self:
        """Draw the spectrum of the embedding of one transformer, or of several on the same series.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            A fitted transformer, a Pipeline with one, or several by name.
        X : array or list of arrays
            The series.
        space : {"features", "projections"}, default="features"
            Whether to take the features that `transform` returns, or the projections that the loss compares.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SpectrumDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If a transformer is not fitted.
        ValueError
            If there is no transformer, or if there are fewer than two series.
        """
        pyplot(cls)
        representations = {name: Representation.of(each) for name, each in named(estimator, "", "estimator").items()}
        embeddings = {}
        for name, representation in representations.items():
            embeddings[name or representation.name] = representation.embed(X, space)
        return cls.from_embedding(embeddings, ax=ax)

    @classmethod
    def from_embedding(cls, H: Any, *, ax: Any = None) -> Self:
        """Draw the spectrum of one embedding or of several.

        Parameters
        ----------
        H : array of shape (n_cases, n_features) or dict of str to such arrays
            The embedding, or several by name.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SpectrumDisplay
            The picture.

        Raises
        ------
        ValueError
            If an embedding is not 2-D, not finite, the same for all series, or has fewer than two rows.
        """
        given = Representation.of(None)
        embeddings = {name: given.embed(each, min_cases=2) for name, each in named(H, "embedding", "H").items()}
        values = {name: spectrum(each, center=True) for name, each in embeddings.items()}
        ranks = {name: effective_rank(each) for name, each in embeddings.items()}
        return cls(values, effective_ranks=ranks).plot(ax=ax)

    @classmethod
    def from_report(cls, report: Any, *, ax: Any = None) -> Self:
        """Draw the spectra of features and projections in a report, or in several.

        Parameters
        ----------
        report : CollapseReport or dict of str to CollapseReport
            One result of `collapse_report`, or several by name.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SpectrumDisplay
            The picture.

        Raises
        ------
        TypeError
            If something is not a report.
        ValueError
            If there is no report, or an embedding is the same for all series.
        """
        values, ranks = {}, {}
        for name, each in named(report, "", "report").items():
            if not isinstance(each, CollapseReport):
                raise TypeError(f"`report` must be a result of collapse_report, got {shown(each)}.")
            for space, embedding in (("features", each.features), ("projections", each.projections)):
                if embedding is not None:
                    entry = f"{name}, {space}" if name else space
                    values[entry], ranks[entry] = embedding.singular_values, embedding.effective_rank
        return cls(values, effective_ranks=ranks).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the spectra.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SpectrumDisplay
            This picture.

        Raises
        ------
        ValueError
            If there is no embedding, or all singular values of an embedding are zero.
        """
        self._check()
        entries = [self._entry(name) for name in self.singular_values]
        legend = legend_width(entries) if len(entries) > ENTRIES_INSIDE else 0.0
        ax = one_axes(self, ax, figsize=(6.4 + legend, 4.8))
        styles = line_styles(self.singular_values)
        self.lines_ = {name: self._draw(ax, name, style) for name, style in styles.items()}
        self._label(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _check(self) -> None:
        if not self.singular_values:
            raise ValueError("`singular_values` is empty. Give at least one name with its values.")
        zero = [name for name, values in self.singular_values.items() if not np.max(values) > 0]
        if zero:
            raise ValueError(f"All singular values of {shown(zero[0])} are zero: it is the same for all series.")

    def _draw(self, ax: Any, name: str, style: dict) -> Any:
        values = np.asarray(self.singular_values[name])
        ranks = np.arange(1, len(values) + 1)
        marks = {"markersize": 4, "markevery": max(1, len(values) // MARKED_VALUES)}
        return ax.plot(ranks, values / values.max(), label=self._entry(name), **marks, **style)[0]

    def _entry(self, name: str) -> str:
        rank = (self.effective_ranks or {}).get(name)
        return name if rank is None else f"{name}, effective rank {rank:.1f}"

    def _label(self, ax: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.set_yscale("log")
        drawn = np.concatenate([line.get_ydata() for line in self.lines_.values()])
        ax.set_ylim(max(drawn[drawn > 0].min(), LEAST_SHARE) / 2, 2)
        ax.set_xlim(left=0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="singular value, from the largest", ylabel="size relative to the largest")
        ax.grid(alpha=0.3)
        self.legend_ = place_legend(ax)
