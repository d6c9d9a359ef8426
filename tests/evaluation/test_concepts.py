import math
import statistics

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.signal import butter, sosfiltfilt

from sklearn_ssl.evaluation import concept_masks
from sklearn_ssl.evaluation._concepts import computed_mask

NAMES = ["peak", "rising", "falling", "flat", "burst", "high_frequency"]


def noisy(seed=0, shape=(3, 2, 101)):
    return np.random.default_rng(seed).normal(size=shape).cumsum(axis=2)


def naive_windows(row):
    n = len(row)
    width = min(max(5, 2 * (n // 40) + 1), n if n % 2 else n - 1)
    for t in range(n):
        start = min(max(t - width // 2, 0), n - width)
        yield row[start : start + width]


def naive_line(near):
    middle, mean = (len(near) - 1) / 2, statistics.fmean(near)
    slope = sum((i - middle) * (v - mean) for i, v in enumerate(near)) / sum(
        (i - middle) ** 2 for i in range(len(near))
    )
    residual = statistics.fmean((v - mean - slope * (i - middle)) ** 2 for i, v in enumerate(near))
    return slope, statistics.pvariance(near), residual


def naive_slopes_and_bursts(row):
    slopes, variances, residuals = zip(*map(naive_line, naive_windows(row)), strict=True)
    typical = math.sqrt(statistics.fmean(b * b for b in slopes))
    spread = statistics.pstdev(row)
    calm = [math.sqrt(v) <= 0.5 * spread for v in variances]
    return {
        "rising": [b > 0.5 * typical for b in slopes],
        "falling": [b < -0.5 * typical for b in slopes],
        "flat": [abs(b) <= 0.25 * typical and quiet for b, quiet in zip(slopes, calm, strict=True)],
        "burst": [r > 2 * statistics.fmean(residuals) for r in residuals],
    }


def naive_peaks(row):
    inside = [False] * len(row)
    for t in range(1, len(row) - 1):
        if not row[t - 1] < row[t] > row[t + 1]:
            continue
        left = next((s for s in range(t, -1, -1) if row[s] > row[t]), -1)
        right = next((s for s in range(t, len(row)) if row[s] > row[t]), len(row))
        prominence = row[t] - max(min(row[left + 1 : t + 1]), min(row[t:right]))
        if prominence < statistics.pstdev(row):
            continue
        height = row[t] - prominence / 2
        for way in (-1, 1):
            s = t
            while 0 <= s < len(row) and row[s] >= height:
                inside[s] = True
                s += way
    return inside


@pytest.mark.parametrize("n_timepoints", [7, 33, 101, 163])
def test_the_formulas(n_timepoints):
    x = noisy(shape=(3, 2, n_timepoints))
    for case in range(3):
        for channel in range(2):
            row = x[case, channel].tolist()
            expected = {**naive_slopes_and_bursts(row), "peak": naive_peaks(row)}
            for name, mask in expected.items():
                np.testing.assert_array_equal(computed_mask(name, x)[case, channel], mask, err_msg=name)


@pytest.mark.parametrize("n_timepoints", [40, 101])
def test_the_formula_of_high_frequency(n_timepoints):
    x = np.random.default_rng(3).normal(size=(2, 1, n_timepoints))
    x = x + 2 * np.sin(np.arange(n_timepoints) / 5)
    band = butter(4, 1 / 4, "highpass", output="sos")
    for case in range(2):
        row = x[case, 0] - x[case, 0].mean()
        fast = sosfiltfilt(band, row, padlen=15)
        near = list(zip(naive_windows(row.tolist()), naive_windows(np.square(fast).tolist()), strict=True))
        expected = [
            statistics.fmean(squares) >= 0.5 * statistics.pvariance(values)
            and statistics.pvariance(values) > 0.01 * np.square(row).mean()
            for values, squares in near
        ]
        np.testing.assert_array_equal(computed_mask("high_frequency", x)[case, 0], expected)
        assert 0 < sum(expected) < n_timepoints


@pytest.mark.parametrize("lengths", [None, [60, 45, 52]])
def test_the_formula_of_channels_that_stand_out(lengths):
    x = np.random.default_rng(0).normal(size=(3, 3, 60)) * np.array([1.0, 2.0, 5.0])[:, None] + 3
    x[:, 1, 20:40] *= 4
    lengths = np.array([60, 60, 60] if lengths is None else lengths)
    observed = [series[:, :n] for series, n in zip(x, lengths, strict=True)]
    together = np.concatenate(observed, axis=1)
    scaled = [(one - together.mean(axis=1, keepdims=True)) / together.std(axis=1, keepdims=True) for one in observed]
    seen = 0
    for case, one in enumerate(scaled):
        energy = np.array([[statistics.fmean(near) for near in naive_windows(np.square(row).tolist())] for row in one])
        for channel in range(3):
            others = (energy.sum(axis=0) - energy[channel]) / 2
            expected = (energy[channel] >= 1) & (energy[channel] >= 4 * others)
            mask = computed_mask(f"channel_{channel}", x, lengths)[case]
            np.testing.assert_array_equal(mask[: lengths[case]], expected)
            seen += expected.sum()
    assert seen > 10


@pytest.mark.parametrize(("share", "is_constant"), [(0.9e-6, True), (1.1e-6, False)])
def test_a_range_below_a_millionth_of_the_largest_value_is_rounding(share, is_constant):
    x = np.full((1, 1, 60), 1.0)
    x[0, 0, ::2] -= share
    mask = computed_mask("burst", x) | computed_mask("high_frequency", x)
    assert mask.any() != is_constant


def test_a_bump_on_a_line():
    row = np.zeros(80)
    row[30:41] = 5 - np.abs(np.arange(-5, 6))
    masks = concept_masks(row[None], NAMES)
    assert np.flatnonzero(masks["peak"][0]).tolist() == list(range(33, 38))
    assert set(np.flatnonzero(masks["rising"][0])) >= set(range(31, 34))
    assert set(np.flatnonzero(masks["falling"][0])) >= set(range(37, 40))
    assert masks["flat"][0, :27].all()
    assert masks["flat"][0, 44:].all()
    assert not (masks["rising"] & masks["falling"]).any()


def test_a_ramp_rises_and_does_nothing_else():
    masks = concept_masks(np.linspace(0, 3, 100)[None], NAMES)
    assert [name for name in NAMES if masks[name].any()] == ["rising"]
    assert masks["rising"].all()


def test_an_oscillation_in_a_flat_series_is_a_burst_of_high_frequency():
    row = np.zeros(120)
    row[50:70] = np.sin(2 * np.pi * np.arange(20) / 4)
    masks = concept_masks(row[None], NAMES)
    assert masks["burst"][0, 51:69].all()
    assert not masks["burst"][0, :47].any()
    assert not masks["burst"][0, 73:].any()
    assert masks["high_frequency"][0, 52:68].all()
    assert not masks["high_frequency"][0, :40].any()


@pytest.mark.parametrize(("period", "fast"), [(3, True), (6, True), (12, False), (40, False)])
def test_high_frequency_is_a_period_below_eight_steps(period, fast):
    mask = concept_masks(np.sin(2 * np.pi * np.arange(240) / period)[None], ["high_frequency"])["high_frequency"]
    assert mask[:, 20:-20].all() if fast else not mask[:, 20:-20].any()


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_is_flat_and_nothing_else(value):
    masks = concept_masks(np.full((2, 1, 50), value), NAMES)
    assert [name for name in NAMES if masks[name].any()] == ["flat"]
    assert masks["flat"].all()


@pytest.mark.parametrize("n_timepoints", [1, 2, 3])
def test_short_series(n_timepoints):
    masks = concept_masks(noisy(shape=(2, 2, n_timepoints)))
    assert all(mask.shape == (2, n_timepoints) for mask in masks.values())


def test_scale_and_level_do_not_matter():
    x = noisy()
    for name in NAMES:
        np.testing.assert_array_equal(computed_mask(name, 1000 * x + 7), computed_mask(name, x))


def test_a_channel_stands_out_where_its_energy_does():
    x = 0.1 * np.random.default_rng(0).normal(size=(4, 3, 100))
    x[:, 1, 20:40] += np.sin(np.arange(20))
    x[:, 2, 60:80] += 100 * np.sin(np.arange(20))
    masks = concept_masks(x)
    assert list(masks)[-3:] == ["channel_0", "channel_1", "channel_2"]
    assert masks["channel_1"][:, 24:36].mean() > 0.9
    assert masks["channel_2"][:, 64:76].mean() > 0.9
    assert not masks["channel_1"][:, 50:].any()
    assert not masks["channel_2"][:, :50].any()


def test_one_channel_has_no_channel_concepts():
    assert list(concept_masks(noisy(shape=(2, 1, 30)))) == NAMES


def test_a_concept_of_any_channel_is_one_of_the_series():
    x = noisy()
    np.testing.assert_array_equal(
        concept_masks(x, ["peak"])["peak"], computed_mask("peak", x.astype(np.float32)).any(1)
    )


def test_a_short_series_gives_what_it_gives_alone():
    long, short = noisy(shape=(2, 2, 90)).astype(np.float32)
    together = concept_masks([long, short[:, :50]], NAMES)
    alone = concept_masks([short[:, :50]], NAMES)
    for name in NAMES:
        np.testing.assert_array_equal(together[name][1, :50], alone[name][0])
        assert not together[name][1, 50:].any()


def test_given_masks_callables_and_names():
    x = noisy()
    per_step, per_channel = x[:, 0] > 0, x > 1
    masks = concept_masks(x, {"a": per_step, "b": per_channel.astype(int), "c": lambda x: x[:, 1] > 0, "d": "peak"})
    np.testing.assert_array_equal(masks["a"], per_step)
    np.testing.assert_array_equal(masks["b"], per_channel.any(axis=1))
    np.testing.assert_array_equal(masks["c"], x[:, 1] > 0)
    np.testing.assert_array_equal(masks["d"], concept_masks(x, "peak")["peak"])


def test_given_masks_of_unequal_lengths_and_none_in_padding():
    x = [one[:, :n] for one, n in zip(noisy(), (10, 20, 15), strict=True)]
    flat = concept_masks(x, {"a": [one[0] > 0 for one in x]})["a"]
    channels = concept_masks(x, {"a": [one > 0 for one in x]})["a"]
    everywhere = concept_masks(x, {"a": np.ones((3, 20), dtype=bool)})["a"]
    for case, one in enumerate(x):
        n_steps = one.shape[1]
        np.testing.assert_array_equal(flat[case, :n_steps], one[0] > 0)
        np.testing.assert_array_equal(channels[case, :n_steps], (one > 0).any(axis=0))
        assert everywhere[case].sum() == n_steps
        assert not flat[case, n_steps:].any()


def test_a_callable_cannot_change_the_series():
    x = noisy().astype(np.float32)
    before = x.copy()

    def careless(series):
        series[:] = 0
        return series[:, 0] > 0

    concept_masks(x, {"a": careless})
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("concepts", "match"),
    [
        (["bump"], "'bump', which is not computed"),
        (["channel_2"], "'channel_2'"),
        ([], "empty"),
        ({"a": np.ones((3, 100), dtype=bool)}, r"\(3, 101\)"),
        ({"a": np.ones((2, 101), dtype=bool)}, r"got \(2, 101\)"),
        ({"a": [np.ones(101, dtype=bool), np.ones(100, dtype=bool), np.ones(101, dtype=bool)]}, "as long as"),
        ({"a": np.full((3, 101), 0.5)}, "True and False only"),
        ({"a": lambda x: x}, "True and False only"),
        ({"a": lambda x: x[0]}, r"got \(2, 101\)"),
    ],
)
def test_concepts_that_do_not_fit(concepts, match):
    with pytest.raises(ValueError, match=match):
        concept_masks(noisy(), concepts)


@pytest.mark.parametrize("concepts", [3, [np.ones((3, 101), dtype=bool)]])
def test_concepts_of_the_wrong_kind(concepts):
    with pytest.raises(TypeError, match="`concepts` must be names"):
        concept_masks(noisy(), concepts)


def test_a_concept_that_changes_its_series_changes_no_other_concept():
    X = noisy()

    def careless(x):
        x[:] = 0
        return x > 0

    assert_array_equal(concept_masks(X, {"a": careless, "b": "peak"})["b"], concept_masks(X, ["peak"])["peak"])
