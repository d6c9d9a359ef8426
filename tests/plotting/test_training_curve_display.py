import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer
from sklearn_ssl.callbacks import OnlineProbe
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.plotting import TrainingCurveDisplay
from sklearn_ssl.projectors import MLPProjector

X, y = make_waves(n_cases=24, n_channels=1, n_timepoints=48, random_state=0)


class RecordEverySecond(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) % 2 == 0:
            net.history.record("rank", 10 * len(net.history))
        net.history.record("note", "no number")
        net.history.record("flag", True)


def simclr(**net_params):
    small = {"encoder": ResNetEncoder(depth=1, width=4), "projector": MLPProjector(width=8), "random_state": 0}
    return SimCLRTransformer(**small, max_epochs=4, batch_size=8, net_params=net_params)


@pytest.fixture(scope="module")
def recorded():
    return simclr(callbacks=[RecordEverySecond()], train_split=ValidSplit(3)).fit(X)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_lines_are_the_history(recorded):
    display = TrainingCurveDisplay.from_estimator(recorded)
    for column in ("train_loss", "valid_loss"):
        line = display.lines_["SimCLRTransformer", column]
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
        assert_array_equal(line.get_ydata(), recorded.net_.history[:, column])
        assert line.axes is display.ax_
    assert labels(display.ax_) == ["training", "validation", "all projections the same"]
    assert display.ax_.get_title() == "SimCLRTransformer"


def test_collapse_is_a_dashed_line(recorded):
    line = TrainingCurveDisplay.from_estimator(recorded).collapsed_lines_["SimCLRTransformer"]
    assert line.get_linestyle() == "--"
    assert_array_equal(line.get_ydata(), recorded.collapsed_loss_)


def test_recorded_numbers_have_a_panel_and_nothing_else_does(recorded):
    display = TrainingCurveDisplay.from_estimator(recorded)
    assert display.scores == ["rank"]
    assert [ax.get_ylabel() for ax in display.axes_] == ["loss", "rank"]
    line = display.lines_["SimCLRTransformer", "rank"]
    assert_array_equal(line.get_xdata(), [2, 4])
    assert_array_equal(line.get_ydata(), [20, 40])


def test_a_score_before_training_is_epoch_0():
    probed = simclr(callbacks=[("probe", OnlineProbe(X, y))]).fit(X)
    line = TrainingCurveDisplay.from_estimator(probed).lines_["SimCLRTransformer", "probe"]
    probe = dict(probed.net_.callbacks_)["probe"]
    assert_array_equal(line.get_xdata(), [0, 1, 2, 3, 4])
    assert_array_equal(line.get_ydata(), [probe.untrained_score_, *probed.net_.history[:, "probe"]])


def test_several_trainings_have_entries_of_their_own(recorded):
    display = TrainingCurveDisplay.from_estimator({"split": recorded, "all": simclr().fit(X)})
    expected = ["split, training", "split, validation", "split, collapsed", "all, training", "all, collapsed"]
    assert labels(display.ax_) == expected
    assert ("all", "rank") not in display.lines_
    colours = {display.lines_[name, "train_loss"].get_color() for name in ("split", "all")}
    assert len(colours) == 2
    for name in ("split", "all"):
        assert display.collapsed_lines_[name].get_marker() == display.lines_[name, "train_loss"].get_marker()


def test_one_axes_shows_the_losses_alone(recorded):
    _, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(recorded, ax=ax)
    assert list(display.axes_) == [ax]
    assert [column for _, column in display.lines_] == ["train_loss", "valid_loss"]


@pytest.mark.parametrize(("losses", "scale"), [([1.0, 2.0], "linear"), ([1.0, 21.0], "log"), ([-1.0, 100.0], "linear")])
def test_the_axis_is_logarithmic_where_losses_span_magnitudes(losses, scale):
    history = pd.DataFrame({"train_loss": losses}, index=[1, 2])
    assert TrainingCurveDisplay({"made up": history}).plot().ax_.get_yscale() == scale


def test_a_method_without_level_of_collapse_has_no_dashed_line():
    history = pd.DataFrame({"train_loss": np.ones(3)}, index=[1, 2, 3])
    display = TrainingCurveDisplay({"made up": history}).plot()
    assert display.collapsed_lines_ == {}
    assert labels(display.ax_) == ["training"]


def test_no_training_is_an_error():
    with pytest.raises(ValueError, match="RandomEncoderTransformer has no training to draw"):
        TrainingCurveDisplay.from_estimator(RandomEncoderTransformer(random_state=0).fit(X))
    with pytest.raises(ValueError, match="`estimator` is an empty dictionary"):
        TrainingCurveDisplay.from_estimator({})
    with pytest.raises(ValueError, match="`histories` is empty"):
        TrainingCurveDisplay({}).plot()


def test_another_number_of_axes_is_an_error(recorded):
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match="`ax` must have 2 axes"):
        TrainingCurveDisplay.from_estimator(recorded, ax=axes)
