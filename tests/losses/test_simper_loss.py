import cmath
import math
import re
from functools import partial

import pytest
import torch
from loops import cosine, cross_entropy, dot, mean, normal, softmax, unit

from sklearn_ssl.losses import periodic_similarity, simper_loss

KINDS = ["correlation", "spectrum_cosine", "spectrum_distance"]


def waves(n_steps, *frequencies, phase=0.3):
    time = torch.arange(n_steps, dtype=torch.float64) / n_steps
    return torch.stack([torch.sin(2 * math.pi * k * time + phase) for k in frequencies])


def standardised(sequence):
    values = sequence.tolist()
    return unit([value - mean(values) for value in values])


def naive_correlation(f, g, circular=False):
    f, g = standardised(f), standardised(g)
    n = len(f)
    sums = []
    for lag in range(-n + 1, n):
        pairs = [(t, (t + lag) % n if circular else t + lag) for t in range(n)]
        sums.append(sum(f[t] * g[s] for t, s in pairs if 0 <= s < n))
    return max(sums)


def naive_power(f, low, high):
    f = standardised(f)
    n = len(f)
    inside = [k for k in range(n // 2 + 1) if low <= k / n <= high]
    waves = {k: [cmath.exp(-2j * math.pi * k * t / n) for t in range(n)] for k in inside}
    return unit([abs(dot(f, waves[k])) ** 2 for k in inside])


def naive_spectrum(f, g, kind, low, high):
    p, q = naive_power(f, low, high), naive_power(g, low, high)
    return cosine(p, q) if kind == "spectrum_cosine" else -math.dist(p, q)


def naive_loss(first, second, speeds, temperature, label_temperature):
    losses = []
    for copies1, copies2, s in zip(first, second, speeds.tolist(), strict=True):
        for i, copy in enumerate(copies1):
            target = softmax([-abs(s[i] - other) / label_temperature for other in s])
            losses.append(cross_entropy(target, [naive_correlation(copy, g) / temperature for g in copies2]))
    return mean(losses)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("n_steps", [2, 9, 16])
def test_correlation_equals_lag_loops(n_steps, circular):
    first, second = normal(3, n_steps), normal(2, n_steps, seed=1)
    similarity = periodic_similarity(first, second, circular=circular)
    assert similarity.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            expected = naive_correlation(first[i], second[j], circular)
            assert float(similarity[i, j]) == pytest.approx(expected, rel=1e-9)


def test_correlation_is_zero_padded_unless_asked_otherwise():
    first, second = normal(2, 1, 9)
    expected = naive_correlation(first[0], second[0])
    assert float(periodic_similarity(first, second)) == pytest.approx(expected, rel=1e-9)
    assert naive_correlation(first[0], second[0], circular=True) != pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("kind", ["spectrum_cosine", "spectrum_distance"])
@pytest.mark.parametrize("n_steps", [12, 15])
def test_all_frequencies_count_unless_asked_otherwise(n_steps, kind):
    first, second = normal(2, 1, n_steps)
    expected = naive_spectrum(first[0], second[0], kind, 0, 0.5)
    assert float(periodic_similarity(first, second, kind)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["spectrum_cosine", "spectrum_distance"])
@pytest.mark.parametrize("band", [(0.1, 0.4), (0.25, 0.26), (0.0, 0.1)])
@pytest.mark.parametrize("n_steps", [12, 20])
def test_spectrum_equals_naive_transform(n_steps, band, kind):
    first, second = normal(3, n_steps), normal(2, n_steps, seed=1)
    similarity = periodic_similarity(first, second, kind, band=band)
    for i in range(3):
        for j in range(2):
            expected = naive_spectrum(first[i], second[j], kind, *band)
            assert float(similarity[i, j]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_leading_dimensions(kind):
    first, second = normal(2, 4, 3, 15), normal(2, 4, 5, 15, seed=1)
    similarity = periodic_similarity(first, second, kind)
    assert similarity.shape == (2, 4, 3, 5)
    torch.testing.assert_close(similarity[1, 2], periodic_similarity(first[1, 2], second[1, 2], kind))


def test_known_values():
    first = waves(60, 3, 5)
    same, other = [1.0, 0.0], [0.0, 1.0]
    expected = torch.tensor([same, other], dtype=torch.float64)
    torch.testing.assert_close(periodic_similarity(first, first, circular=True), expected)
    torch.testing.assert_close(periodic_similarity(first, 7 - 3 * first, circular=True), expected)
    torch.testing.assert_close(periodic_similarity(first, 7 - 3 * first, "spectrum_cosine"), expected)
    distance = periodic_similarity(first, 7 - 3 * first, "spectrum_distance")
    torch.testing.assert_close(distance, math.sqrt(2) * (expected - 1), rtol=0, atol=1e-7)


def test_correlation_is_signed():
    # An impulse against its opposite: no lag makes them alike, only less unlike.
    f = torch.zeros(1, 50)
    f[0, 20] = 1
    assert float(periodic_similarity(f, f, circular=True)) == pytest.approx(1)
    assert float(periodic_similarity(f, -f, circular=True)) == pytest.approx(1 / 49, rel=1e-4)


def test_band_leaves_out_what_is_outside():
    slow, fast = waves(60, 3, 20)
    mixed, other = torch.stack([slow + 5 * fast]), torch.stack([slow])
    assert periodic_similarity(mixed, other, "spectrum_cosine") < 0.1
    inside = periodic_similarity(mixed, other, "spectrum_cosine", band=(0.0, 0.1))
    assert float(inside) == pytest.approx(1)


@pytest.mark.parametrize("shift", [1, 7, 40])
@pytest.mark.parametrize(
    "similarity",
    [
        partial(periodic_similarity, circular=True),
        partial(periodic_similarity, kind="spectrum_cosine"),
        partial(periodic_similarity, kind="spectrum_distance"),
    ],
)
def test_shift_leaves_similarity_unchanged(similarity, shift):
    first, second = normal(3, 50), normal(3, 50, seed=1)
    expected = similarity(first, second)
    torch.testing.assert_close(similarity(first.roll(shift, dims=1), second), expected)
    torch.testing.assert_close(similarity(first, second.roll(shift, dims=1)), expected)


@pytest.mark.parametrize("period", [4, 10, 15, 60])
def test_zero_padded_correlation_falls_by_the_stated_bound(period):
    n_steps = 60
    first = waves(n_steps, n_steps // period)
    falls = [1 - float(periodic_similarity(first, first.roll(shift, dims=1))) for shift in range(period)]
    assert falls[0] == pytest.approx(0, abs=1e-12)
    assert max(falls) <= period / (2 * n_steps) + 1e-12
    assert max(falls) > period / (4 * n_steps)


@pytest.mark.parametrize("kind", KINDS)
def test_scale_and_offset_leave_similarity_unchanged(kind):
    first, second = normal(3, 20), normal(4, 20, seed=1)
    expected = periodic_similarity(first, second, kind)
    torch.testing.assert_close(periodic_similarity(1e3 * first - 5, 1e-3 * second + 2, kind), expected)
    torch.testing.assert_close(periodic_similarity(second, first, kind).T, expected)


def test_time_reversal_leaves_spectrum_unchanged():
    first, second = normal(3, 20), normal(4, 20, seed=1)
    expected = periodic_similarity(first, second, "spectrum_cosine")
    torch.testing.assert_close(periodic_similarity(first.flip(1), second, "spectrum_cosine"), expected)


@pytest.mark.parametrize(("temperature", "label_temperature"), [(1.0, 0.1), (0.07, 1.0)])
@pytest.mark.parametrize("shape", [(1, 2, 8), (3, 4, 9)])
def test_loss_equals_loops(shape, temperature, label_temperature):
    first, second = normal(*shape), normal(*shape, seed=1)
    speeds = torch.rand(shape[:2], dtype=torch.float64) * 1.5 + 0.5
    expected = naive_loss(first, second, speeds, temperature, label_temperature)
    assert float(simper_loss(first, second, speeds, temperature, label_temperature)) == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("n_speeds", [2, 5])
def test_identical_features_are_at_chance_level(n_speeds, temperature):
    features = waves(30, 2).repeat(3, n_speeds, 1)
    loss = simper_loss(features, features, torch.rand(3, n_speeds), temperature)
    assert float(loss) == pytest.approx(math.log(n_speeds))


def test_published_temperatures():
    first, second = normal(2, 2, 3, 8)
    speeds = torch.linspace(0.5, 0.9, 6, dtype=torch.float64).reshape(2, 3)
    assert float(simper_loss(first, second, speeds)) == pytest.approx(naive_loss(first, second, speeds, 1, 0.1))


def test_distant_speeds_make_it_a_cross_entropy():
    # Targets are the copies themselves; similarity 1 to the own speed, 0 to the two others.
    features = waves(60, 3, 4, 6)[None]
    speeds = torch.tensor([[50.0, 100.0, 150.0]])
    loss = simper_loss(features, features, speeds, similarity=partial(periodic_similarity, circular=True))
    assert float(loss) == pytest.approx(math.log(math.e + 2) - 1)


def test_targets_are_the_lowest_value():
    speeds = torch.tensor([[0.5, 0.55, 1.3, 2.0]], dtype=torch.float64)
    logits = -(speeds[:, :, None] - speeds[:, None, :]).abs() / 0.1
    entropy = -(logits.softmax(2) * logits.log_softmax(2)).sum(2).mean()
    features = normal(1, 4, 10)
    best = simper_loss(features, features, speeds, similarity=lambda first, second: logits)
    torch.testing.assert_close(best, entropy)
    assert simper_loss(features, features, speeds, similarity=lambda first, second: -logits) > best


def test_features_that_follow_speed_score_lower():
    speeds = torch.tensor([[3.0, 4.0, 6.0, 9.0]]) / 4
    following = waves(120, 3, 4, 6, 9)[None]
    shuffled = following[:, [2, 3, 0, 1]]
    for kind in KINDS:
        loss = partial(simper_loss, speeds=speeds, temperature=0.1, similarity=partial(periodic_similarity, kind=kind))
        assert loss(following, following.roll(5, dims=2)) < loss(following, shuffled)


def test_order_of_speeds():
    first, second = normal(2, 3, 4, 12)
    speeds = torch.linspace(0.5, 2, 12, dtype=torch.float64).square().reshape(3, 4)
    expected = simper_loss(first, second, speeds)
    torch.testing.assert_close(simper_loss(first.flip(1), second.flip(1), speeds.flip(1)), expected)
    assert not torch.isclose(simper_loss(first.flip(1), second, speeds), expected)


def test_series_do_not_see_each_other():
    first, second, speeds = normal(2, 3, 12), normal(2, 3, 12, seed=1), torch.rand(2, 3, dtype=torch.float64)
    single = [simper_loss(first[b : b + 1], second[b : b + 1], speeds[b : b + 1]) for b in range(2)]
    torch.testing.assert_close(simper_loss(first, second, speeds), (single[0] + single[1]) / 2)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_each_kind(kind, circular):
    first, second = (z.requires_grad_() for z in normal(2, 2, 5))
    similarity = partial(periodic_similarity, kind=kind, circular=circular)
    assert torch.autograd.gradcheck(similarity, (first, second))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rows",
    [
        [[3e4, 250.0, -3e4, 1.0], [-3e4, 300.0, 1.0, 0.0]],
        [[1e-3, 2e-3, 0.0, 0.0], [0.0, -1e-3, 1e-3, 0.0]],
        [[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 0.0]],
        [[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, -1.0]],
    ],
    ids=["large", "small", "one constant", "identical"],
)
def test_each_kind_is_finite_in_half_precision(rows, kind, dtype):
    first = torch.tensor([rows], dtype=dtype, requires_grad=True)
    speeds = torch.tensor([[0.5, 2.0]], dtype=dtype)
    loss = simper_loss(first, first, speeds, 0.01, similarity=partial(periodic_similarity, kind=kind))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize("value", [4.0, 0.1, 1.7, 123.4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_sequences_resemble_nothing(value, dtype):
    constant, wave = torch.full((1, 50), value, dtype=dtype), waves(50, 2).to(dtype)
    for kind in ("correlation", "spectrum_cosine"):
        assert periodic_similarity(constant, wave, kind) == 0
        assert periodic_similarity(constant, constant, kind) == 0


@pytest.mark.parametrize(
    "shapes", [[(3, 8), (3, 9)], [(8,), (3, 8)], [(3, 8), (8,)], [(3, 1), (3, 1)], [(3, 8), (0, 8)]]
)
def test_wrong_sequences(shapes):
    message = r"`first` and `second` must have the shapes \(\.\.\., n, L\) and .* got "
    with pytest.raises(ValueError, match=message + re.escape(f"{shapes[0]} and {shapes[1]}; pass sequences")):
        periodic_similarity(*(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3, 8), (2, 3, 9), (2, 3)],
        [(2, 3, 8), (2, 3, 8), (2, 4)],
        [(2, 3, 8), (2, 3, 8), (2, 3, 1)],
        [(3, 8), (3, 8), (3,)],
        [(2, 3, 8, 1), (2, 3, 8, 1), (2, 3)],
        [(2, 1, 8), (2, 1, 8), (2, 1)],
        [(0, 3, 8), (0, 3, 8), (0, 3)],
    ],
)
def test_wrong_copies(shapes):
    message = r"must have the shape \(B, M, L\) and `speeds` \(B, M\) with two or more speeds M, got "
    with pytest.raises(ValueError, match=message + re.escape(f"{shapes[0]}, {shapes[1]} and {shapes[2]}; pass one")):
        simper_loss(*(torch.zeros(shape) for shape in shapes))


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"`kind` must be one of 'correlation', .* got 'cosine'"):
        periodic_similarity(normal(2, 8), normal(2, 8), kind="cosine")


@pytest.mark.parametrize("band", [(0.3, 0.2), (-0.1, 0.2), (0.0, 0.51), (0.13, 0.2), (0.25, 0.25), (0.5, 3.0)])
def test_wrong_band(band):
    with pytest.raises(ValueError, match=r"`band` must be a range within 0 to 0.5 that holds a multiple of 1 / 8"):
        periodic_similarity(normal(2, 8), normal(2, 8), "spectrum_cosine", band=band)
