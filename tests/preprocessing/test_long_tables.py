"""Long tables in all their forms give the same series, and what they say about the series is in the same order."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.preprocessing import AsCollection, FillMissing, Resample, as_cases, as_collection

NAN = np.nan
rng = np.random.default_rng(0)
SERIES = rng.normal(size=(4, 2, 6))
DAYS = pd.date_range("2024-01-30", periods=6)
IDS = ["s9", "s10", "s2", "s1"]
PERSONS = ["b", "a", "a", "b"]
LONG = pd.DataFrame(
    {
        "id": np.repeat(IDS, 6),
        "t": np.tile(DAYS, 4),
        "x": SERIES[:, 0].ravel(),
        "y": SERIES[:, 1].ravel(),
        "person": np.repeat(PERSONS, 6),
        "label": np.repeat([1, 0, 1, 1], 6),
    }
)
CHANNELS = LONG[["id", "t", "x", "y"]]
ORDER = rng.permutation(len(LONG))
MELTED = CHANNELS.melt(["id", "t"], var_name="sensor")


def of_library(name, frame):
    if name == "pandas":
        return frame
    library = pytest.importorskip(name)
    columns = {column: frame[column].tolist() for column in frame}
    return library.DataFrame(columns) if name == "polars" else library.table(columns)


LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])

FORMS = {
    "long": (CHANNELS, {"case": "id", "time": "t"}),
    "without time": (CHANNELS.drop(columns="t"), {"case": "id"}),
    "list of ids": (CHANNELS, {"case": ["id"], "time": "t"}),
    "zones": (CHANNELS.assign(t=CHANNELS["t"].dt.tz_localize("Europe/Paris")), {"case": "id", "time": "t"}),
    "numbers of pandas": (CHANNELS.convert_dtypes(), {"case": "id", "time": "t"}),
    "two levels": (CHANNELS.set_index(["id", "t"]), {}),
    "two levels without names": (CHANNELS.set_index(["id", "t"]).rename_axis([None, None]), {}),
    "two named levels": (CHANNELS.set_index(["t", "id"]), {"case": "id", "time": "t"}),
    "index of ids": (CHANNELS.set_index("id"), {"case": "id", "time": "t"}),
    "index of times": (CHANNELS.set_index("t"), {"case": "id"}),
    "index of times by name": (CHANNELS.set_index("t"), {"case": "id", "time": "t"}),
    "melted": (MELTED, {"case": "id", "time": "t", "channel": "sensor"}),
    "melted without time": (MELTED.drop(columns="t"), {"case": "id", "channel": "sensor"}),
    "melted with index": (MELTED.set_index(["id", "t"]), {"channel": "sensor"}),
    "dictionary of columns": (dict(CHANNELS.items()), {"case": "id", "time": "t"}),
    "records": (CHANNELS.to_records(index=False), {"case": "id", "time": "t"}),
    "data frames": ([one.drop(columns="id") for _, one in CHANNELS.groupby("id", sort=False)], {"time": "t"}),
    "data frames by id": (
        {name: one.drop(columns="id") for name, one in CHANNELS.groupby("id", sort=False)},
        {"time": "t"},
    ),
    "indexed data frames": (
        [one.drop(columns="id").set_index("t") for _, one in CHANNELS.groupby("id", sort=False)],
        {},
    ),
}


@pytest.mark.parametrize(("table", "options"), FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_series(table, options):
    assert_array_equal(as_collection(table, **options), SERIES)
    reader = AsCollection(**options)
    assert_array_equal(reader.fit_transform(table), SERIES)
    assert reader.get_feature_names_out().tolist() == ["x", "y"]


@LIBRARIES
@pytest.mark.parametrize("form", ["long", "melted"])
def test_tables_of_other_libraries(library, form):
    table, options = FORMS[form]
    assert_array_equal(as_collection(of_library(library, table), **options), SERIES)


@pytest.mark.parametrize("form", ["long", "zones", "two levels", "melted", "index of times"])
def test_shuffled_rows_are_sorted(form):
    table, options = FORMS[form]
    shuffled = table.iloc[rng.permutation(len(table))]
    names = as_cases(shuffled, case=options.get("case"), time=options.get("time")).iloc[:, 0]
    series = as_collection(shuffled, **options)
    assert_array_equal(series, SERIES[[IDS.index(name) for name in names]])


def test_several_columns_of_ids():
    visits = LONG.assign(visit=np.repeat([1, 1, 2, 2], 6))
    table = visits[["person", "visit", "t", "x", "y"]]
    assert_array_equal(as_collection(table, case=["person", "visit"], time="t"), SERIES)
    assert_array_equal(as_collection(table.set_index(["person", "visit", "t"])), SERIES)
    cases = as_cases(table, case=["person", "visit"], time="t")
    assert cases.columns.tolist() == ["person", "visit"]
    assert list(cases.itertuples(index=False, name=None)) == [("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    with pytest.raises(ValueError, match="several rows with t"):
        as_collection(table, case="person", time="t")


def test_ids_labels_and_groups_are_in_the_order_of_the_series():
    shuffled = LONG.iloc[ORDER]
    reader = AsCollection(case="id", time="t", drop=["person", "label"])
    series = reader.fit_transform(shuffled)
    for cases in (as_cases(shuffled, case="id", time="t"), reader.cases(shuffled), clone(reader).cases(shuffled)):
        assert cases.columns.tolist() == ["id", "person", "label"]
        places = [IDS.index(name) for name in cases["id"]]
        assert_array_equal(series, SERIES[places])
        assert cases["person"].tolist() == [PERSONS[place] for place in places]
        assert cases["label"].tolist() == [[1, 0, 1, 1][place] for place in places]
        assert cases.index.tolist() == [0, 1, 2, 3]
    frames = [one for _, one in LONG.groupby("id", sort=False)]
    assert as_cases(frames, time="t")["person"].tolist() == PERSONS
    melted = LONG.melt(["id", "t", "label"], ["x", "y"], var_name="sensor")
    assert as_cases(melted, case="id")["label"].tolist() == [1, 0, 1, 1]


def test_columns_that_change_within_a_series_are_no_labels():
    table = LONG.assign(state=np.tile([1, 2], 12), gap=NAN)
    assert as_cases(table, case="id").columns.tolist() == ["id", "person", "label", "gap"]
    with pytest.raises(ValueError, match="X is no long table: `case` must name"):
        as_cases(table)
    with pytest.raises(ValueError, match="`case` names the column 'ids', but X has"):
        as_cases(table, case="ids")


def test_labels_of_a_table_in_a_pipeline():
    reader = AsCollection(case="id", time="t", drop=["person", "label"])
    pipeline = make_pipeline(reader, RandomEncoderTransformer(random_state=0))
    assert pipeline.fit(LONG, reader.cases(LONG)["label"]).transform(LONG).shape[0] == 4


def test_melted_tables_with_gaps_and_other_rates():
    slow = MELTED[(MELTED["sensor"] == "x") | (MELTED["t"] < DAYS[3])]
    expected = SERIES.copy()
    expected[:, 1, 3:] = NAN
    assert_array_equal(as_collection(slow, case="id", time="t", channel="sensor"), expected)
    with pytest.raises(ValueError, match=r"The channels of Series s9 have \[6, 3\] rows. Set `time`"):
        as_collection(slow.drop(columns="t"), case="id", channel="sensor")
    daily = as_collection(slow, case="id", time="t", channel="sensor", freq="12h")
    assert daily.shape == (4, 2, 11)
    assert_array_equal(daily[:, :, ::2], expected)


def test_melted_channels_are_those_of_fit():
    reader = AsCollection(case="id", time="t", channel="sensor").fit(MELTED)
    assert reader.columns_ == ["x", "y"]
    assert_array_equal(reader.transform(MELTED.iloc[::-1]), SERIES[::-1])
    with pytest.raises(ValueError, match=r"X has the columns \['x'\], but AsCollection was fitted on \['x', 'y'\]"):
        reader.transform(MELTED[MELTED["sensor"] == "x"])
    assert_array_equal(pickle.loads(pickle.dumps(reader)).transform(MELTED), SERIES)
    numbered = MELTED.assign(sensor=(MELTED["sensor"] == "x").astype(int))
    assert AsCollection(case="id", time="t", channel="sensor").fit(numbered).columns_ == [1, 0]
    ordered = MELTED.assign(sensor=pd.Categorical(MELTED["sensor"], ["y", "x"]))
    assert AsCollection(case="id", time="t", channel="sensor").fit(ordered).columns_ == ["y", "x"]
    with pytest.raises(ValueError, match="Column 'sensor' is missing in row 0"):
        reader.fit(MELTED.assign(sensor=[None, *MELTED["sensor"][1:]]))


def test_several_values_of_a_melted_table():
    table = MELTED.assign(quality=np.arange(48.0))
    reader = AsCollection(case="id", time="t", channel="sensor").fit(table)
    assert reader.columns_ == ["value_x", "value_y", "quality_x", "quality_y"]
    series = reader.transform(table)
    assert_array_equal(series[:, :2], SERIES)
    assert_array_equal(series[0, 2], np.arange(6))
    assert_array_equal(reader.transform(table.iloc[::-1]), series[::-1])


def test_a_series_of_pandas_with_an_index():
    assert_array_equal(as_collection(CHANNELS.set_index(["id", "t"])["x"]), SERIES[:, :1])
    assert_array_equal(as_collection(pd.Series(SERIES[0, 0], index=DAYS)), SERIES[:1, :1])


@pytest.mark.parametrize("order", ["time-last", "channels-last"])
@pytest.mark.parametrize("form", [np.asarray, list, lambda X: X.tolist(), lambda X: X.astype(np.float32)])
def test_order_of_the_axes(order, form):
    turned = SERIES if order == "time-last" else SERIES.swapaxes(1, 2)
    assert_array_equal(as_collection(form(turned), order=order), form(SERIES))
    assert_array_equal(AsCollection(order=order).fit_transform(form(turned)), form(SERIES))
    ragged = [one[:, : 3 + case] for case, one in enumerate(SERIES)]
    given = ragged if order == "time-last" else [one.T for one in ragged]
    for one, expected in zip(as_collection(given, order=order), ragged, strict=True):
        assert_array_equal(one, expected)
    assert_array_equal(as_collection(SERIES[:, 0], order=order), SERIES[:, :1])
    one_dimensional = as_collection([one[0] for one in ragged], order=order)
    assert [one.shape for one in one_dimensional] == [(1, 3), (1, 4), (1, 5), (1, 6)]


def test_padding_of_series_with_channels_last():
    padded = np.full((4, 6, 2), NAN)
    for case, one in enumerate(SERIES):
        padded[case, : 3 + case] = one[:, : 3 + case].T
    with pytest.raises(ValueError, match=r"missing value \(NaN\) inside.*as_collection\(X, order=\"channels-last\"\)"):
        RandomEncoderTransformer().fit(padded)
    features = RandomEncoderTransformer(random_state=0).fit_transform(as_collection(padded, order="channels-last"))
    ragged = [one[:, : 3 + case] for case, one in enumerate(SERIES)]
    assert_array_equal(features, RandomEncoderTransformer(random_state=0).fit_transform(ragged))


def test_turned_series_at_transform_and_in_lists():
    transformer = RandomEncoderTransformer(random_state=0).fit(SERIES)
    with pytest.raises(ValueError, match=r"X has 6 channel\(s\).*order=\"channels-last\""):
        transformer.transform(SERIES.swapaxes(1, 2))
    with pytest.raises(ValueError, match=r"same number of channels, got \[3, 4\].*order=\"channels-last\""):
        transformer.fit([np.ones((3, 2)), np.ones((4, 2))])


def test_memory_maps_stay_on_disk_when_turned(tmp_path):
    np.save(tmp_path / "X.npy", SERIES.swapaxes(1, 2))
    turned = AsCollection(order="channels-last")._plain(np.load(tmp_path / "X.npy", mmap_mode="r"), reset=True)
    assert isinstance(turned, np.memmap)
    assert_array_equal(turned, SERIES)


class TestRemedies:
    def test_dictionary_of_channels(self):
        X = {"acc": SERIES[:, 0], "gyr": SERIES[:, 1]}
        for read in (as_collection, RandomEncoderTransformer().fit):
            with pytest.raises(TypeError, match="is a channel of all series") as error:
                read(X)
        assert "numpy.stack(list(X.values()), axis=1)" in str(error.value)
        assert_array_equal(as_collection(np.stack(list(X.values()), axis=1)), SERIES)
        assert "is a series of shape (n_channels, n_timepoints), give list(X.values())" in str(error.value)

    def test_dictionary_of_channels_of_two_rates(self):
        X = {"acc": SERIES[:, 0], "gyr": SERIES[:, 1, ::2]}
        with pytest.raises(TypeError, match=r"as_collection\(X\)"):
            RandomEncoderTransformer().fit({"a": CHANNELS, "b": CHANNELS})
        with pytest.raises(TypeError, match="bring the channels to one length") as error:
            as_collection(X)
        assert "Resample(100).fit_transform(one) for one in X.values()], axis=1)" in str(error.value)
        both = np.stack([Resample(100).fit_transform(one) for one in X.values()], axis=1)
        assert as_collection(both).shape == (4, 2, 100)

    def test_nested_lists_of_two_rates(self):
        X = [[one[0].tolist(), one[1, ::2].tolist()] for one in SERIES]
        with pytest.raises(ValueError, match=r"series 0 of X differ in length: \[6, 3\]") as error:
            as_collection(X)
        assert "[[sklearn_ssl.preprocessing.Resample(6).fit_transform([channel])[0] for channel in series]" in str(
            error.value
        )
        resampled = [[Resample(6).fit_transform([channel])[0] for channel in series] for series in X]
        assert_array_equal(as_collection(resampled)[:, 0], SERIES[:, 0])

    def test_cells_of_two_rates(self):
        X = pd.DataFrame({"x": [one[0] for one in SERIES], "y": [pd.Series(one[1, ::2]) for one in SERIES]})
        with pytest.raises(ValueError, match=r"differ in length: \[3, 6\]") as error:
            as_collection(X)
        assert "X.map(lambda cell: sklearn_ssl.preprocessing.Resample(6).fit_transform([cell])[0])" in str(error.value)
        assert as_collection(X.map(lambda cell: Resample(6).fit_transform([cell])[0])).shape == (4, 2, 6)

    @pytest.mark.parametrize("numbered", [False, True])
    def test_melted_table(self, numbered):
        X = MELTED.assign(sensor=(MELTED["sensor"] == "y").astype(int)) if numbered else MELTED
        with pytest.raises(ValueError, match="names the channel of each row, set channel='sensor'"):
            as_collection(X, case="id", time="t")
        assert_array_equal(as_collection(X, case="id", time="t", channel="sensor"), SERIES)
        if not numbered:
            with pytest.raises(ValueError, match="set channel='sensor'"):
                as_collection(X.drop(columns="t"), case="id")

    @pytest.mark.parametrize("times", [DAYS, DAYS.astype(str)])
    def test_times_in_data_frames(self, times):
        frames = [pd.DataFrame({"t": times, "x": one[0], "y": one[1]}) for one in SERIES]
        with pytest.raises(ValueError, match=r"set time='t'"):
            as_collection(frames)
        assert_array_equal(as_collection(frames, time="t"), SERIES)
        assert_array_equal(as_collection(frames, drop="t"), SERIES)

    def test_numbers_as_text(self):
        X = LONG[["id"]].assign(x=["40", "9", "?", "100"] * 6)
        for categorical in ("error", "encode"):
            with pytest.raises(ValueError, match=r"Column 'x' holds numbers as text.*errors='coerce'"):
                as_collection(X, case="id", categorical=categorical)
        X = X.assign(**{"x": pd.to_numeric(X["x"], errors="coerce")})
        assert_array_equal(as_collection(X, case="id")[0, 0], [40, 9, NAN, 100, 40, 9])

    def test_ordered_categories_keep_their_order(self):
        sizes = pd.Categorical(["low", "high", "mid"] * 8, ["low", "mid", "high"], ordered=True)
        series = as_collection(LONG[["id"]].assign(size=sizes), case="id", categorical="encode")
        assert_array_equal(series[0, 0], [0, 2, 1, 0, 2, 1])
        digits = pd.Categorical(["1", "10", "2"] * 8, ["1", "2", "10"], ordered=True)
        series = as_collection(LONG[["id"]].assign(size=digits), case="id", categorical="encode")
        assert_array_equal(series[0, 0], [0, 2, 1, 0, 2, 1])

    @pytest.mark.parametrize("name", ["index", "level_0", ""])
    def test_row_numbers(self, name):
        X = CHANNELS.assign(**{name: np.arange(24)})
        with pytest.raises(ValueError, match=f"Column '{name}' has the row numbers 0 to 23.* drop='{name}'"):
            as_collection(X, case="id", time="t")
        assert_array_equal(as_collection(X, case="id", time="t", drop=name), SERIES)
        assert as_collection(X.assign(**{name: 1.5}), case="id", time="t").shape == (4, 3, 6)

    def test_unnamed_columns(self):
        X = CHANNELS.assign(**{"Unnamed: 0": np.arange(24)})
        with pytest.raises(ValueError, match=r"Column 'Unnamed: 0' had no name.*index_col=0"):
            as_collection(X, case="id", time="t")
        assert_array_equal(as_collection(X, case="id", time="t", drop="Unnamed: 0"), SERIES)

    def test_bytes_that_are_no_utf_8(self):
        X = LONG[["id", "x"]].assign(state=["caf\xe9".encode("latin-1"), b"bar"] * 12)
        with pytest.raises(ValueError, match=r"Column 'state' holds the bytes b'caf\\xe9', which are not UTF-8"):
            as_collection(X, case="id", categorical="encode")
        X["state"] = [cell.decode("latin-1") for cell in X["state"]]
        assert_array_equal(as_collection(X, case="id", categorical="encode")[0, 1], [1, 0] * 3)

    def test_dates_among_flat_columns(self):
        X = pd.DataFrame(SERIES[:, 0]).add_prefix("t").assign(day=DAYS[:4])
        with pytest.raises(ValueError, match=r"Column 'day' holds no numbers but times.* drop='day'"):
            as_collection(X)
        assert_array_equal(as_collection(X, drop="day"), SERIES[:, :1])


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (CHANNELS, {"case": ["id", "ids"]}, "`case` names the column 'ids', but X has the columns"),
        (CHANNELS, {"case": "id", "time": "time"}, "`time` names the column 'time'"),
        (CHANNELS, {"case": "id", "channel": "sensor"}, "`channel` names the column 'sensor'"),
        (CHANNELS.assign(id=[[1]] * 24), {"case": "id"}, "Column 'id' holds values that cannot be compared"),
        (CHANNELS[["x", "y"]], {"channel": "x"}, "`channel`='x' needs `case` too"),
        ([CHANNELS], {"channel": "x"}, "`channel`='x' names a column, but X is no table"),
        (CHANNELS, {"case": ["id", None]}, "`case` must name a column, got ['id', None]"),
        (CHANNELS, {"case": {"id"}}, "`case` must name a column, got {'id'}"),
        (CHANNELS, {"case": "id", "time": ["t"]}, "`time` must name a column, got ['t']"),
        (CHANNELS, {"case": "id", "drop": "id"}, "`case` and `drop` both name the column 'id'"),
        (MELTED, {"case": "id", "time": "t", "channel": "t"}, "`time` and `channel` both name the column 't'"),
        (MELTED.assign(sensor=[[1]] * 48), {"case": "id", "channel": "sensor"}, "'sensor' holds values that cannot be"),
        (CHANNELS[:0], {"case": "id"}, "X is a table without rows"),
        ({"id": [1, 2], "x": [1.0]}, {"case": "id"}, "The columns of X differ in length: {'id': 2, 'x': 1}"),
        ([CHANNELS[["x"]]], {"time": "t"}, "`time` names the column 't', but the series of X have the columns ['x']"),
        (
            CHANNELS.set_index(["id", "t"]).rename_axis(["a", "a"]),
            {},
            "levels of the index of X have the names ['a', 'a']",
        ),
        (CHANNELS.set_index(["id", "t"]).assign(t=1.0), {}, "both a column and a level of its index with the name 't'"),
        (
            CHANNELS.assign(**dict.fromkeys([f"c{n}" for n in range(60)], 1.0)),
            {"case": "name"},
            "'c7', 'c8', 'c9', 'c10'",
        ),
    ],
)
def test_bad_tables(table, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        as_collection(table, **options)


def test_known_axes_raise_no_doubt():
    frames = [pd.DataFrame(rng.normal(size=(4, 40))) for _ in range(3)]
    assert as_collection(frames).shape == (3, 40, 4)
    assert AsCollection(order="channels-last").fit_transform(rng.normal(size=(3, 4, 40))).shape == (3, 40, 4)


def test_columns_of_two_levels_are_channels_where_rows_are_steps():
    by_sensor = pd.concat({"wrist": CHANNELS}, axis=1)
    names = {"case": ("wrist", "id"), "time": ("wrist", "t")}
    assert_array_equal(as_collection(by_sensor, **names), SERIES)
    one = pd.concat({"wrist": pd.DataFrame(SERIES[0].T, index=DAYS, columns=["x", "y"])}, axis=1)
    reader = AsCollection().fit(one)
    assert reader.columns_ == [("wrist", "x"), ("wrist", "y")]
    assert_array_equal(reader.transform(one), SERIES[:1])


def test_cells_that_cannot_be_compared_are_no_labels():
    assert as_cases(LONG.assign(path=[[1]] * 24), case="id").columns.tolist() == ["id", "person", "label"]


def test_a_grid_and_filling_with_a_limit():
    times = [0, 1, 3, 9]
    X = pd.DataFrame({"id": 1, "t": times, "x": [0.0, 1.0, 3.0, 9.0]})
    series = as_collection(X, case="id", time="t", freq="1s")
    filled = FillMissing(method="linear", limit=2).fit_transform(series)
    assert_array_equal(filled[0, 0], [0, 1, 2, 3, NAN, NAN, NAN, NAN, NAN, 9])
