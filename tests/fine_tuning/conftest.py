import pytest
from small_predictors import PARTLY, Watched, X, classifier, robust


@pytest.fixture
def watched():
    """Return a view that has noted nothing yet."""
    Watched.largest.clear()
    Watched.sizes.clear()
    return Watched()


@pytest.fixture(scope="module")
def fitted_classifier():
    return classifier(max_epochs=1).fit(X, PARTLY)


@pytest.fixture(scope="module")
def fitted_robust():
    return robust(max_epochs=1).fit(X, PARTLY)
