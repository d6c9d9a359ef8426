"""How a training went, by scikit-learn's names, and the same budget for all that swap places in a grid."""

import pytest
from shared import small
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, VICRegTransformer, WCCNTransformer
from sklearn_ssl.datasets import make_waves

X, y = make_waves(n_cases=20, n_channels=2, n_timepoints=30, random_state=0)
WITHOUT_STEPS = [small(RandomEncoderTransformer), WCCNTransformer(random_state=0)]


def test_epochs_and_losses():
    fitted = small(max_epochs=3).fit(X)
    assert fitted.n_iter_ == 3
    assert fitted.loss_curve_ == fitted.net_.history[:, "train_loss"]
    assert fitted.partial_fit(X).n_iter_ == len(fitted.loss_curve_) == 4


def test_of_a_predictor():
    classifier = SSLClassifier(small(max_epochs=1), max_epochs=2, random_state=0).fit(X, y)
    assert classifier.n_iter_ == 2
    assert classifier.loss_curve_ == classifier.net_.history[:, "train_loss"]


def test_there_are_none_before_fit():
    assert not hasattr(small(), "n_iter_")
    assert not hasattr(small(), "loss_curve_")


@pytest.mark.parametrize("transformer", WITHOUT_STEPS, ids=lambda one: type(one).__name__)
def test_without_steps(transformer):
    assert (transformer.fit(X).n_iter_, transformer.loss_curve_) == (0, [])


def test_transformers_swap_places_in_a_grid():
    pipeline = Pipeline([("embed", small()), ("classify", LogisticRegression())])
    grid = {
        "embed": [small(VICRegTransformer), *WITHOUT_STEPS],
        "embed__max_steps": [2],
        "embed__max_epochs": ["auto"],
        "embed__batch_size": [8],
        "embed__verbose": [0],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 3
