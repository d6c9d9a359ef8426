"""What all reports have in common: they look at a fitted transformer and leave everything as it was."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from shared import small, untouched
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import (
    AlignmentScorer,
    LiDARScorer,
    alpha_req_scorer,
    collapse_report,
    dissect,
    embedding_importance,
    knn_probe,
    label_efficiency,
    linear_probe,
    occlusion,
    rankme_scorer,
    svm_probe,
    uniformity_scorer,
)
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=24, n_timepoints=32, n_classes=2, random_state=0)
SCORERS = [rankme_scorer, alpha_req_scorer, uniformity_scorer, LiDARScorer(n_views=2), AlignmentScorer()]


def of_projections(scorer):
    return clone(scorer).set_params(space="projections", random_state=None)


def importance(transformer, X):
    predictor = LogisticRegression().fit(transformer.transform(X), Y)
    return embedding_importance(Pipeline([("embed", transformer), ("predict", predictor)]), X, Y, n_repeats=1)


REPORTS = {
    "linear probe": lambda transformer, X: linear_probe(transformer, X, Y, cv=2, random_state=None),
    "knn probe": lambda transformer, X: knn_probe(transformer, X, Y, X_test=X[:5], y_test=Y[:5], random_state=None),
    "svm probe": lambda transformer, X: svm_probe(transformer, X, Y, cv=2, random_state=None),
    "label efficiency": lambda transformer, X: label_efficiency(transformer, X, Y, random_state=None),
    "estimator as probe": lambda transformer, X: label_efficiency(
        transformer, X, Y, probe=LogisticRegression(solver="saga", max_iter=1000, tol=0.1), n_draws=1
    ),
    "collapse": lambda transformer, X: collapse_report(transformer, X, max_cases=20, random_state=None),
    "importance": importance,
    "occlusion": lambda transformer, X: occlusion(transformer, X[:2], window=8),
    "occlusion of projections": lambda transformer, X: occlusion(transformer, X[:2], window=8, space="projections"),
    "dissection": lambda transformer, X: dissect(
        transformer, X, ["peak"], augmentations=[Jitter()], max_cases=20, random_state=None
    ),
    **{type(scorer).__name__: lambda transformer, X, scorer=scorer: scorer(transformer, X) for scorer in SCORERS},
    **{
        f"{type(scorer).__name__} of projections": lambda transformer, X, scorer=scorer: of_projections(scorer)(
            transformer, X
        )
        for scorer in SCORERS
    },
}


@pytest.fixture(scope="module")
def transformer():
    return small(projector=MLPProjector(width=8), max_epochs=1).fit(X)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_estimator_the_series_and_the_generators_stay_as_they_were(report, training, transformer):
    module = transformer.net_.module_.train(training)
    module.encoder.train(not training)  # modes may be mixed
    series = X.copy()
    with untouched(transformer):
        report(transformer, series)
    assert_array_equal(series, X)


@pytest.mark.parametrize("report", ["collapse", "LiDARScorer", "dissection"])
def test_modes_are_put_back_after_an_error(report, transformer):
    transformer.net_.module_.train()
    with untouched(transformer), pytest.raises(ValueError, match="channels"):
        REPORTS[report](transformer, X[:, :1])


def test_training_goes_on_as_if_nothing_had_looked():
    alone, looked_at = (small(projector=MLPProjector(width=8), max_epochs=1).fit(X) for _ in range(2))
    for report in REPORTS.values():
        report(looked_at, X)
    assert_array_equal(alone.partial_fit(X).transform(X), looked_at.partial_fit(X).transform(X))
    assert np.isfinite(alone.transform(X)).all()


def test_reports_are_shown_as_text_in_a_notebook(transformer):
    report = collapse_report(transformer, X)
    assert repr(report) == f"<CollapseReport: {report.verdict}, 24 series>"
    probe = linear_probe(transformer, X, Y, cv=2)
    for one in (report, probe):
        assert one._repr_html_().startswith("<pre>")
        assert str(one).splitlines()[0] in one._repr_html_()
