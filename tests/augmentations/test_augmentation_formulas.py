"""Each augmentation against loops over series, channels and steps, and the distributions of its draws."""

import itertools

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation as SpatialRotation

from sklearn_ssl import augmentations as aug

LENGTHS = [17, 1, 2, 3, 12, 9, 4, 16]


def curve(knots, n):
    if n == 1:
        return [knots[0]]
    return CubicSpline(np.linspace(0, n - 1, len(knots)), knots, bc_type="natural")(np.arange(n))


def read(series, positions):
    return np.interp(positions, np.arange(len(series)), series)


def sign_flip(a, d, x, b, c, n):
    return [-value if d["flipped"][b] else value for value in x[b, c, :n]]


def jitter(a, d, x, b, c, n):
    return [x[b, c, t] + a.sigma * d["noise"][b, c, t] for t in range(n)]


def random_noise(a, d, x, b, c, n):
    spread = np.std(x[b, c, :n])
    return [x[b, c, t] + d["noise"][b, c, t] * a.strength * spread for t in range(n)]


def level_shift(a, d, x, b, c, n):
    return [value + a.sigma * d["shift"][b, c] for value in x[b, c, :n]]


def scaling(a, d, x, b, c, n):
    return [value * (1 + a.sigma * d["deviation"][b, c]) for value in x[b, c, :n]]


def magnitude_warp_by_sine(a, d, x, b, c, n):
    angles = [2 * np.pi * a.n_cycles * t / n + d["phase"][b, c] for t in range(n)]
    return [x[b, c, t] * (1 + a.strength * np.sin(angles[t])) for t in range(n)]


def magnitude_warp_by_curve(a, d, x, b, c, n):
    return x[b, c, :n] * (1 + a.strength * np.asarray(curve(d["knots"][b, c], n)))


def random_smoothing(a, d, x, b, c, n):
    weight, smoothed = d["weight"][b], []
    for t in range(n):
        after, before = x[b, c, min(t + 1, n - 1)], x[b, c, max(t - 1, 0)]
        smoothed.append(weight / 2 * after + (1 - weight) * x[b, c, t] + weight / 2 * before)
    return smoothed


def rotation(a, d, x, b, c, n):
    triples = a.axes or [(0, 1, 2), (3, 4, 5)]
    for triple in triples:
        if c in triple:
            turn = SpatialRotation.from_rotvec(d["angle"][b] * d["axis"][b])
            return [turn.apply(x[b, list(triple), t])[list(triple).index(c)] for t in range(n)]
    return x[b, c, :n]


def time_reversal(a, d, x, b, c, n):
    return list(reversed(x[b, c, :n])) if d["flipped"][b] else x[b, c, :n]


def crop_resize(a, d, x, b, c, n):
    return read(x[b, c, :n], [d["start"][b] + d["ratio"][b] * t for t in range(n)])


def random_crop(a, d, x, b, c, n):
    start = d["start"][b]
    return [x[b, c, t] if start <= t < start + d["width"][b] else 0.0 for t in range(n)]


def time_warp(a, d, x, b, c, n):
    if n == 1:
        return x[b, c, :1]
    speed = np.exp(a.sigma * np.asarray(curve(d["knots"][b], n)))
    return read(x[b, c, :n], [(n - 1) * sum(speed[:t]) / sum(speed[: n - 1]) for t in range(n)])


def time_stretch(a, d, x, b, c, n):
    middle = (n - 1) / 2
    return read(x[b, c, :n], [middle + d["speed"][b] * (t - middle) for t in range(n)])


def window_warp(a, d, x, b, c, n):
    if n == 1:
        return x[b, c, :1]
    start, width, factor = d["start"][b], a.ratio * (n - 1), d["factor"][b]
    origin = [0, start, start + width, n - 1]
    stretched = [0, start, start + factor * width, n - 1 + (factor - 1) * width]
    return read(x[b, c, :n], [np.interp(t * stretched[-1] / (n - 1), stretched, origin) for t in range(n)])


def permutation(a, d, x, b, c, n):
    edges = [0, *d["cuts"][b], n]
    segments = [x[b, c, begin:end] for begin, end in itertools.pairwise(edges)]
    return np.concatenate([segments[number] for number in d["order"][b]])


def speed_change(a, d, x, b, c, n):
    resampled, position = [], 0.0
    while position <= n - 1:
        resampled.append(read(x[b, c, :n], position))
        position = d["speed"][b] * len(resampled)
    return [resampled[t % len(resampled)] for t in range(n)]


def time_shift(a, d, x, b, c, n):
    shift = d["shift"][b]
    if a.mode == "circular":
        return np.roll(x[b, c, :n], shift)
    return [x[b, c, min(max(t - shift, 0), n - 1)] for t in range(n)]


def frequency_mask(a, d, x, b, c, n):
    spectrum = np.fft.rfft(x[b, c, :n])
    for k in range(1, len(spectrum)):
        spectrum[k] = 0 if d["removed"][b, c, k] else spectrum[k]
    return np.fft.irfft(spectrum, n)


def frequency_perturbation(a, d, x, b, c, n):
    spectrum = np.fft.rfft(x[b, c, :n])
    for k in range(1, len(spectrum)):
        spectrum[k] *= (1 + a.amplitude * d["amplitude"][b, c, k]) * np.exp(1j * a.phase * d["phase"][b, c, k])
    return np.fft.irfft(spectrum, n)


def blockout(a, d, x, b, c, n):
    n_channels = x.shape[1]
    first, height = (0, n_channels) if a.kind == "time" else (d["channel"][b], max(round(a.ratio * n_channels), 1))
    steps = range(d["start"][b], d["start"][b] + round(a.ratio * n))
    return [0.0 if first <= c < first + height and t in steps else x[b, c, t] for t in range(n)]


def channel_dropout(a, d, x, b, c, n):
    return np.zeros(n) if d["dropped"][b, c] else x[b, c, :n]


def channel_reversal(a, d, x, b, c, n):
    return x[b, x.shape[1] - 1 - c, :n] if d["flipped"][b] else x[b, c, :n]


def mixup(a, d, x, b, c, n):
    partner, weight = d["partner"][b], d["weight"][b]
    other = [x[partner, c, t] if t < LENGTHS[partner] else 0.0 for t in range(n)]
    return [weight * x[b, c, t] + (1 - weight) * other[t] for t in range(n)]


def batch(series_reference):
    def reference(a, d, x):
        y = x.copy()
        for b, n in enumerate(LENGTHS):
            for c in range(x.shape[1]):
                y[b, c, :n] = series_reference(a, d, x, b, c, n)
        return y

    return reference


def compose(a, d, x):
    return batch(scaling)(a.steps["second"], d["second"], batch(permutation)(a.steps["first"], d["first"], x))


def one_of(a, d, x):
    options = [x, *(batch(f)(a.steps[f.__name__], d["steps"][f.__name__], x) for f in (jitter, time_shift))]
    return np.stack([options[d["choice"][b]][b] for b in range(len(x))])


def random_apply(a, d, x):
    augmented = batch(mixup)(a.augmentation, d["augmentation"], x)
    return np.stack([augmented[b] if d["applied"][b] else x[b] for b in range(len(x))])


CASES = [
    (aug.SignFlip(), batch(sign_flip)),
    (aug.Jitter(), batch(jitter)),
    (aug.RandomNoise(strength=0.7), batch(random_noise)),
    (aug.LevelShift(sigma=0.4), batch(level_shift)),
    (aug.Scaling(sigma=0.4), batch(scaling)),
    (aug.MagnitudeWarp(strength=0.5, n_cycles=1.5), batch(magnitude_warp_by_sine)),
    (aug.MagnitudeWarp(kind="curve", n_knots=5), batch(magnitude_warp_by_curve)),
    (aug.MagnitudeWarp(kind="curve", n_knots=3), batch(magnitude_warp_by_curve)),
    (aug.RandomSmoothing(strength=1.0), batch(random_smoothing)),
    (aug.Rotation(angle=180.0), batch(rotation)),
    (aug.Rotation(axes=((4, 0, 2),)), batch(rotation)),
    (aug.TimeReversal(), batch(time_reversal)),
    (aug.CropResize(min_ratio=0.3), batch(crop_resize)),
    (aug.RandomCrop(min_ratio=0.2), batch(random_crop)),
    (aug.TimeWarp(sigma=0.8), batch(time_warp)),
    (aug.TimeWarp(sigma=0.8, n_knots=2), batch(time_warp)),
    (aug.TimeStretch(strength=2.0), batch(time_stretch)),
    (aug.WindowWarp(ratio=0.4, factor=3.0), batch(window_warp)),
    (aug.Permutation(n_segments=5), batch(permutation)),
    (aug.SpeedChange(), batch(speed_change)),
    (aug.TimeShift(ratio=0.8), batch(time_shift)),
    (aug.TimeShift(ratio=0.8, mode="edge"), batch(time_shift)),
    (aug.FrequencyMask(ratio=0.5), batch(frequency_mask)),
    (aug.FrequencyPerturbation(amplitude=0.5, phase=1.0), batch(frequency_perturbation)),
    (aug.Blockout(ratio=0.3), batch(blockout)),
    (aug.Blockout(ratio=0.3, kind="rectangle"), batch(blockout)),
    (aug.ChannelDropout(p=0.4), batch(channel_dropout)),
    (aug.ChannelReversal(), batch(channel_reversal)),
    (aug.Mixup(alpha=2.0), batch(mixup)),
    (aug.Compose(first=aug.Permutation(), off=None, second=aug.Scaling()), compose),
    (
        aug.OneOf(nothing="passthrough", jitter=aug.Jitter(sigma=1.0), time_shift=aug.TimeShift(ratio=1.0)),
        one_of,
    ),
    (aug.RandomApply(aug.Mixup()), random_apply),
]


def as_numpy(draws):
    return {key: as_numpy(value) if isinstance(value, dict) else value.numpy() for key, value in draws.items()}


@pytest.fixture
def ragged():
    lengths = torch.tensor(LENGTHS)
    x = torch.randn(len(LENGTHS), 6, 17, dtype=torch.float64)
    return torch.where(torch.arange(17) < lengths[:, None, None], x, 0.0), lengths


def test_every_augmentation_has_a_reference():
    tested = {type(augmentation).__name__ for augmentation, _ in CASES}
    assert tested == set(aug.__all__) - {"Augmentation", "GeneratedViews", "NumberedTransformations"}


@pytest.mark.parametrize(("augmentation", "reference"), CASES, ids=[repr(case[0]) for case in CASES])
def test_equals_loops_over_series_channels_and_steps(augmentation, reference, ragged):
    x, lengths = ragged
    with torch.random.fork_rng():
        draws = as_numpy(augmentation.draw(x, lengths))
    expected = reference(augmentation, draws, x.numpy())
    assert not np.array_equal(expected, x.numpy())
    np.testing.assert_allclose(augmentation(x, lengths).numpy(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", [aug.FrequencyMask(ratio=0.4), aug.FrequencyPerturbation(amplitude=0.3, phase=0.5)])
def test_spectra_of_long_series_are_exact_in_float32(kind):
    x, lengths = torch.randn(2, 1, 10_000), torch.tensor([10_000, 7_919])
    draws = kind.draw(x, lengths)
    factors = {
        aug.FrequencyMask: lambda: 1.0 - draws["removed"].numpy(),
        aug.FrequencyPerturbation: lambda: (
            (1 + 0.3 * draws["amplitude"].numpy()) * np.exp(0.5j * draws["phase"].numpy())
        ),
    }[type(kind)]()
    y = kind.apply(x, lengths, draws)
    for b, n in enumerate(lengths.tolist()):
        spectrum = np.fft.rfft(x[b, 0, :n].double().numpy())
        spectrum[1:] *= factors[b, 0, 1 : len(spectrum)]
        np.testing.assert_allclose(y[b, 0, :n].numpy(), np.fft.irfft(spectrum, n), atol=1e-4)


def test_time_warp_never_runs_backwards_and_keeps_the_ends():
    x = torch.arange(200.0, dtype=torch.float64).expand(50, 1, 200)
    lengths = torch.randint(2, 201, (50,))
    y = aug.TimeWarp(sigma=2.0, n_knots=8)(x, lengths)
    for series, n in zip(y[:, 0], lengths.tolist(), strict=True):
        assert (series[:n].diff() >= 0).all()
        assert series[0] == 0
        assert series[n - 1].item() == pytest.approx(n - 1, abs=1e-3)


def test_rotation_keeps_the_norm_of_each_triple():
    x = torch.randn(20, 6, 10)
    y = aug.Rotation(angle=90.0)(x)
    for triple in (slice(0, 3), slice(3, 6)):
        torch.testing.assert_close(y[:, triple].norm(dim=1), x[:, triple].norm(dim=1))


def test_a_constant_is_not_smoothed_away():
    x = torch.full((5, 2, 8), 3.0)
    torch.testing.assert_close(aug.RandomSmoothing(strength=1.0)(x), x)


def drawn(augmentation, n_series=4000, n_channels=4, n_steps=10, length=10):
    x = torch.empty(n_series, n_channels, n_steps)
    return augmentation.draw(x, torch.full((n_series,), length))


@pytest.mark.parametrize("flip", [aug.SignFlip(p=0.3), aug.TimeReversal(p=0.3), aug.ChannelReversal(p=0.3)])
def test_flips_happen_with_their_probability(flip):
    assert drawn(flip)["flipped"].float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_gaussian_draws_are_standard_normal():
    for draws, name in [
        (drawn(aug.Jitter()), "noise"),
        (drawn(aug.LevelShift()), "shift"),
        (drawn(aug.Scaling()), "deviation"),
        (drawn(aug.TimeWarp()), "knots"),
        (drawn(aug.MagnitudeWarp(kind="curve")), "knots"),
        (drawn(aug.FrequencyPerturbation()), "amplitude"),
        (drawn(aug.FrequencyPerturbation()), "phase"),
    ]:
        assert draws[name].mean().item() == pytest.approx(0, abs=0.05)
        assert draws[name].std().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("augmentation", "name", "low", "high"),
    [
        (aug.RandomNoise(), "noise", -1, 1),
        (aug.MagnitudeWarp(), "phase", 0, 2 * np.pi),
        (aug.RandomSmoothing(strength=0.4), "weight", 0, 0.4),
        (aug.Rotation(angle=90.0, axes=((0, 1, 2),)), "angle", -np.pi / 2, np.pi / 2),
        (aug.CropResize(min_ratio=0.2), "ratio", 0.2, 1),
        (aug.WindowWarp(ratio=0.5), "start", 0, 4.5),
        (aug.SpeedChange(slowest=0.5, fastest=2.0), "speed", 0.5, 2),
    ],
    ids=repr,
)
def test_uniform_draws_fill_their_range(augmentation, name, low, high):
    values = drawn(augmentation)[name]
    assert low <= values.min().item()
    assert values.max().item() <= high + 1e-6
    assert values.mean().item() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
    assert values.std().item() == pytest.approx((high - low) / 12**0.5, abs=0.03 * (high - low))


def test_crops_lie_within_the_observed_steps():
    segment = drawn(aug.CropResize(min_ratio=0.2), length=7)
    assert (segment["start"] >= 0).all()
    assert (segment["start"] + 6 * segment["ratio"] <= 6 + 1e-5).all()
    crop = drawn(aug.RandomCrop(min_ratio=0.2), length=7)
    assert set(crop["width"].tolist()) == set(range(1, 8))
    for width in range(1, 8):
        assert crop["start"][crop["width"] == width].unique().tolist() == list(range(8 - width))


@pytest.mark.parametrize("augmentation", [aug.CropResize(min_ratio=0.3), aug.WindowWarp(ratio=0.4)], ids=repr)
def test_starts_are_uniform_in_the_room_that_is_left(augmentation):
    lengths = torch.randint(2, 100, (4000,))
    draws = augmentation.draw(torch.empty(4000, 1, 100), lengths)
    share = draws["start"] / ((1 - draws.get("ratio", 0.4)) * (lengths - 1))
    for quantile in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert share.quantile(quantile) == pytest.approx(quantile, abs=0.03)


def test_stretches_and_squeezes_are_equally_likely():
    speed = drawn(aug.TimeStretch(strength=0.5))["speed"].log()
    assert speed.abs().max().item() == pytest.approx(np.log(1.5), abs=0.01)
    assert speed.mean().item() == pytest.approx(0, abs=0.02)


def test_window_warp_stretches_and_squeezes():
    factor = drawn(aug.WindowWarp(factor=4.0))["factor"]
    assert factor.unique().tolist() == [0.25, 4.0]
    assert (factor == 4).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_every_order_of_segments_is_equally_likely():
    draws = drawn(aug.Permutation(n_segments=3), length=6)
    orders, counts = draws["order"].unique(dim=0, return_counts=True)
    assert len(orders) == 6
    assert counts.min() > 4000 / 6 * 0.8
    assert (draws["cuts"].diff(dim=1) >= 0).all()
    assert draws["cuts"].unique().tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("mode", ["circular", "edge"])
def test_every_shift_is_equally_likely(mode):
    shifts, counts = drawn(aug.TimeShift(ratio=0.3, mode=mode))["shift"].unique(return_counts=True)
    assert shifts.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert counts.min() > 4000 / 7 * 0.8


def test_every_place_of_a_block_is_equally_likely():
    draws = drawn(aug.Blockout(ratio=0.5, kind="rectangle"), length=6)
    assert draws["start"].unique().tolist() == [0, 1, 2, 3]
    assert draws["channel"].unique().tolist() == [0, 1, 2]
    assert drawn(aug.Blockout(ratio=0.5))["channel"].unique().tolist() == [0]


def test_a_rectangle_has_at_least_one_channel():
    y = aug.Blockout(ratio=0.1, kind="rectangle")(torch.ones(7, 2, 20))
    assert (y == 0).sum(dim=(1, 2)).tolist() == [2] * 7


def test_channels_drop_with_their_probability_and_one_always_stays():
    few = drawn(aug.ChannelDropout(p=0.2))["dropped"]
    assert few.float().mean().item() == pytest.approx(0.2 - 0.2**4 / 4, abs=0.02)
    all_but_one = drawn(aug.ChannelDropout(p=1.0))["dropped"]
    assert (all_but_one.sum(1) == 3).all()
    assert all_but_one.float().mean(0).tolist() == pytest.approx([0.75] * 4, abs=0.05)


def test_frequencies_are_removed_with_their_probability():
    assert drawn(aug.FrequencyMask(ratio=0.25))["removed"].float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_rotation_axes_are_uniform_on_the_sphere():
    axis = drawn(aug.Rotation(axes=((0, 1, 2),)))["axis"]
    torch.testing.assert_close(axis.norm(dim=1), torch.ones(4000))
    assert axis.square().mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.03)


@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 50.0])
def test_mixup_weighs_a_series_at_least_as_much_as_its_partner(alpha):
    draws = drawn(aug.Mixup(alpha=alpha))
    assert ((draws["weight"] >= 0.5) & (draws["weight"] <= 1)).all()
    assert draws["partner"].sort().values.tolist() == list(range(4000))


def test_mixup_weights_follow_the_beta_distribution():
    assert drawn(aug.Mixup(alpha=1.0))["weight"].mean().item() == pytest.approx(0.75, abs=0.02)
    assert drawn(aug.Mixup(alpha=50.0))["weight"].max().item() < 0.75
