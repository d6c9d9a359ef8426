"""Where the pieces, windows and blocks of series are that a method compares."""

import pytest
import torch
from small_architectures import N_STEPS, ROWS, built
from torch import nn

from sklearn_ssl.architectures import (
    AttentiveContextArchitecture,
    Batch,
    DividedArchitecture,
    NeighbourArchitecture,
    NestedPieceArchitecture,
    RecurrentContextArchitecture,
)
from sklearn_ssl.architectures._divided import drawn_blocks
from sklearn_ssl.architectures._later_windows import window_of
from sklearn_ssl.architectures._neighbours import drawn_windows
from sklearn_ssl.losses import dicot_loss
from sklearn_ssl.pooling import Pooling

LENGTHS = torch.tensor([12, 7, 20, 9, 32, 31])
either = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])


def same(n_channels):
    """Return an encoder whose features are the values."""
    return nn.Identity()


def steps_only(n_channels):
    """Return an encoder that sees each step by itself."""
    return nn.Conv1d(n_channels, 3, 1)


def numbered(lengths=None):
    """Return series whose values are their number in thousands and the step, and a billion where they are padded."""
    x = (1000.0 * torch.arange(6)[:, None] + torch.arange(N_STEPS))[:, None]  # (B, 1, L)
    beyond = torch.arange(N_STEPS) >= (N_STEPS if lengths is None else lengths[:, None, None])
    return Batch(x.masked_fill(beyond, 1e9), lengths, ROWS)


def places(means_and_ends):
    """Return series, first and last step of pieces of the numbered series, from their means and largest values."""
    mean, largest = means_and_ends.unbind(-1)
    width = (2 * (largest - mean)).round() + 1
    return torch.stack([largest // 1000, (largest - width + 1) % 1000, largest % 1000]).long()


# A piece of a piece, and pieces of any series


def pieces(lengths, n_draws=100):
    own = {"encoder": same, "n_channels": 1, "pooling": Pooling(statistics=("mean", "max")), "n_negatives": 5}
    architecture = built(NestedPieceArchitecture, **own)
    for _ in range(n_draws):
        yield [places(h) for h in architecture(numbered(lengths))]


@either
def test_an_inner_piece_lies_in_its_anchor(lengths):
    observed = torch.full((6,), N_STEPS) if lengths is None else lengths
    for (series, start, end), (inner_series, inner_start, inner_end), _ in pieces(lengths):
        assert torch.equal(series, torch.arange(6))
        assert torch.equal(inner_series, series)
        assert bool(((start >= 0) & (start <= inner_start) & (inner_end <= end) & (end < observed)).all())


@either
def test_other_pieces_are_as_long_as_the_inner_one_and_anywhere(lengths):
    own = 0
    for _, (_, inner_start, inner_end), (series, start, end) in pieces(lengths):
        most = torch.full((6,), N_STEPS) if lengths is None else lengths
        assert torch.equal(end - start + 1, torch.minimum((inner_end - inner_start + 1).expand(5, 6), most[series]))
        own += int((series == torch.arange(6)).sum())
    assert 300 < own < 700, "a sixth of them come from the anchor's own series"


def test_series_of_one_length_share_both_widths_and_reach_both_ends():
    starts, ends, widths = set(), set(), set()
    for (_, start, end), (_, inner_start, inner_end), _ in pieces(None, n_draws=300):
        assert len((end - start).unique()) == len((inner_end - inner_start).unique()) == 1
        starts |= set(start.tolist())
        ends |= set(end.tolist())
        widths.add(int((inner_end - inner_start)[0]) + 1)
    assert {0, N_STEPS - 1} <= starts | ends
    assert len(starts) > 25
    assert {1, N_STEPS // 2} & widths
    assert max(ends) == N_STEPS - 1


def test_series_of_unequal_lengths_have_widths_of_their_own():
    (_, start, end), _, _ = next(pieces(LENGTHS))
    assert len((end - start).unique()) > 1


# Windows that come later


@pytest.mark.parametrize(("n", "width"), [(1, 1), (2, 1), (3, 1), (9, 3), (12, 4), (48, 4), (128, 8), (315, 19)])
def test_automatic_windows(n, width):
    assert window_of("auto", n) == width
    assert window_of(5, n) == 5


@either
def test_no_prediction_knows_what_it_predicts(lengths):
    for cls in (RecurrentContextArchitecture, AttentiveContextArchitecture):
        architecture = built(cls, encoder=steps_only, window="auto").eval()
        for _ in range(20):
            x = torch.randn(6, 2, N_STEPS, requires_grad=True)
            outputs = architecture(Batch(x, lengths, ROWS))
            predicted, later = outputs if len(outputs) == 2 else outputs[2:4]
            sums = [(one * torch.randn_like(one)).sum() for one in (predicted, later)]
            read, known = (torch.autograd.grad(total, x, retain_graph=True)[0] for total in sums)
            for series in range(6):
                read_steps, later_steps = (g[series].abs().sum(0).nonzero().flatten() for g in (read, known))
                assert len(read_steps)
                assert int(read_steps.max()) < int(later_steps.min())


@either
def test_all_steps_of_a_series_are_used(lengths):
    architecture = built(RecurrentContextArchitecture, encoder=same, n_channels=1, window=5)
    means = torch.cat([architecture.windows(numbered(lengths).x, lengths)[..., 0] for _ in range(200)], dim=1)
    observed = torch.full((6,), N_STEPS) if lengths is None else lengths
    starts, ends = means % 1000 - 2, means % 1000 + 2
    assert torch.equal(starts.amin(1), torch.zeros(6))
    assert torch.equal(ends.amax(1), observed - 1.0)


def test_windows_are_in_their_order():
    architecture = built(RecurrentContextArchitecture, encoder=same, n_channels=1, window=4, n_horizons=2)
    predicted, later = architecture(numbered())
    assert predicted.shape == later.shape == (2, 6, 1)
    assert torch.equal(later[1] - later[0], torch.full((6, 1), 4.0))


def test_fewer_windows_are_predicted_where_there_are_fewer():
    architecture = built(RecurrentContextArchitecture, encoder=same, n_channels=1, window=12, n_horizons=6)
    assert architecture(numbered())[0].shape == (1, 6, 1)


class One(nn.Module):
    """A view whose values are 1 in one channel and 0 in the other."""

    def __init__(self, channel):
        super().__init__()
        self.channel = channel

    def forward(self, x, lengths=None):
        return torch.zeros_like(x).index_fill(1, torch.tensor([self.channel]), 1.0)


def test_each_view_predicts_the_other():
    architecture = built(AttentiveContextArchitecture, encoder=same, window=16, weak=One(0), strong=One(1)).eval()
    batch = Batch(torch.randn(6, 2, N_STEPS), None, ROWS)
    weak_context, strong_context, of_weak, strong_later, of_strong, weak_later = architecture(batch)
    assert torch.equal(strong_later, torch.tensor([0.0, 1.0]).expand(1, 6, 2))
    assert torch.equal(weak_later, torch.tensor([1.0, 0.0]).expand(1, 6, 2))
    for channel, projection, predicted in ((0, weak_context, of_weak), (1, strong_context, of_strong)):
        context = architecture._context(torch.eye(2)[channel].expand(6, 1, 2))
        torch.testing.assert_close(architecture.projector(context), projection)
        torch.testing.assert_close(architecture.predictions(context, 1), predicted)


def test_both_views_have_their_windows_at_the_same_place():
    architecture = built(AttentiveContextArchitecture, encoder=same, n_channels=1, window=5)
    x = numbered().x
    first, second = architecture.windows(torch.cat([x, x]), None, n_views=2).chunk(2)
    assert torch.equal(first, second)


# Windows that are near, and distant ones


def drawn(observed, width=4, neighborhood=1.0, distance=2.0, n_cases=3):
    n = len(observed)
    rows, starts = drawn_windows(observed, n_cases, width, neighborhood, distance)
    return [(rows[i * n : (i + 1) * n], starts[i * n : (i + 1) * n]) for i in range(3)]


def test_windows_lie_in_their_series_and_distant_ones_are_distant():
    observed = torch.tensor([40, 25, 60]).repeat(500)
    (row, anchor), (near_row, near), (far_row, far) = drawn(observed)
    for rows, starts in ((row, anchor), (near_row, near), (far_row, far)):
        assert bool(((starts >= 0) & (starts + 4 <= observed[rows])).all())
    assert torch.equal(near_row, row)
    here = far_row == row
    assert bool(((far - anchor).abs()[here] >= 8).all())
    last = observed - 4
    has_place = (anchor >= 8) | (last - anchor >= 8)
    assert torch.equal(here, has_place)
    longest = (row == 2) & here
    assert set(far[longest].tolist()) == set(range(57)), "distant windows are anywhere"
    assert set(anchor[row == 2].tolist()) == set(range(57))


def test_near_windows_are_spread_by_the_neighbourhood():
    observed = torch.full((9000,), 2000)
    (_, anchor), (_, near), _ = drawn(observed, neighborhood=1.5)
    inside = (anchor > 50) & (anchor < 1900)
    moved = (near - anchor)[inside].double()
    assert float(moved.std()) == pytest.approx(6.0, rel=0.05)
    assert float(moved.mean()) == pytest.approx(0.0, abs=0.3)


def test_short_series_have_their_distant_windows_in_other_series():
    observed = torch.tensor([8, 8, 8]).repeat(50)
    (row, _), _, (far_row, far) = drawn(observed)
    assert not bool((far_row == row).any())
    assert set(((far_row - row) % 3).tolist()) == {1, 2}
    assert set(far.tolist()) == set(range(5))


def test_pairs_are_scored_in_both_orders():
    architecture = built(NeighbourArchitecture, encoder=same, n_channels=1, n_samples=40)
    del architecture.discriminator
    architecture.discriminator = lambda pair: pair.diff(dim=1)  # second less first
    kinds = torch.arange(3.0).repeat_interleave(40 * 6)[:, None]  # anchors, near and distant windows
    architecture.projections = lambda x, lengths=None: kinds
    for kind, scores in enumerate(architecture(numbered()), start=1):
        assert set(scores.tolist()) == {-kind, kind}
        assert 0.35 < float((scores > 0).float().mean()) < 0.65


def test_the_windows_of_a_series_cover_their_share():
    widths = []
    architecture = built(NeighbourArchitecture, window_ratio=0.25)
    architecture.projections = lambda x, lengths=None: widths.append(x.shape[2]) or torch.zeros(len(x), 4)
    for ratio in (0.25, 0.01):
        architecture.window_ratio = ratio
        architecture(Batch(torch.randn(6, 2, N_STEPS), None, ROWS))
    assert widths == [8, 4]


# Blocks


@pytest.mark.parametrize("n_blocks", range(2, 11))
@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.9])
def test_there_are_blocks_enough_and_all_lie_in_the_series(n_blocks, overlap):
    for n in (2, 3, 5, 17, 32, 100):
        (width,), (starts,) = drawn_blocks(torch.tensor([n]), n_blocks, overlap)
        assert len(starts) >= (min(n_blocks, n) if overlap <= 0.5 else 2)
        assert starts[0] == 0
        assert int(starts[-1] + width) <= n
        assert len(starts.diff().unique()) == 1


def test_blocks_of_a_hundred_steps():
    widths, starts = drawn_blocks(torch.tensor([100, 60]), 4, 0.5)
    assert widths.tolist() == [40, 24]
    assert starts.tolist() == [[0, 20, 40, 60], [0, 12, 24, 36]]


@either
def test_blocks_are_the_steps_that_they_should_be(lengths):
    architecture = built(DividedArchitecture, encoder=same, n_channels=1, max_blocks=6)
    seen = set()
    for _ in range(60):
        (means,) = architecture(numbered(lengths))  # (B, N, 1)
        observed = torch.full((6,), N_STEPS) if lengths is None else lengths
        assert torch.equal(means[:, :, 0] // 1000, torch.arange(6.0)[:, None].expand(-1, means.shape[1]))
        place = means[:, :, 0] % 1000
        assert bool((place.diff(dim=1) > 0).all())
        assert bool((place[:, 0] < observed / 2).all())
        seen.add(means.shape[1])
    assert seen == {2, 3, 4, 5, 6} or len(seen) >= 4


def test_series_do_not_meet_in_the_blocks():
    x = torch.randn(6, 2, N_STEPS, requires_grad=True)
    (z,) = built(DividedArchitecture, encoder=steps_only, max_blocks=4)(Batch(x, None, ROWS))
    gradient = torch.autograd.grad(dicot_loss(z[:1]), x)[0]
    assert bool(gradient[0].any())
    assert not bool(gradient[1:].any())
