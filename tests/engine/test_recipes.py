"""A net keeps the recipes with which it was built, whatever happens to its estimator afterwards."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import sklearn_ssl
from sklearn_ssl._engine.recipes import with_own_recipes
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.testing import cheap_instance

X = np.random.default_rng(0).normal(size=(12, 2, 24))
Y = np.arange(12) % 2
NAMES = [
    name
    for name in sklearn_ssl.__all__
    if "augmentation" in getattr(getattr(sklearn_ssl, name), "__dataclass_fields__", ())
]


def test_all_kinds_of_estimators_have_an_augmentation():
    assert len(NAMES) >= 24
    assert {"SSLClassifier", "SSLRegressor", "S4LClassifier", "RobustSSLClassifier", "WCCNTransformer"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_a_recipe_do_not_reach_a_fitted_net(name):
    estimators = [cheap_instance(getattr(sklearn_ssl, name)).set_params(augmentation=Jitter(sigma=0.1)) for _ in "ab"]
    for estimator in estimators:
        estimator.fit(X, Y)
    for estimator in estimators:
        assert getattr(estimator.net_.module_, "augmentation", None) is not estimator.augmentation
    estimators[1].set_params(augmentation__sigma=50.0)
    for estimator in estimators:
        estimator.partial_fit(X, Y)
    mine, theirs = (estimator.net_.module_.state_dict() for estimator in estimators)
    assert all(torch.equal(value, theirs[part]) for part, value in mine.items())
    output = "transform" if hasattr(estimators[0], "transform") else "predict"
    assert_array_equal(*(getattr(estimator, output)(X) for estimator in estimators))


def test_what_a_method_binds_goes_first():
    build = with_own_recipes(partial(dict, pooling="mine"), pooling="of the base", encoder="of the base")
    assert build() == {"pooling": "mine", "encoder": "of the base"}
