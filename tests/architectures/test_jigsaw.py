"""Pieces come from their own cells, carry neither level nor scale, and are put into orders that are far apart."""

import itertools
import math

import numpy as np
import pytest
import torch
from small_architectures import built

from sklearn_ssl.architectures import JigsawArchitecture
from sklearn_ssl.architectures._jigsaw import far_permutations

LENGTHS = torch.tensor([30, 17, 9, 4, 2, 1])


def jigsaw(**parameters):
    return built(JigsawArchitecture, **{"n_channels": 1, "n_timepoints": 30, **parameters})


def ramps(lengths):
    """Return series whose values are their steps, and NaN as padding."""
    steps = torch.arange(30.0)
    return torch.where(steps < lengths[:, None], steps, torch.nan)[:, None]


def distances(orders):
    return [sum(a != b for a, b in zip(one, other, strict=True)) for one, other in itertools.combinations(orders, 2)]


# The orders


@pytest.mark.parametrize("seed", range(3))
def test_each_order_is_as_far_as_possible_from_those_before(seed):
    chosen = far_permutations(4, 24, seed).tolist()
    assert len({tuple(order) for order in chosen}) == 24
    for n in range(1, 24):
        rest = [order for order in map(list, itertools.permutations(range(4))) if order not in chosen[:n]]
        smallest = [min(np.not_equal(order, before).sum() for before in chosen[:n]) for order in rest]
        assert min(np.not_equal(chosen[n], before).sum() for before in chosen[:n]) == max(smallest)
        assert chosen[n] == rest[smallest.index(max(smallest))]


def test_thirty_orders_of_six_differ_in_four_places():
    assert min(distances(far_permutations(6, 30, 0).tolist())) == 4


def test_the_first_order_is_random_and_is_kept_with_the_weights():
    assert len({tuple(far_permutations(4, 1, seed)[0]) for seed in range(20)}) > 5
    torch.manual_seed(0)
    one, other = (jigsaw(n_segments=5) for _ in range(2))
    assert not torch.equal(one.permutations, other.permutations)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.permutations, other.permutations)


@pytest.mark.parametrize(
    ("n_timepoints", "n_segments", "n_permutations"), [(2, 2, 2), (23, 2, 2), (24, 3, 6), (32, 4, 24), (100, 5, 24)]
)
def test_automatic_numbers(n_timepoints, n_segments, n_permutations):
    module = jigsaw(n_timepoints=n_timepoints, n_segments="auto", n_permutations="auto")
    assert module.permutations.shape == (n_permutations, n_segments)
    assert module.n_answers == n_permutations


# The pieces


def raw(monkeypatch):
    monkeypatch.setattr("sklearn_ssl.architectures._jigsaw._standardised", lambda pieces, within: pieces)


@pytest.mark.parametrize("n_segments", [2, 3, 4])
@pytest.mark.parametrize("ratio", [0.5, 0.85, 1.0])
def test_pieces_of_a_ramp_come_from_their_own_cells(n_segments, ratio, monkeypatch):
    raw(monkeypatch)
    module = jigsaw(n_segments=n_segments, n_permutations=2, piece_ratio=ratio)
    starts, lengths = set(), LENGTHS.repeat(100)
    pieces, widths = module.pieces(ramps(lengths), lengths)
    for series, width, length in zip(pieces, widths.tolist(), lengths.tolist(), strict=True):
        assert width == max(1, math.floor(ratio * length / n_segments + 1e-6))
        edges = [cell * length // n_segments for cell in range(n_segments + 1)]
        assert [edges[0], edges[-1]] == [0, length]
        for cell, piece in enumerate(series[:, 0, :width].tolist()):
            assert piece == list(range(int(piece[0]), int(piece[0]) + width))  # no padding, which is NaN
            if length >= n_segments:
                assert edges[cell] <= piece[0] <= edges[cell + 1] - width
            if length == 30:
                starts.add((cell, piece[0] - edges[cell]))
    room = [30 * (cell + 1) // n_segments - 30 * cell // n_segments for cell in range(n_segments)]
    width = math.floor(ratio * 30 / n_segments + 1e-6)
    assert starts == {(cell, start) for cell in range(n_segments) for start in range(room[cell] - width + 1)}


def test_series_without_lengths_are_observed_whole(monkeypatch):
    raw(monkeypatch)
    pieces, widths = jigsaw(n_segments=3).pieces(ramps(torch.tensor([30, 30])), None)
    assert widths is None
    assert pieces.shape == (2, 3, 1, 8)
    assert pieces.isfinite().all()


def test_series_with_fewer_steps_than_cells_repeat_them(monkeypatch):
    raw(monkeypatch)
    pieces, widths = jigsaw(n_segments=4, n_permutations=2).pieces(ramps(LENGTHS), LENGTHS)
    assert widths[-2:].tolist() == [1, 1]
    assert pieces[4, :, 0, 0].tolist() == [0, 0, 1, 1]
    assert pieces[5, :, 0, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_level_and_scale_of_a_piece_are_taken_away(scale):
    torch.manual_seed(0)
    x = scale * (0.05 + torch.randn(6, 2, 30))
    pieces, widths = jigsaw(n_channels=2).pieces(torch.where(torch.arange(30) < LENGTHS[:, None, None], x, 0), LENGTHS)
    for series, width in zip(pieces, widths.tolist(), strict=True):
        if width > 1:
            torch.testing.assert_close(series[..., :width].mean(2), torch.zeros(3, 2), atol=1e-5, rtol=0)
            torch.testing.assert_close(series[..., :width].std(2, correction=0), torch.ones(3, 2))
        assert not series[..., width:].any()


def test_single_steps_keep_their_values_and_constants_vanish():
    x = torch.full((6, 1, 30), 0.1) * torch.arange(6)[:, None, None]
    pieces, widths = jigsaw().pieces(x, LENGTHS)
    for series, width, level in zip(pieces[..., 0], widths.tolist(), x[:, 0, 0].tolist(), strict=True):
        torch.testing.assert_close(series, torch.full((3, 1), level if width == 1 else 0.0), atol=1e-2, rtol=0)


def test_the_inverse_order_restores_the_pieces():
    module = jigsaw(n_segments=4, n_permutations=24)
    pieces = torch.arange(24.0)[:, None, None, None] + torch.arange(4.0)[None, :, None, None]
    shuffled = module.shuffled(pieces, torch.arange(24))
    for one, order, whole in zip(shuffled, module.permutations, pieces, strict=True):
        assert torch.equal(one[order.argsort()], whole)
        assert [float(value) for value in one.flatten()] == [float(whole.flatten()[place]) for place in order]


def test_every_piece_passes_the_encoder_alone_and_every_order_is_drawn():
    module = jigsaw(n_segments=3, n_permutations=6).eval()
    x = torch.randn(200, 1, 30)
    number, logits = module.questions(x, None)
    assert sorted(set(number.tolist())) == list(range(6))
    pieces, widths = module.pieces(x, None)
    shuffled = module.shuffled(pieces, number)
    joined = torch.cat([module.reduce(module.features(shuffled[:, place])) for place in range(3)], dim=1)
    torch.testing.assert_close(module.logits(shuffled, widths), module.classifier(module.projector(joined)))
    assert logits.shape == (200, 6)


def test_an_encoder_that_cannot_take_pieces_is_refused():
    def of_long_series(n_channels):
        return torch.nn.Conv1d(n_channels, 4, 20)

    with pytest.raises(ValueError, match=r"`encoder` failed on series of shape \(2, 1, 8\)"):
        jigsaw(encoder=of_long_series)
