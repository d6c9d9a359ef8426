"""Series on disk are indexed as arrays are, and are read when they are needed."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from sklearn.model_selection import train_test_split
from stores import FORMS, Chunked, in_hdf5, in_zarr, saved

from sklearn_ssl._input.readers import WINDOW_BYTES
from sklearn_ssl.datasets import OnDisk

ROWS = np.array([11, 0, 3, 3, 10, 4, 5])
KEYS = [
    slice(None),
    slice(2, 9, 3),
    slice(None, None, -1),
    ROWS,
    ROWS.tolist(),
    np.arange(12) % 2 == 0,
    (ROWS, ...),
    -2,
    (ROWS, slice(None), slice(0, 7, 2)),
    (slice(1, 5), slice(0, 1)),
    (slice(None), 1),
    (3, 0),
    (slice(2, 9, 3), slice(0, 1)),
    (slice(None, None, -1), slice(0, 1)),
    (slice(1, 5), slice(None), slice(None, None, -2)),
    (slice(-3, None), slice(None), slice(-3, None)),
    (slice(0, 0), slice(0, 1)),
    (slice(5, 2), slice(0, 1)),
    ...,
    (..., 0),
    (..., slice(0, 3)),
    (ROWS, ..., slice(0, 3)),
    (slice(1, 5), ..., slice(0, 1), 0),
    (..., slice(1, 5), slice(None), 0),
    (slice(1, 5), None),
    (..., None),
]


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(12, 2, 8)).astype(np.float32)


@pytest.fixture(params=FORMS)
def form(request, X, tmp_path):
    return OnDisk(FORMS[request.param](X, tmp_path))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_rows_are_those_of_the_array(form, key, X):
    np.testing.assert_array_equal(np.asarray(form[key]), X[key])


def test_looks_like_an_array(form, X):
    assert (form.shape, form.ndim, len(form), form.dtype.kind) == (X.shape, 3, 12, "f")
    assert form.nbytes == X.size * form.dtype.itemsize
    np.testing.assert_array_equal([*form], X)
    assert repr(form) == f"OnDisk(shape=(12, 2, 8), dtype={form.dtype})"


def test_goes_to_other_processes(form, X):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(form[ROWS])), X[ROWS])


def test_series_of_one_channel(tmp_path, X):
    for name in ("path", "arrow", "zarr", "blocks"):
        np.testing.assert_array_equal(np.asarray(OnDisk(FORMS[name](X[:, 0], tmp_path))), X[:, 0])


def test_choosing_rows_reads_nothing(X):
    store = Chunked(X, 4)
    train, test = train_test_split(OnDisk(store), random_state=0)
    again = train[2:5]
    assert store.reads == []
    expected, _ = train_test_split(X, random_state=0)
    np.testing.assert_array_equal(again, expected[2:5])
    assert len(test) == 3


def test_neighbours_are_read_at_once(X):
    store = Chunked(X, 1)
    OnDisk(store).read(np.array([4, 9, 3, 5]))
    assert store.reads == [slice(3, 6), slice(9, 10)]


def test_blocks_are_read_as_a_whole_and_remembered(X):
    store = Chunked(X, 4)
    for rows in (ROWS, ROWS[::-1]):
        np.testing.assert_array_equal(OnDisk(store)[rows], X[rows])
    del store.reads[:]
    series = OnDisk(store)
    for rows in (ROWS, ROWS[::-1]):
        np.testing.assert_array_equal(series[rows], X[rows])
    assert store.reads == [slice(0, 4), slice(4, 8), slice(8, 12)]


def test_blocks_of_a_store_that_is_gone_are_not_those_of_another(X):
    known = OnDisk(Chunked(X, 4))
    for day in range(30):
        new = np.full_like(X[:4], day)
        joined = OnDisk([known, OnDisk(Chunked(new, 4))])
        np.testing.assert_array_equal(joined, [*X, *new])
        del joined  # the next reader may have the id of the one that is gone


def test_large_blocks_are_forgotten():
    rows = WINDOW_BYTES // 8
    store = Chunked(np.broadcast_to(np.zeros(1), (4 * rows, 1, 1)), rows)
    series = OnDisk(store)
    for row in (0, rows, 2 * rows, 2 * rows, 0):
        series.read(np.array([row]))
    assert [one.start // rows for one in store.reads] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (3, TypeError, "cannot be read by row numbers"),
        ({"a": 1}, TypeError, "cannot be read by row numbers"),
        (np.zeros(5), ValueError, "must have the shape"),
        (np.zeros((0, 2, 4)), ValueError, "at least one series"),
        ([np.zeros((2, 1, 4)), np.zeros((2, 1, 5))], ValueError, "Pad shorter ones"),
        (pa.array([[1.0], [1.0, 2.0]]), ValueError, "lists of one fixed size"),
        (pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)), ValueError, "1 missing cell"),
        ([], ValueError, "one shape"),
    ],
    ids=str,
)
def test_what_cannot_be_read(source, error, message):
    with pytest.raises(error, match=message):
        OnDisk(source)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "X.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"cannot be read as a \.npy file"):
        OnDisk(tmp_path / "X.csv")
    np.savez(tmp_path / "X.npz", X=np.zeros((3, 1, 4)))
    with pytest.raises(ValueError, match=r"cannot be read as a \.npy file"):
        OnDisk(tmp_path / "X.npz")
    with pytest.raises(FileNotFoundError):
        OnDisk(tmp_path / "absent.npy")


def test_items_of_unequal_length():
    class Items:
        def __len__(self):
            return 3

        def __getitem__(self, row):
            return np.zeros((1, 4 + row // 2))

    with pytest.raises(ValueError, match=r"Item 2 of X has the shape \(1, 5\)"):
        np.asarray(OnDisk(Items()))


def test_axes_in_reverse_order(X, tmp_path):
    np.testing.assert_array_equal(np.asarray(OnDisk(in_hdf5(X, tmp_path)).T), X.T)
    assert OnDisk(Chunked(X, 4)).T.chunks == (8, 2, 4)
    with pytest.raises(TypeError, match="Turn each source"):
        OnDisk(X)[3:].T  # noqa: B018


def test_no_view_without_a_copy(X):
    with pytest.raises(ValueError, match="without a copy"):
        np.array(OnDisk(X), copy=False)


@pytest.mark.parametrize("fill_value", [0, np.nan])
def test_rows_that_have_the_fill_value_are_not_lost(fill_value, X, tmp_path):
    X[3] = fill_value
    np.testing.assert_array_equal(OnDisk(in_zarr(X, tmp_path, fill_value=fill_value)), X)


def shrink_npy(X, folder):
    series = OnDisk(saved(X, folder))
    np.save(folder / "X.npy", X[:6])
    return series


def shrink_zarr(X, folder, fill_value=0):
    import zarr

    series = OnDisk(in_zarr(X, folder, fill_value=fill_value))
    zarr.open_array(folder / "X.zarr", mode="r+").resize((6, *X.shape[1:]))
    return series


def shrink_zarr_to_nan(X, folder):
    return shrink_zarr(X, folder, np.nan)


def close_hdf5(X, folder):
    dataset = in_hdf5(X, folder)
    series = OnDisk(dataset)
    dataset.file.close()
    return series


def shrink_blocks(X, folder):
    store = Chunked(X, 4)
    series = OnDisk(store)
    store.values = X[:6]
    return series


def lose_items(X, folder):
    items = list(X)

    class Items:
        def __len__(self):
            return 12

        def __getitem__(self, row):
            return items[row]

    series = OnDisk(Items())
    del items[6:]
    return series


@pytest.mark.parametrize(
    "changed", [shrink_npy, shrink_zarr, shrink_zarr_to_nan, close_hdf5, shrink_blocks, lose_items]
)
def test_a_store_that_loses_rows(changed, X, tmp_path):
    if "zarr" in changed.__name__:
        pytest.importorskip("zarr")
    with pytest.raises(ValueError, match=r"was changed|cannot be read"):
        np.asarray(changed(X, tmp_path))
