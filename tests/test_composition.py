import joblib
import numpy as np
import torch
from aeon.transformations.collection.convolution_based import MiniRocket, _minirocket
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import ChannelWise

X, y = make_waves(n_cases=36, n_channels=2, n_timepoints=32, random_state=0)


def small(cls=SimCLRTransformer, **parameters):
    settings = {"encoder": ResNetEncoder(depth=1, width=4), "device": "cpu", "random_state": 0, **parameters}
    return cls(**({"max_epochs": 1} if cls is not RandomEncoderTransformer else {}) | settings)


def pipeline(transformer=None, **options):
    steps = [("scale", ChannelWise(StandardScaler())), ("ssl", transformer or small()), ("knn", KNeighborsClassifier())]
    return Pipeline(steps, **options)


class CountingEncoder(nn.Module):
    """An encoder that leaves a file for every training step."""

    def __init__(self, folder):
        super().__init__()
        self.folder = str(folder)
        self.conv = nn.Conv1d(2, 4, 3, padding=1)

    def forward(self, x):
        if self.training:
            joblib.dump(0, f"{self.folder}/{len(list(joblib.os.scandir(self.folder)))}")
        return self.conv(x).relu()


def test_pipeline():
    assert pipeline().fit(X, y).predict(X).shape == y.shape


def test_cross_val_score():
    scores = cross_val_score(pipeline(), X, y, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_cross_val_score_of_unequal_series():
    series = [one[:, : 20 + case % 5] for case, one in enumerate(X)]
    assert np.isfinite(cross_val_score(pipeline(), series, y, cv=3)).all()


def test_grid_search():
    grid = {
        "ssl__encoder__depth": [1, 2],
        "ssl__augmentation__jitter__sigma": [0.0, 0.1],
        "ssl__temperature": [0.1, 1.0],
    }
    search = GridSearchCV(pipeline(small(encoder=None, max_epochs=0)), grid, cv=KFold(2), n_jobs=2, error_score="raise")
    search.fit(X[:24], y[:24])
    assert len(search.cv_results_["params"]) == 8
    best = search.best_estimator_.get_params()
    assert {name: best[name] for name in grid} == search.best_params_


def test_halving_grid_search():
    search = HalvingGridSearchCV(pipeline(), {"ssl__temperature": [0.1, 1.0]}, cv=2, factor=2, random_state=0)
    assert search.fit(X, y).predict(X).shape == y.shape


def test_memory_pretrains_once_for_a_series_of_classifiers(tmp_path):
    (tmp_path / "steps").mkdir()
    torch.manual_seed(0)
    module = CountingEncoder(tmp_path / "steps")
    ssl = small(encoder=module, batch_size=36)
    steps = pipeline(ssl, memory=str(tmp_path / "memory"))
    for n_neighbors in (1, 3, 5):
        steps.set_params(knn__n_neighbors=n_neighbors).fit(X, y)
    assert len(list((tmp_path / "steps").iterdir())) == 1
    with torch.no_grad():
        module.conv.weight[0, 0, 0] += 1
    steps.set_params(ssl__encoder=module).fit(X, y)
    assert len(list((tmp_path / "steps").iterdir())) == 2, "other weights were taken for the same"


def test_memory_inside_a_grid_search(tmp_path):
    (tmp_path / "steps").mkdir()
    steps = pipeline(small(encoder=CountingEncoder(tmp_path / "steps"), batch_size=36), memory=str(tmp_path / "memory"))
    GridSearchCV(steps, {"knn__n_neighbors": [1, 3, 5]}, cv=2, refit=False).fit(X, y)
    assert len(list((tmp_path / "steps").iterdir())) == 2, "one training step a fold"


def test_frozen_estimator_keeps_its_weights():
    pretrained = small().fit(X)
    expected = pretrained.transform(X)
    steps = Pipeline([("ssl", FrozenEstimator(pretrained)), ("knn", KNeighborsClassifier())])
    assert np.isfinite(cross_val_score(steps, X, y, cv=3)).all()
    assert_array_equal(steps.fit(X, y).named_steps["ssl"].transform(X), expected)


def test_union_with_minirocket(monkeypatch):
    for name in ("_fit_biases", "_static_transform_multi"):  # their compilation takes longer than all else in this file
        monkeypatch.setattr(_minirocket, name, getattr(_minirocket, name).py_func)
    union = FeatureUnion([("ssl", small(VICRegTransformer)), ("rocket", MiniRocket(n_kernels=84, random_state=0))])
    features = union.fit(X).transform(X)
    assert features.shape[0] == len(X)
    assert_allclose(union.fit_transform(X), features, rtol=1e-5)  # aeon changes PyTorch's number of threads


def test_untrained_and_trained_are_exchangeable():
    steps = pipeline().set_params(ssl=small(RandomEncoderTransformer))
    assert steps.fit(X, y).predict(X).shape == y.shape
