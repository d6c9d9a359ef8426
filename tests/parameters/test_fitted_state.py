"""An error in a fit leaves the fitted attributes as they were."""

from types import SimpleNamespace

import pytest

from sklearn_ssl._parameters.fitted_state import unchanged_on_error


def changed(estimator):
    estimator.kept_ = 2
    estimator.new_ = 3
    estimator.alpha = 5
    estimator._private_ = 7
    del estimator.gone_


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_fitted_attributes_are_restored(error):
    estimator = SimpleNamespace(kept_=1, gone_=4, alpha=0, _private_=0)
    with pytest.raises(error), unchanged_on_error(estimator):  # noqa: PT012
        changed(estimator)
        raise error
    assert vars(estimator) == {"kept_": 1, "gone_": 4, "alpha": 5, "_private_": 7}


def test_changes_stay_without_an_error():
    estimator = SimpleNamespace(kept_=1, gone_=4, alpha=0, _private_=0)
    with unchanged_on_error(estimator):
        changed(estimator)
    assert vars(estimator) == {"kept_": 2, "new_": 3, "alpha": 5, "_private_": 7}
