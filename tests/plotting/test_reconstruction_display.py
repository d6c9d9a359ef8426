import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import MAETransformer, RandomEncoderTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import TransformerEncoder
from sklearn_ssl.plotting import ReconstructionDisplay
from sklearn_ssl.preprocessing import ChannelWise

X, y = make_waves(n_cases=8, n_channels=2, n_classes=2, n_timepoints=24, random_state=0)
SMALL = {"encoder": TransformerEncoder(depth=1, width=4, n_heads=1, window=4), "max_epochs": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def transformer():
    return MAETransformer(**SMALL, random_state=0).fit(X)


def test_lines_and_spans(transformer):
    hidden = np.zeros((2, 24), dtype=bool)
    hidden[:, 4:8] = hidden[:, 16:24] = True
    display = ReconstructionDisplay.from_estimator(transformer, X, case=3, hidden=hidden)
    expected = transformer.reconstruct(X[3:4], hidden=hidden[None])[0]
    for channel in range(2):
        assert_array_equal(display.series_lines_[channel].get_ydata(), X[3, channel])
        assert_array_equal(display.predicted_lines_[channel].get_ydata(), expected[channel])
        places = [(span.get_x(), span.get_x() + span.get_width()) for span in display.spans_[channel]]
        assert places == [(3.5, 7.5), (15.5, 23.5)]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["series", "hidden", "predicted"]


def test_steps_before_are_applied_and_the_draw_is_seeded(transformer):
    pipeline = make_pipeline(ChannelWise(StandardScaler()), MAETransformer(**SMALL, random_state=0)).fit(X)
    first, again, other = (ReconstructionDisplay.from_estimator(pipeline, X, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_allclose(first.series, pipeline[0].transform(X)[0], rtol=1e-5)
    assert_array_equal(first.predicted, again.predicted)
    assert not np.array_equal(np.isnan(first.predicted), np.isnan(other.predicted))


def test_channels_and_axes(transformer):
    display = ReconstructionDisplay.from_estimator(transformer, X, channels=[1])
    assert len(display.axes_) == 1
    assert display.ax_.get_ylabel() == "channel 1"
    display.plot(predicted_kw={"color": "red"}, series_kw={"linewidth": 3})
    assert display.predicted_lines_[0].get_color() == "red"
    assert display.series_lines_[0].get_linewidth() == 3


def test_bad_input(transformer):
    with pytest.raises(TypeError, match=r"`estimator` must be a masked transformer.*got RandomEnc"):
        ReconstructionDisplay.from_estimator(RandomEncoderTransformer(random_state=0).fit(X), X)
    with pytest.raises(ValueError, match="`hidden` must be a Boolean array of the shape of the series"):
        ReconstructionDisplay.from_estimator(transformer, X, hidden=np.zeros(24, dtype=bool))
    with pytest.raises(ValueError, match=r"must have the same shape \(n_channels, n_timepoints\)"):
        ReconstructionDisplay(X[0], X[0][:, :5]).plot()
