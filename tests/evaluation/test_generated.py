"""Numbers that compare generated series with real ones, against formulas and in cases with a known answer."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.covariance import LedoitWolf

from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import compare_generated
from sklearn_ssl.evaluation._generated import _covered, frechet_distance, mean_spectrum

X, _ = make_waves(n_cases=80, n_channels=2, n_timepoints=40, random_state=0)
REAL, OTHERS = X[:40], X[40:]


@pytest.fixture(scope="module")
def halves():
    return compare_generated(REAL, OTHERS)


def test_halves_of_the_real_series_are_alike(halves):
    assert halves.spectrum_distance < 0.5
    assert halves.coverage > 0.8
    assert 0.2 < halves.two_sample_accuracy < 0.75
    assert halves.p_value > 0.001
    np.testing.assert_allclose(halves.deviation_ratio, OTHERS.std((0, 2)) / REAL.std((0, 2)), rtol=1e-5)
    assert "coverage" in str(halves)
    assert halves._repr_html_().startswith("<pre>")


def test_noise_is_found(halves):
    noise = np.random.RandomState(0).randn(40, 2, 40) * 2
    report = compare_generated(REAL, noise)
    assert report.spectrum_distance > 1
    assert report.frechet > 10 * halves.frechet
    assert report.coverage == 0
    assert report.two_sample_accuracy > 0.95
    assert report.p_value < 1e-10
    assert (report.deviation_ratio > 2).all()


def test_a_generator_that_repeats_itself_covers_little(halves):
    same = REAL[:1] + 1e-3 * np.random.RandomState(0).randn(40, 2, 40)
    report = compare_generated(REAL, same)
    assert report.coverage < 0.4 < halves.coverage
    assert report.frechet > 2 * halves.frechet


def test_equal_series():
    report = compare_generated(REAL, REAL)
    assert report.frechet == pytest.approx(0, abs=1e-6)
    assert report.spectrum_distance == 0
    assert report.coverage == 1


def test_spectrum():
    time = np.arange(40)
    series = np.stack([np.sin(2 * np.pi * 4 * time / 40) + 3, np.sin(2 * np.pi * 4 * time / 40) + (-1.0) ** time])[None]
    power = mean_spectrum(series, 40)
    assert power.shape == (2, 21)
    np.testing.assert_allclose(power[0], np.eye(21)[4], atol=1e-12)
    np.testing.assert_allclose(power[1, [4, 20]], [0.2, 0.8], atol=1e-12)
    shorter = np.where(time < 30, series, np.nan)
    assert mean_spectrum(shorter, 40)[0].argmax() == 4
    assert not mean_spectrum(np.ones((2, 1, 40)), 40).any()


def test_frechet_distance():
    rng = np.random.RandomState(0)
    first, other = rng.randn(50, 3), 2 * rng.randn(60, 3) + 1
    a, b = (LedoitWolf().fit(one).covariance_ for one in (first, other))
    expected = np.square(first.mean(0) - other.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(first, other) == pytest.approx(expected)


def test_coverage():
    line = np.arange(10.0)[:, None]  # the fifth neighbour is 3 to 5 away
    assert _covered(line, np.array([[4.5]])).tolist() == [abs(place - 4.5) <= radius for place, radius in RADIUS]


RADIUS = [(place, max(5 - place, 5 - (9 - place), 3)) for place in range(10)]


def test_the_same_every_time_and_unequal_lengths():
    unequal = [series[:, : 20 + case % 20] for case, series in enumerate(REAL)]
    first, again = (compare_generated(unequal, OTHERS, random_state=3) for _ in range(2))
    assert first.frechet == again.frechet
    assert first.two_sample_accuracy == again.two_sample_accuracy
    assert first.real_spectrum.shape == first.generated_spectrum.shape == (2, 20)


def test_wrong_series():
    with pytest.raises(ValueError, match="`X_generated` must have 6 series or more, got 5"):
        compare_generated(REAL, OTHERS[:5])
    with pytest.raises(ValueError, match="`X_generated` has 1 channels and `X` has 2"):
        compare_generated(REAL, OTHERS[:, :1])
    with pytest.raises(TypeError, match="`X` must be series"):
        compare_generated("no series", OTHERS)
