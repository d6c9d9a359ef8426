import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl._input.doubts import warn_of_doubts
from sklearn_ssl.preprocessing import ChannelWise, SeriesWise, as_collection

NOISE = np.random.default_rng(0).normal(size=(20, 2, 40))
CONSTANT = np.broadcast_to(NOISE[:, :, :1], NOISE.shape)
OFFSETS = np.arange(1, 21)[:, None, None]


def of_channel_1(values):
    return np.stack([NOISE[:, 0], values[:, 1]], axis=1)


def warnings_of(X, to_float32=True):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_doubts(X, to_float32=to_float32)
    return [str(one.message) for one in caught]


LOST = {
    "offset": NOISE + 1.7e9,
    "negative offset": NOISE - 1e8,
    "too small": NOISE * 1e-50,
    "levels": CONSTANT + 1.7e9,
    "gaps": np.where(NOISE > 2, np.nan, NOISE + 1.7e9),
    "each its own offset": NOISE + 1e9 * OFFSETS,
    "whole numbers": (np.round(NOISE * 10) + 1.7e12).astype(np.int64),
}


@pytest.mark.parametrize("X", LOST.values(), ids=LOST)
def test_lost_differences_name_the_channel_and_the_remedy_works(X):
    (message,) = warnings_of(of_channel_1(X))
    assert "nan" not in message
    assert message.startswith("Channel 1 of X loses its differences in float32")
    wrapper = ChannelWise if "ChannelWise(" in message else SeriesWise
    assert f"sklearn_ssl.preprocessing.{wrapper.__name__}(sklearn.preprocessing.StandardScaler())" in message
    assert warnings_of(wrapper(StandardScaler()).fit_transform(of_channel_1(X))) == []


def test_lost_differences_in_several_channels():
    (message,) = warnings_of(NOISE + 1.7e9)
    assert message.startswith("Channel 0 (and 1 other channel(s)) of X")
    assert "1.7e+09 to 1.7e+09" in message


ORDINARY = {
    "scaled": NOISE,
    "far": NOISE + 1e5,
    "float32": (NOISE + 1e6).astype(np.float32),
    "small": NOISE * 1e-20,
    "rounding alone": np.where(NOISE > 0, 0.3, 0.1 + 0.2),
    "one constant channel": of_channel_1(np.ones_like(NOISE)),
    "constant series": CONSTANT,
    "raw sensor": np.round(NOISE * 1000).astype(np.int16),
    "few series with an offset": np.where(OFFSETS == 1, NOISE + 1e9, NOISE),
    "one series": np.ones((1, 2, 40)),
    "padding": np.where(np.arange(40) < 10 + OFFSETS, NOISE, np.nan),
    "many channels": np.random.default_rng(0).normal(size=(4, 200, 22)),
    "many short channels": np.random.default_rng(0).normal(size=(4, 24, 15)),
}


@pytest.mark.parametrize("X", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_series_raise_no_doubt(X):
    assert warnings_of(X) == []


@pytest.mark.parametrize("value", [0.0, 1.5, 1.7e9])
def test_equal_series(value):
    (message,) = warnings_of(np.full((5, 2, 30), value))
    assert message.startswith("All 5 series of X are the same, in all 2 channels")
    assert warnings_of(np.full((5, 2, 30), value), to_float32=False) == []


def test_equal_series_with_padding():
    X = np.repeat(np.where(np.arange(30) < 20, NOISE[:1, :, :30], np.nan), 4, axis=0)
    assert len(warnings_of(X)) == 1
    X[3, 0, 5] += 1
    assert warnings_of(X) == []


@pytest.mark.parametrize("shape", [(20, 500, 3), (20, 24, 1), (20, 128, 9), (20, 1000, 64), (20, 30, 6), (20, 32, 16)])
def test_channels_that_come_last(shape):
    X = np.random.default_rng(0).normal(size=shape)
    (message,) = warnings_of(X, to_float32=False)
    assert message.startswith(f"X has {shape[1]} channels of {shape[2]} time step(s)")
    assert 'as_collection(X, order="channels-last")' in message
    assert warnings_of(as_collection(X, order="channels-last")) == []


@pytest.mark.parametrize("fit", ["fit", "fit_transform", "partial_fit"])
def test_warnings_stand_at_the_line_of_the_caller(fit):
    for transformer in (RandomEncoderTransformer(), make_pipeline(SeriesWise(), RandomEncoderTransformer())):
        if hasattr(transformer, fit):
            with pytest.warns(UserWarning, match="are the same") as record:
                getattr(transformer, fit)(np.zeros((4, 1, 30)))
            assert {one.filename for one in record} == {__file__}


def test_only_fit_warns():
    transformer = RandomEncoderTransformer(random_state=0).fit(NOISE)
    assert np.isfinite(transformer.transform(np.zeros((3, 2, 40)))).all()
