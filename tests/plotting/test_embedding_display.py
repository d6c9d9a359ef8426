import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.manifold import TSNE, Isomap

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.plotting import EmbeddingDisplay, _embedding

H = np.random.RandomState(0).normal(size=(30, 5)) * [5, 3, 1, 1, 1]


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_pca_keeps_the_directions_of_largest_variance():
    display = EmbeddingDisplay.from_embedding(H)
    centred = H - H.mean(axis=0)
    variances = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    assert_allclose((display.coordinates**2).sum(axis=0), variances[:2])
    shares = variances[:2] / variances.sum()
    assert display.ax_.get_xlabel() == f"first component ({shares[0]:.0%} of the variance)"
    assert display.ax_.get_ylabel() == f"second component ({shares[1]:.0%})"
    assert_array_equal(display.scatters_[0].get_offsets(), display.coordinates)
    assert display.legend_ is None


def test_classes_differ_in_colour_and_marker():
    display = EmbeddingDisplay.from_embedding(H, np.arange(30) % 3)
    assert entries(display) == ["0", "1", "2"]
    assert len({tuple(points.get_facecolor()[0]) for points in display.scatters_}) == 3
    assert len({points.get_paths()[0].vertices.tobytes() for points in display.scatters_}) == 3
    for one, points in enumerate(display.scatters_):
        assert_array_equal(points.get_offsets(), display.coordinates[one::3])


def test_colours_of_classes_differ_in_lightness():
    display = EmbeddingDisplay.from_embedding(H, np.arange(30) % 6)
    lightness = [points.get_facecolor()[0, :3] @ [0.299, 0.587, 0.114] for points in display.scatters_]
    assert np.diff(lightness).min() > 0.05


@pytest.mark.parametrize("n_classes", [2, 26])
def test_the_legend_stands_beside_the_points_and_within_the_figure(n_classes):
    display = EmbeddingDisplay.from_embedding(H, np.arange(30) % n_classes)
    display.figure_.draw_without_rendering()
    legend, points = display.legend_.get_window_extent(), display.ax_.get_window_extent()
    assert len(entries(display)) == n_classes
    assert points.x1 <= legend.x0 < legend.x1 <= display.figure_.bbox.width
    assert points.width > 0.9 * points.height


@pytest.mark.parametrize(("layout", "outside"), [(None, False), ("constrained", True)])
def test_in_axes_that_are_given_the_legend_stays_where_it_can_be_seen(layout, outside):
    _, ax = plt.subplots(layout=layout)
    display = EmbeddingDisplay.from_embedding(H, np.arange(30) % 3, ax=ax)
    display.figure_.draw_without_rendering()
    legend = display.legend_.get_window_extent()
    assert (legend.x0 >= ax.get_window_extent().x1) == outside
    assert legend.x1 <= display.figure_.bbox.width


@pytest.mark.parametrize("y", [np.linspace(0, 1, 60), np.arange(60)], ids=["fractions", "many whole numbers"])
def test_numbers_have_a_colour_bar(y):
    display = EmbeddingDisplay.from_embedding(np.vstack([H, H]), y)
    assert display.legend_ is None
    assert_array_equal(display.scatters_[0].get_array(), y)
    assert (display.colorbar_.vmin, display.colorbar_.vmax) == (y.min(), y.max())


def test_series_without_a_label_come_last_and_behind():
    display = EmbeddingDisplay.from_embedding(H, np.where(np.arange(30) < 20, np.arange(30) % 2, np.nan))
    assert entries(display) == ["0", "1", "no label"]
    assert_array_equal(display.scatters_[-1].get_offsets(), display.coordinates[20:])
    assert display.scatters_[-1].get_zorder() < display.scatters_[0].get_zorder()


def test_numbers_may_lack_for_some_series():
    display = EmbeddingDisplay.from_embedding(H, np.where(np.arange(30) < 20, np.arange(30) / 7, np.nan))
    assert [len(points.get_offsets()) for points in display.scatters_] == [20, 10]


@pytest.mark.parametrize("unknown", [None, -1])
def test_texts_with_none_or_minus_one_are_classes(unknown):
    display = EmbeddingDisplay.from_embedding(H, np.array(["walk", "run", unknown] * 10, dtype=object))
    assert entries(display) == ["run", "walk", "no label"]


def test_tsne_is_drawn_by_random_state_alone():
    first, second = (EmbeddingDisplay.from_embedding(H[:12], method="tsne", random_state=3) for _ in range(2))
    assert_array_equal(first.coordinates, second.coordinates)
    assert (first.ax_.get_xlabel(), first.ax_.get_ylabel()) == ("t-SNE 1", "t-SNE 2")


def test_a_transformer_as_method_is_cloned():
    isomap = Isomap(n_components=3)
    display = EmbeddingDisplay.from_embedding(H, method=isomap)
    assert not hasattr(isomap, "embedding_")
    assert display.coordinates.shape == (30, 2)
    assert display.ax_.get_xlabel() == "Isomap 1"


def test_an_embedding_drawn_is_that_of_the_transformer():
    X, y = make_waves(n_cases=12, n_timepoints=48, random_state=0)
    transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0).fit(X)
    display = EmbeddingDisplay.from_estimator(transformer, X, y)
    direct = EmbeddingDisplay.from_embedding(transformer.transform(X), y)
    assert_array_equal(display.coordinates, direct.coordinates)


@pytest.mark.parametrize("method", ["lda", None, Isomap])
def test_an_unknown_method_is_an_error(method):
    with pytest.raises(ValueError, match=r"`method` must be one of \['pca', 'tsne', 'umap'\] or a transformer"):
        EmbeddingDisplay.from_embedding(H, method=method)


def test_without_umap_the_error_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        EmbeddingDisplay.from_embedding(H, method="umap")


@pytest.mark.parametrize(
    ("embedding", "y", "message"),
    [
        (H, np.zeros(29), r"`y` must have shape \(30,\), one label for each series, got \(29,\)"),
        (H[:2], None, "minimum of 3"),
        (H[:, :1], None, "at least two"),
        (np.full((4, 2), np.nan), None, "NaN"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(embedding, y, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_embedding(embedding, y)


def test_labels_are_checked_before_series_are_embedded():
    X, y = make_waves(n_cases=12, n_timepoints=48, random_state=0)
    transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0).fit(X)
    transformer.net_ = None
    with pytest.raises(ValueError, match="`y` must have shape"):
        EmbeddingDisplay.from_estimator(transformer, X, y[:5])


@pytest.mark.parametrize(("n_cases", "expected"), [(10, 3.0), (4, 1.0), (91, 30.0), (92, 30.0)])
def test_the_perplexity_of_few_points_is_a_third_of_the_others(n_cases, expected, monkeypatch):
    seen = []
    monkeypatch.setattr(TSNE, "fit_transform", lambda self, H: (seen.append(self.perplexity), H[:, :2])[1])
    EmbeddingDisplay.from_embedding(np.random.default_rng(0).normal(size=(n_cases, 3)), method="tsne")
    assert seen == [expected]


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_the_random_state_reaches_the_method(method, monkeypatch):
    monkeypatch.setattr(_embedding, "_umap", lambda: SimpleNamespace(UMAP=SimpleNamespace))
    reducer = _embedding._reducer(method, 3)
    assert reducer.random_state == 3
    if method == "umap":
        assert reducer.n_jobs == 1
    if method == "pca":
        assert reducer.n_components == 2
