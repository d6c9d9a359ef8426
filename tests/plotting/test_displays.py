import inspect
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.plotting import (
    CriticalDifferenceDisplay,
    DissectionDisplay,
    EmbeddingDisplay,
    OcclusionDisplay,
    RobustnessDisplay,
    SpectrumDisplay,
    TrainingCurveDisplay,
    ViewsDisplay,
)
from sklearn_ssl.preprocessing import ChannelWise
from sklearn_ssl.projectors import MLPProjector

X, y = make_waves(n_cases=16, n_channels=2, n_timepoints=60, random_state=0)
FROM_ESTIMATOR = {
    "training": lambda estimator, ax=None: TrainingCurveDisplay.from_estimator(estimator, ax=ax),
    "embedding": lambda estimator, ax=None: EmbeddingDisplay.from_estimator(estimator, X, y, ax=ax),
    "spectrum": lambda estimator, ax=None: SpectrumDisplay.from_estimator(estimator, X, ax=ax),
    "views": lambda estimator, ax=None: ViewsDisplay.from_estimator(estimator, X, channels=[1], ax=ax),
    "occlusion": lambda estimator, ax=None: OcclusionDisplay.from_estimator(estimator, X, channels=[1], ax=ax),
    "dissection": lambda estimator, ax=None: DissectionDisplay.from_estimator(estimator, X, concepts=["peak"], ax=ax),
}
every_display = pytest.mark.parametrize("draw", FROM_ESTIMATOR.values(), ids=FROM_ESTIMATOR)


def small_simclr():
    return SimCLRTransformer(
        encoder=ResNetEncoder(depth=1, width=4), projector=MLPProjector(width=8), max_epochs=2, random_state=0
    )


@pytest.fixture(scope="module")
def simclr():
    return small_simclr().fit(X)


@every_display
def test_a_picture_has_axes_labels_and_a_figure_that_can_be_drawn(draw, simclr):
    display = draw(simclr)
    display.figure_.draw_without_rendering()
    assert display.ax_.figure.figure is display.figure_
    assert display.ax_.get_ylabel()
    assert [ax.get_xlabel() for ax in display.figure_.axes if ax.get_xlabel()]


@every_display
def test_axes_that_are_given_are_used(draw, simclr):
    figure, ax = plt.subplots()
    display = draw(simclr, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


@every_display
def test_pipelines_are_looked_into(draw, simclr):
    pipeline = make_pipeline(ChannelWise(StandardScaler()), small_simclr(), StandardScaler()).fit(X)
    assert draw(pipeline).ax_ is not None


@every_display
def test_the_estimator_and_the_generators_are_left_as_they_are(draw, simclr):
    simclr.net_.module_.train()
    try:
        before = {name: tensor.clone() for name, tensor in simclr.net_.module_.state_dict().items()}
        attributes, stream = dict(vars(simclr)), simclr.net_.random_states_["cpu"].clone()
        global_streams = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
        draw(simclr)
        assert vars(simclr) == attributes
        assert simclr.net_.module_.training
        assert_array_equal(simclr.net_.random_states_["cpu"], stream)
        assert_array_equal(np.random.get_state()[1], global_streams[0])  # noqa: NPY002
        assert_array_equal(torch.get_rng_state(), global_streams[1])
        for name, tensor in simclr.net_.module_.state_dict().items():
            assert_array_equal(tensor, before[name])
    finally:
        simclr.net_.module_.eval()


@every_display
def test_an_estimator_that_is_not_fitted_is_an_error(draw, simclr):
    with pytest.raises(NotFittedError):
        draw(clone(simclr))
    assert not plt.get_fignums()


@every_display
def test_without_matplotlib_the_error_names_the_extra(draw, simclr, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"Display needs matplotlib.*pip install matplotlib"):
        draw(simclr)


def test_without_matplotlib_methods_cannot_be_compared(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"CriticalDifferenceDisplay needs matplotlib"):
        CriticalDifferenceDisplay.from_scores(pd.DataFrame([[1.0, 2.0, 3.0]] * 3, columns=list("abc")))


@pytest.mark.parametrize("display", [ViewsDisplay, OcclusionDisplay])
def test_a_panel_for_each_channel(display, simclr):
    picture = display.from_estimator(simclr, X, case=-1)
    assert_array_equal(picture.channels_, [0, 1])
    assert [ax.get_ylabel() for ax in picture.axes_] == ["channel 0", "channel 1"]
    assert_array_equal(picture.series, X[-1])


@pytest.mark.parametrize("display", [ViewsDisplay, OcclusionDisplay])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"case": 16}, "`case` must be the position of one of the 16 series, got 16"),
        ({"case": 1.0}, "`case` must be the position"),
        ({"channels": [2]}, "`channels` must be numbers of channels from 0 to 1"),
        ({"channels": []}, "`channels` must be"),
    ],
)
def test_cases_and_channels_that_do_not_exist_are_errors(display, wrong, message, simclr):
    with pytest.raises(ValueError, match=message):
        display.from_estimator(simclr, X, **wrong)


def test_another_number_of_axes_is_an_error(simclr):
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match="`ax` must have 2 axes"):
        ViewsDisplay.from_estimator(simclr, X, ax=axes)


@pytest.mark.parametrize(
    "cls", [DissectionDisplay, EmbeddingDisplay, OcclusionDisplay, RobustnessDisplay, SpectrumDisplay]
)
def test_without_matplotlib_nothing_is_measured(cls, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    required = [one for one in inspect.signature(cls.from_estimator).parameters.values() if one.default is one.empty]
    with pytest.raises(ImportError, match=rf"{cls.__name__} needs matplotlib"):
        cls.from_estimator(*[None for one in required if one.kind is one.POSITIONAL_OR_KEYWORD])
