import numpy as np
import pytest

from sklearn_ssl.preprocessing import Resample

NAN = np.nan


@pytest.mark.parametrize("length", [1, 2, 7, 13, 40])
def test_agrees_with_loops(length):
    rng = np.random.default_rng(0)
    ragged = [rng.normal(size=(2, steps)) for steps in (13, 1, 6, 9, 2)]
    for one, result in zip(ragged, Resample(length).fit_transform(ragged), strict=True):
        places = np.linspace(0, one.shape[1] - 1, length)
        np.testing.assert_allclose(result, [np.interp(places, np.arange(one.shape[1]), row) for row in one])


def test_same_length_changes_nothing():
    X = np.random.default_rng(0).normal(size=(4, 2, 11))
    X[0, 0, 3] = X[1, 1, 0] = X[2, 0, 10] = NAN
    result = Resample(11).fit_transform(X)
    np.testing.assert_allclose(result, X)


def test_all_series_get_the_length():
    result = Resample(9).fit_transform([np.ones((1, 4)), np.ones((1, 20))])
    assert [one.shape for one in result] == [(1, 9), (1, 9)]
    padded = np.ones((2, 1, 20))
    padded[0, :, 4:] = NAN
    assert np.isfinite(Resample(9).fit_transform(padded)).all()


def test_missing_where_the_nearest_step_is_missing():
    X = np.array([[[0.0, 10.0, NAN, 30.0, 40.0]]])
    result = Resample(9).fit_transform(X)  # steps 0, 0.5, 1, ...; halves go to the even step
    np.testing.assert_allclose(result[0, 0], [0, 5, 10, NAN, NAN, NAN, 30, 35, 40])


def test_a_channel_missing_in_a_series_stays_missing():
    X = np.ones((2, 2, 5))
    X[1, 0] = NAN
    result = Resample(8).fit_transform(X)
    assert np.isnan(result[1, 0]).all()
    assert np.isnan(result).sum() == 8


def test_length_by_position():
    assert Resample(5).length == 5
