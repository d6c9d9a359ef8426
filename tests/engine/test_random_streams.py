"""Seeds and streams of random numbers."""

import threading

import numpy as np
import pytest
import torch
from shared import untouched_generators

from sklearn_ssl._engine import random_streams
from sklearn_ssl._engine.random_streams import GENERATORS_IN_USE, chosen_rows, draw_numpy_seed, seeded_stream

CPU = torch.device("cpu")


def test_a_block_draws_the_numbers_of_its_seed_and_leaves_the_generators_as_they_were():
    with untouched_generators(), seeded_stream(7, CPU):
        drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))


def test_the_generators_are_as_before_after_an_error_too():
    with untouched_generators(), pytest.raises(RuntimeError, match="stopped"), seeded_stream(7, CPU):
        raise RuntimeError("stopped")


def test_no_other_thread_draws_within_a_block():
    taken = []
    with seeded_stream(0, CPU):
        other = threading.Thread(target=lambda: taken.append(GENERATORS_IN_USE.acquire(blocking=False)))
        other.start()
        other.join()
    assert taken == [False]


@pytest.mark.parametrize(("seed", "expected"), [(0, 0), (2**32 - 1, 2**32 - 1), (2**32, 0), (2**33 + 5, 5)])
def test_seeds_for_numpy_are_below_a_limit(seed, expected):
    assert draw_numpy_seed(seed) == expected
    assert chosen_rows(9, 4, seed).tolist() == chosen_rows(9, 4, expected).tolist()


def test_rows_are_chosen_at_random_in_their_order():
    assert chosen_rows(5, None, 0).tolist() == chosen_rows(5, 5, 0).tolist() == [0, 1, 2, 3, 4]
    few = chosen_rows(50, 10, 3)
    assert few.tolist() == sorted(np.random.RandomState(3).choice(50, 10, replace=False))
    assert chosen_rows(50, 10, 4).tolist() != few.tolist()


def test_a_forked_process_has_a_lock_that_no_thread_holds(monkeypatch):
    monkeypatch.setattr(random_streams, "GENERATORS_IN_USE", None)
    random_streams._forget_threads()
    assert random_streams.GENERATORS_IN_USE.acquire(blocking=False)
