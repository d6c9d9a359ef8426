import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_ssl._numerics.spectrum import _offset, dominant_frequency, thinned_rate


def sine(frequency, rate=50.0, n_steps=400, phase=0.3):
    return np.sin(2 * np.pi * frequency * np.arange(n_steps) / rate + phase)


def naive_frequency(sequence, rate, lowest=0.0, highest=None):
    """Return the peak of the power under a Hann window, by a discrete Fourier transform written down."""
    n = len(sequence)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * (t + 1) / (n + 1)) for t in range(n)]
    values = [(value - sequence.mean()) * w for value, w in zip(sequence, window, strict=True)]
    bins = range(4 * n + 1)

    def log_power(k):
        return math.log(
            abs(sum(value * np.exp(-2j * math.pi * k * t / (8 * n)) for t, value in enumerate(values))) ** 2
        )

    highest = rate / 2 if highest is None else highest
    peak = max((k for k in bins if k >= 8 and lowest <= k * rate / (8 * n) <= highest), key=log_power)
    before, here, after = (log_power(peak + step) for step in (-1, 0, 1))
    offset = (before - after) / (2 * (before - 2 * here + after))
    return min(max((peak + offset) * rate / (8 * n), lowest), highest)


@pytest.mark.parametrize("n_steps", [12, 25])
def test_equals_a_transform_written_down(n_steps):
    sequence = np.random.default_rng(0).standard_normal(n_steps)
    expected = naive_frequency(sequence, 50.0)
    assert_allclose(dominant_frequency(sequence[None], 50.0), expected, rtol=1e-9)


@pytest.mark.parametrize("frequency", [0.5, 1.23, 3.7, 11.9])
def test_peak_of_a_sine(frequency):
    rows = np.full((2, 400), np.nan)
    rows[0] = sine(frequency)
    rows[1, :300] = rows[0, :300] + 7
    assert_allclose(dominant_frequency(rows, 50.0), frequency, atol=0.02)


@pytest.mark.parametrize(("band", "expected"), [({}, 3.0), ({"lowest": 5.0}, 8.0), ({"highest": 2.0}, 1.0)])
def test_only_the_band_counts(band, expected):
    mixed = 4 * sine(3.0) + 2 * sine(8.0) + sine(1.0)
    assert_allclose(dominant_frequency(mixed[None], 50.0, **band), expected, atol=0.05)


def test_ends_of_the_band_bound_the_refined_peak():
    # The band ends on the flank of the peak, or half a bin beyond it.
    rows = sine(3.0)[None]
    assert dominant_frequency(rows, 50.0, lowest=3.125)[0] == 3.125
    assert dominant_frequency(rows, 50.0, highest=2.875)[0] == 2.875
    assert 3.0 < dominant_frequency(sine(3.01)[None], 50.0, highest=3.005)[0] <= 3.005


def test_less_than_one_cycle_does_not_count():
    # One cycle in 8 s is 0.125 Hz; the slow wave is far stronger.
    rows = (100 * sine(0.05) + sine(2.0))[None]
    assert dominant_frequency(rows, 50.0)[0] == pytest.approx(0.125, rel=0.5)
    assert dominant_frequency(rows, 50.0)[0] >= 50 / 400 * 15 / 16


@pytest.mark.parametrize("value", [0.3, 123.4])
def test_a_constant_has_no_frequency(value):
    assert np.isnan(dominant_frequency(np.full((1, 315), value, dtype=np.float32), 1.0)).all()


def test_no_peak_where_there_is_none():
    rows = np.full((4, 20), np.nan)
    rows[0] = 1.0
    rows[1, :2] = [0.0, 1.0]
    rows[2] = np.sin(np.arange(20))
    rows[3, :3] = [0.0, 1.0, 0.0]
    found = dominant_frequency(rows, 50.0)
    assert np.isnan(found).tolist() == [True, True, False, False]


def test_no_frequency_in_a_band_between_two_bins():
    # Bins lie 50 / (8 * 20) = 0.3125 Hz apart.
    rows = np.sin(np.arange(20))[None]
    assert np.isnan(dominant_frequency(rows, 50.0, lowest=5.1, highest=5.2)).all()
    assert 5.1 <= dominant_frequency(rows, 50.0, lowest=5.1, highest=5.4)[0] <= 5.4


def test_no_refinement_between_two_peaks():
    # The only bin of the band is the valley between two peaks, where a parabola has its lowest point.
    rows = (sine(5.0, n_steps=80) + sine(8.0, n_steps=80))[None]
    bin_width = 50 / 640
    for valley in (80 * bin_width, 87 * bin_width):
        assert dominant_frequency(rows, 50.0, lowest=valley - 0.03, highest=valley + 0.03)[0] == valley


def test_bins_without_power_are_refined_too():
    assert _offset(np.array([0.0, 1.0, 0.0]), 1) == 0
    assert _offset(np.array([1.0, 1.0, 1.0, 0.0]), 1) == 0
    assert 0 < _offset(np.array([0.0, 1.0, 0.9]), 1) <= 0.5


def test_slow_sequences():
    found = dominant_frequency(sine(0.01, rate=0.2)[None], 0.2)
    assert_allclose(found, [0.01], rtol=0.01)
    assert isinstance(found, np.ndarray)


def test_highest_possible_frequency():
    alternating = np.where(np.arange(20) % 2 == 0, 1.0, -1.0)[None]
    assert dominant_frequency(alternating, 50.0)[0] == 25.0


@pytest.mark.parametrize(
    ("rate", "lowest", "highest", "message"),
    [
        (0.0, 0.0, None, "`sampling_rate` must be a finite number above 0, got 0.0; pass the steps per second"),
        (np.inf, 0.0, None, "`sampling_rate` must be a finite number above 0, got inf"),
        (50.0, 3.0, 2.0, "`lowest` and `highest` must be a range within 0 to 25.0, .*, got 3.0 and 2.0; pass freq"),
        (50.0, 2.0, 2.0, "`lowest` and `highest` must be a range"),
        (50.0, -1.0, 2.0, "`lowest` and `highest` must be a range"),
        (50.0, 0.0, 26.0, "`lowest` and `highest` must be a range"),
    ],
)
def test_wrong_bands_are_refused(rate, lowest, highest, message):
    with pytest.raises(ValueError, match=message):
        dominant_frequency(np.ones((1, 20)), rate, lowest, highest)


@pytest.mark.parametrize(("n_steps", "window"), [(97, 8), (96, 8), (449, 16), (315, 64)])
def test_rate_of_a_sequence_with_fewer_steps(n_steps, window):
    assert thinned_rate(3.0, n_steps, -(-n_steps // window)) == 3 / window


def test_rate_of_other_sequences():
    assert thinned_rate(10.0, 97, 97) == 10
    assert thinned_rate(1.0, 100, 30) == 0.3  # no power of two
