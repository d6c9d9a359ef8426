from functools import partial

import numpy as np
import pandas as pd
import pytest
from shared import small

from sklearn_ssl import SimPerTransformer
from sklearn_ssl.augmentations import Compose, SpeedChange
from sklearn_ssl.losses import periodic_similarity


def waves(frequencies, rate=50.0, n_timepoints=200, seed=0):
    generator = np.random.default_rng(seed)
    time = np.arange(n_timepoints) / rate
    phases = generator.uniform(0, 2 * np.pi, len(frequencies))
    clean = np.sin(2 * np.pi * np.asarray(frequencies)[:, None] * time + phases[:, None])
    return (clean + 0.1 * generator.standard_normal(clean.shape))[:, None].astype(np.float32)


def simper(**parameters):
    return small(SimPerTransformer, **{"n_speeds": 3, "max_epochs": 1, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return simper(max_epochs=10).fit(waves(np.linspace(0.8, 4.0, 24)))


def test_frequencies_are_read_from_the_sequence(fitted):
    frequencies = np.linspace(0.8, 4.0, 24)
    found = fitted.predict_frequency(waves(frequencies, seed=1), sampling_rate=50.0, highest=6.0)
    assert found.shape == (24,)
    assert np.median(np.abs(found - frequencies)) < 0.1
    faster = fitted.predict_frequency(waves(frequencies, seed=1), sampling_rate=100.0, highest=12.0)
    np.testing.assert_allclose(faster, 2 * found)


def test_frequencies_outside_of_the_band_are_not_found(fitted):
    series = waves(np.linspace(0.8, 4.0, 24), seed=1)
    between = fitted.predict_frequency(series, 50.0, lowest=2.0, highest=3.0)
    assert ((between >= 2.0) & (between <= 3.0)).all()
    assert fitted.predict_frequency(series, 50.0).min() < 2.0


def test_frequencies_of_series_of_unequal_length(fitted):
    X = waves([1.0, 2.0, 3.0, 4.0])
    ragged = [series[:, : 200 - 30 * case] for case, series in enumerate(X)]
    found = fitted.predict_frequency(ragged, sampling_rate=50.0)
    alone = [fitted.predict_frequency([series], sampling_rate=50.0)[0] for series in ragged]
    np.testing.assert_allclose(found, alone, rtol=1e-3)


def test_speeds_that_do_not_suit_the_series_are_refused():
    X = waves([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="`slowest` must be at most `fastest`"):
        simper(speed=SpeedChange(slowest=3.0, fastest=2.0)).fit(X)
    with pytest.raises(ValueError, match=r"`speed` must be within 1 / 200 and 200 for 200 time steps, got"):
        simper(speed=SpeedChange(slowest=0.5, fastest=500.0)).fit(X)


def test_other_similarities():
    X = waves(np.linspace(1, 4, 12))
    band = partial(periodic_similarity, kind="spectrum_cosine", band=(0.01, 0.2))
    losses = simper(similarity=band).fit(X).net_.history[:, "train_loss"]
    assert np.isfinite(losses).all()
    assert losses != simper().fit(X).net_.history[:, "train_loss"]


def test_training_tells_speeds_apart():
    X = waves(np.linspace(1, 4, 24))
    transformer = simper(n_speeds=5, max_epochs=12, lr=1e-2, temperature=0.1, augmentation=Compose()).fit(X)
    first, *_, last = transformer.net_.history[:, "train_loss"]
    assert last < first
    assert last < transformer.collapsed_loss_


@pytest.mark.parametrize("speed", [pd.DataFrame({"a": [1.0]}), 2.0, SpeedChange])
def test_what_is_no_range_of_speeds(speed):
    with pytest.raises(TypeError, match=r"`speed` must be None or an object such as SpeedChange\(\), got"):
        SimPerTransformer(speed=speed).check_hyperparameters()
