"""Tables given to estimators: their rows are series of one channel, unless the table tells otherwise."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl._input.tables import _check_step, cells_of, columns_of
from sklearn_ssl.preprocessing import SeriesWise, as_collection, window_recordings

VALUES = np.random.default_rng(0).normal(size=(6, 40))
NAMES = [f"t{step}" for step in range(40)]
FRAME = pd.DataFrame(VALUES, columns=NAMES)


def of_library(name, frame):
    if name == "pandas":
        return frame
    library = pytest.importorskip(name)
    columns = {column: frame[column].tolist() for column in frame}
    return library.DataFrame(columns) if name == "polars" else library.table(columns)


LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])


@LIBRARIES
@pytest.mark.parametrize(
    "estimator", [RandomEncoderTransformer(random_state=0), SeriesWise(), StandardScaler()], ids=repr
)
def test_names_are_kept_and_compared(library, estimator):
    X = of_library(library, FRAME)
    fitted = estimator.fit(X)
    assert fitted.feature_names_in_.tolist() == NAMES
    assert fitted.n_features_in_ == 40
    np.testing.assert_allclose(fitted.transform(X), fitted.transform(FRAME))  # no warning of names
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.transform(of_library(library, FRAME[NAMES[::-1]]))
    with pytest.raises(ValueError, match="yet now missing"):
        fitted.transform(of_library(library, FRAME[NAMES[1:]]))


@LIBRARIES
def test_missing_values_of_tables(library):
    X = of_library(library, FRAME.astype(object).where(VALUES < 1.5, None))
    result = SeriesWise().fit_transform(X)
    np.testing.assert_array_equal(np.isnan(result), VALUES >= 1.5)


def test_tables_without_values_yet():
    polars = pytest.importorskip("polars")
    X = polars.DataFrame({name: FRAME[name].to_list() for name in NAMES})
    for read in (as_collection, RandomEncoderTransformer().fit):
        with pytest.raises(TypeError, match=r"X is a LazyFrame, .* Give X\.collect\(\)"):
            read(X.lazy())
    np.testing.assert_array_equal(as_collection(X.lazy().collect())[:, 0], VALUES)


DAYS = pd.date_range("2024-01-01", periods=6)


@pytest.mark.parametrize("index", [DAYS, DAYS.to_period(), DAYS - DAYS[0], DAYS.tz_localize("Europe/Paris")], ids=str)
def test_an_index_of_times_is_one_recording(index):
    frame = FRAME[["t0", "t1"]].set_index(index)
    with pytest.raises(ValueError, match=r"times as their index.*window_recordings\(X, length=") as error:
        VICRegTransformer().fit(frame)
    assert "If each row is a series, give X.reset_index(drop=True)" in str(error.value)
    np.testing.assert_array_equal(as_collection(frame), VALUES.T[None, :2])
    RandomEncoderTransformer().fit(window_recordings(frame, length=3)[0])
    RandomEncoderTransformer().fit(frame.reset_index(drop=True))


def test_an_index_of_series_and_time_is_a_long_table():
    index = pd.MultiIndex.from_product([["a", "b", "c"], range(40)], names=["id", "t"])
    frame = pd.DataFrame(VALUES.reshape(2, -1).T, index=index, columns=["x", "y"])
    with pytest.raises(ValueError, match=re.escape("index ['id', 't'], as in a long table")) as error:
        RandomEncoderTransformer().fit(frame)
    assert "as_collection(X)" in str(error.value)
    expected = VALUES.reshape(2, 3, 40).swapaxes(0, 1)
    np.testing.assert_array_equal(as_collection(frame), expected)
    wide = frame["x"].unstack("t")
    np.testing.assert_array_equal(SeriesWise().fit(wide).n_features_in_, 40)
    pivoted = frame.unstack("t")
    for read, remedy in (
        (RandomEncoderTransformer().fit, r"as_collection\(X\.stack"),
        (as_collection, r"give X\.stack"),
    ):
        with pytest.raises(ValueError, match=rf"columns of X have 2 levels.*{remedy}\(future_stack=True\)"):
            read(pivoted)
    np.testing.assert_array_equal(as_collection(pivoted.stack(future_stack=True)), expected)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.date_range("2024-01-01", periods=6), "holds dates or times"),
        (pd.date_range("2024-01-01", periods=6, tz="UTC"), "holds dates or times"),
        (pd.period_range("2024-01-01", periods=6), "holds dates or times"),
        (pd.timedelta_range("1s", periods=6), "holds dates or times"),
        (list(pd.date_range("2024-01-01", periods=6).date), "holds dates or times"),
        (list("abcabc"), "holds text"),
        ([b"a"] * 6, "holds text"),
        (pd.Categorical(list("abcabc")), "holds text"),
    ],
)
def test_columns_that_are_no_time_steps(column, message):
    frame = FRAME.assign(extra=column)
    for estimator in (RandomEncoderTransformer(), SeriesWise()):
        with pytest.raises(ValueError, match=f"Column 'extra' of X {message}.*X.drop\\(columns='extra'\\)"):
            estimator.fit(frame)
        estimator.fit(frame.drop(columns="extra"))


@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 0.1", "Unnamed: 12"])
def test_row_numbers_of_a_file(name):
    frame = pd.concat([pd.Series(range(6), name=name), FRAME], axis=1)
    for read in (RandomEncoderTransformer().fit, as_collection):
        with pytest.raises(ValueError, match=rf"Column '{name}' had no name .* X\.drop\(columns='{name}'\)"):
            read(frame)
    RandomEncoderTransformer().fit(frame.drop(columns=name))
    assert as_collection(frame, drop=name).shape == (6, 1, 40)


def test_columns_of_tables():
    zoned = pd.date_range("2024-01-01", periods=2, tz="Europe/Paris")
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": zoned, "c": pd.array([1, 2], dtype="Int64")})
    columns = columns_of(frame)
    np.testing.assert_array_equal(columns["a"], [1, np.nan])
    np.testing.assert_array_equal(columns["b"], zoned.tz_convert(None).to_numpy())
    assert columns["c"].dtype == np.int64
    assert columns_of(np.ones(2)) is None


def column_of(library, **attributes):
    """Return a column of a library that need not be installed."""
    return type("Column", (), {"__module__": f"{library}.columns", **attributes})()


def kind(name, **attributes):
    return type(name, (), attributes)()


def test_cells_of_polars():
    ordered = cells_of(
        column_of("polars", dtype=kind("Enum", categories=("low", "high")), to_list=lambda self: ["high", None, "low"])
    )
    assert ordered.ordered
    assert (ordered.categories.tolist(), ordered.codes.tolist()) == (["low", "high"], [1, -1, 0])
    texts = cells_of(column_of("polars", dtype=kind("Categorical"), to_list=lambda self: ["b", None]))
    assert (texts.dtype, texts.tolist()) == (object, ["b", None])
    numbers = cells_of(column_of("polars", dtype=kind("Float64"), to_numpy=lambda self: np.arange(3.0)))
    assert numbers.tolist() == [0, 1, 2]
    rows = cells_of(column_of("polars", dtype=kind("Array"), to_numpy=lambda self: np.ones((2, 3))))
    assert (rows.shape, rows.dtype, rows[0].tolist()) == ((2,), object, [1, 1, 1])


def test_cells_of_pyarrow_and_of_other_libraries():
    def to_pandas(self, *, date_as_object):
        return pd.Series([1.5, None], dtype=object if date_as_object else float)

    assert cells_of(column_of("pyarrow", to_pandas=to_pandas)).dtype == float
    assert cells_of(column_of("other", __array__=lambda self, *args, **kwargs: np.arange(2))).tolist() == [0, 1]


def test_tables_without_values_are_refused():
    lazy = type("LazyFrame", (), {"collect": None, "collect_schema": None})()
    with pytest.raises(TypeError, match=r"X is a LazyFrame, .* Give X\.collect\(\)"):
        columns_of(lazy)
    assert columns_of(type("Half", (), {"collect": None})()) is None


def test_complex_steps_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported: column 'a' of X has dtype complex128"):
        _check_step("a", pd.Series([1j]))


@pytest.mark.parametrize("dtype", ["str", "string[python]"])
def test_texts_are_objects_and_equal_ones_are_one(dtype):
    column = pd.Series(["walk", None, "run", "walk"], dtype=dtype)
    cells = cells_of(column)
    assert cells.dtype == object
    assert cells[[0, 2, 3]].tolist() == ["walk", "run", "walk"]
    assert cells[0] is cells[3]
    assert cells[1] is column.dtype.na_value
