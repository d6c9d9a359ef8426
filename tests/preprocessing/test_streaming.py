"""Transformers of series change those on disk when they are read, and windows are cut from recordings then."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from stores import FORMS, Chunked, in_hdf5, in_zarr, saved
from test_collection_transformers import ALL, SEVERAL_PARTS

from sklearn_ssl import VICRegTransformer, WCCNTransformer
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.datasets import OnDisk, write_features
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import (
    AsCollection,
    ChannelWise,
    ClipOutliers,
    FillMissing,
    Resample,
    Smooth,
    as_collection,
    window_recordings,
)
from sklearn_ssl.preprocessing._pieces import channel_quantiles


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("sklearn_ssl.preprocessing._pieces._VALUES_IN_CACHE", 60)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def X(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 2, 12)).cumsum(axis=2)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, :, [0, -1]] = 1.0
    return X.astype(request.param)


@pytest.mark.parametrize("transformer", ALL + SEVERAL_PARTS, ids=repr)
def test_series_are_changed_when_they_are_read(transformer, X):
    X = np.nan_to_num(X) if "PCA" in repr(transformer) else X
    expected = clone(transformer).fit_transform(X)
    store = Chunked(X, 5)
    for changed in (clone(transformer).fit_transform(OnDisk(store)), clone(transformer).fit(store).transform(store)):
        assert isinstance(changed, OnDisk)
        assert (changed.shape, changed.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(np.asarray(changed), expected, rtol=1e-6 if X.dtype == np.float32 else 1e-13)
        np.testing.assert_allclose(changed[3], expected[3], rtol=1e-6 if X.dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_values_of_the_array(form, X, tmp_path):
    steps = make_pipeline(FillMissing(), ClipOutliers(), ChannelWise(MinMaxScaler()))
    expected = steps.fit(X).transform(X)
    store = FORMS[form](X, tmp_path)
    np.testing.assert_array_equal(np.asarray(steps.fit(store).transform(store)), expected)


def test_series_of_one_channel_and_whole_numbers():
    X = np.random.default_rng(0).integers(-9, 9, size=(12, 8), dtype=np.int16)
    scale = ChannelWise().fit(OnDisk(X))
    assert scale.n_features_in_ == 8
    changed = scale.transform(OnDisk(X))
    assert (changed.shape, changed.dtype) == (X.shape, np.float64)
    np.testing.assert_array_equal(np.asarray(changed), ChannelWise().fit_transform(X))


def test_a_result_stays_what_it_was(X):
    fill, store = FillMissing(method="mean"), OnDisk(X)
    changed = fill.fit_transform(store)
    before = np.asarray(changed)
    fill.fit(X + 7)
    np.testing.assert_array_equal(np.asarray(changed), before)
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(changed))), before)


def test_a_data_frame_as_container_does_not_matter(X):
    filled = FillMissing().set_output(transform="pandas").fit_transform(OnDisk(X[:, 0]))
    np.testing.assert_array_equal(np.asarray(filled), FillMissing().fit_transform(X[:, 0]))


def test_axes_are_turned(X):
    turn = AsCollection(order="channels-last").fit(OnDisk(X.swapaxes(1, 2)))
    np.testing.assert_array_equal(np.asarray(turn.transform(OnDisk(X.swapaxes(1, 2)))), X)
    turned = as_collection(OnDisk(X.swapaxes(1, 2)), order="channels-last")
    assert isinstance(turned, OnDisk)
    np.testing.assert_array_equal(np.asarray(turned), X)


def test_transform_reads_a_single_row(X):
    store = Chunked(X, 1)
    ChannelWise().fit(X).transform(OnDisk(store))
    assert {(one.start, one.stop) for one in store.reads} == {(0, 1)}


def test_other_channels_are_refused_before_anything_is_read(X):
    with pytest.raises(ValueError, match="1 channel"):
        ChannelWise().fit(X).transform(OnDisk(X[:, :1]))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()], ids=repr)
def test_channels_that_are_missing_in_some_pieces(scaler, X):
    X[:4, 0], X[6:, 1] = np.nan, np.nan
    learnt = ChannelWise(scaler).fit(OnDisk(X)).transformer_
    table = np.stack([X[:, 0].ravel(), X[:, 1].ravel()], axis=1)
    expected = clone(scaler).fit(table)
    np.testing.assert_allclose(learnt.scale_, expected.scale_, rtol=1e-5)


@pytest.mark.parametrize("make", [lambda: ChannelWise(), lambda: FillMissing(), lambda: ClipOutliers(method="iqr")])
def test_channels_that_are_missing_everywhere(make, X):
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="Channel 1 of X is missing"):
        make().fit(OnDisk(X))


@pytest.mark.parametrize("share", [0, 0.25, 1 / 3, 0.5, 0.75, 1])
@pytest.mark.parametrize("on_disk", [False, True])
def test_quantiles_are_exact(share, on_disk, X):
    X[0, 0, :4] = [0.0, -0.0, 1e30, -1e-30]
    X[:, 1] = np.rint(X[:, 1])
    found = channel_quantiles(Collection(OnDisk(X) if on_disk else X, None), share)
    expected = [np.quantile(X[:, c][~np.isnan(X[:, c])].astype(float), share) for c in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


class TestWindows:
    @pytest.fixture
    def recording(self):
        recording = np.random.default_rng(0).normal(size=(2, 300)).astype(np.float32).cumsum(axis=1)
        recording[1, 40:44], recording[:, 290:] = np.nan, np.nan
        return recording

    @pytest.fixture(params=["blocks", "zarr", "hdf5", "hdf5 in one piece", "path", "memory map"])
    def stored(self, request, recording, tmp_path):
        if request.param == "blocks":
            store = Chunked(recording, 2)
            store.chunks = (2, 50)
            return store
        return FORMS[request.param](recording, tmp_path)

    @pytest.mark.parametrize(
        "places",
        [
            {"length": 20, "step": 5},
            {"length": 70, "step": 70, "rest": "pad"},
            {"length": 60, "step": 7, "rest": "overlap", "block": 130, "purge": 3},
        ],
        ids=str,
    )
    def test_are_those_of_the_array(self, places, recording, stored):
        expected, _, groups = window_recordings([recording], **places)
        windows, _, found = window_recordings([stored], **places)
        assert isinstance(windows, OnDisk)
        np.testing.assert_array_equal(np.asarray(windows), expected)
        np.testing.assert_array_equal(np.asarray(windows[::-3]), expected[::-3])
        np.testing.assert_array_equal(found, groups)
        np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(windows))), expected)

    @pytest.mark.parametrize("form", ["hdf5", "zarr", "path"])
    def test_of_a_recording_with_the_time_first(self, recording, form, tmp_path):
        turned = OnDisk(FORMS[form](recording.T, tmp_path)).T
        np.testing.assert_array_equal(np.asarray(turned), recording)
        windows = pickle.loads(pickle.dumps(window_recordings([turned], length=20, step=5)[0]))
        np.testing.assert_array_equal(np.asarray(windows), window_recordings([recording], length=20, step=5)[0])

    def test_of_several_recordings_in_any_form(self, recording, tmp_path):
        others = [recording[:, :120], recording[:, 100:]]
        stored = {"a": OnDisk(saved(others[0], tmp_path)), "b": others[1], "c": in_zarr(recording, tmp_path, 1)}
        labels = {"a": "x", "b": "y", "c": "x"}
        expected = window_recordings(dict(zip("abc", [*others, recording], strict=True)), labels, length=30)
        windows, y, groups = window_recordings(stored, labels, length=30)
        np.testing.assert_array_equal(np.asarray(windows), expected[0])
        np.testing.assert_array_equal(y, expected[1])
        np.testing.assert_array_equal(groups, expected[2])

    @pytest.mark.parametrize("n_axes", [2, 3])
    def test_of_the_rows_of_a_store(self, n_axes, tmp_path):
        X = np.random.default_rng(0).normal(size=(3, 2, 40))[:, 0 if n_axes == 2 else slice(None)]
        for store in (Chunked(X, 2), in_hdf5(X, tmp_path), OnDisk([X, X])):
            expected = window_recordings(np.asarray(OnDisk(store)), length=10, step=5)[0]
            np.testing.assert_array_equal(np.asarray(window_recordings(store, length=10, step=5)[0]), expected)

    def test_labels_per_step(self, recording, stored):
        y = np.arange(300) // 100
        expected = window_recordings([recording], y, length=20)
        windows, labels, _ = window_recordings([stored], y, length=20)
        np.testing.assert_array_equal(labels, expected[1])
        np.testing.assert_array_equal(np.asarray(windows), expected[0])

    def test_neighbours_are_cut_from_one_piece(self, recording):
        store = Chunked(recording, 2)
        store.chunks = (2, 50)
        windows, _, _ = window_recordings([store], length=20, step=5)
        del store.reads[:]
        np.asarray(windows)
        assert len(store.reads) == 6

    def test_infinite_values_are_found_in_every_piece(self, recording, monkeypatch):
        monkeypatch.setattr("sklearn_ssl.preprocessing._stored_recordings.CHUNK_BYTES", 16 * 50)
        for form in ([OnDisk(recording)], np.memmap):
            given = form if isinstance(form, list) else [recording]
            assert len(window_recordings(given, length=29)[0]) == 10
        recording[1, 233] = np.inf
        with pytest.raises(ValueError, match="series 0, channel 1, time step 233"):
            window_recordings([OnDisk(recording)], length=29)

    def test_go_through_a_pipeline(self, recording, stored, tmp_path):
        encoder = ResNetEncoder(depth=1, width=4)
        pipeline = make_pipeline(
            FillMissing(method="linear"),
            ClipOutliers(method="iqr"),
            Smooth(),
            Resample(16),
            ChannelWise(),
            VICRegTransformer(encoder=encoder, max_steps=3, batch_size=8, device="cpu", random_state=0),
        )
        windows = window_recordings([stored], length=20, step=10)[0]
        expected = window_recordings([recording], length=20, step=10)[0]
        features = pipeline.fit(windows).transform(windows)
        np.testing.assert_array_equal(features, pipeline.fit(expected).transform(expected))
        np.testing.assert_array_equal(write_features(pipeline, windows, tmp_path / "H.npy"), features)


def test_closed_form_of_changed_series(X):
    X = np.nan_to_num(X)
    model = WCCNTransformer(encoder=ResNetEncoder(depth=1, width=4), device="cpu", random_state=0)
    scaled = ChannelWise().fit_transform(X)
    np.testing.assert_array_equal(
        model.fit_transform(ChannelWise().fit_transform(Chunked(X, 5))), model.fit_transform(scaled)
    )
