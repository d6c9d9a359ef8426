import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator

from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl.preprocessing import as_collection

pytestmark = pytest.mark.filterwarnings("ignore:All .* series of X are the same")


class Recorder(BaseEstimator):
    pass


def as_objects(*series):
    array = np.empty(len(series), dtype=object)
    for case, one in enumerate(series):
        array[case] = one
    return array


def collect(X, **options):
    return validated_collection(Recorder(), X, reset=True, min_cases=2, **options)


@pytest.mark.parametrize(
    ("X", "shape", "lengths"),
    [
        (np.ones((3, 4)), (3, 1, 4), None),
        (np.ones((3, 2, 4)), (3, 2, 4), None),
        (np.ones((3, 2, 4), dtype=int), (3, 2, 4), None),
        (torch.ones(3, 2, 4), (3, 2, 4), None),
        ([[1, 2], [3, 4]], (2, 1, 2), None),
        (np.ones((3, 2, 4)).tolist(), (3, 2, 4), None),
        ([np.ones((2, 3)), np.ones((2, 5))], (2, 2, 5), [3, 5]),
        ([np.ones((2, 5)), np.ones((2, 5))], (2, 2, 5), None),
        (as_objects(np.ones((2, 3)), np.ones((2, 5))), (2, 2, 5), [3, 5]),
        (np.array([[1, 2, np.nan], [1, 2, 3]]), (2, 1, 3), [2, 3]),
        (np.ma.masked_equal([[1, 2, -9], [1, 2, 3]], -9), (2, 1, 3), [2, 3]),
        (np.ma.masked_equal(np.ones((3, 2, 4)), 0), (3, 2, 4), None),
        (list(np.ma.masked_equal([[[1, 2, -9]], [[1, 2, 3]]], -9)), (2, 1, 3), [2, 3]),
        (as_objects(*np.ma.masked_equal([[[1, 2, -9]], [[1, 2, 3]]], -9)), (2, 1, 3), [2, 3]),
        (as_objects(torch.ones(1, 2, requires_grad=True), torch.ones(1, 3)), (2, 1, 3), [2, 3]),
    ],
)
def test_forms_of_input(X, shape, lengths):
    collection = collect(X)
    assert collection.values.shape == shape
    assert collection.values.dtype == np.float32
    assert (collection.lengths is None) if lengths is None else (list(collection.lengths) == lengths)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((1, 4)), r"1 sample.* minimum of 2"),
        (np.ones((3, 2, 0)), "at least one channel and one time step"),
        (np.ones((3, 0, 2)), "at least one channel and one time step"),
        (np.ones((2, 2, 2, 2)), "4 dimensions"),
        (np.ones(3), r"1D array instead: X has shape \(3,\).* numpy.reshape\(X, \(1, 1, -1\)\)"),
        ([1.0, 2.0, 3.0], r"X has shape \(3,\)"),
        ([np.ones((2, 3)), np.ones((3, 5))], r"same number of channels, got \[2, 3\]"),
        (as_objects(np.ones((2, 3)), np.ones((1, 3, 1))), r"got \(1, 3, 1\)"),
        (as_objects(np.ones((2, 3)), np.ones((1, 5))), "same number of channels"),
        ([np.ones((2, 3)), np.ones(3)], r"shape \(n_channels, n_timepoints\), got \(3,\)"),
        ([np.ones((2, 3)), np.ones((2, 0))], "Series 1 .* zero time steps"),
        ([np.ones(3), np.ones(4)], "1-D series of unequal length"),
        (as_objects(np.ones(3), np.ones(4)), "1-D series of unequal length, or as objects"),
        (pd.Series([np.ones(3), np.ones(3)]), "1-D series of unequal length, or as objects"),
        ([np.ones((2, 3)), pd.DataFrame(np.ones((3, 2)))], r"Series 1 of X is a data frame.*as_collection\(X\)"),
        (np.full((3, 2, 4), "a"), "dtype <U1 and shape .* Give numbers of shape"),
        ([["a", "b"], ["c", "d"]], "numeric"),
        (np.ones((3, 2, 4), dtype=complex), "Complex data not supported"),
        (np.array([[np.nan, 1], [1, 1]]), r"NaN.* series 0, channel 0, time step 0.*FillMissing"),
        (np.array([[np.nan, np.nan], [1, 1]]), "Series 0 .* zero time steps"),
        (np.array([[1, 1], [1, -np.inf]]), r"inf.* series 1, channel 0, time step 1"),
        (np.array([[1e300, 1], [1, 1]]), r"infinite value .or one beyond float32. in series 0, channel 0, time step 0"),
        (np.ma.masked_greater([[1.0, 3.0, 1.0], [1.0, 1.0, 1.0]], 2), r"NaN.* series 0, channel 0, time step 1"),
    ],
)
def test_bad_input(X, message):
    with pytest.raises(ValueError, match=message):
        collect(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (iter(np.ones((3, 2, 4))), r"^X is a \w*iterator\. .* list\(X\)"),
        ({"a": np.ones((2, 4)), "b": np.ones((3, 5))}, r"^X is a dict\. .* list\(X\.values\(\)\)"),
        ({1.0, 2.0}, r"^X is a set\. .* list\(X\)"),
    ],
)
def test_what_is_no_array_is_named(X, message):
    with pytest.raises(TypeError, match=message):
        collect(X)


def test_a_table_of_series_and_the_remedy():
    table = pd.DataFrame({name: [pd.Series(np.ones(length)) for length in (4, 6)] for name in "ab"})
    with pytest.raises(ValueError, match=r"table whose cells are series.*as_collection"):
        collect(table)
    assert list(collect(as_collection(table)).lengths) == [4, 6]


def test_trailing_nan_of_one_channel_alone_is_a_gap():
    X = np.ones((2, 2, 4))
    X[1, 0, 3] = np.nan
    with pytest.raises(ValueError, match="series 1, channel 0, time step 3"):
        collect(X)
    X[1, 1, 3] = np.nan
    assert list(collect(X).lengths) == [4, 3]


def test_gaps_in_late_chunks_are_found(monkeypatch):
    monkeypatch.setattr("sklearn_ssl._input.lengths.CHUNK_BYTES", 64)
    X = np.ones((50, 2, 4))
    X[:, :, 3] = np.nan
    assert set(collect(X).lengths) == {3}
    X[41, 1, 0] = np.nan
    with pytest.raises(ValueError, match="series 41, channel 1, time step 0"):
        collect(X)


def test_float32_is_not_copied():
    X = np.ones((3, 2, 4), dtype=np.float32)
    assert np.shares_memory(collect(X).values, X)


def test_memory_maps_stay_on_disk(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float64, shape=(5, 2, 4))
    X[:] = 1
    collection = collect(np.load(tmp_path / "X.npy", mmap_mode="r"))
    assert isinstance(collection.values, np.memmap)
    assert collection.lengths is None


@pytest.mark.parametrize("dtype", [np.float64, np.int16])
def test_memory_maps_of_one_channel_stay_on_disk(dtype, tmp_path):
    np.save(tmp_path / "X.npy", np.arange(20, dtype=dtype).reshape(5, 4))
    estimator = Recorder()
    collection = validated_collection(estimator, np.load(tmp_path / "X.npy", mmap_mode="r"), reset=True)
    assert isinstance(collection.values, np.memmap)
    assert collection.values.shape == (5, 1, 4)
    assert collection.values.dtype == dtype
    assert (estimator.n_features_in_, estimator.n_channels_in_) == (4, 1)


def test_rows_keep_their_lengths():
    collection = collect([np.ones((2, 3)), np.ones((2, 5)), np.ones((2, 4))])
    for which, expected in ((slice(1, None), [5, 4]), (np.array([2, 0]), [4, 3])):
        rows = collection.rows(which)
        assert list(rows.lengths) == expected
        np.testing.assert_array_equal(rows.values, collection.values[which])
    assert collect(np.ones((3, 2, 4))).rows([0]).lengths is None


def test_missing_values_may_be_allowed_and_dtype_kept():
    X = np.array([[np.nan, 1, np.nan], [1, 1, 1]])
    collection = collect(X, allow_missing=True, dtype=None)
    assert list(collection.lengths) == [2, 3]
    assert collection.values.dtype == np.float64


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (None, TypeError, "X is None, which holds no series"),
        ("abc", TypeError, "X is 'abc', which holds no series"),
        (np.array(1.0), TypeError, "which holds no series"),
        (torch.utils.data.DataLoader([1]), TypeError, r"Give X\.dataset"),
        (range(5), ValueError, r"X has shape \(5,\)"),
        (torch.utils.data.TensorDataset(torch.ones(0, 2)), ValueError, r"X has shape \(0,\)"),
        ([np.ones(3), None], ValueError, "Series 1 of X is None, and not an array"),
        ([{"x": 1}, {"x": 2}], ValueError, r"Series 0 of X is \{'x': 1\}"),
        (np.ones((3, 4)) * 1j, ValueError, "Complex data not supported: X has complex numbers. Give real and"),
        ([[1, 10**400], [2, 3]], ValueError, "X has a whole number that is too large"),
        (np.full((3, 1, 4), 10**400), ValueError, "X has a whole number that is too large"),
        (np.array([[["x" * 999, 1]]], object), ValueError, r"does not become numbers: could not convert .*\.\.\."),
        ({}, TypeError, "X is a dict. Give at least one series"),
        ([[[1, 2], [3]]] * 2, ValueError, "channels of a series of X differ in length.*as_collection"),
        ([[object(), 1], [2, 3]], TypeError, "X has a value that is no number: float"),
        (pd.DataFrame(index=range(3)), ValueError, "X is a table without columns"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), ValueError, r"several columns of the name\(s\) \['a'\]"),
        (pd.DataFrame({"a": [1, {}], "b": 1}), ValueError, r"Column 'a' of X holds \{\} in row 1"),
        (np.zeros(3, [("a", "f8", (5,))]), ValueError, r"cells are series.*as_collection\(X\)"),
    ],
)
def test_what_holds_no_series_is_named_on_one_line(X, error, message):
    with pytest.raises(error, match=message) as raised:
        collect(X)
    assert "\n" not in str(raised.value)
