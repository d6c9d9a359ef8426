import numpy as np
import pytest
import torch
from small_architectures import LENGTHS, built
from torch import nn

from sklearn_ssl._numerics.spectrum import dominant_frequency
from sklearn_ssl.architectures import Batch, PeriodicArchitecture
from sklearn_ssl.augmentations import Compose, Jitter, SpeedChange


def first_channel(architecture):
    """Let the sequence of a series be its first channel."""
    architecture.sequences = lambda x: x[:, 0]
    return architecture


def test_speeds_are_sorted_and_copies_are_windows_of_the_series_at_them(x):
    architecture = first_channel(built(PeriodicArchitecture, speed_change=SpeedChange(slowest=0.5, fastest=2.0)))
    ramp = torch.arange(32.0).expand(*x.shape)
    first, second, speeds = architecture(Batch(ramp))
    assert first.shape == second.shape == (*speeds.shape, 16)
    assert bool((speeds.diff(dim=1) >= 0).all())
    steps = torch.arange(16.0)
    for view in (first, second):
        assert bool((view >= 0).all())
        assert bool((view <= 31).all())
        torch.testing.assert_close(view, view[..., :1] + speeds[..., None] * steps, rtol=0, atol=1e-3)
    assert not torch.equal(first[..., 0], second[..., 0]), "the views have offsets of their own"


def test_windows_begin_anywhere_in_the_room_that_the_speed_leaves():
    architecture = built(PeriodicArchitecture, n_speeds=2, speed_change=SpeedChange(slowest=0.5, fastest=2.0))
    ramp = torch.arange(32.0).expand(2000, 2, 32)
    speeds = torch.tensor([[0.5, 1.5]]).expand(2000, 2)
    begin = architecture._at_speeds(ramp, None, speeds)[:, 0, 0].unflatten(0, (2000, 2))
    for of_speed, room in zip(begin.T, (31 - 0.5 * 15, 31 - 1.5 * 15), strict=True):
        assert float(of_speed.min()) < 0.01 * room
        assert 0.99 * room < float(of_speed.max()) <= room
        assert float(of_speed.mean()) == pytest.approx(room / 2, rel=0.05)


def test_slow_speeds_alone_leave_the_length(x):
    architecture = first_channel(built(PeriodicArchitecture, speed_change=SpeedChange(slowest=0.5, fastest=0.9)))
    assert architecture(Batch(x))[0].shape[2] == 32


def test_the_frequency_of_a_copy_is_that_of_the_series_times_the_speed():
    architecture = first_channel(built(PeriodicArchitecture, n_speeds=31, n_timepoints=600))
    frequencies = torch.tensor([0.021, 0.05, 0.083])
    x = torch.sin(2 * torch.pi * frequencies[:, None, None] * torch.arange(600.0)).expand(3, 2, 600)
    architecture._speeds = lambda x: torch.linspace(0.5, 2, 31).expand(3, 31)
    first, second, speeds = architecture(Batch(x))
    for copies in (first, second):
        found = dominant_frequency(copies.flatten(0, 1).numpy(), 1.0).reshape(3, 31)
        np.testing.assert_allclose(found, frequencies[:, None] * speeds, rtol=0.005)


def test_speeds_are_uniform_in_their_range():
    architecture = built(PeriodicArchitecture, n_speeds=2, speed_change=SpeedChange(slowest=0.5, fastest=2.5))
    speeds = architecture._speeds(torch.zeros(2000, 2, 32))
    assert 0.5 <= float(speeds.min()) < 0.51
    assert 2.49 < float(speeds.max()) <= 2.5
    assert float(speeds.mean()) == pytest.approx(1.5, abs=0.05)
    assert float(speeds.std()) == pytest.approx(2 / 12**0.5, abs=0.02)


def test_views_of_a_copy_are_independent(x):
    architecture = first_channel(built(PeriodicArchitecture, augmentation=Compose(jitter=Jitter(sigma=0.01))))
    first, second, _ = architecture(Batch(torch.ones_like(x)))
    assert not torch.equal(first, second)
    torch.testing.assert_close(first, second, rtol=0, atol=0.1)


def test_copies_of_padded_series_fill_all_steps(padded):
    architecture = first_channel(built(PeriodicArchitecture))
    first, _, _ = architecture(Batch(padded, LENGTHS))
    several = LENGTHS > 1
    assert bool((first[several][:, :, -8:] != 0).all())
    assert bool((first[3] == padded[3, 0, 0]).all()), "a series of one step has it at every step"


def test_sequences_are_a_linear_map_of_the_last_layer_and_end_with_the_series(padded):
    architecture = built(PeriodicArchitecture, encoder=nn.Conv1d(2, 5, 4, stride=4)).eval()
    values = architecture.sequences(padded, LENGTHS)
    assert (~values.isnan()).sum(dim=1).tolist() == [8, 2, 5, 1, 1, 8]
    expected = torch.einsum("d,bdl->bl", architecture.head.weight[0, :, 0], architecture.encoder(padded))
    expected = expected + architecture.head.bias
    torch.testing.assert_close(values[~values.isnan()], expected[~values.isnan()])
    torch.testing.assert_close(architecture.sequences(padded), expected)


@pytest.mark.parametrize(("slowest", "fastest"), [(1 / 32, 32.0), (0.5, 2.0)])
def test_speeds_that_suit_the_series(slowest, fastest):
    built(PeriodicArchitecture, speed_change=SpeedChange(slowest=slowest, fastest=fastest))


@pytest.mark.parametrize(("slowest", "fastest"), [(0.031, 2.0), (0.5, 32.1)])
def test_speeds_at_which_copies_are_constant_are_refused(slowest, fastest):
    with pytest.raises(ValueError, match=rf"`speed` must be within 1 / 32 and 32 for .* fastest={fastest}"):
        built(PeriodicArchitecture, speed_change=SpeedChange(slowest=slowest, fastest=fastest))


def test_series_and_encoders_of_a_single_step_are_refused():
    with pytest.raises(ValueError, match=r"2 or more time steps .* got n_features = 1"):
        built(PeriodicArchitecture, n_timepoints=1)
    architecture = first_channel(built(PeriodicArchitecture, n_timepoints=2))
    assert architecture(Batch(torch.zeros(3, 2, 2)))[0].shape[2] == 2
    built(PeriodicArchitecture, encoder=nn.AdaptiveAvgPool1d(2))
    with pytest.raises(ValueError, match="`encoder` must return 2 or more time steps for windows of 16, got 1"):
        built(PeriodicArchitecture, encoder=nn.AdaptiveAvgPool1d(1))
