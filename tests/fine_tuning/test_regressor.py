"""Regressor on a pretrained encoder."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from small_predictors import X, Y, changed, simclr

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, SSLRegressor
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder


def untrained(encoder=None):
    return RandomEncoderTransformer(encoder=encoder or FCNEncoder(width=16), device="cpu", random_state=0)


def frequencies():
    rng = np.random.default_rng(0)
    frequency = rng.uniform(1, 3, size=60)
    series = np.sin(frequency[:, None] * np.linspace(0, 12, 80) + rng.uniform(0, 6, size=(60, 1)))
    return series, frequency


def test_regressor_with_unknown_targets_and_several_outputs():
    series, frequency = frequencies()
    random = untrained()
    y = np.column_stack([np.where(np.arange(60) < 40, frequency, np.nan), 5 - 2 * frequency])
    model = SSLRegressor(random, max_epochs=2, lr=1e-4, random_state=0).fit(series, y)
    assert model.predict(series).shape == (60, 2)
    assert np.corrcoef(model.predict(series)[40:, 0], frequency[40:])[0, 1] > 0.9
    single = SSLRegressor(random, mode="probe", random_state=0).fit(series, y[:, 0])
    assert single.predict(series).shape == (60,)
    assert single.score(series[40:], frequency[40:]) > 0.8
    with pytest.raises(ValueError, match="y has the shape"):
        single.partial_fit(series, y)


def test_regressor_probe_is_ridge():
    series, frequency = frequencies()
    random = untrained(InceptionEncoder(depth=3, width=16))  # its layers have the same width
    model = SSLRegressor(random, mode="probe", penalty=3.0, random_state=0).fit(series, frequency)
    features = random.fit(series).transform(series).astype(np.float64)
    features = StandardScaler().fit_transform(features[:, features.std(axis=0) > 1e-6])
    centred = (frequency - frequency.mean()) / frequency.std()
    expected = Ridge(alpha=3.0).fit(features, centred).predict(features) * frequency.std() + frequency.mean()
    np.testing.assert_allclose(model.predict(series), expected, rtol=1e-3)


def test_regressor_needs_a_target_for_each_output():
    with pytest.raises(ValueError, match="needs labelled series"):
        SSLRegressor(simclr()).fit(X, np.column_stack([np.ones(60), np.full(60, np.nan)]))


@pytest.mark.parametrize("y", [np.repeat(["up", "down"], 30), np.repeat(np.array([0.5, "down"], dtype=object), 30)])
def test_a_regressor_refuses_text(y):
    with pytest.raises(ValueError, match=r"y must be numbers for SSLRegressor.*'(up|down)'.*SSLClassifier"):
        SSLRegressor(simclr()).fit(X, y)


def test_a_regressor_takes_unknown_numbers_in_a_table():
    table = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0)}).astype("Float64")
    table.loc[3, "b"] = pd.NA
    expected = table.to_numpy(dtype=float, na_value=np.nan)
    random = untrained()
    predicted = [SSLRegressor(random, mode="probe", random_state=0).fit(X, y).predict(X) for y in (table, expected)]
    np.testing.assert_allclose(*predicted, rtol=1e-5)


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({}, [1.0], "at least two labelled series to train on, and y has 1"),
        (
            {"early_stopping": True},
            [1.0, 2.0],
            "`validation_fraction`=0.1 makes parts of 1 and 1",
        ),
    ],
)
def test_too_few_labelled_series_to_train_on(params, y, message):
    known = np.full(60, np.nan)
    known[: len(y)] = y
    with pytest.raises(ValueError, match=message):
        SSLRegressor(simclr(), **params).fit(X, known)
    assert SSLRegressor(untrained(), mode="probe", **params).fit(X, known).predict(X).shape == (60,)


def test_a_regressor_needs_a_weight_of_a_labelled_series():
    known = np.where(np.arange(60) < 9, 1.0 * Y, np.nan)
    with pytest.raises(ValueError, match="labelled series with a weight above 0"):
        SSLRegressor(simclr(), mode="probe").fit(X, known, sample_weight=(np.arange(60) >= 9).astype(float))


@pytest.mark.parametrize(("n_known", "fraction"), [(3, 0.5), (5, 0.1)])
def test_parts_of_one_series_cannot_be_learnt(n_known, fraction):
    known = np.where(np.arange(60) < n_known, np.arange(60.0), np.nan)
    with pytest.raises(ValueError, match="each part needs two"):
        SSLRegressor(simclr(), early_stopping=True, validation_fraction=fraction).fit(X, known)


def test_parts_of_two_series_can_be_learnt():
    known = np.where(np.arange(60) < 4, np.arange(60.0), np.nan)
    model = SSLRegressor(untrained(), early_stopping=True, validation_fraction=0.5, max_steps=1, random_state=0)
    assert model.fit(X, known).net_.steps_ == 1
    known[2:] = np.nan
    assert SSLRegressor(untrained(), max_steps=1, random_state=0).fit(X, known).net_.steps_ == 1


def test_the_scale_of_targets_stays_that_of_the_first_call():
    series, frequency = frequencies()
    model = SSLRegressor(untrained(), max_steps=1, random_state=0)
    with pytest.raises(NotFittedError):
        model.target_mean_  # noqa: B018
    with pytest.raises(NotFittedError):
        model.target_scale_  # noqa: B018
    model.partial_fit(series, frequency)
    assert model.target_mean_ == pytest.approx(frequency.mean())
    assert model.target_scale_ == pytest.approx(frequency.std())
    before = model.net_
    model.partial_fit(series, 10 * frequency)
    assert model.target_mean_ == pytest.approx(frequency.mean())
    assert changed(before.module_, model.net_.module_)


def test_tags_tell_of_several_targets():
    assert get_tags(SSLRegressor()).target_tags.multi_output
    assert not get_tags(SSLClassifier()).target_tags.multi_output


def test_a_score_counts_known_targets_only():
    series, frequency = frequencies()
    y = np.column_stack([np.where(np.arange(60) < 40, frequency, np.nan), np.where(np.arange(60) < 9, np.nan, 1 + Y)])
    model = SSLRegressor(untrained(), mode="probe", random_state=0).fit(series, y)
    predicted, weight = model.predict(series), np.random.default_rng(0).uniform(size=60)
    each = [r2_score(y[a:b, k], predicted[a:b, k]) for k, (a, b) in enumerate([(0, 40), (9, 60)])]
    assert model.score(series, y) == pytest.approx(np.mean(each))
    first = r2_score(y[:40, 0], predicted[:40, 0], sample_weight=weight[:40])
    one = SSLRegressor(untrained(), mode="probe", random_state=0).fit(series, y[:, 0])
    assert one.score(series, y[:, 0], sample_weight=weight) == pytest.approx(first, abs=1e-3)


def test_series_too_large_for_the_encoder_are_refused():
    series, frequency = frequencies()
    model = SSLRegressor(untrained(), max_steps=1, random_state=0).fit(series, frequency)
    with pytest.raises(ValueError, match="too large for the encoder"):
        model.predict(series * 1e30)


@pytest.mark.parametrize("size", [1e-100, 1e-30, 1e30, 1e140])
def test_targets_of_any_size_are_learnt(size):
    series, frequency = frequencies()
    model = SSLRegressor(untrained(), mode="probe", random_state=0).fit(series, frequency)
    of_size = SSLRegressor(untrained(), mode="probe", random_state=0).fit(series, frequency * size)
    np.testing.assert_allclose(of_size.predict(series) / size, model.predict(series), rtol=1e-5)
