import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import make_bursts
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import occlusion
from sklearn_ssl.plotting import OcclusionDisplay

X, y = make_bursts(n_cases=12, n_classes=2, random_state=0)


@pytest.fixture(scope="module")
def classifier():
    encoder = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), random_state=0)
    return make_pipeline(encoder, LogisticRegression(C=0.01)).fit(X, y)


def test_strips_are_the_importance(classifier):
    result = occlusion(classifier, X[:3], window=50)
    display = OcclusionDisplay.from_occlusion(result, case=2)
    for channel in range(X.shape[1]):
        assert_array_equal(display.lines_[channel].get_ydata(), X[2, channel])
        assert_array_equal(display.strips_[channel].get_array().ravel(), result.importance[2, channel])
    limits = {strip.get_clim() for strip in display.strips_}
    assert limits == {(result.importance[2].min(), result.importance[2].max())}
    assert display.colorbar_.ax.get_xlabel() == f"drop of the probability of class {result.explained[2]}"


def test_the_strip_does_not_cover_the_series(classifier):
    display = OcclusionDisplay.from_estimator(classifier, X, window=50)
    display.figure_.draw_without_rendering()
    for ax, line in zip(display.axes_, display.lines_, strict=True):
        lowest = ax.transAxes.inverted().transform(ax.transData.transform([(0, line.get_ydata().min())]))[0, 1]
        assert lowest > 0.16
        assert min(ax.get_yticks()) >= line.get_ydata().min() - 0.05 * np.ptp(line.get_ydata())


def test_one_series_is_enough(classifier):
    display = OcclusionDisplay.from_estimator(classifier, X, case=4, y=1, window=50)
    result = occlusion(classifier, X[4:5], y=[1], window=50)
    assert_array_equal(display.importance, result.importance[0])
    assert display.label == "drop of the probability of class 1"


def test_padding_stays_white(classifier):
    ragged = [X[0][:, :120], X[1]]
    display = OcclusionDisplay.from_occlusion(occlusion(classifier, ragged, window=40), case=0)
    display.figure_.draw_without_rendering()
    assert_array_equal(display.strips_[0].get_array().mask.ravel(), np.arange(X.shape[2]) >= 120)


@pytest.mark.parametrize("n_channels", [1, 9])
def test_the_colour_bar_is_near_and_whole(n_channels):
    values = np.random.RandomState(0).normal(size=(n_channels, 40))
    display = OcclusionDisplay(values, np.abs(values)).plot(channels=range(n_channels))
    display.figure_.draw_without_rendering()
    label = display.colorbar_.ax.xaxis.label.get_window_extent()
    gap = display.axes_[-1].get_window_extent().y0 - display.colorbar_.ax.get_window_extent().y1
    assert label.y0 >= 0
    assert 0 < gap / display.figure_.dpi < 1  # inches


def test_arrays_of_ones_own():
    display = OcclusionDisplay(np.zeros((1, 5)), np.arange(5.0)[None], label="attention").plot()
    display.figure_.draw_without_rendering()
    assert display.colorbar_.ax.get_xlabel() == "attention"


def test_what_cannot_be_drawn_is_an_error(classifier):
    with pytest.raises(TypeError, match="`result` must be a result of `occlusion`"):
        OcclusionDisplay.from_occlusion(X)
    with pytest.raises(ValueError, match="`series` and `importance` must have the same shape"):
        OcclusionDisplay(np.zeros((1, 5)), np.zeros((1, 4))).plot()
    with pytest.raises(ValueError, match="`window` must be"):
        OcclusionDisplay.from_estimator(classifier, X, window=0)


def test_the_ticks_are_those_of_the_values_and_not_of_the_strip(classifier):
    display = OcclusionDisplay(np.array([np.linspace(0, 10, 30)]), np.zeros((1, 30))).plot()
    assert display.axes_[0].get_yticks().min() == 0
    assert display.axes_[0].get_yticks().max() == 10
    assert display.axes_[0].get_ylim()[0] < -1
    assert display.axes_[0].get_xlim() == (-0.5, 29.5)
