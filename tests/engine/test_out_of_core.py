"""Series on disk are read batch by batch, by `fit` and by `transform`, with the features of series in memory."""

import contextlib
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from stores import FORMS, Chunked, in_zarr
from torch import nn

from sklearn_ssl import RandomEncoderTransformer, S4LClassifier, VICRegTransformer
from sklearn_ssl._engine.batches import BatchIterator, SeriesDataset
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.datasets import OnDisk, make_waves, write_features
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, FillMissing, window_recordings

SHAPE = (4096, 16, 256)  # 64 MiB
LAST_LAYER = Pooling(statistics="mean", layers="last")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit private writable memory")


def few_features(n_channels):
    """Return an encoder so cheap that the series are most of what there is in memory."""
    return nn.Conv1d(n_channels, 4, kernel_size=1)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapped") / "X.npy"
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=SHAPE)
    rng = np.random.default_rng(0)
    for block in np.array_split(X, 64):
        block[:] = rng.standard_normal((len(block), SHAPE[1], 1), dtype=np.float32)
    X.flush()
    return np.load(path, mmap_mode="r")


@contextlib.contextmanager
def memory_for(n_bytes):
    """Let this process take so much memory beyond what it has; mapped files do not count."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(line.split()[1]) * 1024 + n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def transformer(cls, **parameters):
    return cls(encoder=few_features, pooling=LAST_LAYER, device="cpu", random_state=0, **parameters)


TRANSFORMERS = [
    transformer(RandomEncoderTransformer),
    transformer(VICRegTransformer, max_steps=2, batch_size=16),
]


@linux_only
@pytest.mark.parametrize("method", TRANSFORMERS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("given", [lambda X: X, lambda X: Chunked(X, 16)], ids=["memory map", "blocks"])
def test_series_larger_than_the_memory(method, given, mapped):
    method.fit(given(mapped[:64])).transform(mapped[:64])  # what is loaded and compiled once stays out of it
    with memory_for(mapped.nbytes // 4):
        features = method.fit(given(mapped)).transform(given(mapped))
    assert features.shape == (len(mapped), 4)


@linux_only
@pytest.mark.parametrize("copied", [np.array, torch.tensor], ids=["NumPy", "PyTorch"])
def test_a_copy_would_be_seen(copied, mapped):
    with pytest.raises((MemoryError, RuntimeError)), memory_for(mapped.nbytes // 2):
        copied(mapped)


@pytest.mark.parametrize("method", TRANSFORMERS, ids=lambda method: type(method).__name__)
def test_features_are_those_of_the_same_series_in_memory(method, mapped):
    few = mapped[:64]
    assert isinstance(few, np.memmap)
    np.testing.assert_array_equal(method.fit_transform(few), method.fit_transform(np.array(few)))


@pytest.fixture
def X():
    """Return series of unequal length."""
    X = make_waves(n_cases=12, random_state=0)[0][:, :2, :16].copy()
    X[::3, :, 11:] = np.nan
    return X


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", TRANSFORMERS, ids=lambda method: type(method).__name__)
def test_features_are_those_of_the_array_in_every_form(method, form, X, tmp_path):
    given = FORMS[form](X, tmp_path)
    expected = method.fit(X).transform(X)
    np.testing.assert_array_equal(method.fit(given).transform(given), expected)


def test_one_channel_and_other_dtypes(X, tmp_path):
    method = TRANSFORMERS[1]
    for values in (X[:, 0].astype(float), (100 * np.nan_to_num(X[:, 0])).astype(np.int16)):
        np.testing.assert_array_equal(method.fit_transform(Chunked(values, 5)), method.fit_transform(values))
        assert method.n_features_in_ == 16


def test_labels_in_the_same_step(X):
    """Labelled series are drawn for each batch, so nothing is read ahead, and draws come in the same order."""
    y = np.arange(12) % 2
    classifier = S4LClassifier(TRANSFORMERS[1], max_epochs=2, batch_size=4, random_state=0)
    expected = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(classifier.fit(Chunked(X, 5), y).predict_proba(Chunked(X, 5)), expected)


def test_cross_validation_reads_its_parts_only(X):
    y = np.arange(12) % 2
    classifier = S4LClassifier(TRANSFORMERS[1], max_epochs=1, batch_size=4, random_state=0)
    scores = cross_val_score(classifier, OnDisk(Chunked(X, 5)), y, cv=2)
    np.testing.assert_array_equal(scores, cross_val_score(classifier, X, y, cv=2))


def iterator(store, batch_size=8, rows=None):
    series = OnDisk(store)
    collection = Collection(series if rows is None else series[rows], None)
    return BatchIterator(SeriesDataset(collection, torch.device("cpu")), batch_size, shuffle=True)


@pytest.mark.parametrize("rows", [None, np.random.default_rng(0).permutation(200)[:150]])
def test_an_epoch_reads_each_block_once_and_each_row_once(rows):
    values = np.arange(200, dtype=np.float32)[:, None, None]
    store = Chunked(values, 5)
    batches = list(iterator(store, rows=rows))
    seen = torch.cat([index for _, index in batches])
    np.testing.assert_array_equal(np.sort(seen), np.arange(200 if rows is None else 150))
    drawn = torch.cat([batch.x for batch, _ in batches]).flatten().numpy()
    np.testing.assert_array_equal(drawn, seen if rows is None else rows[seen])
    assert len({one.start for one in store.reads}) == len(store.reads) <= 40


def test_an_epoch_is_shuffled_in_windows_of_sixteen_blocks():
    values = np.arange(200, dtype=np.float32)[:, None, None]
    order = torch.cat([index for _, index in iterator(Chunked(values, 5))]).numpy()
    windows = [order[:80], order[80:160], order[160:]]
    assert [len(np.unique(window // 5)) for window in windows] == [16, 16, 8]
    assert any(np.ptp(window[:5] // 5) for window in windows)
    assert (np.diff(np.unique(windows[0] // 5)) > 1).any()


@pytest.mark.parametrize("n_rows", [1, 13])
def test_few_blocks_and_single_rows_are_shuffled_as_in_memory(n_rows):
    values = np.arange(200, dtype=np.float32)[:, None, None]
    torch.manual_seed(0)
    order = torch.cat([index for _, index in iterator(Chunked(values, n_rows))])
    torch.manual_seed(0)
    np.testing.assert_array_equal(order, torch.randperm(200))


class Spoiling(Chunked):
    """A store whose values become NaN, or end, after some reads."""

    def __init__(self, values, n_rows, n_reads, to):
        super().__init__(values, n_rows)
        self.n_reads, self.to = n_reads, to

    def __getitem__(self, rows):
        if len(self.reads) == self.n_reads:
            self.values = self.to(self.values)
        return super().__getitem__(rows)


@pytest.mark.parametrize("to", [lambda X: X * np.nan, lambda X: X[:5]], ids=["NaN", "fewer"])
def test_a_store_that_changes_while_it_is_read(to, X):
    method = transformer(VICRegTransformer, max_epochs=2, batch_size=4).fit(X)
    features, rows = method.transform(X), 1
    n_reads = 12 // rows + 4  # after the search for missing values
    with pytest.raises(ValueError, match="changed"):
        method.fit(OnDisk(Spoiling(X, rows, n_reads, to)))
    with pytest.raises(ValueError, match="changed"):
        method.transform(Spoiling(X, rows, 1, to))
    np.testing.assert_array_equal(method.transform(X), features)


def test_a_map_that_gets_missing_values(tmp_path, X):
    np.save(tmp_path / "X.npy", np.nan_to_num(X))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r+")
    dataset = SeriesDataset(Collection(mapped, None), torch.device("cpu"))
    mapped[7, 0, 3] = np.nan
    with pytest.raises(ValueError, match="Series 7 of X has missing or infinite values"):
        dataset[[3, 7]]


class TestWriteFeatures:
    def test_features_are_those_of_transform(self, tmp_path, monkeypatch):
        monkeypatch.setattr("sklearn_ssl.datasets._features.PIECE_BYTES", 1 << 14)
        X = np.random.default_rng(0).normal(size=(90, 1, 2048))
        method = TRANSFORMERS[0].fit(X)
        for given in (X, OnDisk(X), Chunked(X, 7), X[:, 0], [*X]):
            written = write_features(method.fit(given), given, tmp_path / "H.npy")
            np.testing.assert_array_equal(written, method.transform(given))
            assert isinstance(written, np.memmap)
            assert [path.name for path in tmp_path.iterdir()] == ["H.npy"]

    def test_an_error_leaves_the_file_as_it_was(self, tmp_path, X):
        write_features(TRANSFORMERS[0].fit(X), X, tmp_path / "H.npy")
        before = (tmp_path / "H.npy").read_bytes()
        with pytest.raises(ValueError, match="3 channel"):
            write_features(TRANSFORMERS[0], np.zeros((4, 3, 16)), tmp_path / "H.npy")
        with pytest.raises(ValueError, match="no series"):
            write_features(TRANSFORMERS[0], X[:0], tmp_path / "H.npy")
        assert (tmp_path / "H.npy").read_bytes() == before

    def test_a_row_for_each_series(self, tmp_path, X):
        class Joining:
            def transform(self, X):
                return np.zeros((1, 2))

        with pytest.raises(ValueError, match="one row per series"):
            write_features(Joining(), X, tmp_path / "H.npy")


def blocks_of(X, folder):
    """Return X in a store of zarr, in blocks of 256 KiB."""
    return OnDisk(in_zarr(X, folder, 16))


def windows_of(X, folder):
    """Return windows of one long recording with the values of X."""
    recording = X.reshape(1, -1)[:, : X.size // SHAPE[1] * SHAPE[1]].reshape(SHAPE[1], -1)
    store = Chunked(recording, SHAPE[1])
    store.chunks = (SHAPE[1], 4096)
    return window_recordings([store], length=SHAPE[2])[0]


@linux_only
@pytest.mark.parametrize("stored", [blocks_of, windows_of])
def test_a_pipeline_on_series_larger_than_the_memory(stored, mapped, tmp_path):
    series = stored(mapped, tmp_path)
    pipeline = make_pipeline(FillMissing(), ClipOutliers(), ChannelWise(), TRANSFORMERS[1])
    write_features(pipeline.fit(series[:64]), series[:64], tmp_path / "H.npy")
    with memory_for(mapped.nbytes // 2):  # the blocks that are remembered and three batches take a quarter
        written = write_features(pipeline.fit(series), series, tmp_path / "H.npy")
    assert written.shape == (len(mapped), 4)
