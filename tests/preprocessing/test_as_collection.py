import io
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.io import arff
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.preprocessing import (
    AsCollection,
    ChannelWise,
    FillMissing,
    as_collection,
    as_labels,
)

NAN = np.nan
SERIES = np.random.default_rng(0).normal(size=(5, 2, 7))
DATES = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[ns]")
RAGGED = [series[:, : 3 + case] for case, series in enumerate(SERIES)]


def assert_same_series(actual, expected):
    assert isinstance(actual, list) == isinstance(expected, list)
    for one, other in zip(actual, expected, strict=True):
        assert_array_equal(one, other)
        assert one.dtype == np.float64


def nested(series, cell):
    return pd.DataFrame({name: [cell(one[channel]) for one in series] for channel, name in enumerate(["x", "y"])})


def nullable(values):
    return pd.Series(values, dtype="Float64")


def long(series):
    rows = [
        {"id": f"s{9 - case}", "t": step, "x": values[0], "y": values[1]}
        for case, one in enumerate(series)
        for step, values in enumerate(one.T)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("series", [SERIES, RAGGED], ids=["equal", "ragged"])
@pytest.mark.parametrize("cell", [np.asarray, list, tuple, pd.Series, torch.from_numpy, nullable])
def test_nested_data_frames(series, cell):
    assert_same_series(as_collection(nested(series, cell)), series)


@pytest.mark.parametrize("series", [SERIES, RAGGED], ids=["equal", "ragged"])
def test_long_tables(series):
    table = long(series)
    assert_same_series(as_collection(table, case="id", time="t"), series)
    assert_same_series(as_collection(table, case="id", drop="t"), series)
    assert_same_series(as_collection(table.to_records(index=False), case="id", time="t"), series)
    shuffled = table.sample(frac=1, random_state=0)
    order = [f"s{9 - case}" for case in range(5)]
    found = [list(dict.fromkeys(shuffled["id"])).index(name) for name in order]
    result = as_collection(shuffled, case="id", time="t")
    assert_same_series([result[place] for place in found], list(series))


def test_times_only_sort():
    table = pd.DataFrame({"case": 1, "x": [1.0, 2.0, 3.0]})
    for times in ([30, 10, 20], list("cab"), pd.to_datetime(["2020-03-01", "2020-01-01", "2020-02-01"], utc=True)):
        assert as_collection(table.assign(when=times), case="case", time="when").tolist() == [[[2, 3, 1]]]
    assert as_collection(table, case="case").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("series", [SERIES, RAGGED], ids=["equal", "ragged"])
@pytest.mark.parametrize("one", [np.asarray, lambda x: x.tolist(), torch.from_numpy, lambda x: pd.DataFrame(x.T)])
def test_lists_of_series(series, one):
    assert_same_series(as_collection([one(values) for values in series]), series)


def test_lists_of_data_frames_are_read_by_name():
    frames = [pd.DataFrame({"x": one[0], "y": one[1], "state": "on"}) for one in RAGGED]
    assert_same_series(as_collection(frames, drop="state"), RAGGED)
    with pytest.raises(ValueError, match=r"Column 'state' holds text\. Set categorical"):
        as_collection(frames)
    frames[1].loc[1:2, "state"] = ["off", None]
    reader = AsCollection(categorical="encode").fit(frames)
    assert reader.get_feature_names_out().tolist() == ["x", "y", "state"]
    assert_array_equal(reader.transform(frames)[1], np.vstack([RAGGED[1], [1, 0, 0, 1]]))
    swapped = [frame[["y", "x", "state"]] for frame in frames]
    with pytest.raises(ValueError, match="but AsCollection was fitted on"):
        reader.transform(swapped)
    message = r"Series 1 of X has the columns \['y', 'x', 'state'\], but series 0 has \['x', 'y', 'state'\]"
    with pytest.raises(ValueError, match=message):
        as_collection([frames[0], swapped[1]])
    single = [frame[["x"]].astype(np.float32)[:3] for frame in frames]
    assert as_collection(single).dtype == np.float32
    with pytest.raises(ValueError, match="time step"):
        as_collection([single[0], single[0][:0]])


def test_lists_of_one_channel():
    expected = [one[:1] for one in RAGGED]
    assert_same_series(as_collection([one[0] for one in RAGGED]), expected)
    assert_same_series(as_collection([one[0].tolist() for one in RAGGED]), expected)
    assert_same_series(as_collection([torch.from_numpy(one[0]) for one in RAGGED]), expected)
    cells = np.empty(5, dtype=object)
    cells[:] = [one[0] for one in RAGGED]
    assert_same_series(as_collection(cells), expected)


@pytest.mark.parametrize("form", [np.asarray, torch.from_numpy, lambda x: x.tolist(), list])
def test_arrays(form):
    assert_same_series(as_collection(form(SERIES)), SERIES)
    assert_same_series(as_collection(form(SERIES[:, 0])), SERIES[:, :1])


def test_flat_tables():
    frame = pd.DataFrame(SERIES[:, 0]).add_prefix("t").assign(target=list("abcde"))
    assert_same_series(as_collection(frame, drop="target"), SERIES[:, :1])
    assert_same_series(as_collection(frame.to_records(index=False), drop=["target"]), SERIES[:, :1])
    assert_same_series(as_collection(frame[["t0", "t1"]].astype("Float64")), SERIES[:, :1, :2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    assert as_collection(SERIES.astype(dtype)).dtype == dtype
    assert as_collection(nested(SERIES.astype(dtype), np.asarray)).dtype == dtype
    assert as_collection([one.astype(dtype) for one in RAGGED])[0].dtype == dtype
    assert as_collection(torch.tensor(SERIES, dtype=torch.bfloat16, requires_grad=True)).dtype == np.float32
    assert as_collection(SERIES.astype(int)).dtype == np.float64


UNIVARIATE = """@relation waves
@attribute t1 numeric
@attribute t2 numeric
@attribute activity {walk,run}
@data
1.5,2.5,walk
?,4.5,run
"""
MULTIVARIATE = r"""@relation waves
@attribute bag relational
  @attribute t1 numeric
  @attribute t2 numeric
  @attribute t3 numeric
@end bag
@attribute activity {walk,run}
@data
"1,2,3\n4,5,6",walk
"1,?,3\n4,5,7",run
"""


def test_univariate_arff():
    records, _ = arff.loadarff(io.StringIO(UNIVARIATE))
    assert_same_series(as_collection(records, drop="activity"), [[[1.5, 2.5]], [[NAN, 4.5]]] * np.ones(1))
    assert as_labels(records["activity"]).tolist() == ["walk", "run"]
    with pytest.raises(ValueError, match=r"Column 'activity' holds text, .* drop='activity'"):
        as_collection(records)


LONG = """@relation waves
@attribute id {s1,s2}
@attribute time numeric
@attribute x numeric
@attribute state {on,off}
@data
s1,1,2,?
s1,0,1,on
s2,0,3,?
s2,1,?,off
"""


def test_long_arff_with_missing_states():
    records, _ = arff.loadarff(io.StringIO(LONG))
    expected = np.array([[[1, 2], [1, 1]], [[3, NAN], [NAN, 0]]])
    for table in (records, pd.DataFrame(records)):
        reader = AsCollection(case="id", time="time", categorical="encode")
        assert_same_series(reader.fit_transform(table), expected)
        assert reader.categories_["state"].tolist() == ["off", "on"]


def test_multivariate_arff():
    records, _ = arff.loadarff(io.StringIO(MULTIVARIATE))
    expected = np.array([[[1, 2, 3], [4, 5, 6]], [[1, NAN, 3], [4, 5, 7.0]]])
    assert_same_series(as_collection(records, drop="activity"), expected)
    with pytest.raises(ValueError, match="Column 'activity' has 'walk' in row 0"):
        as_collection(records)


def test_missing_cells_and_values():
    frame = nested(RAGGED, list).astype(object)
    frame.loc[2, "y"] = None
    frame.loc[3, "x"][1] = None
    result = as_collection(frame)
    assert_array_equal(result[2], [RAGGED[2][0], [NAN] * 5])
    assert_array_equal(result[3], np.where(np.arange(12).reshape(2, 6) == 1, NAN, RAGGED[3]))

    table = long(RAGGED).astype({"x": "Float64"})
    table.loc[1, "x"] = pd.NA
    assert_array_equal(as_collection(table, case="id", time="t")[0][0], [RAGGED[0][0, 0], NAN, RAGGED[0][0, 2]])


def test_series_without_values_keep_their_length():
    series = [np.full((1, 3), NAN), np.ones((1, 2))]
    assert [one.shape for one in as_collection(series)] == [(1, 3), (1, 2)]


TEXTS = pd.DataFrame(
    {
        "case": [1, 1, 1, 1, 2, 2, 2],
        "x": np.arange(7.0),
        "state": [None, b"on", None, b"off", NAN, "idle", pd.NA],
    }
)


def test_text_is_an_error_unless_encoded():
    with pytest.raises(ValueError, match=r'holds text\. Set categorical="encode"'):
        as_collection(TEXTS, case="case")
    first, second = as_collection(TEXTS, case="case", categorical="encode")
    assert_array_equal(first, [[0, 1, 2, 3], [NAN, 2, 2, 1]])  # idle, off, on
    assert_array_equal(second, [[4, 5, 6], [NAN, 0, 0]])
    cells = pd.DataFrame({"state": [["a", None, "b"], [None, "b", "a"]]})
    assert_array_equal(as_collection(cells, categorical="encode"), [[[0, 0, 1]], [[NAN, 1, 0]]])
    assert_array_equal(
        as_collection(cells.astype(object).to_records(index=False), categorical="encode")[0], [[0, 0, 1]]
    )
    records = np.array([(1, b"b"), (1, b"a"), (2, b"b"), (2, b"b")], dtype=[("case", int), ("state", "S1")])
    assert_array_equal(as_collection(records, case="case", categorical="encode"), [[[1, 0]], [[1, 1]]])


def test_codes_are_those_of_fit():
    reader = AsCollection(case="case", categorical="encode").fit(TEXTS)
    assert reader.columns_ == ["x", "state"]
    assert {name: texts.tolist() for name, texts in reader.categories_.items()} == {"state": ["idle", "off", "on"]}
    assert reader.get_feature_names_out().tolist() == ["x", "state"]
    later = pd.DataFrame({"case": [1, 1], "x": [0.0, 1.0], "state": [None, "on"]})
    for same in (reader, pickle.loads(pickle.dumps(reader))):
        assert_array_equal(same.transform(later), [[[0, 1], [NAN, 2]]])
    assert_array_equal(reader.transform(later.assign(state=NAN)), [[[0, 1], [NAN, NAN]]])
    with pytest.raises(ValueError, match=r"Column 'state' holds 'hot', but at fit it held only \['idle', 'off'"):
        reader.transform(later.replace("on", "hot"))
    with pytest.raises(ValueError, match="Column 'x' holds text, but held numbers at fit"):
        reader.transform(later.assign(x="on"))
    with pytest.raises(ValueError, match=r"X has the columns \['state', 'x'\], but AsCollection was fitted on"):
        reader.transform(later[["case", "state", "x"]])


def test_refit_forgets():
    reader = AsCollection(categorical="encode").fit(pd.DataFrame({"state": [["on", "off"]]}))
    assert list(clone(reader).fit(SERIES).categories_) == []
    assert not hasattr(reader.fit(SERIES), "columns_")
    assert not reader.categories_


def test_step_keeps_tables_of_numbers_two_d():
    reader = AsCollection(drop="y")
    frame = pd.DataFrame(SERIES[:, 0]).add_prefix("t").assign(y=1)
    assert_array_equal(reader.fit_transform(frame), SERIES[:, 0])
    assert reader.feature_names_in_.tolist() == [f"t{step}" for step in range(7)]
    assert_array_equal(reader.transform(frame.drop(columns="y")), SERIES[:, 0])
    assert isinstance(reader.set_output(transform="pandas").transform(frame), pd.DataFrame)
    assert_array_equal(AsCollection().fit_transform(torch.from_numpy(SERIES[:, 0])), SERIES[:, 0])
    assert_array_equal(AsCollection().set_output(transform="pandas").fit_transform(SERIES), SERIES)
    assert_same_series(AsCollection().fit_transform(nested(SERIES, list)), SERIES)
    assert_same_series(AsCollection().fit_transform(nested(RAGGED, list)), RAGGED)


def test_in_a_pipeline():
    pipeline = make_pipeline(AsCollection(), FillMissing(), ChannelWise(StandardScaler()))
    frame = nested(SERIES, list)
    frame.loc[0, "x"][2] = NAN
    filled = SERIES.copy()
    filled[0, 0, 2] = filled[0, 0, 1]
    assert_array_equal(pipeline.fit_transform(frame), ChannelWise(StandardScaler()).fit_transform(filled))
    assert_array_equal(pipeline.transform(nested(RAGGED, list))[1], pipeline.transform(list(SERIES[:, :, :4]))[1])


def test_input_is_not_changed():
    for X in (SERIES.copy(), SERIES[:, 0].copy()):
        FillMissing().fit_transform(as_collection(np.where(X > 1, NAN, X)))
        result = as_collection(X)
        assert_array_equal(result.ravel(), X.ravel())


@pytest.mark.parametrize(
    ("obj", "options", "message"),
    [
        (pd.DataFrame({"x": [[1, 2]], "y": [[1, 2, 3]]}), {}, "The channels of series 0 of X differ in length: [2, 3]"),
        (pd.DataFrame({"x": [[1, 2], None]}), {}, "The channels of series 1 of X are all missing"),
        (pd.DataFrame({"x": [[1, 2]], "sex": ["m"]}), {}, "Column 'sex' has 'm' in row 0"),
        (pd.DataFrame({"x": [[]]}), {}, "Column 'x' has [] in row 0"),
        (pd.DataFrame({"x": [["a", 1]]}), {}, "Column 'x' holds text and numbers"),
        (pd.DataFrame({"x": [[1], [[1]]]}), {}, "Column 'x' has [[1]] in row 1"),
        (pd.DataFrame({"x": [pd.to_datetime(["2020-01-01"])]}), {}, "Column 'x' holds no numbers"),
        (pd.DataFrame({"x": [DATES]}), {}, "Column 'x' holds no numbers: its dtype is datetime64[ns]"),
        (pd.DataFrame({"x": [DATES, None], "y": [[1, 2]] * 2}), {}, "Column 'x' holds no numbers: its dtype is date"),
        ([pd.DataFrame({"x": DATES})], {}, "Column 'x' holds no numbers: its dtype is datetime64[ns]"),
        ([pd.DataFrame({"x": [1.0]}), np.ones((1, 1))], {}, "Series 1 of X has the columns [], but series 0 has ['x']"),
        ([pd.DataFrame({"x": [1.0]})], {"case": "x"}, "`case`='x' names a column, but X is no table"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), {}, "several columns of the name(s) ['x']"),
        (pd.DataFrame({"x": [1.0], "label": ["a"]}), {}, "Column 'label' holds text"),
        (pd.DataFrame({"x": ["1.5"]}), {"categorical": "encode"}, "Column 'x' holds text"),
        (
            pd.DataFrame({"x": [1.0]}),
            {"drop": "target"},
            "`drop` names the column 'target', but X has the columns ['x']",
        ),
        (pd.DataFrame({"x": [1.0]}), {"drop": "x"}, "none is left for values"),
        (pd.DataFrame({"x": [1.0]}), {"case": "id"}, "`case` names the column 'id'"),
        (pd.DataFrame({"x": [1.0]}), {"case": "x"}, "none is left for values"),
        (pd.DataFrame({"x": [1.0], "t": [1]}), {"time": "t"}, "`time`='t' needs `case`"),
        (pd.DataFrame({"x": [1.0, 2.0], "id": [1, NAN]}), {"case": "id"}, "Column 'id' is missing in row 1"),
        (
            pd.DataFrame({"x": [1.0, 2.0], "id": 1, "t": pd.to_datetime(["2020-01-01", None])}),
            {"case": "id", "time": "t"},
            "Column 't' is missing in row 1",
        ),
        (
            pd.DataFrame({"x": [1.0, 2.0], "id": [7, 7], "t": [3, 3]}),
            {"case": "id", "time": "t"},
            "Series 7 has several rows with t = 3",
        ),
        (
            pd.DataFrame({"x": [1.0, 2.0], "id": 1, "t": [3, "a"]}),
            {"case": "id", "time": "t"},
            "Column 't' holds values that cannot be sorted",
        ),
        (SERIES, {"drop": "y"}, "`drop`='y' names a column, but X is no table"),
        (SERIES, {"categorical": "drop"}, "`categorical` must be one of 'error', 'encode', got 'drop'"),
        ([[[1, 2], [3]]], {}, "The channels of series 0 of X differ in length"),
        ([np.ones((1, 2)), np.ones((2, 2))], {}, "same number of channels, got [1, 2]"),
        (np.where(SERIES > 1, np.inf, SERIES), {}, "infinite value"),
        (np.array([["a", "b"]]), {}, "arrays of bytes/strings"),
        ([], {}, "Expected 2D array"),
    ],
)
def test_bad_input(obj, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        as_collection(obj, **options)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([b"walk", b"run"], ["walk", "run"]),
        (np.array([b"a", b"b"]), ["a", "b"]),
        (np.array([b"a", "b"], dtype=object), ["a", "b"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (["é".encode()], ["é"]),
        ([[b"a"], [b"b"]], [["a"], ["b"]]),
    ],
)
def test_labels_become_text(y, expected):
    labels = as_labels(y)
    assert labels.dtype.kind == "U"
    assert labels.tolist() == expected


def test_other_labels_stay():
    assert as_labels(torch.tensor([1, 2])).dtype == np.int64
    assert as_labels([1.5, 2.5]).tolist() == [1.5, 2.5]
    assert as_labels(np.array([b"a", None, 3], dtype=object)).tolist() == ["a", None, 3]


def test_labels_that_are_no_utf_8():
    with pytest.raises(ValueError, match=r"The labels hold the bytes b'caf\\xe9', which are not UTF-8"):
        as_labels([b"bar", "caf\xe9".encode("latin-1")])
    with pytest.raises(ValueError, match="The labels hold the bytes"):
        as_labels(np.array(["caf\xe9".encode("latin-1")]))
