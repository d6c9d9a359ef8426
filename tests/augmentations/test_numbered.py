"""NumberedTransformations: a set of changes that differ, can be undone, and know nothing of padding."""

import itertools

import pytest
import torch
from sklearn.base import clone

from sklearn_ssl import augmentations as aug
from sklearn_ssl.augmentations import NumberedTransformations

KINDS = ("time", "sign", "channels", "axes", "shift")
ORDERS = {"time": 2, "sign": 2, "channels": 2, "axes": 4, "shift": 4}
LENGTHS = torch.tensor([8, 4, 5, 1])


def series(n_steps=8, n_channels=6):
    torch.manual_seed(0)
    return torch.randn(4, n_channels, n_steps)


def numbers(number):
    return torch.full((4,), number)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_done_as_often_as_its_order_changes_nothing(kind):
    transformations, x = NumberedTransformations(kinds=kind), series()
    assert transformations.n_numbers == ORDERS[kind]
    changed = x
    for _ in range(ORDERS[kind]):
        changed = transformations(changed, numbers(1))
    assert torch.equal(changed, x)


@pytest.mark.parametrize("kind", KINDS)
def test_two_changes_of_a_kind_are_the_change_of_the_sum(kind):
    transformations, x = NumberedTransformations(kinds=kind), series()
    for first, second in itertools.product(range(ORDERS[kind]), repeat=2):
        one_after_the_other = transformations(transformations(x, numbers(first)), numbers(second))
        assert torch.equal(one_after_the_other, transformations(x, numbers((first + second) % ORDERS[kind])))


def test_a_number_stands_for_one_change_of_each_kind_in_order():
    transformations, x = NumberedTransformations(kinds=KINDS), series()
    sizes = [ORDERS[kind] for kind in KINDS]
    assert transformations.n_numbers == 128
    for number, digits in enumerate(itertools.product(*map(range, sizes))):
        expected = x
        for kind, digit in zip(KINDS, digits, strict=True):
            expected = NumberedTransformations(kinds=kind)(expected, numbers(digit))
        assert torch.equal(transformations(x, numbers(number)), expected)


def test_all_transformations_differ():
    transformations, x = NumberedTransformations(kinds=KINDS), series()
    changed = {transformations(x, numbers(number)).numpy().tobytes() for number in range(128)}
    assert len(changed) == 128


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        ("time", 1, [[3.0, 2, 1, 0], [6, 5, 4, 0], [9, 8, 7, 0]]),
        ("sign", 1, [[-1.0, -2, -3, 0], [-4, -5, -6, 0], [-7, -8, -9, 0]]),
        ("channels", 1, [[7.0, 8, 9, 0], [4, 5, 6, 0], [1, 2, 3, 0]]),
        ("axes", 1, [[-4.0, -5, -6, 0], [1, 2, 3, 0], [7, 8, 9, 0]]),
        ("axes", 2, [[-1.0, -2, -3, 0], [-4, -5, -6, 0], [7, 8, 9, 0]]),
        ("axes", 3, [[4.0, 5, 6, 0], [-1, -2, -3, 0], [7, 8, 9, 0]]),
        ("shift", 2, [[3.0, 1, 2, 0], [6, 4, 5, 0], [9, 7, 8, 0]]),
        ("shift", 3, [[2.0, 3, 1, 0], [5, 6, 4, 0], [8, 9, 7, 0]]),
    ],
)
def test_formula_of_each_kind(kind, number, expected):
    x = torch.tensor([[[1.0, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0]]])
    changed = NumberedTransformations(kinds=kind)(x, torch.tensor([number]), torch.tensor([3]))
    assert torch.equal(changed, torch.tensor([expected]))


def test_axes_turns_only_the_named_channels():
    x = series()
    changed = NumberedTransformations(kinds="axes", axes=((5, 1, 3),))(x, numbers(1))
    assert torch.equal(changed[:, [0, 2, 3, 4]], x[:, [0, 2, 3, 4]])
    assert torch.equal(changed[:, 5], -x[:, 1])
    assert torch.equal(changed[:, 1], x[:, 5])


@pytest.mark.parametrize("kinds", [*KINDS, KINDS])
def test_padding_neither_changes_nor_matters(kinds):
    transformations, x = NumberedTransformations(kinds=kinds), series()
    padded = torch.where(torch.arange(8) < LENGTHS[:, None, None], x, torch.nan)
    for number in range(transformations.n_numbers):
        changed = transformations(padded, numbers(number), LENGTHS)
        for one, whole, length in zip(changed, x, LENGTHS, strict=True):
            alone = transformations.apply(whole[None, :, :length], None, torch.tensor([number]))[0]
            assert torch.equal(one[:, :length], alone)
            assert one[:, length:].isnan().all()


def test_every_series_has_its_own_number():
    transformations, x = NumberedTransformations(kinds=("axes", "time")), series()
    together = transformations(x, torch.tensor([7, 0, 3, 4]), LENGTHS)
    for row, number in enumerate((7, 0, 3, 4)):
        assert torch.equal(together[row], transformations(x, numbers(number), LENGTHS)[row])


@pytest.mark.parametrize("lengths", [LENGTHS, None])
def test_all_of_has_every_series_with_every_number(lengths):
    transformations, x = NumberedTransformations(), series()
    changed, all_lengths, number = transformations.all_of(x, lengths)
    assert number.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    for one in range(4):
        assert torch.equal(changed[number == one], transformations(x, numbers(one), lengths))
    assert all_lengths is None if lengths is None else torch.equal(all_lengths, lengths.repeat(4))


def test_descriptions_are_in_the_order_of_the_numbers():
    assert NumberedTransformations(kinds=("sign", "time")).descriptions == ("none", "time", "sign", "sign + time")
    quarters = ("none", "shift 1/4", "shift 2/4", "shift 3/4")
    assert NumberedTransformations(kinds="shift").descriptions == quarters


def test_gradient_passes():
    x = series().requires_grad_()
    NumberedTransformations(kinds=KINDS)(x, torch.tensor([0, 30, 77, 127])).sum().backward()
    assert x.grad.abs().eq(1).all()


@pytest.mark.parametrize(
    ("kinds", "shape", "message"),
    [
        ("time", (3, 1), 'kind "time" needs 2 or more time steps, got n_features = 1. Leave "time" out of `kinds`'),
        ("shift", (3, 3), 'kind "shift" needs 4 or more time steps, got n_features = 3'),
        ("channels", (1, 9), 'kind "channels" needs 2 or more channels, got 1'),
        ("axes", (2, 9), 'kind "axes" needs 3 or more channels, got 2'),
        ("axes", (4, 9), "`axes` is None, which takes consecutive triples of channels, but `x` has 4 channels"),
    ],
)
def test_kinds_that_do_not_fit_the_series_are_refused(kinds, shape, message):
    with pytest.raises(ValueError, match=message):
        NumberedTransformations(kinds=kinds).check_shape(*shape)
    with pytest.raises(ValueError, match=message):
        NumberedTransformations(kinds=kinds)(torch.zeros(2, *shape), torch.zeros(2, dtype=torch.long))


@pytest.mark.parametrize("kinds", KINDS)
def test_the_smallest_series_that_a_kind_fits(kinds):
    n_channels, n_steps = {"channels": (2, 1), "axes": (3, 1), "time": (1, 2), "shift": (1, 4), "sign": (1, 1)}[kinds]
    NumberedTransformations(kinds=kinds).check_shape(n_channels, n_steps)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (((0, 1, 6),), "must name channels below 6"),
        (((0, 1),), "must be triples of channel numbers"),
        ((), 'kind "axes" needs a triple in `axes`'),
    ],
)
def test_wrong_axes_are_refused(axes, message):
    with pytest.raises(ValueError, match=f"NumberedTransformations: .*{message}"):
        NumberedTransformations(kinds="axes", axes=axes)(series(), numbers(0))


@pytest.mark.parametrize("kinds", [(), ("time", "time"), "size", ("time", "size"), None])
def test_wrong_kinds_are_refused(kinds):
    with pytest.raises(ValueError, match="NumberedTransformations: `kinds` must be one of, or a non-empty tuple"):
        NumberedTransformations(kinds=kinds)(series(), numbers(0))


@pytest.mark.parametrize("number", [numbers(4), numbers(-1), numbers(0)[:3]])
def test_wrong_numbers_are_refused(number):
    with pytest.raises(ValueError, match=r"`number` must have shape \(4,\), one number from 0 to 3 per series"):
        NumberedTransformations()(series(), number)


@pytest.mark.parametrize("number", [torch.zeros(4), torch.zeros(4, dtype=torch.bool), [0, 0, 0, 0]])
def test_numbers_must_be_whole(number):
    with pytest.raises(TypeError, match=r"`number` must be a torch\.Tensor of whole numbers, got"):
        NumberedTransformations()(series(), number)


UNDOES = {
    "time": aug.TimeReversal(),
    "sign": aug.SignFlip(),
    "channels": aug.ChannelReversal(),
    "axes": aug.Rotation(angle=45.0),
    "shift": aug.TimeShift(ratio=0.125),
}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda step: step,
        lambda step: aug.Compose(jitter=aug.Jitter(), off=None, last=step),
        lambda step: aug.OneOf(one=aug.RandomApply(step), other="passthrough"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_augmentation_that_makes_the_changes_is_refused(kind, wrapped):
    asked = f'`augmentation` has {type(UNDOES[kind]).__name__}.*, which makes changes of kind "{kind}".*: leave it out'
    with pytest.raises(ValueError, match=asked):
        NumberedTransformations(kinds=kind).check_augmentation(wrapped(UNDOES[kind]))
    others = tuple(other for other in KINDS if other != kind)
    NumberedTransformations(kinds=others).check_augmentation(wrapped(UNDOES[kind]))


def test_permuted_segments_are_refused_next_to_shifts():
    with pytest.raises(ValueError, match="`augmentation` has Permutation"):
        NumberedTransformations(kinds="shift").check_augmentation(aug.Permutation())


@pytest.mark.parametrize(
    "weak",
    [
        aug.TimeReversal(p=0.0),
        aug.SignFlip(p=0.0),
        aug.ChannelReversal(p=0.0),
        aug.Rotation(),
        aug.TimeShift(),
        aug.Permutation(n_segments=1),
        torch.relu,
    ],
)
def test_changes_too_small_to_mistake_are_allowed(weak):
    NumberedTransformations(kinds=KINDS).check_augmentation(weak)


def test_clones_keep_the_kinds():
    assert clone(NumberedTransformations(kinds=("sign", "shift"))).n_numbers == 8
