"""Series in a memory-mapped file are read batch by batch, by `fit` and by `transform`."""

import contextlib
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.pooling import Pooling

SHAPE = (4096, 128, 64)  # 128 MiB
LAST_LAYER = Pooling(statistics="mean", layers="last")


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
def memory_for_half(X):
    """Let this process take as much memory beyond what it has as half of `X` needs; mapped files do not count."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(line.split()[1]) * 1024 + X.nbytes // 2, before[1]))
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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit private writable memory")
@pytest.mark.parametrize("method", TRANSFORMERS, ids=lambda method: type(method).__name__)
def test_series_larger_than_the_memory(method, mapped):
    method.fit(mapped[:64]).transform(mapped[:64])  # what is loaded and compiled once stays out of it
    with memory_for_half(mapped):
        features = method.fit(mapped).transform(mapped)
    assert features.shape == (len(mapped), 4)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit private writable memory")
@pytest.mark.parametrize("copied", [np.array, torch.tensor], ids=["NumPy", "PyTorch"])
def test_a_copy_would_be_seen(copied, mapped):
    with pytest.raises((MemoryError, RuntimeError)), memory_for_half(mapped):
        copied(mapped)


@pytest.mark.parametrize("method", TRANSFORMERS, ids=lambda method: type(method).__name__)
def test_features_are_those_of_the_same_series_in_memory(method, mapped):
    few = mapped[:64]
    assert isinstance(few, np.memmap)
    np.testing.assert_array_equal(method.fit_transform(few), method.fit_transform(np.array(few)))
