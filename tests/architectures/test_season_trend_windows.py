"""Which steps of series CoST compares, and what its teacher has."""

import torch
from small_architectures import LENGTHS, N_STEPS, ROWS, built, whole_batch

from sklearn_ssl.architectures import Batch, SeasonTrendArchitecture
from sklearn_ssl.encoders import FCNEncoder

SMALL = FCNEncoder(width=4, kernel_sizes=(3,), norm="layer")


def windows(architecture, batch, n_draws):
    """Yield the two views that the inner encoder gets, and the view of the teacher."""
    seen = []
    for encoder in (architecture.inner, architecture.teacher["inner"]):
        layers = encoder.layers
        encoder.layers = lambda x, mask=None, layers=layers: seen.append(x) or layers(x, mask)
    for _ in range(n_draws):
        seen.clear()
        architecture(batch)
        (both, of_teacher) = seen
        yield *both.chunk(2), of_teacher


def numbered(lengths):
    x = torch.arange(float(N_STEPS)).repeat(6, 2, 1)
    return Batch(x.masked_fill(x >= lengths[:, None, None], 1e9), lengths, ROWS)


def test_both_views_have_the_same_window_within_the_observed_steps():
    lengths = torch.tensor([12, 9, 20, 9, 32, 31])
    architecture, starts = built(SeasonTrendArchitecture, encoder=SMALL, max_length=7), set()
    for first, second, of_teacher in windows(architecture, numbered(lengths), 30):
        assert torch.equal(first, second)
        assert torch.equal(second, of_teacher)
        assert first.shape == (6, 2, 7)
        assert bool((first.diff(dim=2) == 1).all())
        assert bool((first[:, 0, -1] < lengths).all())
        starts.add(float(first[4, 0, 0]))
    assert len(starts) > 8


def test_a_window_is_as_long_as_the_shortest_series():
    (first, _, _), *_ = windows(built(SeasonTrendArchitecture, encoder=SMALL), numbered(LENGTHS + 4), 1)
    assert first.shape[2] == 5


def test_trends_are_compared_at_any_step_and_at_the_same_step_of_both_views(x):
    architecture, queries, keys = built(SeasonTrendArchitecture, encoder=SMALL), [], []
    architecture.queries = lambda h: queries.append(h.shape[2]) or torch.zeros(len(h), 8)
    architecture.keys = lambda x, n_read: keys.append(n_read) or torch.zeros(len(x), 8)
    for _ in range(80):
        architecture(whole_batch(x))
    assert queries == keys
    assert min(queries) < 4 <= N_STEPS - 3 < max(queries) <= N_STEPS
    assert len(set(queries)) > 15


def test_views_that_are_the_same_agree_in_all_that_is_compared(x):
    architecture = built(SeasonTrendArchitecture, encoder=SMALL)
    architecture.follow = lambda: None
    query, key, _, season1, season2 = architecture(whole_batch(x))
    torch.testing.assert_close(query, key)
    torch.testing.assert_close(season1, season2)


def test_the_teacher_has_no_season():
    architecture = built(SeasonTrendArchitecture)
    assert set(architecture.teacher) == {"inner", "trend", "projector"}
    mine = dict(architecture.trend.named_parameters())
    assert {name for name, _ in architecture.teacher["trend"].named_parameters()} == set(mine)


def test_no_kernel_is_longer_than_half_of_a_window():
    for max_length, n_kernels in ((1000, 5), (9, 3), (3, 1), (2, 1)):
        architecture = built(SeasonTrendArchitecture, max_length=max_length, n_kernels=8)
        assert len(architecture.trend.convolutions) == n_kernels
        assert architecture.encoder.season.length == min(max_length, N_STEPS)
    assert len(built(SeasonTrendArchitecture, n_kernels=2).trend.convolutions) == 2
