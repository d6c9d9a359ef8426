"""Rows are read from stores by whole blocks, a few of which are remembered, and from several stores as from one."""

import pickle
import threading

import numpy as np
import pytest
from stores import Chunked, in_hdf5, in_zarr

from sklearn_ssl._input import readers
from sklearn_ssl._input.readers import WINDOW_BYTES, RecentBlocks, blocks_in_window
from sklearn_ssl._input.stores import Turned, as_store, chunks_of, is_store, series_of, shape_now
from sklearn_ssl.datasets import OnDisk


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(12, 2, 8)).astype(np.float32)


class TestRecentBlocks:
    def test_the_block_that_was_used_least_recently_is_forgotten(self):
        recent, loaded = RecentBlocks(2), []
        for key in "abacba":
            assert recent.get(key, lambda key=key: loaded.append(key) or key.upper()) == key.upper()
        assert "".join(loaded) == "abcba"

    def test_a_copy_in_another_process_is_empty_and_as_large(self):
        recent = RecentBlocks(3)
        recent.get("a", lambda: np.zeros(10**6))
        sent = pickle.dumps(recent)
        assert len(sent) < 1000
        assert pickle.loads(sent).most == 3

    def test_threads_do_not_wait_for_the_reads_of_others(self):
        recent, inside = RecentBlocks(2), threading.Barrier(2, timeout=10)

        def load():
            inside.wait()
            return 1

        other = threading.Thread(target=recent.get, args=("a", load))
        other.start()
        assert recent.get("b", load) == 1
        other.join()


@pytest.mark.parametrize(
    ("n_bytes", "n_blocks"),
    [
        (0, 16),
        (1, 16),
        (WINDOW_BYTES // 16, 16),
        (WINDOW_BYTES // 16 + 1, 15),
        (WINDOW_BYTES, 1),
        (2 * WINDOW_BYTES, 1),
    ],
)
def test_a_window_has_sixteen_blocks_or_as_many_as_its_memory_holds(n_bytes, n_blocks):
    assert blocks_in_window(n_bytes) == n_blocks


def test_the_size_of_a_block_is_that_of_its_values():
    rows = WINDOW_BYTES // (5 * 2 * 8 * 4)
    store = Chunked(np.broadcast_to(np.float32(0), (2 * rows, 2, 8)), rows)
    assert OnDisk(store).reader.window == 5
    assert OnDisk(store).reader.recent.most == 10


class TestShards:
    def test_blocks_have_numbers_of_their_own(self, X):
        joined = OnDisk([Chunked(X[:7], 3), X[7:9], Chunked(X[9:], 2)])
        blocks, per_window = joined.windows_of_blocks(np.arange(12))
        np.testing.assert_array_equal(np.unique(blocks, return_inverse=True)[1], [0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 5])
        assert per_window == 16
        again, _ = joined[[11, 0, 8]].windows_of_blocks(np.array([2, 0]))
        np.testing.assert_array_equal(again, blocks[[8, 11]])

    def test_blocks_are_counted_from_the_beginning_of_their_store(self, X):
        blocks, _ = OnDisk([X[:1], Chunked(X[1:], 4)]).windows_of_blocks(np.arange(12))
        np.testing.assert_array_equal(np.diff(blocks[1:]), [0, 0, 0, 1, 0, 0, 0, 1, 0, 0])

    def test_the_largest_blocks_say_how_many_are_remembered(self, X, monkeypatch):
        monkeypatch.setattr(readers, "WINDOW_BYTES", 3 * X[:4].nbytes)
        joined = OnDisk([Chunked(X, 2), Chunked(X, 4), X]).reader
        assert joined.window == 3
        assert {id(shard.recent) for shard in joined._blocked} == {id(joined._shards[1].recent)}
        assert joined._shards[1].recent.most == 6

    def test_stores_that_read_single_rows_have_one_block(self, X):
        blocks, per_window = OnDisk([X[:5], X[5:]]).windows_of_blocks(np.arange(12))
        assert set(blocks.tolist()) == {0}
        assert per_window == 16

    def test_the_dtype_holds_the_values_of_all(self, X):
        joined = OnDisk([X, (100 * X).astype(np.int16), X.astype(np.float64)])
        assert joined.dtype == np.float64
        assert OnDisk([X.astype(np.int16), X.astype(np.int32)]).dtype == np.int32


def test_rows_that_are_chosen_again_are_rows_of_the_store(X):
    chosen = OnDisk(X)[::2][[4, 0]][1:]
    assert chosen.reader._reader is OnDisk(chosen).reader._reader
    assert not isinstance(chosen.reader._reader, readers.Chosen)
    assert chosen.shape == (1, 2, 8)
    np.testing.assert_array_equal(chosen, X[:1])


@pytest.mark.parametrize(("n_bytes", "sizes"), [(1, [1] * 5), (8 * 16 * 2, [2, 2, 1]), (10**6, [5])])
def test_rows_are_changed_in_small_pieces(n_bytes, sizes, X, monkeypatch):
    seen = []
    changed = OnDisk(X).changed(lambda rows: seen.append(len(rows)) or rows[:, :1].astype(np.float64) * 2)
    assert (changed.shape, changed.dtype) == ((12, 1, 8), np.float64)
    del seen[:]
    monkeypatch.setattr(readers, "CHANGED_BYTES", n_bytes)
    np.testing.assert_array_equal(changed.read(np.array([5, 0, 11, 5, 2])), 2 * X[[5, 0, 11, 5, 2], :1].astype(float))
    assert seen == sizes


def test_changed_rows_have_the_blocks_of_the_store(X, monkeypatch):
    monkeypatch.setattr(readers, "WINDOW_BYTES", 2 * X[:4].nbytes)
    blocks, per_window = OnDisk(Chunked(X, 4)).changed(np.abs)[[9, 0, 3]].windows_of_blocks(np.arange(3))
    np.testing.assert_array_equal(blocks, [2, 0, 0])
    assert per_window == 2


def test_no_rows(X):
    for given in (X, Chunked(X, 5), [X[:3], X[3:]]):
        assert OnDisk(given).read(np.arange(0)).shape == (0, 2, 8)


class TestStores:
    def test_pieces_of_unequal_size(self):
        """Arrays of Dask name the size of each chunk."""
        store = Chunked(np.zeros((7, 2, 4)), 3)
        assert chunks_of(store) == (3, 2, 4)
        store.chunks = ((3, 4), (2,), (1, 2, 1))
        assert chunks_of(store) == (4, 2, 2)
        store.chunks = "auto"
        assert chunks_of(store) is None
        assert chunks_of(np.zeros(3)) is None

    def test_what_is_a_store(self, X):
        class Unknown(Chunked):
            shape = (float("nan"), 2, 8)

        assert is_store(Chunked(X, 4))
        assert not is_store(Chunked(X[:, 0, 0], 4))
        assert not is_store(Unknown(X, 4))
        assert not is_store(X)
        assert not is_store(X.tolist())

    @pytest.mark.parametrize("item", [{"x": 1, "y": 2}, (1, 2), [1, 2], 1], ids=str)
    def test_a_series_comes_first_in_its_item(self, item):
        assert series_of(item) == 1

    def test_what_has_names_has_no_numbers(self):
        class Named(dict):
            pass

        with pytest.raises(TypeError, match="cannot be read by row numbers"):
            as_store(Named())

    def test_axes_in_reverse_order(self, X, tmp_path):
        turned = Turned(in_hdf5(X, tmp_path))
        assert (turned.shape, turned.dtype, turned.chunks) == ((8, 2, 12), np.float32, (8, 2, 5))
        assert shape_now(turned) == (8, 2, 12)
        for key in (slice(2, 5), (slice(2, 5), slice(1, 2)), (slice(None), slice(None), slice(3, 9))):
            np.testing.assert_array_equal(turned[key], X.T[key])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(turned))[1:3], X.T[1:3])
        assert Turned(X).chunks is None

    def test_a_turned_store_that_loses_rows(self, X, tmp_path):
        zarr = pytest.importorskip("zarr")
        series = OnDisk(in_zarr(X, tmp_path)).T
        zarr.open_array(tmp_path / "X.zarr", mode="r+").resize((5, 2, 8))
        with pytest.raises(ValueError, match="was changed"):
            np.asarray(series)

    def test_a_file_of_hdf5_is_found_from_another_folder(self, X, tmp_path, monkeypatch):
        h5py = pytest.importorskip("h5py")
        in_hdf5(X, tmp_path).file.close()
        monkeypatch.chdir(tmp_path)
        sent = pickle.dumps(OnDisk(h5py.File("X.h5", "r")["X"]))
        monkeypatch.chdir("/")
        np.testing.assert_array_equal(pickle.loads(sent), X)
