"""A data set gives batches by index, from where the series are to where the net computes."""

import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from pretended_device import GPU, OnDevice, pretended_gpu
from stores import Chunked, saved
from torch.utils.data import Subset

from sklearn_ssl._engine.batches import BatchIterator, Companion, SeriesDataset, inference_batches
from sklearn_ssl._engine.device import put
from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl.datasets import OnDisk

CPU = torch.device("cpu")
X = np.arange(48, dtype=np.float32).reshape(6, 2, 4)
LENGTHS = np.array([4, 2, 3, 4, 1, 2])
PADDED = np.where(np.arange(4) < LENGTHS[:, None, None], X, np.float32(np.nan))

STORED = {
    "array": lambda X, folder: X,
    "memory map": lambda X, folder: np.load(saved(X, folder), mmap_mode="r"),
    "blocks": lambda X, folder: OnDisk(Chunked(X, 4)),
}


@pytest.fixture(params=STORED)
def values(request, tmp_path):
    return STORED[request.param](PADDED, tmp_path)


@pytest.fixture
def dataset(values):
    return SeriesDataset(Collection(values, LENGTHS), CPU)


@pytest.mark.parametrize("index", [[4, 1], np.array([4, 1]), torch.tensor([4, 1])], ids=["list", "NumPy", "PyTorch"])
def test_an_index_of_any_kind(index, dataset):
    batch = dataset[index]
    assert_array_equal(batch.x, np.nan_to_num(PADDED[[4, 1], :, :2]))
    assert batch.lengths.tolist() == [1, 2]
    assert batch.index.tolist() == [4, 1]


@pytest.mark.parametrize("row", [2, np.int64(2), torch.tensor(2)], ids=["Python", "NumPy", "PyTorch"])
def test_a_number_is_a_batch_of_one_series(row, dataset):
    for batch in (dataset[row], dataset.whole(row)):
        assert_array_equal(batch.x[:, :, :3], X[2:3, :, :3])
        assert batch.lengths.tolist() == [3]


def test_a_batch_without_series(dataset):
    none = torch.arange(0)
    assert dataset[none].x.shape == (0, 2, 0)
    assert dataset.whole(none).x.shape == (0, 2, 4)


def test_without_padding_there_are_no_lengths():
    batch = SeriesDataset(Collection(X, None), CPU)[[5, 0]]
    assert batch.lengths is None
    assert_array_equal(batch.x, X[[5, 0]])


class TestEach:
    @pytest.mark.parametrize("whole", [False, True])
    def test_it_gives_the_batches_in_their_order(self, whole, dataset):
        indices = [torch.tensor(rows) for rows in ([4, 1], [2], [5, 4])]
        batches = [*dataset.each(iter(indices), whole=whole)]
        expected = [dataset.whole(rows) if whole else dataset[rows] for rows in indices]
        assert [batch.x.shape[2] for batch in batches] == ([4, 4, 4] if whole else [2, 3, 2])
        for batch, other in zip(batches, expected, strict=True):
            assert torch.equal(batch.x, other.x)
            assert torch.equal(batch.lengths, other.lengths)
            assert torch.equal(batch.index, other.index)

    def test_a_batch_ends_with_its_longest_series_unless_told_otherwise(self, dataset):
        assert next(dataset.each([torch.tensor([4])])).x.shape == (1, 2, 1)

    def test_series_on_disk_alone_are_read_by_a_thread(self, dataset, values, monkeypatch):
        names, asked = [], []
        original = SeriesDataset._read

        def noted(*args):
            names.append(threading.current_thread().name)
            return original(*args)

        def indices():
            for row in range(3):
                asked.append(row)
                yield torch.tensor([row])

        monkeypatch.setattr(SeriesDataset, "_read", noted)
        batches = dataset.each(indices())
        next(batches)
        on_disk = type(values) is not np.ndarray
        assert dataset.reads_ahead is on_disk
        assert asked == ([0, 1] if on_disk else [0])
        assert len([*batches]) == 2
        assert set(names) == {"sklearn_ssl_reads_0" if on_disk else threading.current_thread().name}


class TestPut:
    class Pinning:
        """A tensor that notes how it moves."""

        def __init__(self):
            self.moves = []

        def pin_memory(self):
            self.moves.append("pin_memory")
            return self

        def to(self, device, **options):
            self.moves.append((device, options))
            return self

    def test_what_goes_to_a_gpu_is_pinned_and_the_host_goes_on(self):
        values = self.Pinning()
        assert put(values, GPU) is values
        assert values.moves == ["pin_memory", (GPU, {"non_blocking": True})]

    @pytest.mark.parametrize("device", ["cpu", "mps"])
    def test_nothing_else_is_pinned(self, device):
        """A copy that does not wait would read memory that was given to others by then."""
        values = self.Pinning()
        assert put(values, torch.device(device)) is values
        assert values.moves == [(torch.device(device), {})]

    def test_tensors_of_the_cpu_stay_what_they_are(self):
        values = torch.arange(3)
        assert put(values, CPU) is values


class TestOnGPU:
    @pytest.mark.parametrize("free", [0, 10**10], ids=["read for each batch", "kept there"])
    def test_batches_are_there(self, free, monkeypatch):
        with pretended_gpu(monkeypatch, free=free):
            dataset = SeriesDataset(Collection(PADDED, LENGTHS), torch.device("cuda"))
            assert (dataset.values is None) == (free == 0)
            batch = dataset[[4, 1]]
            assert all(isinstance(one, OnDevice) for one in (batch.x, batch.lengths, batch.index))
            assert_array_equal(batch.x.cpu(), np.nan_to_num(PADDED[[4, 1], :, :2]))

    def test_a_thread_that_reads_is_told_the_number_of_the_gpu(self, monkeypatch):
        """Each thread has a current GPU of its own, so that "cuda" may be another one there."""
        places = []
        monkeypatch.setattr(
            "sklearn_ssl._engine.batches.put", lambda one, device: (places.append(device), put(one, device))[1]
        )
        with pretended_gpu(monkeypatch, free=0):
            dataset = SeriesDataset(Collection(X, None), torch.device("cuda"))
            assert dataset.device == torch.device("cuda")
            dataset[[4, 1]]
        assert places == [GPU, GPU]


class TestBatchIterator:
    def test_batches_have_the_rows_that_are_told(self, dataset):
        torch.manual_seed(0)
        rows = []
        for batch, index in BatchIterator(dataset, 4, shuffle=True):
            assert torch.equal(batch.index, index)
            assert_array_equal(batch.x, np.nan_to_num(PADDED[index.numpy(), :, : batch.x.shape[2]]))
            rows += index.tolist()
        torch.manual_seed(0)
        assert rows == torch.randperm(6).tolist()

    def test_parts_of_parts(self, dataset):
        part = Subset(Subset(dataset, np.array([5, 0, 3, 1])), [2, 0, 3])
        iterator = BatchIterator(part, 8, shuffle=False)
        ((batch, index),) = iterator
        assert index.tolist() == [3, 5, 1] == batch.index.tolist()
        assert len(iterator) == 1

    def test_an_epoch_can_be_left(self):
        dataset = SeriesDataset(Collection(OnDisk(Chunked(X, 4)), None), CPU)
        batches = iter(BatchIterator(dataset, 2, shuffle=True))
        next(batches)
        batches.close()
        assert not [one for one in threading.enumerate() if one.name.startswith("sklearn_ssl_reads")]


def test_inference_keeps_the_order_of_series_of_one_length():
    lengths = np.tile([3, 2], 3000)
    values = np.where(np.arange(30) < lengths[:, None, None], np.float32(0), np.float32(np.nan))
    batches, order = inference_batches(collection_of(values), torch.arange(6000), whole=False)
    assert torch.cat(list(batches)).tolist() == [*range(1, 6000, 2), *range(0, 6000, 2)]
    assert torch.equal(order, torch.cat(list(batches)))


@pytest.mark.parametrize("method", ["of_rows", "to", "content"])
def test_what_a_companion_must_have_says_so(method):
    class Empty(Companion):
        pass

    with pytest.raises(NotImplementedError):
        getattr(Empty(), method)(*[None] * (method != "content"))
