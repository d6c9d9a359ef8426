from functools import partial

import numpy as np
import pytest
import torch

from sklearn_ssl import SimPerTransformer
from sklearn_ssl.architectures import Batch, PeriodicArchitecture
from sklearn_ssl.augmentations import Compose, SpeedChange
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.losses import periodic_similarity


def small(**parameters):
    common = {"encoder": ResNetEncoder(depth=1, width=4), "batch_size": 8, "random_state": 0, "device": "cpu"}
    return SimPerTransformer(**{**common, "n_speeds": 3, "max_epochs": 1, **parameters})


def waves(frequencies, rate=50.0, n_timepoints=200, seed=0):
    generator = np.random.default_rng(seed)
    time = np.arange(n_timepoints) / rate
    phases = generator.uniform(0, 2 * np.pi, len(frequencies))
    clean = np.sin(2 * np.pi * np.asarray(frequencies)[:, None] * time + phases[:, None])
    return (clean + 0.1 * generator.standard_normal(clean.shape))[:, None].astype(np.float32)


def test_speeds_are_sorted_and_copies_are_the_series_at_them(build, x):
    speed = SpeedChange(slowest=0.5, fastest=2.0)
    architecture = build(PeriodicArchitecture, without=("projector",), n_speeds=4, speed_change=speed)
    seen = []
    architecture.sequences = lambda x: seen.append(x) or x[:, 0]
    first, second, speeds = architecture(Batch(x))
    assert first.shape == second.shape == (6, 4, 32)
    assert bool((speeds.diff(dim=1) >= 0).all())
    assert 0.5 <= float(speeds.min()) <= float(speeds.max()) <= 2.0
    torch.testing.assert_close(first, second)
    steps = np.arange(32)
    for series, copies, own in zip(x[:, 0].numpy(), first.numpy(), speeds.numpy(), strict=True):
        for copy, s in zip(copies, own, strict=True):
            n_read = int(np.floor(31 / s)) + 1
            np.testing.assert_allclose(copy, np.interp(s * (steps % n_read), steps, series), atol=1e-4)


def test_copies_of_padded_series_fill_all_steps(build, x):
    architecture = build(PeriodicArchitecture, without=("projector",), n_speeds=2, speed_change=SpeedChange())
    architecture.sequences = lambda x: x[:, 0]
    lengths = torch.tensor([32, 7, 20, 9, 8, 31])
    first, _, _ = architecture(Batch(torch.where(torch.arange(32) < lengths[:, None, None], x, 0.0), lengths))
    assert bool((first[:, :, -8:] != 0).all())


def test_sequences_end_where_the_series_do(build, x):
    architecture = build(PeriodicArchitecture, without=("projector",), n_speeds=2, speed_change=SpeedChange()).eval()
    values = architecture.sequences(x, torch.tensor([32, 7, 20, 9, 8, 31]))
    assert (~values.isnan()).sum(dim=1).tolist() == [32, 7, 20, 9, 8, 31]


def test_frequencies_are_read_from_the_sequence():
    frequencies = np.linspace(0.8, 4.0, 24)
    transformer = small(max_epochs=10).fit(waves(frequencies))
    found = transformer.predict_frequency(waves(frequencies, seed=1), sampling_rate=50.0, highest=6.0)
    assert found.shape == (24,)
    assert np.median(np.abs(found - frequencies)) < 0.1


def test_frequencies_of_series_of_unequal_length():
    X = waves([1.0, 2.0, 3.0, 4.0])
    ragged = [series[:, : 200 - 30 * case] for case, series in enumerate(X)]
    transformer = small(max_epochs=2).fit(ragged)
    found = transformer.predict_frequency(ragged, sampling_rate=50.0)
    alone = [transformer.predict_frequency([series], sampling_rate=50.0)[0] for series in ragged]
    np.testing.assert_allclose(found, alone, rtol=1e-3)


def test_bad_parameters_are_refused():
    X = waves([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="`slowest` must be at most `fastest`"):
        small(speed=SpeedChange(slowest=3.0, fastest=2.0)).fit(X)
    for outside in (SpeedChange(slowest=0.5, fastest=500.0), SpeedChange(slowest=0.001, fastest=2.0)):
        with pytest.raises(ValueError, match=r"`speed` must be within 1 / \d+ and \d+ for \d+ time steps, got"):
            small(speed=outside).fit(X)
    with pytest.raises(ValueError, match="`n_speeds` must be a whole number at least 2, got 1"):
        small(n_speeds=1).fit(X)
    with pytest.raises(ValueError, match="2 or more time steps .* got n_features = 1"):
        small().fit(X[:, :, :1])
    with pytest.raises(TypeError, match="`similarity` must be None or an object such as"):
        small(similarity="spectrum").fit(X)


@pytest.mark.parametrize("kind", ["spectrum_cosine", "spectrum_distance"])
def test_other_similarities(kind):
    X = waves(np.linspace(1, 4, 12))
    transformer = small(similarity=partial(periodic_similarity, kind=kind, band=(0.01, 0.2)), max_epochs=2).fit(X)
    assert np.isfinite(transformer.net_.history[:, "train_loss"]).all()


def test_shifted_views_of_a_periodic_series_keep_the_speed_task_learnable():
    X = waves(np.linspace(1, 4, 24))
    transformer = small(n_speeds=5, max_epochs=12, lr=1e-2, temperature=0.1, augmentation=Compose()).fit(X)
    first, *_, last = transformer.net_.history[:, "train_loss"]
    assert last < first
    assert last < transformer.collapsed_loss_
