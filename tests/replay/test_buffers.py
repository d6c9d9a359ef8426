"""Which series stay in memory: every buffer against a slow rule, and the property that it promises."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ssl._input.collections import Collection
from sklearn_ssl.replay import FIFOBuffer, Memory, MinRedBuffer, ReservoirBuffer
from sklearn_ssl.replay import _redundancy as redundancy
from sklearn_ssl.replay._buffers import unit_rows
from sklearn_ssl.replay._projections import updated


def series(n_cases, n_timepoints=3):
    return Collection(np.zeros((n_cases, 1, n_timepoints), dtype=np.float32), None)


def memory_of(features, seen=True):
    empty = Memory.empty(series(1)).with_more(series(len(features)))
    return empty.with_features(np.asarray(features, dtype=np.float32), np.broadcast_to(seen, len(features)))


def naive(Z, n_out):
    """The rule as the authors wrote it: all similarities, and the largest of each row again for each removal."""
    similarity = np.asarray(Z, dtype=np.float64) @ np.asarray(Z, dtype=np.float64).T
    np.fill_diagonal(similarity, -np.inf)
    out = []
    for _ in range(n_out):
        out.append(int(similarity.max(axis=1).argmax()))
        similarity[out[-1]] = similarity[:, out[-1]] = -np.inf
    return out


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 3), st.integers(1, 4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_choice_equals_the_naive_rule_also_with_ties(seed, n, width, most, in_blocks):
    rng = np.random.default_rng(seed)
    Z = rng.integers(-most, most + 1, size=(n, width)).astype(np.float32)  # whole numbers: equal products are equal
    n_out = int(rng.integers(0, n))
    rows, redundancy.ROWS = redundancy.ROWS, 3 if in_blocks else redundancy.ROWS
    try:
        assert redundancy.most_redundant(Z, n_out).tolist() == naive(Z, n_out)
    finally:
        redundancy.ROWS = rows


@pytest.mark.parametrize("same", [False, True], ids=["all differ", "all the same"])
def test_the_choice_among_many_is_fast(same):
    Z = unit_rows(np.random.default_rng(0).normal(size=(1000, 128)).astype(np.float32))
    Z = Z[:1].repeat(1000, axis=0) if same else Z
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        chosen = redundancy.most_redundant(Z, 64)
        seconds.append(time.perf_counter() - start)
    assert len(set(chosen)) == 64
    assert min(seconds) < 0.5  # it takes 0.03; a search of all pairs for each removal takes longer than this


def test_min_red_removes_one_of_two_series_that_are_alike():
    Z = [[1, 0], [0, 1], [0.8, 0.6], [1, 0]]
    assert_array_equal(MinRedBuffer(size=3).kept(memory_of(Z), 1, None), [1, 2, 3])
    memory = memory_of(np.eye(5)[[2, 0, 1, 1, 0]], seen=[False, True, True, True, True])  # twice as many as have to go
    assert_array_equal(MinRedBuffer(size=3).kept(memory, 1, None), [0, 3, 4])


def test_min_red_judges_only_series_that_it_has_seen():
    Z = np.repeat([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [1, 2, 1], axis=0)
    kept = MinRedBuffer(size=3).kept(memory_of(Z, seen=[True, False, False, True]), 1, None)
    assert_array_equal(kept, [1, 2, 3])  # of the two that it has seen the older, though others are the same


def test_min_red_removes_the_oldest_if_it_has_seen_too_few():
    memory = memory_of(np.eye(5), seen=[False, True, True, True, False])
    assert_array_equal(MinRedBuffer(size=3).kept(memory, 2, None), [2, 3, 4])
    assert_array_equal(MinRedBuffer(size=4).kept(memory, 2, None), [0, 2, 3, 4])


def test_min_red_averages_features():
    old, new = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert_allclose(MinRedBuffer().updated(old, new), [[0.5**0.5, 0.5**0.5]])
    assert_allclose(MinRedBuffer(momentum=0.8).updated(old, new), unit_rows(np.array([[0.8, 0.2]])))
    assert_allclose(FIFOBuffer().updated(old, new), new)


def test_rows_of_zeros_have_no_length():
    assert_array_equal(unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])


def streamed(buffer, pieces, features_of=None, rng=None):
    """Let a buffer choose from a stream, piece by piece, and return its memory."""
    memory = Memory.empty(series(1))
    for n_new in pieces:
        memory = memory.with_more(series(n_new))
        if features_of is not None:
            memory = memory.with_features(features_of(memory.arrival), np.ones(len(memory), dtype=bool))
        if len(memory) > buffer.size:
            memory = memory.rows(np.sort(buffer.kept(memory, n_new, rng)))
        assert len(memory) == min(buffer.size, memory.n_seen)
    return memory


def test_a_rare_cluster_keeps_its_share_under_min_red_only():
    is_rare = np.random.default_rng(0).random(500) < 0.1
    noise = np.random.default_rng(1).normal(size=(500, 8)) * 0.2
    Z = unit_rows(np.eye(8)[is_rare.astype(int)] + noise)
    shares = {
        buffer: is_rare[
            streamed(buffer, [10] * 50, lambda arrival: Z[arrival], np.random.default_rng(0)).arrival
        ].mean()
        for buffer in (MinRedBuffer(size=40), ReservoirBuffer(size=40))
    }
    min_red, reservoir = shares.values()
    assert min_red > 0.3
    assert reservoir < 0.25


@pytest.mark.parametrize("pieces", [[1] * 20, [7] * 3, [30]])
def test_first_in_first_out_keeps_the_last(pieces):
    memory = streamed(FIFOBuffer(size=5), pieces)
    assert_array_equal(memory.arrival, np.arange(sum(pieces) - 5, sum(pieces)))


@pytest.mark.parametrize("pieces", [[1] * 8, [2, 4, 2], [8]], ids=["one by one", "pieces", "at once"])
def test_every_series_is_in_the_reservoir_equally_often(pieces):
    rng = np.random.default_rng(0)
    counts = np.zeros(8)
    for _ in range(400):
        counts[streamed(ReservoirBuffer(size=3), pieces, rng=rng).arrival] += 1
    assert counts.sum() == 400 * 3
    expected = 400 * 3 / 8
    chi_square = ((counts - expected) ** 2 / (expected * (1 - 3 / 8))).sum() * 7 / 8
    assert chi_square < 24.3  # the 0.999 quantile for 7 degrees of freedom


def test_a_reservoir_that_became_smaller_keeps_a_random_part():
    memory = streamed(ReservoirBuffer(size=10), [10])
    kept = ReservoirBuffer(size=4).kept(memory.with_more(series(1)), 1, np.random.default_rng(0))
    assert len(set(kept)) == 4
    assert not np.array_equal(np.sort(kept), [0, 1, 2, 3])


def with_ends(values, *lengths):
    X = np.full((len(lengths), 1, max(lengths)), np.nan, dtype=np.float32)
    for row, length in zip(X, lengths, strict=True):
        row[:, :length] = values
    return Collection(X, np.array(lengths))


def test_series_of_other_lengths_are_padded_and_padding_goes_with_the_longest():
    memory = Memory.empty(series(1)).with_more(series(2)).with_more(with_ends(1, 2, 5))
    assert memory.values.shape == (4, 1, 5)
    assert_array_equal(memory.lengths, [3, 3, 2, 5])
    assert_array_equal(np.isnan(memory.values[:, 0]).sum(1), [2, 2, 3, 0])
    short = memory.rows(np.array([0, 2]))
    assert short.values.shape == (2, 1, 3)
    assert memory.rows(np.array([0, 1])).lengths is None
    assert memory.values.dtype == np.float32
    assert repr(short) == "<Memory: 2 of 4 series>"


def test_new_series_have_no_features():
    memory = memory_of(np.eye(2)).with_more(series(1))
    assert_array_equal(memory.features, [[1, 0], [0, 1], [0, 0]])
    assert_array_equal(memory.seen, [True, True, False])
    assert_array_equal(memory.arrival, [0, 1, 2])
    assert memory.n_seen == 3


def test_a_memory_with_new_features_is_another_one():
    memory = memory_of(np.eye(3), seen=[True, True, False])
    changed = updated(memory, FIFOBuffer(), np.array([1, 2]), np.array([[2.0, 0, 0], [0, 0, 3.0]]))
    assert_array_equal(changed.features, [[1, 0, 0], [1, 0, 0], [0, 0, 1]])
    assert changed.seen.all()
    assert_array_equal(memory.features, np.eye(3))
    assert_array_equal(memory.seen, [True, True, False])
