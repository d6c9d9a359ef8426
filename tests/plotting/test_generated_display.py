"""Real and generated series in one picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimCLRTransformer, TimeVAETransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.evaluation import compare_generated
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.plotting import GeneratedDisplay
from sklearn_ssl.preprocessing import ChannelWise

X, _ = make_waves(n_cases=12, n_channels=2, n_timepoints=40, random_state=0)
VAE = TimeVAETransformer(
    encoder=FCNEncoder(width=4), generator=ConvGenerator(width=4), max_epochs=1, device="cpu", random_state=0
)


@pytest.fixture(scope="module")
def vae():
    return VAE.fit(X)


def test_panels_show_series_spectra_and_coverage(vae):
    display = GeneratedDisplay.from_estimator(vae, X, channel=1)
    display.figure_.draw_without_rendering()
    samples = vae.sample(12, random_state=0)
    for lines, series in ((display.real_lines_, X), (display.generated_lines_, samples)):
        for line, one in zip(lines, series[:4, 1], strict=True):
            shift = one - line.get_ydata()
            np.testing.assert_allclose(shift, shift[0], atol=1e-5)
    report = compare_generated(X, samples)
    np.testing.assert_allclose(display.spectrum_lines_[0].get_ydata(), report.real_spectrum[1])
    np.testing.assert_allclose(display.spectrum_lines_[1].get_ydata(), report.generated_spectrum[1])
    np.testing.assert_allclose(display.spectrum_lines_[0].get_xdata(), np.fft.rfftfreq(40))
    assert [len(one.get_offsets()) for one in display.points_] == [12, report.covered.sum(), (~report.covered).sum()]
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in display.axes_)
    plt.close("all")


def test_axes_pipelines_and_series(vae):
    figure, axes = plt.subplots(2, 2)
    pipeline = make_pipeline(ChannelWise(StandardScaler()), VAE).fit(X)
    display = GeneratedDisplay.from_estimator(pipeline, X, ax=axes)
    assert display.axes_.tolist() == axes.ravel().tolist()
    assert display.figure_ is figure
    np.testing.assert_allclose(display.real, ChannelWise(StandardScaler()).fit_transform(X)[:4, 0], rtol=1e-4)
    plt.close("all")


def test_wrong_use(vae):
    with pytest.raises(ValueError, match="`channel` must be a whole number from 0 to 1, got 2"):
        GeneratedDisplay.from_estimator(vae, X, channel=2)
    simclr = SimCLRTransformer(encoder=FCNEncoder(width=4), max_epochs=0).fit(X)
    with pytest.raises(TypeError, match="`estimator` must be a transformer that makes series such as GANTransformer"):
        GeneratedDisplay.from_estimator(simclr, X)
    with pytest.raises(ValueError, match="`ax` must have 4 axes here"):
        GeneratedDisplay.from_estimator(vae, X, ax=plt.figure().subplots())
    plt.close("all")
