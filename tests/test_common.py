"""The contract that every public estimator keeps; nothing in here knows one of them."""

import inspect

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

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


@pytest.mark.parametrize("cls", [cls for _, cls in all_estimators()], ids=lambda cls: cls.__name__)
def test_every_parameter_is_documented(cls):
    undocumented = [name for name in cls().get_params(deep=False) if f"\n{name} : " not in inspect.getdoc(cls)]
    assert not undocumented
