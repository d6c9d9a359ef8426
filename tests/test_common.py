"""The contract that every public estimator keeps; nothing in here knows one of them."""

import inspect
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ssl.datasets import make_waves
from sklearn_ssl.testing import all_estimators, cheap_instance, expected_failed_checks, ssl_checks

ESTIMATORS = [cheap_instance(cls) for _, cls in all_estimators()]


SERIES_CHECKS = [
    pytest.param(check, id=f"{type(estimator).__name__}-{check.func.__name__}")
    for estimator in ESTIMATORS
    for check in ssl_checks(estimator)
]


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks, xfail_strict=True)
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", SERIES_CHECKS)
def test_series_contract(check):
    check()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_html_representation(estimator):
    assert type(estimator).__name__ in estimator._repr_html_()


def _as_in_a_grid(value):
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return np.uint16(value) if value >= 0 else np.int16(value)
    return np.array(value) if isinstance(value, float) else np.str_(value) if isinstance(value, str) else value


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_numbers_and_texts_of_numpy_are_as_good_as_those_of_python(estimator):
    X, y = make_waves(n_cases=16, n_classes=2, n_timepoints=24, random_state=0)
    params = {name: value for name, value in estimator.get_params().items() if "random_state" not in name}
    given = {name: _as_in_a_grid(value) for name, value in params.items() if isinstance(value, (int, float, str))}
    outputs = []
    for one in (clone(estimator), clone(estimator).set_params(**given)):
        one.fit(X, y)
        outputs.append(getattr(one, "transform" if hasattr(one, "transform") else "predict")(X))
    assert all(one is given[name] for name, one in one.get_params().items() if name in given)
    assert all(np.array_equal(*rows, equal_nan=True) for rows in zip(*outputs, strict=True))


@pytest.mark.parametrize("cls", [cls for _, cls in all_estimators()], ids=lambda cls: cls.__name__)
def test_every_parameter_is_documented(cls):
    undocumented = [name for name in cls().get_params(deep=False) if f"\n{name} : " not in inspect.getdoc(cls)]
    assert not undocumented


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("X", [np.zeros((2, 5)), np.zeros((2, 3, 5))], ids=["2-D", "3-D"])
def test_what_needs_a_fit_says_so(estimator, X):
    estimator = clone(estimator)
    of_series = ("transform", "inverse_transform", "predict", "predict_proba", "decision_function", "score_samples")
    arguments = dict.fromkeys(of_series, (X,)) | {"score": (X, [0, 1])}
    arguments |= {"get_support": (), "get_feature_names_out": ()}
    for name in filter(partial(hasattr, estimator), arguments):
        with pytest.raises(NotFittedError):
            getattr(estimator, name)(*arguments[name])
