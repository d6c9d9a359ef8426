"""MiniRocket and MultiRocket: aeon's features, the formulas, and what depends on neither padding nor blocks."""

import itertools

import numpy as np
import pytest
import torch
from aeon.transformations.collection.convolution_based import _minirocket, _multirocket
from sklearn.base import clone
from torch import nn

from sklearn_ssl import VICRegTransformer
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.encoders._dilated import shifted
from sklearn_ssl.encoders._fixed_kernels import _draw_channels, _plan
from sklearn_ssl.encoders._kernel_pooling import POOLINGS

LENGTHS = [1, 2, 5, 9, 17, 30]


def series(*shape, seed=0):
    steps = np.random.default_rng(seed).normal(size=shape).cumsum(axis=-1)
    return torch.from_numpy(steps.astype(np.float32))


def adapted(recipe, n_channels=3, n_steps=40):
    encoder = recipe.build(n_channels)
    encoder.adapt(series(20, n_channels, n_steps, seed=1))
    return encoder.eval()


def aeons_parameters(X, n_kernels=420):
    """Return what aeon's MiniRocket learns, by its code without compilation, which takes a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_minirocket, "_fit_biases", _minirocket._fit_biases.py_func)
        return _minirocket._static_fit(X, n_kernels, 32, 0)


@pytest.mark.parametrize(("n_channels", "n_steps"), [(1, 60), (3, 60), (12, 41), (1, 9), (2, 9)])
def test_features_equal_aeons(n_channels, n_steps):
    x = series(4, n_channels, n_steps)
    x[0, :, : n_steps // 2] = 0.1  # flat: what is left of it is a matter of rounding, so of the order of sums
    parameters = aeons_parameters(x.numpy())
    encoder = RocketEncoder(n_features=420, standardise=False).build(n_channels)
    encoder.kernels[0].take_parameters(*parameters)
    indices = _minirocket.MiniRocket._indices
    if n_channels == 1:
        expected = _minirocket._static_transform_uni.py_func(x[:, 0].numpy(), parameters, indices)
    else:
        expected = _minirocket._static_transform_multi.py_func(x.numpy(), parameters, indices)
    np.testing.assert_allclose(encoder(x).squeeze(2).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("n_steps", [9, 10, 60, 150])
def test_thresholds_equal_aeons(n_steps):
    x = series(1, 1, n_steps)  # of one series, so that there is nothing to draw
    *_, dilations, numbers, biases = aeons_parameters(x.numpy(), n_kernels=2688)
    kernels = RocketEncoder(n_features=2688).build(1).kernels[0]
    kernels.adapt(x, None)
    assert kernels.plan == list(zip(dilations.tolist(), numbers.tolist(), strict=True))
    torch.testing.assert_close(kernels.biases.data, torch.from_numpy(biases), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("per_kernel", [1, 2, 7, 31, 33, 119])
def test_dilations_equal_aeons(per_kernel):
    for n_steps, most in itertools.product((9, 10, 17, 100, 315, 2844), (1, 8, 32)):
        dilations, numbers = _minirocket._fit_dilations(n_steps, 84 * per_kernel, most)
        assert _plan(n_steps, per_kernel, min(most, per_kernel)) == [*zip(dilations, numbers, strict=True)]


@pytest.mark.parametrize("n_channels", [1, 3])
def test_poolings_equal_aeons_multirocket(n_channels):
    x = series(2, n_channels, 40)
    parameters = aeons_parameters(x.numpy(), n_kernels=252)
    encoder = RocketEncoder(n_features=4 * 252, poolings=("ppv", "lspv", "mpv", "mipv"), standardise=False)
    encoder = encoder.build(n_channels)
    encoder.kernels[0].take_parameters(*parameters)
    indices = _minirocket.MiniRocket._indices
    nothing = np.zeros(0, dtype=np.int32)  # for the differences, which aeon shifts by one step too few
    if n_channels == 1:
        given = x[:, 0].numpy()
        expected = _multirocket._transform_uni.py_func(
            given, given, parameters[2:], (nothing, nothing, nothing), 4, indices, None
        )
    else:
        expected = _multirocket._transform_multi.py_func(
            x.numpy(), x.numpy(), parameters, (nothing,) * 5, 4, indices, None
        )
    ppv, lspv, mpv, mipv = encoder(x).view(2, 4, 252).unbind(1)
    aeons_mpv = torch.where(ppv > 0, mpv + 2 * encoder.kernels[0].biases, 0)
    result = torch.cat([ppv, lspv, aeons_mpv, mipv], 1)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("n_steps", range(1, 40))
def test_the_number_of_features_does_not_depend_on_the_length(n_steps):
    encoder = RocketEncoder(n_features=84 * 5 + 83).build(1)
    x = series(3, 1, n_steps)
    assert encoder(x).shape == (3, 420, 1)
    encoder.adapt(x)
    assert encoder(x).shape == (3, 420, 1)
    assert encoder(x).isfinite().all()


def convolutions(series, kernels):
    """Give the values that each threshold is compared with, for one series of shape (C, n), from the formula."""
    n_channels, n = series.shape
    biases = iter(kernels.biases.tolist())
    for place, (dilation, n_biases) in enumerate(kernels.plan):
        for kernel, taps in enumerate(itertools.combinations(range(9), 3)):
            seen = [c for c in kernels.channels[place, kernel].tolist() if c < n_channels]
            c = []
            for t in range(n):
                sources = [(i, t + (i - 4) * dilation) for i in range(9)]
                inside = [(2 if i in taps else -1, s) for i, s in sources if 0 <= s < n]
                c.append(sum(weight * series[channel, s] for weight, s in inside for channel in seen))
            margin = 4 * dilation
            if (place + kernel) % 2 == 1 and n > 2 * margin:
                c = c[margin : n - margin]
            yield from ((c, bias) for bias in itertools.islice(biases, n_biases))


def longest_stretch(c, bias):
    marks = [0, *(t for t, value in enumerate(c) if value < bias), len(c) - 1]
    return max(after - before for before, after in itertools.pairwise(marks))


NAIVE = {
    "ppv": lambda c, bias: np.mean([value > bias for value in c]),
    "mpv": lambda c, bias: np.mean([value - bias for value in c if value > bias] or [0]),
    "mipv": lambda c, bias: np.mean([t for t, value in enumerate(c) if value > bias] or [-1]),
    "lspv": longest_stretch,
}


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("poolings", [POOLINGS, ("mpv", "ppv"), "lspv"])
def test_features_of_unequal_lengths_equal_their_formula(n_channels, poolings, ragged):
    x, mask = ragged(LENGTHS, 30, n_channels)
    names = (poolings,) if isinstance(poolings, str) else poolings
    n_features = 84 * 4 * 2 * len(names)
    recipe = RocketEncoder(n_features=n_features, poolings=poolings, differences=True, standardise=False)
    encoder = recipe.build(n_channels)
    encoder.adapt(x, mask)
    assert [[dilation for dilation, _ in kernels.plan] for kernels in encoder.kernels] == [[1, 2, 3], [1, 2, 3]]
    for kernels in encoder.kernels:
        nn.init.normal_(kernels.biases)  # which no value equals, so that rounding does not matter
    features = encoder(x, mask).squeeze(2).numpy()
    assert features.shape == (len(LENGTHS), n_features)
    for row, one, n in zip(features, x.double().numpy(), LENGTHS, strict=True):
        observed = one[:, :n]
        differences = np.diff(observed) if n > 1 else np.zeros((n_channels, 1))
        values = [list(convolutions(*pair)) for pair in zip((observed, differences), encoder.kernels, strict=True)]
        expected = [NAIVE[name](*pair) for of_one in values for name in names for pair in of_one]
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-5)


def test_stretches_of_long_series():  # longer than 2^15 steps, which a short integer cannot count
    x = torch.ones(1, 1, 40_000)
    x[0, 0, 36_000:] = -1
    encoder = RocketEncoder(n_features=84, poolings="lspv", standardise=False).build(1)
    nn.init.constant_(encoder.kernels[0].biases, -5)
    assert encoder(x).max() > 35_000


def test_thresholds_of_unequal_lengths_see_observed_steps_only(ragged):
    x, mask = ragged(LENGTHS, 30)
    for more in (0, 13):
        torch.manual_seed(0)
        encoder = RocketEncoder(n_features=420).build(3)
        encoder.adapt(nn.functional.pad(x, (0, more), value=50.0), nn.functional.pad(mask, (0, more)))
        if more == 0:
            expected = encoder.state_dict()
    for name, value in encoder.state_dict().items():
        assert value.equal(expected[name]), name


def test_features_do_not_depend_on_padding_to_the_last_bit(ragged):
    encoder = adapted(RocketEncoder(n_features=1344, differences=True))
    x, mask = ragged(LENGTHS, 64)
    together = encoder(torch.where(mask[:, None], x, 100.0), mask)
    for i, n in enumerate(LENGTHS):
        assert together[i].equal(encoder(x[i : i + 1, :, :n])[0])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("block", "size"), [("_fixed_kernels.CPU_BLOCK", 3 * 250 * 40), ("_kernel_pooling.POOLED_BLOCK", 3 * 42 * 40)]
)
def test_blocks_of_any_size_give_the_same(monkeypatch, block, size, masked, ragged):
    encoder = adapted(RocketEncoder(n_features=840, poolings=POOLINGS))
    x, mask = ragged([40] * 7 + [11], 40) if masked else (series(8, 3, 40), None)
    expected = encoder(x, mask)
    monkeypatch.setattr(f"sklearn_ssl.encoders.{block}", size)
    assert encoder(x, mask).equal(expected)


def test_a_flat_series_is_not_above_its_own_threshold():
    x = torch.full((8, 1, 50), 0.1)
    encoder = RocketEncoder(n_features=840, standardise=False).build(1)
    encoder.adapt(x)
    inside = (
        encoder(x)[0, :, 0].view(-1)[: 84 * encoder.kernels[0].plan[0][1]].view(84, -1)[1::2]
    )  # kernels that stay inside
    assert not inside[encoder.kernels[0].biases[: 84 * encoder.kernels[0].plan[0][1]].view(84, -1)[1::2] == 0].any()


def test_standardised_features():
    x = series(30, 2, 50)
    raw, standardised = (RocketEncoder(n_features=840, standardise=flag).build(2) for flag in (False, True))
    standardised.load_state_dict(raw.state_dict())
    states = torch.get_rng_state()
    raw.adapt(x)
    torch.set_rng_state(states)
    standardised.adapt(x)
    h = raw(x).double()
    spread = h.std(0, correction=0)
    expected = ((h - h.mean(0)) / torch.where(spread > 1e-7, spread, 1)).clamp(-10, 10)
    torch.testing.assert_close(standardised(x).double(), expected, rtol=1e-4, atol=1e-4)
    assert raw(x).min() >= 0
    assert standardised(1e3 * series(30, 2, 50, seed=3)).abs().max() <= 10


def test_an_adapted_encoder_keeps_its_thresholds():
    encoder = adapted(RocketEncoder(n_features=420))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.adapt(series(10, 3, 90, seed=5))
    assert all(value.equal(before[name]) for name, value in encoder.state_dict().items())


def test_taken_parameters_are_kept_and_standardised():
    x = series(20, 3, 60)
    parameters = aeons_parameters(x.numpy())
    encoder = RocketEncoder(n_features=420).build(3)
    encoder.kernels[0].take_parameters(*parameters)
    encoder.adapt(x)
    assert encoder.kernels[0].biases.numpy().tolist() == parameters[4].tolist()
    assert encoder(x).mean(0).abs().max() < 1e-4


def test_parameters_that_do_not_fit():
    parameters = aeons_parameters(series(5, 3, 60).numpy())

    def take(n_channels=3, **recipe):
        RocketEncoder(**recipe).build(n_channels).kernels[0].take_parameters(*parameters)

    with pytest.raises(ValueError, match="`biases` has 420 values for 4 dilations; this encoder was built for 336"):
        take(n_features=336)
    with pytest.raises(ValueError, match=r"at most 2\. Set `n_features` and `max_dilations`"):
        take(n_features=420, max_dilations=2)
    kernels = RocketEncoder(n_features=420).build(3).kernels[0]
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        kernels.take_parameters(*parameters[:3], parameters[3][:-1], parameters[4])
    with pytest.raises(ValueError, match="`channel_indices` has channel 2; this encoder was built for 1"):
        take(n_features=420, n_channels=1)
    parameters = (*parameters[:3], parameters[3][:-1], parameters[4])
    with pytest.raises(ValueError, match="zip"):
        take(n_features=420)


@pytest.mark.parametrize("dilation", [1, 2, 3, 9])
def test_steps_are_shifted_alike_in_a_graph(dilation, monkeypatch):
    x = series(2, 3, 7)
    expected = shifted(x, dilation)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert torch.equal(shifted(x, dilation), expected)


@pytest.mark.parametrize("n_channels", [2, 5, 9, 20])
def test_the_numbers_of_channels_are_log_uniform(n_channels):
    seen = _draw_channels(100, n_channels) < n_channels  # (100, 84, n)
    most = min(n_channels, 9)
    assert seen.shape == (100, 84, most)
    shares = np.bincount(seen.sum(axis=2).ravel(), minlength=most + 1)[1:] / 8400
    number = np.arange(1, most + 1)
    np.testing.assert_allclose(shares, np.log((number + 1) / number) / np.log(most + 1), atol=0.02)


def test_channels_are_between_one_and_nine():
    channels = RocketEncoder(n_features=2688).build(20).kernels[0].channels  # (32, 84, 9)
    seen = (channels < 20).sum(-1)
    assert (seen.min(), seen.max()) == (1, 9)
    assert all(len(set(kernel[kernel < 20].tolist())) == (kernel < 20).sum() for kernel in channels.reshape(-1, 9))
    assert np.unique(RocketEncoder().build(2).kernels[0].channels).tolist() == [0, 1, 2]


def test_only_the_perceptron_is_trained():
    encoder, x = adapted(RocketEncoder(n_features=420, hidden=6, depth=2)).train(), series(8, 3, 40)
    trained = [name for name, weight in encoder.named_parameters() if weight.requires_grad]
    assert all(name.startswith("perceptron") for name in trained)
    (encoder(x) * torch.randn(6, 1)).sum().backward()
    assert all(weight.grad.any() for weight in encoder.parameters() if weight.requires_grad)
    assert encoder.widths == [420, 6]
    assert not any(weight.requires_grad for weight in RocketEncoder().build(1).parameters())


def test_fixed_features_are_the_same_in_bfloat16():
    encoder, x = adapted(RocketEncoder(n_features=420, hidden=4)), series(4, 3, 40)
    expected = encoder.layers(x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fixed, trained = encoder.layers(x)
    assert fixed.equal(expected)
    assert trained.isfinite().all()


def test_too_few_features_for_the_poolings():
    with pytest.raises(ValueError, match=r"`n_features` must be at least 672, 84 for each .*, got 671"):
        RocketEncoder(n_features=671, poolings=POOLINGS, differences=True).build(1)


def test_training_changes_the_perceptron_and_not_the_fixed_features():
    X = series(24, 3, 40).numpy()
    encoders = [
        VICRegTransformer(
            encoder=RocketEncoder(n_features=168, hidden=hidden), max_epochs=epochs, device="cpu", random_state=0
        ).fit(X)
        for hidden, epochs in itertools.product((8, None), (0, 1))
    ]
    before, after, fixed, still_fixed = (encoder.transform(X) for encoder in encoders)
    assert np.abs(before - after).max() > 1e-4
    assert still_fixed.tolist() == fixed.tolist()
    assert clone(encoders[0]).fit(X).transform(X).tolist() == before.tolist()


def test_a_dilation_beyond_the_series_costs_no_memory():
    x = torch.randn(2, 3, 5)
    far = shifted(x, 1 << 40)  # (2, 3, 9, 5)
    assert torch.equal(far[:, :, 4], x)
    assert torch.equal(far[:, :, [0, 1, 2, 3, 5, 6, 7, 8]], torch.zeros(2, 3, 8, 5))


@pytest.mark.parametrize("part", ["kernels", "competing"])
def test_what_a_state_tells_is_in_memory_of_its_own(part):
    encoders = [RocketEncoder(n_features=168, n_groups=4).build(2) for _ in range(2)]
    for encoder, n_steps in zip(encoders, (30, 300), strict=True):
        encoder.adapt(torch.randn(4, 2, n_steps))
    one, other = (next(iter(getattr(encoder, part))) for encoder in encoders)
    state = one.get_extra_state()
    expected = state.clone()
    state.zero_()
    assert torch.equal(one.get_extra_state(), expected)
    assert not torch.equal(other.get_extra_state(), expected)
    given = expected.clone()
    other.set_extra_state(given)
    given.zero_()
    assert torch.equal(other.get_extra_state(), expected)


@pytest.mark.parametrize("part", ["kernels", "competing"])
@pytest.mark.parametrize("forged", [lambda state: state[:-1], lambda state: state.float()], ids=["shape", "type"])
def test_a_state_of_another_form_is_refused(part, forged):
    kernels = next(iter(getattr(RocketEncoder(n_features=168, n_groups=4).build(2), part)))
    with pytest.raises(ValueError, match=r"kernels must be .* whole numbers, got .*that the same recipe built"):
        kernels.set_extra_state(forged(kernels.get_extra_state()))
