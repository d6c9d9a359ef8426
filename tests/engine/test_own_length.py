"""A batch ends with its longest series, in training and in use."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from shared import small
from skorch.callbacks import Callback

from sklearn_ssl import SSLClassifier, WCCNTransformer
from sklearn_ssl._engine.batches import SeriesDataset, inference_batches
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, collection_of
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import RocketEncoder

LENGTHS = np.array([30, 12, 30, 17, 9, 25, 12, 30, 21, 10])
Z, y = make_waves(n_cases=10, n_channels=2, n_timepoints=30, random_state=0)
UNEQUAL = [series[:, :length] for series, length in zip(Z, LENGTHS, strict=True)]
CPU = torch.device("cpu")


class Shapes(Callback):
    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.seen_.append((batch[0].x.shape[2], int(batch[0].lengths.max())))


def test_in_training():
    fitted = small(batch_size=2, net_params={"callbacks": [Shapes()]}).fit(UNEQUAL)
    shapes = dict(fitted.net_.callbacks_)["Shapes"].seen_
    assert all(shape == longest for shape, longest in shapes)
    assert min(shapes)[0] < 30


def test_a_batch_and_a_whole_one():
    dataset = SeriesDataset(collection_of(UNEQUAL), CPU)
    rows = torch.tensor([4, 1])
    assert dataset[rows].x.shape == (2, 2, 12)
    assert dataset.whole(rows).x.shape == (2, 2, 30)
    assert_array_equal(dataset.whole(rows).x[:, :, :12], dataset[rows].x)
    assert_array_equal(dataset[rows].x[1], UNEQUAL[1])
    assert not dataset[rows].x[0, :, 9:].any()


@pytest.mark.parametrize("whole", [False, True])
def test_batches_of_inference(whole):
    n_cases = 300
    lengths = np.random.default_rng(0).integers(100, 3000, n_cases)
    values = np.zeros((n_cases, 1, 3000), dtype=np.float32)
    values = np.where(np.arange(3000) >= lengths[:, None, None], np.nan, values).astype(np.float32)
    rows = torch.arange(n_cases - 1, 40, -1)
    batches, order = inference_batches(collection_of(values), rows, whole=whole)
    batches = list(batches)
    together = torch.cat(batches)
    assert_array_equal(together if order is None else torch.empty_like(rows).index_copy_(0, order, together), rows)
    if not whole:
        sizes = [len(batch) * int(lengths[batch].max()) for batch in batches]
        assert max(sizes) <= INFERENCE_STEPS
        assert sum(sizes) < 1.1 * lengths[rows].sum()


@pytest.mark.parametrize(("n_steps", "size"), [(24, 1360), (315, 96), (1460, 16), (2048, 16), (3000, 11), (40000, 1)])
def test_batches_of_equal_series_fit_compiled_encoders(n_steps, size):
    collection = Collection(np.broadcast_to(np.float32(0), (2000, 1, n_steps)), None)
    batches, _ = inference_batches(collection, torch.arange(2000), whole=False)
    assert len(batches[0]) == size


def test_a_batch_of_unequal_series_is_as_large_as_it_may_be():
    lengths = np.array([2048, *[1024] * 70])  # 32 of 1024 steps have INFERENCE_STEPS together
    collection = Collection(np.broadcast_to(np.float32(0), (71, 1, 2048)), lengths)
    batches, _ = inference_batches(collection, torch.arange(71), whole=False)
    assert [len(batch) for batch in batches] == [32, 32, 7]


def test_a_series_that_is_longer_than_a_batch_may_be_is_alone():
    collection = Collection(np.broadcast_to(np.float32(0), (3, 1, 50000)), np.array([50000, 45000, 40000]))
    batches, _ = inference_batches(collection, torch.arange(3), whole=False)
    assert [batch.tolist() for batch in batches] == [[2], [1], [0]]


def test_no_rows():
    batches, order = inference_batches(collection_of(UNEQUAL), torch.arange(0), whole=False)
    assert list(batches) == []
    assert order is None


@pytest.mark.parametrize(
    "transformer",
    [small(), WCCNTransformer(encoder=RocketEncoder(n_features=84), random_state=0)],
    ids=["SimCLR", "WCCN"],
)
def test_features_are_those_of_each_series_alone(transformer):
    features = transformer.fit(UNEQUAL).transform(UNEQUAL)
    alone = np.concatenate([transformer.transform([series]) for series in UNEQUAL])
    assert_allclose(features, alone, rtol=0, atol=1e-5 * np.abs(features).max())


def test_rows_keep_their_places_in_a_classifier():
    classifier = SSLClassifier(small(), max_epochs=1, random_state=0).fit(UNEQUAL, y)
    together = classifier.predict_proba(UNEQUAL)
    alone = np.concatenate([classifier.predict_proba([series]) for series in UNEQUAL])
    assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_maps_have_all_steps():
    maps = small().fit(UNEQUAL).encode(UNEQUAL)
    assert maps.shape[::2] == (10, 30)
    assert_array_equal(np.isfinite(maps[:, 0]).sum(axis=1), LENGTHS)
