import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Jitter, Mixup, Scaling
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.plotting import ViewsDisplay
from sklearn_ssl.projectors import MLPProjector

X, y = make_waves(n_cases=8, n_channels=7, n_timepoints=50, random_state=0)


def test_lines_are_the_series_and_its_views():
    display = ViewsDisplay.from_augmentation(Jitter(sigma=0.5), X, case=2, n_views=3)
    assert_array_equal(display.series, X[2])
    assert display.views.shape == (3, 7, 50)
    assert_array_equal(display.channels_, np.arange(6))
    for channel in range(6):
        assert_array_equal(display.series_lines_[channel].get_ydata(), X[2, channel])
        for view in range(3):
            assert_array_equal(display.view_lines_[channel][view].get_ydata(), display.views[view, channel])
    assert not np.array_equal(display.views[0], display.views[1])
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["series", "3 views"]


def test_the_series_is_thick_and_black_above_thin_views():
    display = ViewsDisplay.from_augmentation(Jitter(), X)
    series, view = display.series_lines_[0], display.view_lines_[0][0]
    assert series.get_color() == "black"
    assert series.get_linewidth() > 2 * view.get_linewidth()
    assert series.get_zorder() > view.get_zorder()


def test_an_augmentation_that_changes_nothing_gives_the_series():
    assert_array_equal(ViewsDisplay.from_augmentation(Jitter(sigma=0.0), X, n_views=2).views, X[[0, 0]])


def test_views_mix_with_other_series():
    assert not np.allclose(ViewsDisplay.from_augmentation(Mixup(), X).views, X[0])


def test_random_state_decides_on_the_views():
    first, second, other = (ViewsDisplay.from_augmentation(Jitter(), X, random_state=seed).views for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_padding_is_not_drawn():
    ragged = [X[0][:, :30], X[1]]
    display = ViewsDisplay.from_augmentation(Scaling(), ragged, channels=[6])
    assert np.isnan(display.view_lines_[0][0].get_ydata()[30:]).all()
    assert np.isfinite(display.view_lines_[0][0].get_ydata()[:30]).all()


def test_a_transformer_shows_its_own_augmentation():
    small = {"encoder": ResNetEncoder(depth=1, width=4), "projector": MLPProjector(width=8), "random_state": 0}
    transformer = VICRegTransformer(augmentation=Jitter(sigma=0.3), max_epochs=0, **small).fit(X)
    display = ViewsDisplay.from_estimator(transformer, X, case=1, random_state=5)
    assert_array_equal(
        display.views, ViewsDisplay.from_augmentation(Jitter(sigma=0.3), X, case=1, random_state=5).views
    )
    given = ViewsDisplay.from_estimator(transformer, X, augmentation=Scaling(sigma=0.0))
    assert_array_equal(given.views, X[[0] * 4])


def test_a_transformer_without_views_needs_an_augmentation():
    transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0).fit(X)
    with pytest.raises(ValueError, match="RandomEncoderTransformer makes no views by itself"):
        ViewsDisplay.from_estimator(transformer, X)


@pytest.mark.parametrize("n_views", [0, 1.5, True])
def test_a_wrong_number_of_views_is_an_error(n_views):
    with pytest.raises(ValueError, match="`n_views` must be a whole number of at least 1"):
        ViewsDisplay.from_augmentation(Jitter(), X, n_views=n_views)


@pytest.mark.parametrize("augmentation", ["jitter", Jitter, None])
def test_what_is_no_augmentation_is_an_error(augmentation):
    with pytest.raises(TypeError, match="`augmentation` must be an augmentation"):
        ViewsDisplay.from_augmentation(augmentation, X)
