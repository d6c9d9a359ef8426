"""What maskings hide: how much, where, and how often."""

import math

import pytest
import torch

from sklearn_ssl.masking import BlockMasking, GeometricMasking, RandomMasking

LENGTHS = torch.arange(1, 41).repeat(25)
EXACT = {
    "random": RandomMasking(ratio=0.75),
    "spans": RandomMasking(ratio=0.3, span=4),
    "blocks": BlockMasking(ratio=0.4, mean_length=3),
    "many": BlockMasking(ratio=0.9),
    "block": BlockMasking(ratio=0.25, mean_length=math.inf),
}
SPREAD = {
    "varied": RandomMasking(ratio=0.4, spread=0.3),
    "varied blocks": BlockMasking(ratio=0.3, spread=0.2, mean_length=3),
}
ALL = {**EXACT, **SPREAD, "runs": GeometricMasking(ratio=0.4), "long runs": GeometricMasking(ratio=0.75, mean_length=5)}


def n_runs(hidden):
    """Count the runs of hidden windows in each row (R, T)."""
    return hidden[:, 0] + (hidden[:, 1:] & ~hidden[:, :-1]).sum(1)


@pytest.mark.parametrize("masking", EXACT.values(), ids=EXACT)
def test_exact_counts(masking):
    hidden = masking.hidden(LENGTHS, 40)[:, 0]
    for n, row in zip(LENGTHS.tolist(), hidden, strict=True):
        assert int(row.sum()) == min(max(round(masking.ratio * n), 1), n - 1)
    assert masking.most_hidden(40) == int(hidden.sum(1).max())
    visible = (torch.arange(40) < LENGTHS[:, None]) & ~hidden
    assert masking.most_visible(40) == int(visible.sum(1).max())


@pytest.mark.parametrize("masking", SPREAD.values(), ids=SPREAD)
def test_each_series_has_its_own_ratio(masking):
    torch.manual_seed(0)
    counts = masking.hidden(torch.full((4000,), 40), 40)[:, 0].sum(1)
    low, high = (round(40 * (masking.ratio + sign * masking.spread)) for sign in (-1, 1))
    assert (int(counts.min()), int(counts.max())) == (low, high)
    assert masking.most_hidden(40) == high
    assert masking.most_visible(40) == 40 - low
    shares = counts.bincount()[low + 1 : high] / 4000  # of all counts but the first and the last
    torch.testing.assert_close(shares, torch.full_like(shares, 1 / (high - low)), rtol=0, atol=0.02)


def test_ratios_beyond_0_and_1():
    for masking in (RandomMasking(ratio=0.2, spread=0.2), BlockMasking(ratio=0.8, spread=0.2)):
        with pytest.raises(ValueError, match=r"Masking: `spread` must be below 0\.2 for `ratio`=0\.[28].*got 0\.2"):
            masking.check_hyperparameters()
    RandomMasking(ratio=0.8, spread=0.19).check_hyperparameters()


@pytest.mark.parametrize("masking", ALL.values(), ids=ALL)
def test_observed_windows_only_and_never_all_of_them(masking):
    hidden = masking.hidden(LENGTHS, 40)[:, 0]
    assert not (hidden & (torch.arange(40) >= LENGTHS[:, None])).any()
    counts = hidden.sum(1)
    assert (counts[LENGTHS > 1] >= 1).all()
    assert (counts < LENGTHS).all()


@pytest.mark.parametrize("masking", ALL.values(), ids=ALL)
def test_channels_together_or_apart(masking):
    together, apart = (type(masking)(**{**masking.get_params(), "channels": kind}) for kind in ("together", "apart"))
    n_windows = torch.full((30,), 40)
    assert together.hidden(n_windows, 40, 3).shape == (30, 1, 40)
    hidden = apart.hidden(n_windows, 40, 3)
    assert hidden.shape == (30, 3, 40)
    assert not (hidden[:, 0] == hidden[:, 1]).all()
    if masking in EXACT.values():
        assert (hidden.sum(2) == masking.most_hidden(40)).all()


def test_random_windows_are_equally_likely():
    torch.manual_seed(0)
    hidden = RandomMasking(ratio=0.5).hidden(torch.full((10_000,), 7), 9)[:, 0].double()
    torch.testing.assert_close(hidden.mean(0)[:7], torch.full((7,), 4 / 7).double(), atol=0.02, rtol=0)


def test_spans_hide_units():
    hidden = RandomMasking(ratio=0.5, span=3).hidden(torch.full((50,), 12), 12)[:, 0]
    units = hidden.unflatten(1, (4, 3)).sum(2)
    assert set(units.unique().tolist()) == {0, 3}


@pytest.mark.parametrize("n_windows", [8, 13, 40])
def test_blocks_are_contiguous_and_every_start_is_equally_likely(n_windows):
    torch.manual_seed(0)
    masking = BlockMasking(ratio=0.25, mean_length=math.inf)
    hidden = masking.hidden(torch.full((8000,), n_windows), 40)[:, 0]
    assert (n_runs(hidden) == 1).all()
    n_places = n_windows - masking.most_hidden(n_windows) + 1
    starts = hidden.int().argmax(1).bincount(minlength=n_places).double()
    assert len(starts) == n_places
    expected = 8000 / n_places
    assert ((starts - expected).abs() < 5 * expected**0.5).all()


def test_number_and_length_of_blocks():
    masking = BlockMasking(ratio=0.5, mean_length=4)
    hidden = masking.hidden(torch.full((500,), 40), 40)[:, 0]
    assert int(n_runs(hidden).max()) == 5  # 20 hidden windows in blocks of 4; blocks may touch
    lengths = BlockMasking(ratio=0.5, mean_length=3).hidden(torch.full((500,), 40), 40)[:, 0]
    assert int(n_runs(lengths).max()) == 7


def test_runs_have_their_mean_length_and_share_from_the_first_window_on():
    torch.manual_seed(0)
    n_rows, n_windows, ratio, mean = 400, 500, 0.15, 3.0
    hidden = GeometricMasking(ratio=ratio, mean_length=mean).hidden(torch.full((n_rows,), n_windows), n_windows)[:, 0]
    assert hidden.double().mean() == pytest.approx(ratio, abs=0.006)
    assert hidden[:, 0].double().mean() == pytest.approx(ratio, abs=3 * (ratio * (1 - ratio) / n_rows) ** 0.5)
    inner = hidden[:, 1:-1]
    complete = n_runs(inner & hidden[:, :-2]).sum()  # runs that begin after the first window
    assert complete > 5000
    assert (hidden.sum() / n_runs(hidden).sum()).item() == pytest.approx(mean, abs=3 * mean / complete.sqrt().item())


def test_ratio_that_runs_cannot_reach():
    with pytest.raises(ValueError, match=r"`ratio` must be at most 0.75 for runs of `mean_length`=3.*at least 4"):
        GeometricMasking(ratio=0.8).check_hyperparameters()
    GeometricMasking(ratio=0.8, mean_length=4).check_hyperparameters()
    hidden = GeometricMasking(ratio=0.5, mean_length=1).hidden(torch.full((4,), 50), 50)[:, 0]
    assert (hidden[:, 1:] != hidden[:, :-1]).all()
