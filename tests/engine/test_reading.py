"""Series on disk are read in an order that the seed gives, one batch ahead, and checked when they are read."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from stores import Chunked, saved

from sklearn_ssl._engine import reading
from sklearn_ssl._engine.reading import in_random_order, one_ahead, read_rows
from sklearn_ssl._input import readers
from sklearn_ssl.datasets import OnDisk


def blocks(n_cases, n_rows=5):
    """Return a store of series in blocks of some rows."""
    return OnDisk(Chunked(np.zeros((n_cases, 1, 1), dtype=np.float32), n_rows))


def drawn(values, rows=None, seed=0):
    """Return the order that a seed gives, and what the generator gives next."""
    torch.manual_seed(seed)
    order = in_random_order(torch.arange(len(values)) if rows is None else rows, values)
    return order.tolist(), torch.rand(()).item()


def most_blocks_at_once(block):
    """Count the blocks that are needed before and after a place of an order, at most."""
    places = [np.flatnonzero(block == one) for one in np.unique(block)]
    return max(sum(one[0] <= place <= one[-1] for one in places) for place in range(len(block)))


class TestOrder:
    @pytest.mark.parametrize("n_cases", [1, 80, 81, 163, 200])
    def test_every_row_comes_once(self, n_cases):
        order, _ = drawn(blocks(n_cases))
        assert sorted(order) == [*range(n_cases)]

    def test_it_depends_on_the_seed_alone(self):
        store = blocks(200)
        first, again, other = (drawn(store, seed=seed) for seed in (0, 0, 1))
        assert first == again == drawn(blocks(200))
        assert first[0] != other[0]

    @pytest.mark.parametrize("n_cases", [81, 163, 200])
    def test_sixteen_blocks_are_needed_at_a_time(self, n_cases):
        order, _ = drawn(blocks(n_cases))
        assert 12 < most_blocks_at_once(np.array(order) // 5) <= 16

    def test_rows_of_a_window_keep_the_order_in_which_they_are_drawn(self):
        order, _ = drawn(blocks(200))
        torch.manual_seed(0)
        in_memory = torch.randperm(200).tolist()
        for window in (order[:80], order[80:160], order[160:]):
            assert window == [row for row in in_memory if row in window]

    def test_large_blocks_are_fewer_at_a_time(self, monkeypatch):
        monkeypatch.setattr(readers, "WINDOW_BYTES", 3 * 5 * 4)
        order, _ = drawn(blocks(200))
        assert most_blocks_at_once(np.array(order) // 5) == 3

    def test_a_part_of_the_rows(self):
        rows = torch.randperm(200, generator=torch.Generator().manual_seed(0))[:150]
        order, _ = drawn(blocks(200), rows)
        assert sorted(order) == sorted(rows.tolist())
        assert 12 < most_blocks_at_once(np.array(order) // 5) <= 16

    @pytest.mark.parametrize(
        "stored",
        [
            lambda X, folder: X,
            lambda X, folder: np.load(saved(X, folder), mmap_mode="r"),
            lambda X, folder: OnDisk(saved(X, folder)),
            lambda X, folder: OnDisk([*X[:, None]]),
            lambda X, folder: OnDisk(Chunked(X, 5)),
            lambda X, folder: OnDisk(Chunked(np.repeat(X, 3, axis=0), 5))[90:170],
        ],
        ids=["array", "memory map", "file", "many files", "sixteen blocks", "chosen"],
    )
    def test_the_order_and_the_next_numbers_are_those_of_series_in_memory(self, stored, tmp_path):
        values = stored(np.zeros((80, 1, 1), dtype=np.float32), tmp_path)
        order, following = drawn(values)
        torch.manual_seed(0)
        assert order == torch.randperm(80).tolist()
        assert following == torch.rand(()).item()


class TestOneAhead:
    def test_the_next_one_is_read_while_one_is_used_and_no_more(self):
        asked, read = [], {key: threading.Event() for key in range(5)}

        def keys():
            for key in range(5):
                asked.append(key)
                yield key

        values = one_ahead(lambda key: read[key].set() or key, keys())
        assert asked == []
        for key in range(4):
            assert next(values) == key
            assert read[key + 1].wait(10)
            assert asked == [*range(key + 2)]
        assert [*values] == [4]

    def test_one_thread_reads(self, monkeypatch):
        names, second = [], threading.Event()

        class Noticing(ThreadPoolExecutor):
            def submit(self, read, key):
                future = super().submit(read, key)
                if key == 1:
                    second.set()
                return future

        def read(key):
            assert second.wait(10)  # the first read lasts until the second is waiting
            names.append(threading.current_thread().name)

        monkeypatch.setattr(reading, "ThreadPoolExecutor", Noticing)
        assert len([*one_ahead(read, range(5))]) == 5
        assert set(names) == {"sklearn_ssl_reads_0"}

    @pytest.mark.parametrize("n_keys", [0, 1, 2])
    def test_few_keys(self, n_keys):
        assert [*one_ahead(str, range(n_keys))] == [*"01"[:n_keys]]

    def test_none_is_a_value(self):
        assert [*one_ahead(lambda key: None, range(3))] == [None] * 3

    def test_what_was_used_is_not_kept(self):
        class Value:
            pass

        values = one_ahead(lambda key: Value(), range(5))
        seen = [weakref.ref(next(values)) for _ in range(3)]
        gc.collect()
        assert [one() is None for one in seen] == [True, True, False]
        values.close()
        assert seen[2]() is None

    @pytest.mark.parametrize("fails", [0, 2, 4])
    def test_an_error_reaches_the_caller_once_and_in_its_turn(self, fails):
        read = []

        def failing(key):
            read.append(key)
            if key >= fails:
                raise OSError(key)
            return key

        values = one_ahead(failing, range(5))
        assert [next(values) for _ in range(fails)] == [*range(fails)]
        with pytest.raises(OSError, match=f"^{fails}$"):
            next(values)
        assert [*values] == []
        assert read == [*range(min(fails + 2, 5))]
        assert not reading_threads()

    def test_an_error_of_the_keys_reaches_the_caller(self):
        def keys():
            yield 0
            raise LookupError

        with pytest.raises(LookupError):
            next(one_ahead(str, keys()))
        assert not reading_threads()

    @pytest.mark.parametrize("left", ["closed", "forgotten", "used up"])
    def test_no_thread_is_left(self, left):
        values = one_ahead(str, range(3))
        next(values)
        assert len(reading_threads()) == 1
        if left == "used up":
            assert [*values] == ["1", "2"]
        elif left == "closed":
            values.close()
        else:
            del values
        assert not reading_threads()


def reading_threads():
    return [one for one in threading.enumerate() if one.name.startswith("sklearn_ssl_reads")]


class TestReadRows:
    @pytest.fixture
    def X(self):
        return np.arange(48.0).reshape(6, 2, 4)

    @pytest.mark.parametrize("given", [np.asarray, OnDisk], ids=["memory", "disk"])
    def test_the_first_steps_of_rows_in_their_order(self, given, X):
        batch = read_rows(given(X), np.array([4, 0, 4]), 3, None)
        assert batch.dtype == np.float32
        np.testing.assert_array_equal(batch, X[[4, 0, 4], :, :3])

    def test_values_in_memory_are_not_checked(self, X):
        """They cannot change, and some estimators let values be missing."""
        X[2, 1, 0] = np.nan
        np.testing.assert_array_equal(read_rows(X, np.arange(6), 4, None), X)

    def test_values_after_the_end_of_a_series_may_be_missing(self, X):
        lengths = np.array([4, 2, 4, 3, 4, 1])
        X[np.broadcast_to(np.arange(4) >= lengths[:, None, None], X.shape)] = np.nan
        np.testing.assert_array_equal(read_rows(OnDisk(X), np.array([5, 1, 3]), 3, lengths), X[[5, 1, 3], :, :3])

    @pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf, 1e300])
    @pytest.mark.parametrize("given", [OnDisk, lambda X: OnDisk(Chunked(X, 4))], ids=["rows", "blocks"])
    def test_the_first_series_that_lost_a_value_is_named(self, given, lost, X):
        X[[1, 4], 1, 2] = lost  # the last observed step of one channel
        lengths = np.array([4, 3, 4, 4, 3, 4])
        with pytest.raises(ValueError, match=r"^Series 4 of X has missing or infinite values that it did not have"):
            read_rows(given(X), np.array([3, 0, 4, 1]), 4, lengths)
        with pytest.raises(ValueError, match=r"^Series 1 of X .*Write to another file"):
            read_rows(given(X), np.array([1, 4]), 4, None)
        read_rows(given(X), np.array([1, 4]), 2, lengths)  # up to there nothing is lost

    def test_a_file_that_lost_rows(self, X, tmp_path):
        series = OnDisk(saved(X, tmp_path))
        np.save(tmp_path / "X.npy", X[:5])
        with pytest.raises(ValueError, match="lost rows: its store was changed"):
            read_rows(series, np.array([0, 5]), 4, None)
