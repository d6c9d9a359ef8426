import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl._input.plain import plain
from sklearn_ssl.preprocessing import SeriesWise, as_collection

X = np.random.default_rng(0).normal(size=(6, 2, 30)).astype(np.float32)
TENSOR = torch.from_numpy(X)
LABELS = torch.arange(6)
RAGGED = [series[:, : 20 + case] for case, series in enumerate(X)]


class Named(Dataset):
    def __init__(self, series):
        self.series = series

    def __len__(self):
        return len(self.series)

    def __getitem__(self, row):
        return {"x": self.series[row], "y": row}


DATASETS = {
    "tensors": TensorDataset(TENSOR, LABELS),
    "without labels": TensorDataset(TENSOR),
    "targets of every step": TensorDataset(TENSOR, TENSOR),
    "subset": Subset(TensorDataset(torch.cat([TENSOR, TENSOR]), torch.arange(12)), range(6)),
    "joined": ConcatDataset([TensorDataset(TENSOR[:2], LABELS[:2]), TensorDataset(TENSOR[2:], LABELS[2:])]),
    "dictionaries": Named(X),
    "list of items": list(TensorDataset(TENSOR, LABELS)),
    "list of dictionaries": [{"x": one, "y": 1} for one in X],
}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
@pytest.mark.parametrize("read", [as_collection, SeriesWise().fit_transform, lambda X: collection_of(X).values])
def test_data_sets_of_pytorch(dataset, read):
    series = read(dataset)
    assert isinstance(series, np.ndarray)
    np.testing.assert_allclose(series, read(X), rtol=1e-6)


def test_data_sets_of_unequal_length_and_of_one_channel():
    assert [one.shape for one in as_collection(Named(RAGGED))] == [one.shape for one in RAGGED]
    np.testing.assert_array_equal(as_collection(TensorDataset(TENSOR[:, 0], LABELS)), X[:, :1])
    features = RandomEncoderTransformer(random_state=0).fit_transform(Named(RAGGED))
    np.testing.assert_array_equal(features, RandomEncoderTransformer(random_state=0).fit_transform(RAGGED))


def test_data_sets_without_index():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(X)

    for read in (as_collection, RandomEncoderTransformer().fit):
        with pytest.raises(TypeError, match=r"X is a Stream, .* \[item for item in X\]"):
            read(Stream())
    np.testing.assert_array_equal(as_collection(list(Stream())), X)


@pytest.mark.parametrize(
    "tensor",
    [
        TENSOR.to_sparse(),
        TENSOR.requires_grad_(),
        torch._neg_view(-TENSOR),
    ],
)
def test_unusual_tensors(tensor):
    np.testing.assert_array_equal(plain(tensor), X)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors():
    nested = torch.nested.as_nested_tensor([torch.from_numpy(one) for one in RAGGED])
    for one, expected in zip(as_collection(nested), RAGGED, strict=True):
        np.testing.assert_array_equal(one, expected)


def test_tensors_without_values():
    for read in (as_collection, RandomEncoderTransformer().fit):
        with pytest.raises(ValueError, match="meta device"):
            read(TENSOR.to("meta"))


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan, pd.NaT])
@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.tolist(), pd.DataFrame])
def test_missing_values_among_objects(missing, form):
    cells = X[:, 0].astype(object)
    cells[2, 5] = missing
    expected = np.where(pd.isna(cells), np.nan, X[:, 0])
    np.testing.assert_array_equal(SeriesWise().fit(form(cells)).transform(X[:, 0]).shape, (6, 30))
    np.testing.assert_array_equal(as_collection(form(cells))[:, 0], expected)
    if form is not pd.DataFrame:
        np.testing.assert_array_equal(as_collection(form(cells[:, None]))[:, 0], expected)


def test_data_sets_in_cross_validation():
    pipeline = make_pipeline(RandomEncoderTransformer(random_state=0), RidgeClassifier())
    dataset = TensorDataset(torch.cat([TENSOR, TENSOR + 9]), torch.arange(12))
    y = np.repeat([0, 1], 6)
    assert cross_val_score(pipeline, dataset, y, cv=2).tolist() == [1, 1]
