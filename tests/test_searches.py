"""Searches give the same scores in one process and in those of loky, Dask and Ray."""

import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from stores import saved

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.datasets import OnDisk, make_waves
from sklearn_ssl.evaluation import label_efficiency


def in_loky():
    return joblib.parallel_config(backend="loky", n_jobs=2, inner_max_num_threads=1)


@pytest.fixture(scope="module")
def dask_cluster():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        yield


@pytest.fixture(scope="module")
def ray_cluster():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(params=["loky", "dask", "ray"])
def workers(request):
    """Calls of joblib run in two processes of this backend."""
    if request.param == "loky":
        return in_loky()
    request.getfixturevalue(f"{request.param}_cluster")
    if request.param == "ray":
        from ray.util.joblib import register_ray

        register_ray()
    return joblib.parallel_config(backend=request.param, n_jobs=2)


@pytest.fixture(scope="module")
def waves():
    return make_waves(n_cases=40, random_state=0)


def pipeline():
    return make_pipeline(VICRegTransformer(max_steps=2, batch_size=16, random_state=0), RidgeClassifier())


def test_a_grid_search_has_the_scores_of_one_process(waves, workers):
    grid = {"vicregtransformer__covariance": [0.5, 1.0]}
    alone = GridSearchCV(pipeline(), grid, cv=2).fit(*waves)
    with workers:
        among_others = GridSearchCV(pipeline(), grid, cv=2).fit(*waves)
    for key in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(among_others.cv_results_[key], alone.cv_results_[key])
    np.testing.assert_array_equal(among_others.predict(waves[0]), alone.predict(waves[0]))


def test_workers_read_the_rows_of_a_file(waves, workers, tmp_path):
    X, y = waves
    folds = StratifiedKFold(2)
    alone = cross_val_score(pipeline(), X, y, cv=folds)
    with workers:
        scores = cross_val_score(pipeline(), OnDisk(saved(X, tmp_path)), y, cv=folds)
    np.testing.assert_array_equal(scores, alone)


def test_a_store_on_disk_takes_its_path_to_a_worker_and_not_its_rows(waves, tmp_path):
    stored = OnDisk(saved(np.repeat(waves[0], 10, axis=0), tmp_path))
    assert len(pickle.dumps(stored)) < 1000


def test_label_efficiency_has_the_curve_of_one_process(waves, workers):
    options = {"fractions": (0.1, 0.5, 1.0), "n_draws": 2}
    alone = label_efficiency(RandomEncoderTransformer(random_state=0), *waves, **options)
    with workers:
        curve = label_efficiency(RandomEncoderTransformer(random_state=0), *waves, **options)
    np.testing.assert_array_equal(curve.scores, alone.scores)


def test_a_worker_has_one_thread(workers):
    with workers:
        assert joblib.Parallel()(joblib.delayed(torch.get_num_threads)() for _ in range(2)) == [1, 1]
