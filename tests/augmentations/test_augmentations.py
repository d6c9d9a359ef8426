"""The contract of all augmentations: one test for each promise, with every augmentation."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from sklearn_ssl import augmentations as aug

COMPOSITIONS = {
    aug.Compose: aug.Compose(jitter=aug.Jitter(), order=aug.Permutation(), off=None),
    aug.OneOf: aug.OneOf(jitter=aug.Jitter(), order=aug.Permutation(), off="passthrough"),
    aug.RandomApply: aug.RandomApply(aug.Permutation()),
}
LEARNT = aug.GeneratedViews  # makes no views before a generator is fitted; see tests/methods/generative
CLASSES = [cls for cls in map(vars(aug).get, aug.__all__) if issubclass(cls, aug.Augmentation)]
CLASSES = [cls for cls in CLASSES if cls not in (aug.Augmentation, LEARNT)]
ALL = [
    *(COMPOSITIONS[cls] if cls in COMPOSITIONS else cls() for cls in CLASSES),
    aug.MagnitudeWarp(kind="curve"),
    aug.TimeShift(mode="edge", ratio=0.5),
    aug.Blockout(kind="rectangle", ratio=0.5),
    aug.Rotation(axes=((5, 1, 3),)),
    aug.TimeStretch(strength=3.0),
]
NEUTRAL = [
    aug.SignFlip(p=0.0),
    aug.Jitter(sigma=0.0),
    aug.RandomNoise(strength=0.0),
    aug.LevelShift(sigma=0.0),
    aug.Scaling(sigma=0.0),
    aug.MagnitudeWarp(strength=0.0),
    aug.MagnitudeWarp(strength=0.0, kind="curve"),
    aug.RandomSmoothing(strength=0.0),
    aug.Rotation(angle=0.0),
    aug.TimeReversal(p=0.0),
    aug.CropResize(min_ratio=1.0),
    aug.RandomCrop(min_ratio=1.0),
    aug.TimeWarp(sigma=0.0),
    aug.TimeStretch(strength=0.0),
    aug.WindowWarp(ratio=0.0),
    aug.WindowWarp(factor=1.0),
    aug.Permutation(n_segments=1),
    aug.SpeedChange(slowest=1.0, fastest=1.0),
    aug.TimeShift(ratio=0.0),
    aug.TimeShift(ratio=0.0, mode="edge"),
    aug.FrequencyMask(ratio=0.0),
    aug.FrequencyPerturbation(amplitude=0.0, phase=0.0),
    aug.Blockout(ratio=0.0),
    aug.Blockout(ratio=0.0, kind="rectangle"),
    aug.ChannelDropout(p=0.0),
    aug.ChannelReversal(p=0.0),
    aug.Mixup(alpha=0.0),
    aug.Compose(),
    aug.Compose(jitter=aug.Jitter(sigma=0.0), off=None),
    aug.OneOf(a=None, b="passthrough"),
    aug.RandomApply(aug.Jitter(), p=0.0),
]
RANGES = [  # wrong values, and right ones at the ends of the range
    (aug.SignFlip, "p", [-0.01, 1.01, True, None], [0, 1]),
    (aug.TimeReversal, "p", [-0.01, 1.01], [0, 1]),
    (aug.ChannelReversal, "p", [-0.01, 1.01], [0, 1]),
    (aug.Jitter, "sigma", [-0.01, float("nan")], [0, 100.0]),
    (aug.RandomNoise, "strength", [-0.01], [0, 100.0]),
    (aug.LevelShift, "sigma", [-0.01, "0.1"], [0, 100.0]),
    (aug.Scaling, "sigma", [-0.01, "0.1"], [0, 100.0]),
    (aug.MagnitudeWarp, "strength", [-0.01], [0, 100.0]),
    (aug.MagnitudeWarp, "kind", ["square"], ["sine", "curve"]),
    (aug.MagnitudeWarp, "n_cycles", [0], [0.01]),
    (aug.MagnitudeWarp, "n_knots", [1, 2.5], [2]),
    (aug.RandomSmoothing, "strength", [-0.01, 1.01], [0, 1]),
    (aug.Rotation, "angle", [-0.01, 180.01], [0, 180]),
    (
        aug.Rotation,
        "axes",
        [((0, 1),), ((0, 1, 2), (2, 3, 4)), ((0, 1, -1),), ((0, 1, 6),), ((0, 1, 2.0),), (0, 1, 2), 3],
        [((0, 1, 5),), [[3, 2, 1], [0, 4, 5]], ()],
    ),
    (aug.CropResize, "min_ratio", [0, 1.01], [0.01, 1]),
    (aug.RandomCrop, "min_ratio", [0, 1.01], [0.01, 1]),
    (aug.TimeWarp, "sigma", [-0.01], [0, 2.0]),
    (aug.TimeWarp, "n_knots", [1, 2.5], [2]),
    (aug.TimeStretch, "strength", [-0.01], [0, 100.0]),
    (aug.WindowWarp, "ratio", [-0.01, 1.01], [0, 1]),
    (aug.WindowWarp, "factor", [0.99], [1, 100.0]),
    (aug.Permutation, "n_segments", [0, 1.5], [1, 30]),
    (aug.SpeedChange, "slowest", [0, 2.01], [0.01, 2.0]),
    (aug.SpeedChange, "fastest", [0, float("inf")], [0.5, 100.0]),
    (aug.TimeShift, "ratio", [-0.01, 1.01], [0, 1]),
    (aug.TimeShift, "mode", ["zero"], ["circular", "edge"]),
    (aug.FrequencyMask, "ratio", [-0.01, 1.01], [0, 1]),
    (aug.FrequencyPerturbation, "amplitude", [-0.01], [0, 100.0]),
    (aug.FrequencyPerturbation, "phase", [-0.01], [0, 100.0]),
    (aug.Blockout, "ratio", [-0.01, 1.01], [0, 1]),
    (aug.Blockout, "kind", ["channel"], ["time", "rectangle"]),
    (aug.ChannelDropout, "p", [-0.01, 1.01], [0, 1]),
    (aug.Mixup, "alpha", [-0.01], [0, 100.0]),
]
MIXES_CHANNELS = (aug.Rotation, aug.ChannelReversal)
MOVES_TIME = [
    aug.TimeReversal(p=1.0),
    aug.CropResize(),
    aug.TimeWarp(sigma=1.0),
    aug.TimeStretch(strength=1.0),
    aug.WindowWarp(ratio=0.5),
    aug.Permutation(),
    aug.SpeedChange(),
    aug.TimeShift(ratio=1.0),
    aug.TimeShift(ratio=1.0, mode="edge"),
]


def ragged(n_series=12, n_channels=6, n_steps=20, fill=0.0, dtype=torch.float32):
    lengths = torch.randint(4, n_steps + 1, (n_series,))
    lengths[:4] = torch.tensor([1, 2, 3, n_steps])
    x = torch.randn(n_series, n_channels, n_steps, dtype=torch.float64)
    return torch.where(torch.arange(n_steps) < lengths[:, None, None], x, fill).to(dtype), lengths


def leaves(draws):
    for value in draws.values():
        yield from leaves(value) if isinstance(value, dict) else [value]


def seeded(augmentation, x, lengths=None, seed=3):
    torch.manual_seed(seed)
    return augmentation(x, lengths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_keeps_shape_dtype_and_input(augmentation, dtype):
    x, lengths = ragged(dtype=dtype)
    before = x.clone()
    for given in (lengths, None):
        y = augmentation(x, given)
        assert y.shape == x.shape
        assert y.dtype == dtype
        assert y.isfinite().all()
        assert torch.equal(x, before)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_half_precision_is_the_rounded_result_of_float32(augmentation):
    x, lengths = ragged(dtype=torch.bfloat16)
    assert torch.equal(seeded(augmentation, x, lengths), seeded(augmentation, x.float(), lengths).bfloat16())


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_computes_the_same_under_autocast(augmentation):
    x, lengths = ragged()
    expected = seeded(augmentation, x, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(seeded(augmentation, x, lengths), expected)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_padding_is_neither_changed_nor_read(augmentation):
    x, lengths = ragged(fill=0.0)
    padding = torch.arange(20) >= lengths[:, None, None]
    junk = torch.where(padding, float("nan"), x)
    y = seeded(augmentation, x, lengths)
    assert (y.masked_select(padding) == 0).all()
    torch.testing.assert_close(seeded(augmentation, junk, lengths), junk.where(padding, y), equal_nan=True)


@pytest.mark.parametrize("augmentation", [a for a in ALL if not isinstance(a, aug.Mixup)], ids=repr)
def test_a_padded_series_is_treated_like_the_short_one(augmentation):
    x = torch.randn(5, 6, 8)
    draws = augmentation.draw(x, torch.full((5,), 8))
    short = augmentation.apply(x, torch.full((5,), 8), draws)
    padded_draws = padded(draws)
    long = augmentation.apply(torch.nn.functional.pad(x, (0, 7)), torch.full((5,), 8), padded_draws)
    torch.testing.assert_close(long[:, :, :8], short, rtol=1e-5, atol=1e-5)


def padded(draws):
    """Lengthen what is drawn for each step (8) or frequency (5) of a series of 8 steps to one of 15."""
    if isinstance(draws, dict):
        return {key: padded(value) for key, value in draws.items()}
    new_size = {8: 15, 5: 8}.get(draws.shape[-1], 0) if draws.dim() == 3 else 0
    return torch.nn.functional.pad(draws, (0, new_size - draws.shape[-1])) if new_size else draws


@pytest.mark.parametrize("augmentation", NEUTRAL, ids=repr)
def test_zero_strength_is_exactly_the_identity(augmentation):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x, lengths = ragged(n_steps=333, dtype=dtype)
        assert torch.equal(augmentation(x, lengths), x)
        assert torch.equal(augmentation(x), x)


def test_zero_strength_is_tested_for_every_augmentation():
    assert {type(augmentation) for augmentation in NEUTRAL} == set(CLASSES)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_default_strength_changes_something(augmentation):
    x, lengths = ragged(n_series=40)
    assert not torch.equal(augmentation(x, lengths), x)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("augmentation", [*ALL, *NEUTRAL], ids=repr)
def test_very_short_series(augmentation, n_steps):
    x = torch.randn(30, 6, n_steps)
    y = augmentation(x, torch.randint(1, n_steps + 1, (30,)))
    assert y.shape == x.shape
    assert y.isfinite().all()


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_randomness_comes_from_the_generator_of_torch_alone(augmentation):
    x, lengths = ragged()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = seeded(augmentation, x, lengths)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    np.random.random(10)  # noqa: NPY002
    assert torch.equal(seeded(augmentation, x, lengths), first)
    assert any(not torch.equal(seeded(augmentation, x, lengths, seed), first) for seed in range(4, 9))


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_every_series_has_its_own_draw(augmentation):
    x = torch.randn(1, 6, 20).expand(64, -1, -1)
    draws = [
        drawn
        for drawn in leaves(augmentation.draw(x, torch.full((64,), 20)))
        if not (isinstance(augmentation, aug.Blockout) and augmentation.kind == "time" and drawn.max() == 0)
    ]
    assert draws
    for drawn in draws:
        assert drawn.shape[0] == 64
        assert len(drawn.unique(dim=0)) > 1
    if not isinstance(augmentation, aug.Mixup):  # the same series mixed with itself
        assert len(augmentation(x).unique(dim=0)) > 1


@pytest.mark.parametrize("augmentation", [a for a in ALL if not isinstance(a, MIXES_CHANNELS)], ids=repr)
def test_a_channel_does_not_depend_on_the_others(augmentation):
    x, lengths = ragged(n_series=30)
    other = x.clone()
    other[:, 1:] += 1
    y, y_other = seeded(augmentation, x, lengths), seeded(augmentation, other, lengths)
    assert torch.equal(y[:, 0], y_other[:, 0])
    assert not torch.equal(y[:, 1], y_other[:, 1])


@pytest.mark.parametrize("augmentation", MOVES_TIME, ids=repr)
def test_each_channel_keeps_its_own_values(augmentation):
    # The well-known mistake writes the permuted first channel into every channel.
    lengths = torch.randint(2, 21, (30,))
    marks = 1000 * torch.arange(6.0, dtype=torch.float64)[:, None]
    x = (marks + torch.arange(20)).expand(30, -1, -1)
    y = augmentation(x, lengths)
    assert not torch.equal(y, x)
    assert ((y - marks).masked_select(torch.arange(20) < lengths[:, None, None]) >= 0).all()
    torch.testing.assert_close(y - marks, (y - marks)[:, :1].expand_as(y), rtol=0, atol=1e-9)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_never_waits_for_the_values_of_a_tensor(augmentation):
    # A tensor on the meta device has no values: whatever would copy one to the host raises.
    x = torch.empty(5, 6, 20, device="meta")
    lengths = torch.empty(5, dtype=torch.long, device="meta")
    if isinstance(augmentation, aug.Mixup):  # PyTorch cannot draw from a Beta distribution there
        draws = {"partner": torch.empty_like(lengths), "weight": torch.empty(5, device="meta")}
    else:
        draws = augmentation.draw(x, lengths)
    assert all(drawn.is_meta for drawn in leaves(draws))
    assert augmentation.apply(x, lengths, draws).shape == x.shape


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_gradients_reach_the_input(augmentation):
    x, lengths = ragged()
    x.requires_grad_()
    augmentation(x, lengths).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(("cls", "name", "wrong", "right"), RANGES)
def test_ranges_of_parameters(cls, name, wrong, right):
    x = torch.randn(2, 6, 5)
    for value in wrong:
        with pytest.raises(ValueError, match=rf"{cls.__name__}: `{name}` must "):
            cls(**{name: value})(x)
        with pytest.raises(ValueError, match=rf"{cls.__name__}: `{name}` must "):
            aug.Compose(step=aug.RandomApply(cls(**{name: value}), p=1.0))(x)
    for value in right:
        assert cls(**{name: value})(x).isfinite().all()


def test_the_ranges_of_all_parameters_are_tested():
    declared = {(cls, name) for cls in CLASSES if cls not in COMPOSITIONS for name in cls().get_params()}
    assert {(cls, name) for cls, name, _, _ in RANGES} == declared


def test_rotation_needs_triples():
    with pytest.raises(ValueError, match=r"`axes` is None.*`x` has 4.*axes="):
        aug.Rotation()(torch.zeros(1, 4, 5))


@pytest.mark.parametrize(
    ("x", "lengths", "error", "message"),
    [
        (np.zeros((1, 1, 3)), None, TypeError, "floating-point torch.Tensor, got ndarray"),
        (torch.zeros(1, 1, 3, dtype=torch.int), None, TypeError, "got torch.int32"),
        (torch.zeros(2, 3), None, ValueError, r"shape \(B, C, L\), got \(2, 3\)"),
        (torch.zeros(2, 1, 3), [3, 3], TypeError, "whole numbers, got list"),
        (torch.zeros(2, 1, 3), torch.tensor([3.0, 3.0]), TypeError, "whole numbers, got torch.float32"),
        (torch.zeros(2, 1, 3), torch.tensor([True, True]), TypeError, "whole numbers, got torch.bool"),
        (torch.zeros(2, 1, 3), torch.tensor([3, 3, 3]), ValueError, r"shape \(2,\).*got \(3,\)"),
    ],
)
def test_bad_input(x, lengths, error, message):
    with pytest.raises(error, match=message):
        aug.Jitter()(x, lengths)


@pytest.mark.parametrize("augmentation", ALL, ids=repr)
def test_clone_pickle_and_representations(augmentation):
    x, lengths = ragged()
    expected = seeded(augmentation, x, lengths)
    for copy in (clone(augmentation), pickle.loads(pickle.dumps(augmentation))):
        assert copy is not augmentation
        assert repr(copy) == repr(augmentation)
        assert copy.get_params().keys() == augmentation.get_params().keys()
        assert torch.equal(seeded(copy, x, lengths), expected)
    assert type(augmentation).__name__ in estimator_html_repr(augmentation)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls not in COMPOSITIONS])
def test_parameters_can_be_read_and_set(cls):
    augmentation = cls()
    for name, value in augmentation.get_params().items():
        assert augmentation.set_params(**{name: value}) is augmentation
        assert getattr(augmentation, name) is value
    with pytest.raises(ValueError, match="unheard_of"):
        augmentation.set_params(unheard_of=1)


def test_augmentation_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        aug.Augmentation()
