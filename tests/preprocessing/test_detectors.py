import itertools
import math
import statistics

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_outlier_detector
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ssl.preprocessing import IQRDetector, ZScoreDetector

DETECTORS = [ZScoreDetector(), ZScoreDetector(spread="mad"), IQRDetector()]
EACH_DETECTOR = pytest.mark.parametrize("detector", DETECTORS, ids=repr)


@pytest.fixture
def series():
    return np.random.default_rng(0).normal(size=(30, 2, 12))


@pytest.fixture
def gappy(series):
    gappy = series.copy()
    gappy[np.random.default_rng(1).random(series.shape) < 0.2] = np.nan
    gappy[3, :, 7:] = np.nan
    return gappy


def naive_statistics(channel):
    observed = [value for value in channel if not math.isnan(value)]
    steps = [b - a for a, b in itertools.pairwise(channel) if not math.isnan(b - a)]
    mean = sum(observed) / len(observed)
    variance = sum((value - mean) ** 2 for value in observed) / len(observed)
    roughness = sum(step**2 for step in steps) / len(steps)
    return [mean, math.sqrt(variance), min(observed), max(observed), roughness]


def naive_z(values, spread):
    if spread == "std":
        return [abs(value - statistics.fmean(values)) / statistics.pstdev(values) for value in values]
    median = statistics.median(values)
    mad = 1.4826 * statistics.median(abs(value - median) for value in values)
    return [abs(value - median) / mad for value in values]


def naive_q(values):
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return [max(0.0, first - value, value - third) / (third - first) for value in values]


def naive_scores(X, distances):
    worst = [0.0] * len(X)
    for channel in range(X.shape[1]):
        table = [naive_statistics(series[channel].tolist()) for series in X]
        for column in range(5):
            found = distances([row[column] for row in table])
            worst = [max(pair) for pair in zip(worst, found, strict=True)]
    return [-value for value in worst]


@parametrize_with_checks([ZScoreDetector(spread="mad")])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("detector", "distances"),
    [
        (ZScoreDetector(), lambda values: naive_z(values, "std")),
        (ZScoreDetector(spread="mad"), lambda values: naive_z(values, "mad")),
        (IQRDetector(), naive_q),
    ],
    ids=["std", "mad", "iqr"],
)
def test_scores_are_those_of_the_formula(detector, distances, gappy):
    scores = detector.fit(gappy).score_samples(gappy)
    assert_allclose(scores, naive_scores(gappy, distances), rtol=1e-9)


@pytest.mark.parametrize("detector", [ZScoreDetector(threshold=2.5), IQRDetector(factor=0.8)], ids=repr)
def test_outliers_are_beyond_the_limit(detector, series):
    labels = detector.fit_predict(series)
    limit = detector.threshold if isinstance(detector, ZScoreDetector) else detector.factor
    assert_array_equal(labels, np.where(-detector.score_samples(series) > limit, -1, 1))
    assert set(labels) == {-1, 1}
    assert_allclose(detector.decision_function(series), detector.score_samples(series) + limit)


@pytest.mark.parametrize("corruption", ["shift", "spike", "drop", "noise"])
def test_planted_outlier_is_found(corruption):
    time = np.linspace(0, 6, 80)
    rng = np.random.default_rng(0)
    X = np.sin(time + rng.uniform(0, 1, size=(40, 1, 1))) * rng.uniform(0.9, 1.1, size=(40, 2, 1))
    if corruption == "noise":
        X[7, 1] += rng.choice([-0.2, 0.2], size=80)
    else:
        X[7, 1, {"shift": slice(None), "spike": 40, "drop": slice(40)}[corruption]] += 5
    for detector in (ZScoreDetector(threshold=5), ZScoreDetector(spread="mad", threshold=9), IQRDetector(factor=3)):
        assert np.flatnonzero(detector.fit_predict(X) == -1).tolist() == [7]


def test_mad_is_not_hidden_from_by_many_outliers(series):
    series[:6] += 50
    assert (ZScoreDetector().fit_predict(series) == 1).all()
    assert (ZScoreDetector(spread="mad", threshold=20).fit_predict(series) == -1).nonzero()[0].tolist() == [*range(6)]


@EACH_DETECTOR
def test_unequal_length_equals_padding(detector, series):
    lengths = 3 + np.arange(30) % 10
    padded = np.where(np.arange(12) < lengths[:, None, None], series, np.nan)
    ragged = [one[:, :length] for one, length in zip(series, lengths, strict=True)]
    assert_array_equal(detector.fit(ragged).score_samples(ragged), detector.fit(padded).score_samples(padded))


@EACH_DETECTOR
def test_two_d_is_one_channel(detector, series):
    flat, deep = series[:, 0], series[:, :1]
    assert_array_equal(detector.fit(flat).score_samples(flat), detector.fit(deep).score_samples(deep))


@EACH_DETECTOR
def test_order_of_series_does_not_matter(detector, series):
    order = np.random.default_rng(0).permutation(30)
    assert_allclose(detector.fit(series[order]).score_samples(series), detector.fit(series).score_samples(series))


@EACH_DETECTOR
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_statistics_are_not_used(detector, dtype, series):
    normalised = (series - series.mean(axis=2, keepdims=True)) / series.std(axis=2, keepdims=True)
    normalised[:, :, 3] = 10  # the maximum of every series
    detector.fit(normalised.astype(dtype))
    assert (detector.scale_[:, 3] == 0).all()

    constant = np.full((20, 1, 5), 3.3, dtype=dtype)
    assert (detector.fit(constant).score_samples(constant + 5) == 0).all()


def test_mean_of_normalised_series_is_rounding(series):
    normalised = (series - series.mean(axis=2, keepdims=True)) / series.std(axis=2, keepdims=True)
    for detector in DETECTORS:
        assert (detector.fit(normalised.astype(np.float32)).scale_[:, :2] == 0).all()
        assert (detector.scale_[:, 2:] > 0).all()


@pytest.mark.parametrize("detector", [ZScoreDetector(spread="mad"), IQRDetector()], ids=repr)
def test_std_stands_in_where_most_series_share_a_value(detector):
    X = np.zeros((40, 1, 6))
    X[:, 0, 0] = 1
    X[11, 0, 0] = 100
    assert np.flatnonzero(detector.fit_predict(X) == -1).tolist() == [11]
    # Each statistic d away from 39 equal ones has the standard deviation d sqrt(39) / 40.
    unit = 1.349 if isinstance(detector, IQRDetector) else 1.0
    assert_allclose(detector.score_samples(X)[11], -40 / (unit * math.sqrt(39)))


@EACH_DETECTOR
def test_missing_series_and_channels(detector, series):
    series[4] = np.nan
    series[9, 1] = np.nan
    scores = detector.fit(series).score_samples(series)
    assert scores[4] == -np.inf
    assert detector.predict(series)[4] == -1
    assert np.isfinite(np.delete(scores, 4)).all()

    series[9, 1] = 1e6  # only the channel that was missing changes
    assert detector.score_samples(series)[9] < scores[9]
    series[:, 1] = np.nan
    first = series[:, :1]
    assert_array_equal(detector.fit(series).score_samples(series), detector.fit(first).score_samples(first))


@EACH_DETECTOR
def test_single_steps_and_single_series(detector):
    X = np.arange(20.0).reshape(20, 1, 1)
    assert np.isfinite(detector.fit(X).score_samples(X)).all()
    assert (detector.fit(X[:1]).predict(X[:1]) == 1).all()


@EACH_DETECTOR
@pytest.mark.parametrize("sentinel", [np.finfo(float).max, -np.finfo(float).max, 1e200])
def test_values_at_the_end_of_float64_are_outliers(detector, sentinel, series):
    series[7, 1, 3:5] = sentinel
    assert detector.fit(series).predict(series)[7] == -1
    assert detector.predict(series[:7]).sum() > 0
    assert np.isfinite(detector.scale_).all()


@EACH_DETECTOR
def test_predicting_learns_nothing(detector, series):
    detector.fit(series[:20])
    before = detector.lower_.copy(), detector.upper_.copy(), detector.scale_.copy()
    detector.predict(series[20:] * 100)
    for one, other in zip(before, (detector.lower_, detector.upper_, detector.scale_), strict=True):
        assert_array_equal(one, other)


@EACH_DETECTOR
def test_tags(detector):
    assert is_outlier_detector(detector)
    assert detector.__sklearn_tags__().input_tags.three_d_array
    assert detector.__sklearn_tags__().input_tags.allow_nan


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (ZScoreDetector(threshold=0), "`threshold` must be a number above 0, got 0"),
        (ZScoreDetector(spread="range"), "`spread` must be one of 'std', 'mad', got 'range'"),
        (IQRDetector(factor=-1), "`factor` must be a number above 0, got -1"),
    ],
)
def test_bad_parameters(detector, message, series):
    with pytest.raises(ValueError, match=message):
        detector.fit(series)


@EACH_DETECTOR
def test_bad_input(detector, series):
    detector.fit(series)
    with pytest.raises(ValueError, match="1 channel"):
        detector.predict(series[:, :1])
    series[2, 1, 3] = np.inf
    with pytest.raises(ValueError, match=r"infinite value .* in series 2, channel 1, time step 3"):
        detector.fit(series)
    assert detector.n_channels_in_ == 2
