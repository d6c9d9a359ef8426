import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation._collapse import collapse_report
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.plotting import SpectrumDisplay
from sklearn_ssl.projectors import MLPProjector

H = np.random.RandomState(0).normal(size=(40, 6)) + 3
X, y = make_waves(n_cases=16, n_timepoints=48, random_state=0)


@pytest.fixture(scope="module")
def simclr():
    encoder, projector = ResNetEncoder(depth=1, width=4), MLPProjector(width=8)
    return SimCLRTransformer(encoder=encoder, projector=projector, max_epochs=1, random_state=0).fit(X)


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_the_line_is_the_spectrum_relative_to_the_largest():
    line = SpectrumDisplay.from_embedding(H).lines_["embedding"]
    centred = H - H.mean(axis=0)
    values = np.sqrt(np.linalg.eigvalsh(centred.T @ centred))[::-1]
    assert_allclose(line.get_ydata(), values / values[0])
    assert_allclose(line.get_xdata(), [1, 2, 3, 4, 5, 6])
    assert line.axes.get_yscale() == "log"


def test_the_legend_has_the_effective_ranks():
    equal = np.vstack([np.eye(4), -np.eye(4)])
    display = SpectrumDisplay.from_embedding({"four": equal, "one": equal[:, :1] * [1, 2, 3, 4]})
    assert entries(display) == ["four, effective rank 4.0", "one, effective rank 1.0"]
    styles = {(line.get_marker(), line.get_linestyle()) for line in display.lines_.values()}
    assert len(styles) == 2


def test_values_of_zero_do_not_stretch_the_axis():
    display = SpectrumDisplay.from_embedding({"poor": H[:, :2] @ H[:2]})
    shown = display.lines_["poor"].get_ydata()
    assert_allclose(display.ax_.get_ylim(), (shown[1] / 2, 2))


def test_several_transformers_go_by_their_names(simclr):
    display = SpectrumDisplay.from_estimator({"a": simclr, "b": simclr}, X, space="projections")
    direct = SpectrumDisplay.from_embedding(Representation.of(simclr).embed(X, "projections"))
    assert list(display.lines_) == ["a", "b"]
    assert_allclose(display.singular_values["b"], direct.singular_values["embedding"])


def test_a_report_has_features_and_projections(simclr):
    report = collapse_report(simclr, X)
    display = SpectrumDisplay.from_report(report)
    assert list(display.lines_) == ["features", "projections"]
    direct = SpectrumDisplay.from_estimator(simclr, X)
    assert_allclose(
        display.lines_["features"].get_ydata(), direct.lines_["SimCLRTransformer"].get_ydata(), rtol=1e-4, atol=1e-6
    )
    assert display.effective_ranks["features"] == report.features.effective_rank
    assert list(SpectrumDisplay.from_report({"SimCLR": report}).lines_) == ["SimCLR, features", "SimCLR, projections"]


def test_what_cannot_be_drawn_is_an_error():
    with pytest.raises(ValueError, match="'same' are zero"):
        SpectrumDisplay.from_embedding({"same": np.ones((5, 3))})
    with pytest.raises(ValueError, match="`H` is an empty dictionary"):
        SpectrumDisplay.from_embedding({})
    with pytest.raises(ValueError, match="minimum of 2"):
        SpectrumDisplay.from_embedding(H[:1])
    with pytest.raises(ValueError, match="`singular_values` is empty"):
        SpectrumDisplay({}).plot()
    with pytest.raises(TypeError, match="`report` must be a result of collapse_report"):
        SpectrumDisplay.from_report(H)


def test_a_report_is_drawn_on_the_axes_given_with_its_effective_ranks(simclr):
    _, ax = plt.subplots()
    report = collapse_report(simclr, X)
    display = SpectrumDisplay.from_report(report, ax=ax)
    assert display.ax_ is ax
    assert list(display.effective_ranks.values()) == [report.features.effective_rank, report.projections.effective_rank]
