import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from sklearn_ssl.datasets import make_bursts, make_periodic, make_regimes, make_waves

CLASSIFIED = [make_waves, make_regimes, make_bursts]
ALL = [*CLASSIFIED, make_periodic]


def strongest_cycles(x):
    """Cycles per series of the largest Fourier coefficient."""
    return 1 + int(np.argmax(abs(np.fft.rfft(x)[1:])))


@pytest.mark.parametrize("make", ALL)
def test_shapes_and_types(make):
    X, y = make(n_cases=10, n_channels=4, n_timepoints=205, random_state=0)
    assert X.shape == (10, 4, 205)
    assert X.dtype == np.float32
    assert y.shape == (10,)
    assert np.isfinite(X).all()
    assert (X.std(axis=-1) > 0.05).all()


@pytest.mark.parametrize("make", ALL)
def test_random_state(make):
    X, y = make(n_cases=8, random_state=3)
    X_again, y_again = make(n_cases=8, random_state=3)
    X_from_instance, _ = make(n_cases=8, random_state=np.random.RandomState(3))
    X_other, _ = make(n_cases=8, random_state=4)
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    np.testing.assert_array_equal(X, X_from_instance)
    assert not np.array_equal(X, X_other)


@pytest.mark.parametrize("make", ALL)
def test_global_generator_is_left_alone_by_a_seed(make):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    make(n_cases=8, random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("make", CLASSIFIED)
@pytest.mark.parametrize("n_cases", [40, 42])
def test_classes_are_balanced_and_shuffled(make, n_cases):
    _, y = make(n_cases=n_cases, n_classes=4, random_state=0)
    counts = np.bincount(y)
    assert len(counts) == 4
    assert np.ptp(counts) <= 1
    assert len({tuple(y[i : i + 4]) for i in range(0, 40, 4)}) > 1
    assert (np.diff(y) < 0).sum() > 5


def test_waves_have_the_frequency_of_their_class():
    X, y = make_waves(n_cases=16, n_channels=2, n_timepoints=100, n_classes=4, noise=0, random_state=0)
    for x, label in zip(X, y, strict=True):
        expected = 3 * (4 / 3) ** label
        assert strongest_cycles(x[0]) == pytest.approx(expected, abs=0.05 * expected + 1)
        assert strongest_cycles(x[0]) == pytest.approx(strongest_cycles(x[1]), abs=1)


def test_frequencies_of_a_class_are_at_most_a_twentieth_apart_from_its_own():
    X, _ = make_waves(n_cases=200, n_channels=1, n_timepoints=1000, n_classes=1, noise=0, random_state=0)
    cycles = np.array([1000 / np.diff(rising_zeros(x)).mean() for x in X[:, 0]]) / 3
    assert 0.9499 < cycles.min() < 0.952
    assert 1.048 < cycles.max() < 1.0501


def rising_zeros(x):
    """Return the times at which a series passes zero upwards."""
    before = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return before - x[before] / (x[before + 1] - x[before])


def test_waves_have_the_shape_of_their_class():
    X, y = make_waves(n_cases=40, n_channels=1, n_timepoints=2000, noise=0, random_state=0)
    X = X / abs(X).max(axis=-1, keepdims=True)
    # The mean square of a wave of amplitude 1: sine 1/2, triangle and saw-tooth 1/3, square 1.
    for label, mean_square in enumerate([1 / 2, 1 / 3, 1, 1 / 3]):
        np.testing.assert_allclose((X[y == label] ** 2).mean(axis=-1), mean_square, rtol=0.1)
    largest_step = abs(np.diff(X, axis=-1)).max(axis=(1, 2))
    assert largest_step[y < 2].max() < 0.05
    assert largest_step[y >= 2].min() > 1.5


def test_waves_have_random_phases():
    X, y = make_waves(n_cases=200, n_channels=1, n_classes=1, noise=0, random_state=0)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=0.3)
    assert np.bincount(y).tolist() == [200]


def test_waves_of_unequal_length_are_cut():
    X, y = make_waves(n_cases=30, n_timepoints=61, unequal_length=True, random_state=0)
    X_whole, y_whole = make_waves(n_cases=30, n_timepoints=61, random_state=0)
    lengths = {x.shape[1] for x in X}
    assert len(lengths) > 5
    assert min(lengths) >= 31
    assert max(lengths) <= 61
    np.testing.assert_array_equal(y, y_whole)
    for x, whole in zip(X, X_whole, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, whole[:, : x.shape[1]])


def test_noise_is_the_standard_deviation_of_what_is_added():
    for make in (make_waves, make_bursts, make_periodic):
        clean, _ = make(n_cases=50, noise=0, random_state=0)
        noisy, _ = make(n_cases=50, noise=0.7, random_state=0)
        assert np.std(noisy - clean) == pytest.approx(0.7, rel=0.05)


def test_regimes_follow_the_binary_digits_of_the_class():
    X, y = make_regimes(n_cases=160, n_channels=1, n_timepoints=600, n_classes=8, n_segments=3, random_state=0)
    for label in range(8):
        for segment, digit in enumerate(f"{label:03b}"):
            inside = X[y == label, 0, 200 * segment + 60 : 200 * segment + 140]
            step = np.corrcoef(inside[:, 1:].ravel(), inside[:, :-1].ravel())[0, 1]
            assert inside.std() == pytest.approx(2.0 if digit == "1" else 1.0, rel=0.25)
            assert step == pytest.approx(-0.3 if digit == "1" else 0.9, abs=0.1)


def test_regimes_are_stationary_from_the_first_step():
    X, _ = make_regimes(n_cases=3000, n_channels=1, n_timepoints=16, n_classes=1, random_state=0)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=0.1)


def test_borders_of_regimes_move():
    X, _ = make_regimes(
        n_cases=100, n_channels=2, n_timepoints=200, n_classes=2, volatility=0, random_state=0
    )  # the rough regime is zero
    quiet = (X == 0).all(axis=1)
    borders = np.array([row.argmax() for row in quiet if row.any()])
    assert len(borders) == 50
    assert borders.min() >= 75
    assert borders.max() <= 125
    assert np.ptp(borders) > 25


def test_bursts_are_in_the_channel_of_their_class():
    X, y = make_bursts(n_cases=36, n_channels=3, n_classes=12, noise=0, random_state=0)
    for x, label in zip(X, y, strict=True):
        assert np.flatnonzero(abs(x).max(axis=-1) > 0.5).tolist() == [label // 2 % 3]


def test_bursts_have_the_number_and_the_kind_of_their_class():
    X, y = make_bursts(n_cases=80, n_channels=1, n_timepoints=960, n_classes=8, noise=0, random_state=0)
    for x, label in zip(X[:, 0], y, strict=True):
        loud = np.convolve(abs(x), np.ones(81) / 81, mode="same") > 0.3
        assert np.sum(np.diff(loud.astype(int)) == 1) == 1 + label // 2
        # Width 40 steps: 160 steps a cycle in a slow burst, 64 in a fast one.
        share_of_fast = np.mean([abs(np.fft.rfft(x))[10:] ** 2]) / np.mean(abs(np.fft.rfft(x)) ** 2)
        assert (share_of_fast > 0.5) == (label % 2 == 1)


def test_a_single_burst_has_no_tail_of_another():
    X, y = make_bursts(n_cases=40, n_channels=1, n_classes=4, noise=0, random_state=0)
    single = X[y < 2, 0]
    early = single[abs(single).argmax(axis=-1) < 100]
    assert len(early) > 5
    assert abs(early[:, -20:]).max() < 1e-6


def test_bursts_come_at_random_times():
    X, _ = make_bursts(n_cases=60, n_channels=1, n_classes=2, noise=0, random_state=0)
    loudest = abs(X[:, 0]).argmax(axis=-1)
    assert loudest.min() < 40
    assert loudest.max() > 160


def test_periodic_series_repeat_at_their_frequency():
    X, frequency = make_periodic(
        n_cases=20, n_channels=2, n_timepoints=1000, sampling_rate=100.0, noise=0, random_state=0
    )
    assert frequency.min() >= 0.5
    assert frequency.max() <= 3.0
    time = np.arange(1000) / 100.0
    for x, hertz in zip(X, frequency, strict=True):
        for channel in x:
            later = np.interp(time + 1 / hertz, time, channel)
            within = time + 1 / hertz <= time[-1]
            np.testing.assert_allclose(later[within], channel[within], atol=0.03)
            assert strongest_cycles(channel) == pytest.approx(10 * hertz, abs=1)


def test_periodic_series_of_one_frequency():
    _, frequency = make_periodic(n_cases=3, min_frequency=1.5, max_frequency=1.5, random_state=0)
    assert frequency.tolist() == [1.5, 1.5, 1.5]


@pytest.mark.parametrize(
    ("make", "most_by_values"), [(make_waves, 0.6), (make_bursts, 0.6)], ids=["make_waves", "make_bursts"]
)
def test_classes_are_found_in_the_spectrum_and_not_point_by_point(make, most_by_values):
    X, y = make(n_cases=240, random_state=0)
    spectrum = abs(np.fft.rfft(X, axis=-1)).reshape(len(X), -1)
    values = X.reshape(len(X), -1)

    def accuracy(features):
        model = RidgeClassifier().fit(features[:160], y[:160])
        return model.score(features[160:], y[160:])

    assert accuracy(spectrum) > 0.9
    assert accuracy(values) < most_by_values


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("name", ["n_cases", "n_channels", "n_timepoints"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None, True])
def test_counts_out_of_range(make, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least 1, got {value!r}"):
        make(**{name: value})


@pytest.mark.parametrize("make", CLASSIFIED)
def test_numbers_of_classes_out_of_range(make):
    with pytest.raises(ValueError, match="`n_classes` must be a whole number of at least 1, got 0"):
        make(n_classes=0)
    with pytest.raises(ValueError, match="`n_cases` must be at least `n_classes`, 4, got 3"):
        make(n_cases=3, n_classes=4)


@pytest.mark.parametrize("make", [make_waves, make_bursts, make_periodic])
@pytest.mark.parametrize("noise", [-0.1, np.nan, np.inf, "low"])
def test_noise_out_of_range(make, noise):
    with pytest.raises(ValueError, match=f"`noise` must be a finite number of at least 0, got {noise!r}"):
        make(noise=noise)


@pytest.mark.parametrize(
    ("make", "params", "message"),
    [
        (make_waves, {"n_timepoints": 29}, "`n_timepoints` must be at least 30 for 4 classes of waves, got 29"),
        (make_regimes, {"n_timepoints": 15}, "`n_timepoints` must be at least 16 for 2 segments, got 15"),
        (make_regimes, {"n_classes": 5}, r"`n_classes` must be at most 2 \*\* n_segments = 4, got 5"),
        (make_regimes, {"n_segments": 0}, "`n_segments` must be a whole number of at least 1, got 0"),
        (make_regimes, {"volatility": -1}, "`volatility` must be a finite number of at least 0, got -1"),
        (make_bursts, {"n_timepoints": 59}, "`n_timepoints` must be at least 60 for bursts, got 59"),
        (make_bursts, {"n_classes": 17}, r"`n_classes` must be at most 8 \* n_channels = 16, got 17"),
        (make_periodic, {"min_frequency": 0}, "`min_frequency` must be a finite number above 0"),
        (make_periodic, {"min_frequency": 4.0}, "must be at most `max_frequency`, got 4.0 and 3.0"),
        (make_periodic, {"sampling_rate": 18.0}, "above six times `max_frequency`, 18 Hz.*got 18.0"),
        (make_periodic, {"n_timepoints": 199}, "at least 200 for two cycles of 0.5 Hz at 50 Hz, got 199"),
    ],
)
def test_impossible_arguments(make, params, message):
    with pytest.raises(ValueError, match=message):
        make(**params)


@pytest.mark.parametrize(
    ("make", "params"),
    [
        (make_waves, {"n_timepoints": 30}),
        (make_waves, {"n_timepoints": 3000, "n_classes": 20}),
        (make_regimes, {"n_timepoints": 16, "n_classes": 4}),
        (make_regimes, {"n_timepoints": 8, "n_classes": 2, "n_segments": 1}),
        (make_bursts, {"n_timepoints": 60, "n_classes": 16, "n_channels": 2}),
        (make_periodic, {"n_timepoints": 200, "sampling_rate": 50.0}),
    ],
)
def test_smallest_allowed(make, params):
    X, _ = make(n_cases=20, random_state=0, **params)
    assert np.isfinite(X).all()


def test_series_of_unequal_length_own_their_memory():
    X, _ = make_waves(n_cases=4, unequal_length=True, random_state=0)
    assert all(series.base is None for series in X)
