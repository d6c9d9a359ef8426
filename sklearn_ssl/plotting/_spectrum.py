from typing import Any, Self

import numpy as np

from sklearn_ssl.evaluation._collapse import CollapseReport
from sklearn_ssl.evaluation._representation import Representation, checked_embedding
from sklearn_ssl.evaluation._scores import effective_rank, spectrum
from sklearn_ssl.plotting._canvas import (
    ENTRIES_INSIDE,
    LINE_STYLES,
    MARKERS,
    cycled,
    named,
    one_axes,
    place_legend,
    pyplot,
    room_beside,
    shades,
)

LEAST_SHARE = 1e-7  # single precision resolves nothing below
MARKED_VALUES = 25


class SpectrumDisplay:
    r"""Singular values of embeddings, from the largest, with the effective rank of each.

    An embedding that uses all its features has a flat spectrum; one that collapsed onto few directions falls off at
    once. Embeddings are centred, and the values divided by the largest. `effective_rank` is bounded by the number of
    series: compare embeddings of the same series only.

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
        """Draw the spectrum of what one transformer, or several, make of the same series.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            A fitted transformer, a Pipeline with one, or several by name.
        X : array or list of arrays
            The series.
        space : {"features", "projections"}, default="features"
            What `transform` returns, or what the loss compares.
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
            If there is none, or fewer than two series.
        """
        pyplot(cls)
        representations = {name: Representation.of(each) for name, each in named(estimator, "", "estimator").items()}
        embeddings = {}
        for name, representation in representations.items():
            embeddings[name or type(representation.transformer).__name__] = representation.embed(X, space)
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
        embeddings = {name: checked_embedding(each) for name, each in named(H, "embedding", "H").items()}
        values = {name: spectrum(each, center=True) for name, each in embeddings.items()}
        return cls(values, effective_ranks={name: effective_rank(each) for name, each in embeddings.items()}).plot(
            ax=ax
        )

    @classmethod
    def from_report(cls, report: Any, *, ax: Any = None) -> Self:
        """Draw the spectra of features and projections in a report, or in several.

        Parameters
        ----------
        report : CollapseReport or dict of str to CollapseReport
            What `collapse_report` returned, or several by name.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SpectrumDisplay
            The picture.

        Raises
        ------
        TypeError
            If something is no report.
        ValueError
            If there is none, or an embedding is the same for all series.
        """
        values, ranks = {}, {}
        for name, each in named(report, "", "report").items():
            if not isinstance(each, CollapseReport):
                raise TypeError(f"`report` must be what collapse_report returns, got {each!r}.")
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
            If there are none, or all singular values of an embedding are zero.
        """
        if not self.singular_values:
            raise ValueError("`singular_values` is empty. Give at least one entry, name to values.")
        zero = [name for name, values in self.singular_values.items() if not np.max(values) > 0]
        if zero:
            raise ValueError(f"All singular values of {zero[0]!r} are zero: it is the same for all series.")
        entries = [self._entry(name) for name in self.singular_values]
        beside = room_beside(entries) if len(entries) > ENTRIES_INSIDE else 0.0
        ax = one_axes(self, ax, figsize=(6.4 + beside, 4.8))
        self.lines_ = {}
        colours = shades(len(self.singular_values))
        for position, (name, colour) in enumerate(zip(self.singular_values, colours, strict=True)):
            values = np.asarray(self.singular_values[name])
            style = {"marker": cycled(MARKERS, position), "linestyle": cycled(LINE_STYLES, position), "color": colour}
            self.lines_[name] = ax.plot(
                np.arange(1, len(values) + 1),
                values / values.max(),
                label=self._entry(name),
                markersize=4,
                markevery=max(1, len(values) // MARKED_VALUES),
                **style,
            )[0]
        self._label(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

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
