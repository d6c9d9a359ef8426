"""Times decide the order of steps, and a text decides it only if its order is certain."""

import datetime
import re

import numpy as np
import pandas
import pytest

from sklearn_ssl.preprocessing import as_collection
from sklearn_ssl.preprocessing._texts import numbers_of, shown_reason
from sklearn_ssl.preprocessing._times import moments_of


def read(times, **options):
    """Return the rows of a table of one series in the order of their times."""
    X = pandas.DataFrame({"id": 1, "t": times, "x": np.arange(float(len(times)))})
    return as_collection(X, case="id", time="t", **options)[0][0].tolist()


CERTAIN = {
    "dates": ["2024-02-01", "2024-01-30", "2024-01-31"],
    "dates with slashes": ["2024/02/01", "2024/01/30", "2024/01/31"],
    "dates without marks": ["20240201", "20240130", "20240131"],
    "months": ["2024-02", "2023-12", "2024-01"],
    "dates and times": ["2024-01-30T10:00:00.5Z", "2024-01-30T10:00:00Z", "2024-01-30T10:00:00.25Z"],
    "zones": ["2024-01-30 10:00+00:00", "2024-01-30 10:00+02:00", "2024-01-30 10:30+01:00"],
    "clock times": ["10:00", "08:59", "09:30"],
    "clock times with seconds": ["10:00:00,5", "09:30:00", "10:00:00"],
    "digits": ["10", "01", "02"],
    "names": ["step 10", "step 01", "step 02"],
    "one digit": ["t3", "t1", "t2"],
    "letters": ["c", "a", "b"],
    "bytes": [b"2024-02-01", b"2024-01-30", b"2024-01-31"],
    "numbers": [10, 1, 2.5],
    "objects": np.array([10, 1, 2.5], dtype=object),
    "date objects": list(pandas.to_datetime(["2024-02-01", "2024-01-30", "2024-01-31"]).date),
    "clock objects": list(pandas.to_datetime(["2024-02-01 10:00", "2024-01-30 08:00", "2024-01-31 09:00"]).time),
    "zoned": pandas.to_datetime(["2024-02-01", "2024-01-30", "2024-01-31"]).tz_localize("Europe/Paris"),
    "zoned objects": pandas.to_datetime(["2024-02-01", "2024-01-30", "2024-01-31"]).tz_localize("UTC").astype(object),
    "durations": pandas.to_timedelta([10, 1, 2], unit="s"),
    "periods": pandas.PeriodIndex(["2024-03", "2024-01", "2024-02"], freq="M"),
    "ordered categories": pandas.Categorical(["late", "early", "mid"], ["early", "mid", "late"], ordered=True),
    "categories in an order of their own": pandas.Categorical(["t10", "t1", "t2"], ["t1", "t2", "t10"]),
    "numeric categories": pandas.Categorical([10, 1, 2]),
}


@pytest.mark.parametrize("times", CERTAIN.values(), ids=CERTAIN)
def test_certain_times_sort(times):
    assert read(times) == [1, 2, 0]


UNCERTAIN = {
    "day first": (["01/02/2024", "30/01/2024", "31/01/2024"], "pandas.to_datetime"),
    "day first with points": (["01.02.24", "30.01.24", "31.01.24"], "pandas.to_datetime"),
    "day first with times": (["01-02-2024 00:00", "30-01-2024 12:00", "31-01-2024 06:00"], "pandas.to_datetime"),
    "day first without marks": (["01022024", "30012024", "31012024"], "pandas.to_datetime"),
    "months": (["Mar", "Jan", "Feb"], "pandas.to_datetime"),
    "clock times": (["10:00", "8:59", "9:30"], "pandas.to_datetime"),
    "half days": (["01 PM", "12 AM", "11 AM"], "pandas.to_datetime"),
    "numbers": (["10", "1", "2"], "pandas.to_numeric"),
    "decimals": (["0.5", "0.05", "0.25"], "pandas.to_numeric"),
    "negative": (["-1", "-3", "-2"], "pandas.to_numeric"),
    "names": (["t10", "t1", "t2"], "str.extract"),
    "words": (["evening", "morning", "noon"], "pandas.Categorical"),
    "weekdays": (["Wed", "Mon", "Tue"], "pandas.Categorical"),
    "categories of text": (pandas.Categorical(["t10", "t1", "t2"]), "str.extract"),
}


@pytest.mark.parametrize(("times", "remedy"), UNCERTAIN.values(), ids=UNCERTAIN)
def test_uncertain_times_are_refused_and_the_remedy_works(times, remedy):
    X = pandas.DataFrame({"id": 1, "t": times, "x": [0.0, 1.0, 2.0]})
    with pytest.raises(ValueError, match=r"Column 't' holds times as text, .* not certain") as error:
        as_collection(X, case="id", time="t")
    assert remedy in str(error.value)
    expression = re.search(r"X\.assign\(\*\*\{.*\}\)", str(error.value))[0]
    if remedy == "pandas.Categorical":  # the user must put the texts in order
        order = ["morning", "noon", "evening"] if "noon" in times else ["Mon", "Tue", "Wed"]
        expression = re.sub(r"categories=\[.*\],", f"categories={order},", expression)
    X = eval(expression)
    assert as_collection(X, case="id", time="t").tolist() == [[[1, 2, 0]]]


@pytest.mark.parametrize(
    "times", [["2024-02-30", "2024-01-01"], ["2024-01-01T00:00", "2024-01-01T00:00Z"], ["1 h", "30 m"]]
)
def test_other_texts_are_refused(times):
    with pytest.raises(ValueError, match="not certain"):
        read(times)


@pytest.mark.parametrize("times", [[3, "a"], [3, (1, 2)], [{}, {}]])
def test_what_has_no_order(times):
    with pytest.raises(ValueError, match="Column 't' holds values that cannot be sorted, such as"):
        read(times)


@pytest.mark.parametrize("times", [[3, np.nan], ["2024-01-01", None], pandas.to_datetime(["2024-01-01", None])])
def test_missing_times(times):
    with pytest.raises(ValueError, match="Column 't' is missing in row 1"):
        read(times)


def table(times, values=None, ids=1):
    values = np.arange(float(len(times))) if values is None else values
    return pandas.DataFrame({"id": ids, "t": times, "x": values})


def on_grid(X, freq, **options):
    (series,) = as_collection(X, case="id", time="t", freq=freq, **options)
    return series[0]


NAN = np.nan
START = pandas.Timestamp("2024-01-31 10:00")


@pytest.mark.parametrize(
    ("times", "freq"),
    [
        ([0, 1, 4, 5], "1s"),
        ([0, 1, 4, 5], 1),
        ([0, 1, 4, 5], pandas.Timedelta("1s")),
        ([0.0, 0.01, 0.04, 0.05], "10ms"),
        ([0.0, 0.01, 0.04, 0.05], 0.01),
        (START + pandas.to_timedelta([0, 1, 4, 5], unit="s"), "1s"),
        (START.tz_localize("Europe/Paris") + pandas.to_timedelta([0, 1, 4, 5], unit="h"), "1h"),
        (START + pandas.to_timedelta([0, 0.9, 4.1, 5], unit="s"), "s"),
        (START + pandas.to_timedelta([0, 1, 4, 5], unit="D"), "1D"),
        (START + pandas.to_timedelta([0, 1, 4, 5], unit="D"), np.timedelta64(1, "D")),
        (START + pandas.to_timedelta([0, 7, 28, 35], unit="D"), "1W"),
        (pandas.to_timedelta([0, 1, 4, 5], unit="s"), "1000ms"),
        (pandas.to_datetime(["2024-01-31", "2024-02-29", "2024-05-31", "2024-06-30"]), "1ME"),
        (pandas.to_datetime(["2024-01-31", "2024-02-29", "2024-05-31", "2024-06-30"]), pandas.offsets.MonthEnd()),
        (pandas.to_datetime(["2023-11-01", "2024-01-01", "2024-07-01", "2024-09-01"]), "2MS"),
        (pandas.PeriodIndex(["2024-01", "2024-02", "2024-05", "2024-06"], freq="M"), "MS"),
        (["2024-01-30", "2024-01-31", "2024-02-03", "2024-02-04"], "1D"),
    ],
)
def test_holes_of_a_regular_grid(times, freq):
    np.testing.assert_array_equal(on_grid(table(times), freq), [0, 1, NAN, NAN, 2, 3])
    shuffled = table(times).iloc[[2, 0, 3, 1]]
    np.testing.assert_array_equal(on_grid(shuffled, freq), [0, 1, NAN, NAN, 2, 3])


def test_every_series_has_its_own_grid():
    X = table([5, 7, 100, 101], ids=[1, 1, 2, 2])
    first, second = as_collection(X, case="id", time="t", freq="1s")
    np.testing.assert_array_equal(first, [[0, NAN, 1]])
    np.testing.assert_array_equal(second, [[2, 3]])


def test_texts_fill_the_holes_of_a_grid():
    X = table([0, 3, 4]).assign(state=["on", "off", None])
    series = as_collection(X, case="id", time="t", freq="1s", categorical="encode")
    np.testing.assert_array_equal(series, [[[0, NAN, NAN, 1, 2], [1, 1, 1, 0, 0]]])


DOUBLE = table([0, 1, 1, 2], values=[1.0, 2.0, 4.0, NAN])


@pytest.mark.parametrize("freq", [None, "1s"])
def test_duplicates(freq):
    np.testing.assert_array_equal(on_grid(DOUBLE, freq, duplicates="mean"), [1, 3, NAN])
    np.testing.assert_array_equal(on_grid(DOUBLE, freq, duplicates="first"), [1, 2, NAN])
    with pytest.raises(ValueError, match=r'Series 1 has several rows .* t = 1.* Set duplicates="mean"'):
        on_grid(DOUBLE, freq)


def test_a_coarse_grid_takes_means():
    np.testing.assert_array_equal(on_grid(table([0, 1, 2, 3, 4, 5]), 3, duplicates="mean"), [0.5, 3, 5])


@pytest.mark.parametrize(
    ("times", "freq", "message"),
    [
        ([0, 1], "often", "`freq` must be a distance in time"),
        ([0, 1], 0, "`freq` must be above zero"),
        ([0, 1], -1.0, "`freq` must be above zero"),
        ([0, 1], "-1s", "`freq` must be above zero"),
        ([0, 1], "1ME", "whose times are numbers"),
        (pandas.to_datetime(["2024-01-01", "2024-01-02"]), 1, 'Give text such as "1s"'),
        (pandas.to_timedelta([0, 1]), "1ME", "whose times are durations"),
        (pandas.to_datetime(["2024-01-01", "2024-01-02"]), "1ns", r"a grid of 8\.64e"),
        (pandas.to_datetime(["2024-01-01", "2024-01-02"]), "1B", "`freq` must be a distance in time"),
        (pandas.to_datetime(["2024-01-01", "2024-01-02"]), pandas.NaT, "does not fit column 't'"),
        ([0, 1], [], "whose times are numbers"),
        ([0, 1], True, "whose times are numbers"),
        ([0, np.inf], 1, "a grid of inf steps"),
    ],
)
def test_bad_grids(times, freq, message):
    with pytest.raises(ValueError, match=message):
        on_grid(table(times), freq)


@pytest.mark.filterwarnings("ignore")
def test_business_days_are_no_grid_where_warnings_are_ignored():
    with pytest.raises(ValueError, match="`freq` must be a distance in time"):
        on_grid(table(pandas.to_datetime(["2024-01-01", "2024-01-02"])), "1B")


def test_a_grid_needs_times():
    with pytest.raises(ValueError, match="`freq`='1s' needs `time`"):
        as_collection(table([0, 1]), case="id", drop="t", freq="1s")
    with pytest.raises(ValueError, match="`freq`='1s' names a column"):
        as_collection(np.ones((2, 3)), freq="1s")


def test_enumerations_of_polars():
    polars = pytest.importorskip("polars")
    times = polars.Series(["t10", "t1", "t2"], dtype=polars.Enum(["t1", "t2", "t10"]))
    assert as_collection(
        polars.DataFrame({"id": 1, "t": times, "x": [0.0, 1.0, 2.0]}), case="id", time="t"
    ).tolist() == [[[1, 2, 0]]]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (np.array(["a"]), "its dtype is <U1"),
        (np.array([1j]), "its dtype is complex128"),
        (np.array([datetime.date(2020, 1, 1)], dtype=object), "its dtype is date. If it has the times"),
        (np.array(["b" * 200], dtype=object), r"float: 'b{50,70}\.{4} Leave"),
        (np.array([[1], "x"], dtype=object), "Leave it out by drop='x'"),
    ],
)
def test_cells_that_are_no_numbers(cells, message):
    with pytest.raises(ValueError, match=message):
        numbers_of("x", cells)


def test_the_byte_string_of_arff_for_missing_is_missing():
    np.testing.assert_array_equal(numbers_of("x", np.array([1.5, b"?", None], dtype=object)), [1.5, NAN, NAN])


def test_a_reason_of_a_hundred_characters_is_not_cut():
    assert (len(shown_reason("a" * 100)), len(shown_reason("a" * 101))) == (100, 100)
    assert shown_reason("a" * 101).endswith("a...")
    assert shown_reason("a \n b") == "a b"


def test_moments_in_objects():
    assert moments_of("t", np.array([datetime.timedelta(seconds=3)], dtype=object)).astype("m8[s]").astype(int) == [3]
    moments = moments_of("t", np.array([pandas.Period("2020-01")], dtype=object))
    assert moments.astype("M8[D]").astype(str).tolist() == ["2020-01-01"]


def test_a_time_index_gets_a_name_that_no_column_has():
    moments = pandas.to_datetime(["2024-01-02", "2024-01-01"] * 2)
    X = pandas.DataFrame({"id": [1, 1, 2, 2], "time": [5.0, 6, 7, 8], "time_": [1.0, 2, 3, 4]}, index=moments)
    np.testing.assert_array_equal(as_collection(X, case="id")[0], [[6, 5], [2, 1]])


def test_duplicates_where_a_column_names_the_channels_are_no_melted_table():
    X = pandas.DataFrame({"id": 1, "t": [0, 1, 1], "c": "a", "v": [1.0, 2, 3]})
    with pytest.raises(ValueError, match=r'"first" to take the first of them\.$'):
        as_collection(X, case="id", time="t", channel="c")
