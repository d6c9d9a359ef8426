"""Masks of padded series, and maps with fewer steps than the series that they belong to."""

import itertools

import pytest
import torch

from sklearn_ssl._input.padding import stride_of
from sklearn_ssl.encoders import at_every_step, observed_mask, resize_mask, zero_padding

STRIDES = [1, 2, 4, 8, 16, 32, 64]
EVERY_PAIR = list(itertools.product(range(1, 25), range(1, 30)))  # steps of the series and of the map


def windows(n_timepoints, length):
    """Return the fine steps that each coarse step stands for, by trying all powers of two."""
    for stride in STRIDES:
        if len(range(0, n_timepoints, stride)) == length:
            return [range(i * stride, min((i + 1) * stride, n_timepoints)) for i in range(length)]
    begins = [i * n_timepoints // length for i in range(length)]
    ends = [-(-(i + 1) * n_timepoints // length) for i in range(length)]
    return [range(begin, end) for begin, end in zip(begins, ends, strict=True)]


def every_prefix(n_timepoints):
    """Return the masks of series of 0, 1, ..., L observed steps."""
    return torch.tensor([[t < n for t in range(n_timepoints)] for n in range(n_timepoints + 1)])


def test_observed_steps_come_first():
    mask = observed_mask(torch.tensor([0, 2, 4, 9]), 4)
    assert mask.tolist() == [[t < n for t in range(4)] for n in (0, 2, 4, 9)]


def test_padded_steps_become_zero_and_others_stay():
    h, mask = torch.randn(3, 2, 4), observed_mask(torch.tensor([4, 0, 1]), 4)
    result = zero_padding(h, mask)
    for b, d, t in itertools.product(range(3), range(2), range(4)):
        assert result[b, d, t] == (h[b, d, t] if mask[b, t] else 0)
    assert zero_padding(h, None) is h


def test_no_two_strides_explain_the_same_length():
    for n_timepoints, length in EVERY_PAIR:
        possible = [stride for stride in STRIDES if len(range(0, n_timepoints, stride)) == length]
        assert len(possible) <= 1 or length == 1
        found = stride_of(n_timepoints, length)
        assert found in possible if possible else found is None


def test_a_coarse_step_is_observed_if_one_of_its_fine_steps_is():
    for n_timepoints, length in EVERY_PAIR:
        masks = every_prefix(n_timepoints)
        expected = [[any(row[t] for t in window) for window in windows(n_timepoints, length)] for row in masks.tolist()]
        assert resize_mask(masks, length).tolist() == expected


def test_a_mask_with_the_right_length_is_returned():
    mask = every_prefix(5)
    assert resize_mask(mask, 5) is mask


def test_every_fine_step_gets_a_coarse_step_that_stands_for_it():
    for n_timepoints, length in EVERY_PAIR:
        h = torch.arange(2.0 * length).view(1, 2, length)
        fine = at_every_step(h, n_timepoints)
        assert fine.shape == (1, 2, n_timepoints)
        chosen = fine[0, 0].int().tolist()
        assert chosen == sorted(chosen)
        assert all(t in windows(n_timepoints, length)[i] for t, i in enumerate(chosen))
        assert fine[0, 1].tolist() == [length + i for i in chosen]
        assert len(set(chosen)) == min(length, n_timepoints)


@pytest.mark.parametrize("stride", STRIDES)
def test_neither_way_depends_on_the_padding_of_the_batch(stride):
    for n_observed in range(1, 41):
        n_coarse = len(range(0, n_observed, stride))
        h = torch.randn(1, 3, 50)
        alone = at_every_step(h[:, :, :n_coarse], n_observed)
        for n_timepoints in range(n_observed, 50):
            n_maps = len(range(0, n_timepoints, stride))
            resized = resize_mask(observed_mask(torch.tensor([n_observed]), n_timepoints), n_maps)
            assert resized[0].tolist() == [True] * n_coarse + [False] * (n_maps - n_coarse)
            assert at_every_step(h[:, :, :n_maps], n_timepoints)[:, :, :n_observed].equal(alone)


def test_every_step_of_a_resized_mask_covers_the_mask():
    for n_timepoints, length in EVERY_PAIR:
        masks = every_prefix(n_timepoints)
        assert (at_every_step(resize_mask(masks, length), n_timepoints) >= masks).all()


@pytest.mark.parametrize("length", [3, 4])
def test_nothing_reads_values_back_from_the_device(length):
    mask = observed_mask(torch.ones(2, dtype=torch.long, device="meta"), 9)
    h = torch.zeros(2, 5, length, device="meta")
    assert resize_mask(mask, length).shape == (2, length)
    assert at_every_step(h, 9).shape == (2, 5, 9)
