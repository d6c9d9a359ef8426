import importlib
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils.validation import _num_samples

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.labels import unlabelled_among_text, values_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation import Representation
from sklearn_ssl.plotting._canvas import MARKERS, cycled, legend_width, one_axes, place_legend, pyplot, shades

METHODS = ("pca", "tsne", "umap")
MOST_CLASSES = 40


class EmbeddingDisplay:
    """An embedding as a picture in two dimensions.

    Classes differ in colour and in marker, and numbers have a colour bar. Labels count as numbers if they have
    fractions, or if they are whole numbers with more than 40 different values. Series without a label (NaN or None) are
    small grey crosses.

    PCA shows the two directions of largest variance, and keeps distances as well as two directions can. t-SNE and UMAP
    keep neighbours, not distances: the gaps between groups and the sizes of groups have no meaning.

    Parameters
    ----------
    coordinates : ndarray of shape (n_cases, 2)
        One point per series.
    y : ndarray of shape (n_cases,), default=None
        Classes or numbers.
    axis_labels : tuple of str, default=("1", "2")
        Labels of the two axes.

    Attributes
    ----------
    scatters_ : list of matplotlib PathCollection
        The points: one collection per class, or one for all numbers. Points without a label come last.
    legend_ : matplotlib Legend or None
        The classes.
    colorbar_ : matplotlib Colorbar or None
        The scale of the numbers.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import EmbeddingDisplay
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> vicreg = VICRegTransformer(max_epochs=1, random_state=0).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(vicreg, X, y)
    >>> display.coordinates.shape
    (20, 2)
    """

    def __init__(self, coordinates: np.ndarray, y: Any = None, *, axis_labels: tuple[str, str] = ("1", "2")) -> None:
        self.coordinates = coordinates
        self.y = y
        self.axis_labels = axis_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        method: Any = "pca",
        space: str = "features",
        random_state: Any = 0,
        ax: Any = None,
    ) -> Self:
        """Draw the embedding of some series by a fitted transformer.

        Parameters
        ----------
        estimator : estimator
            A fitted transformer, or a Pipeline with one.
        X : array or list of arrays
            The series.
        y : array of shape (n_cases,), default=None
            Classes or numbers.
        method : {"pca", "tsne", "umap"} or transformer, default="pca"
            The method that reduces the embedding to two dimensions. "umap" needs the package umap-learn. A transformer
            such as ``Isomap()`` is cloned, and its first two features are drawn.
        space : {"features", "projections"}, default="features"
            Whether to take the features that `transform` returns, or the projections that the loss compares.
        random_state : int, RandomState or None, default=0
            Seed of the method.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError
            If the method is unknown or `y` has another length.
        ImportError
            If `method` is "umap" and UMAP is not installed.
        """
        pyplot(cls)
        reducer = _reducer(method, random_state)
        representation = Representation.of(estimator)
        y = _checked_labels(y, _num_samples(X))  # before the series are embedded
        return cls._reduced(representation.embed(X, space, min_cases=3), y, reducer, ax)

    @classmethod
    def from_embedding(
        cls, H: Any, y: Any = None, *, method: Any = "pca", random_state: Any = 0, ax: Any = None
    ) -> Self:
        """Draw an embedding that is already computed.

        Parameters
        ----------
        H : array of shape (n_cases, n_features)
            The embedding.
        y : array of shape (n_cases,), default=None
            Classes or numbers.
        method : {"pca", "tsne", "umap"} or transformer, default="pca"
            The method that reduces the embedding to two dimensions, as in `from_estimator`.
        random_state : int, RandomState or None, default=0
            Seed of the method.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
            The picture.

        Raises
        ------
        ValueError
            If the method is unknown, `y` has another length or `H` fewer than three rows or two columns.
        ImportError
            If `method` is "umap" and UMAP is not installed.
        """
        reducer = _reducer(method, random_state)
        return cls._reduced(Representation.of(None).embed(H, min_cases=3), y, reducer, ax)

    @classmethod
    def _reduced(cls, H: np.ndarray, y: Any, reducer: Any, ax: Any) -> Self:
        y = _checked_labels(y, len(H))
        if H.shape[1] < 2:
            raise ValueError("The embedding has one feature; a picture in two dimensions needs at least two.")
        if isinstance(reducer, TSNE):
            reducer.set_params(perplexity=min(reducer.perplexity, (len(H) - 1) / 3))
        coordinates = np.asarray(reducer.fit_transform(H))[:, :2]
        return cls(coordinates, y, axis_labels=_axis_labels(reducer)).plot(ax=ax)

    def plot(self, *, ax: Any = None, scatter_kw: dict | None = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        scatter_kw : dict, default=None
            Further parameters of ``Axes.scatter``, such as ``{"s": 10}``.

        Returns
        -------
        EmbeddingDisplay
            This picture.

        Raises
        ------
        ValueError
            If `y` has another length than `coordinates`.
        """
        y = _checked_labels(self.y, len(self.coordinates))
        entries = [] if y is None or _are_numbers(y) else _entries(y)
        ax = one_axes(self, ax, figsize=(6.4 + legend_width(entries), 4.8))
        self.scatters_: list[Any] = []
        self.legend_ = self.colorbar_ = None
        self._draw(ax, y, {"s": 36, "linewidths": 0.4, "edgecolors": "white", **(scatter_kw or {})})
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax: Any, y: np.ndarray | None, style: dict) -> None:
        if y is None:
            self.scatters_ = [ax.scatter(*self.coordinates.T, color=shades(1), **style)]
        elif _are_numbers(y):
            self._draw_numbers(ax, y, style)
        else:
            self._draw_classes(ax, y, style)

    def _draw_numbers(self, ax: Any, y: np.ndarray, style: dict) -> None:
        y = y.astype(float)
        known = ~np.isnan(y)
        points = ax.scatter(*self.coordinates[known].T, c=y[known], cmap="viridis", **style)
        self.colorbar_ = ax.figure.colorbar(points, ax=ax, label="y")
        self.scatters_ = [points]
        self._draw_unknown(ax, ~known, style)

    def _draw_classes(self, ax: Any, y: np.ndarray, style: dict) -> None:
        unknown = pd.isna(y)
        classes = np.unique(y[~unknown])
        for position, (one, colour) in enumerate(zip(classes, shades(len(classes)), strict=True)):
            points = self.coordinates[(y == one) & ~unknown]
            marker = cycled(MARKERS, position)
            self.scatters_.append(ax.scatter(*points.T, color=colour, marker=marker, label=_class_name(one), **style))
        self._draw_unknown(ax, unknown, style)
        self.legend_ = place_legend(ax, outside=True, title="class")

    def _draw_unknown(self, ax: Any, unknown: np.ndarray, style: dict) -> None:
        if unknown.any():
            grey = {**style, "s": style["s"] / 2, "marker": "x", "color": "0.6", "linewidths": 0.8, "zorder": 0}
            grey.pop("edgecolors")
            self.scatters_.append(ax.scatter(*self.coordinates[unknown].T, label="no label", **grey))


def _reducer(method: Any, random_state: Any) -> Any:
    if hasattr(method, "fit_transform") and not isinstance(method, type):
        return clone(method)
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {list(METHODS)} or a transformer, got {shown(method)}.")
    seed = draw_numpy_seed(random_state)
    if method == "pca":
        return PCA(n_components=2, random_state=seed)
    if method == "tsne":
        return TSNE(random_state=seed)
    return _umap().UMAP(random_state=seed, n_jobs=1)


def _umap() -> Any:
    try:
        return importlib.import_module("umap")
    except ImportError as error:
        raise ImportError('method="umap" needs UMAP. Install it by: pip install umap-learn') from error


def _axis_labels(reducer: Any) -> tuple[str, str]:
    if isinstance(reducer, PCA):
        first, second = reducer.explained_variance_ratio_[:2]
        return f"first component ({first:.0%} of the variance)", f"second component ({second:.0%})"
    name = {"TSNE": "t-SNE"}.get(type(reducer).__name__, type(reducer).__name__)
    return f"{name} 1", f"{name} 2"


def _checked_labels(y: Any, n_cases: int) -> np.ndarray | None:
    if y is None:
        return None
    y = values_of(y)
    if y.shape != (n_cases,):
        raise ValueError(f"`y` must have shape ({n_cases},), one label for each series, got {y.shape}.")
    unknown = unlabelled_among_text(y)
    without: Any = None  # NumPy's annotations know no None among objects
    return np.where(unknown, without, y) if unknown.any() else y


def _entries(y: np.ndarray) -> list[str]:
    unknown = pd.isna(y)
    return [_class_name(one) for one in np.unique(y[~unknown])] + ["no label"] * bool(unknown.any())


def _class_name(one: Any) -> str:
    return f"{one:.0f}" if isinstance(one, np.floating) else str(one)


def _are_numbers(y: np.ndarray) -> bool:
    known = y[~pd.isna(y)]
    if y.dtype.kind not in "iuf":
        return False
    return bool((known != np.round(known)).any()) or len(np.unique(known)) > MOST_CLASSES
