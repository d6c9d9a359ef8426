import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from shared import small
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.augmentations import Compose, Jitter, Scaling
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import (
    AlignmentScorer,
    AlphaReQScorer,
    LiDARScorer,
    RankMeScorer,
    UniformityScorer,
    alignment,
    alignment_scorer,
    alpha_req,
    alpha_req_scorer,
    lidar,
    lidar_scorer,
    rankme,
    rankme_scorer,
    uniformity,
    uniformity_scorer,
)
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.preprocessing import ChannelWise
from sklearn_ssl.projectors import MLPProjector

OF_EMBEDDING = [rankme_scorer, alpha_req_scorer, uniformity_scorer]
OF_VIEWS = [LiDARScorer(n_views=3), AlignmentScorer()]
SCORERS = [*OF_EMBEDDING, *OF_VIEWS]
READY = [rankme_scorer, alpha_req_scorer, lidar_scorer, alignment_scorer, uniformity_scorer]

X, y = make_waves(n_cases=24, n_timepoints=32, random_state=0)


def name(scorer):
    return type(scorer).__name__


def simclr(**kwargs):
    return small(**{"projector": MLPProjector(width=8), "max_epochs": 1, **kwargs})


def untrained():
    return small(RandomEncoderTransformer)


def unequal():
    return [series[:, : 32 - case % 5] for case, series in enumerate(X)]


@pytest.fixture(scope="module")
def fitted():
    return simclr().fit(X)


EXPECTED = {
    "RankMeScorer": lambda H: rankme(H),
    "AlphaReQScorer": lambda H: -abs(alpha_req(H) - 1),
    "UniformityScorer": lambda H: -uniformity(H),
}


@pytest.mark.parametrize("scorer", OF_EMBEDDING, ids=name)
def test_scores_what_transform_returns(fitted, scorer):
    assert scorer(fitted, X) == EXPECTED[name(scorer)](fitted.transform(X))


@pytest.mark.parametrize("scorer", OF_EMBEDDING, ids=name)
def test_scores_what_the_loss_compares(fitted, scorer):
    with torch.no_grad():
        projections = fitted.net_.module_.eval().projections(torch.from_numpy(X).float()).numpy()
    scored = clone(scorer).set_params(space="projections")(fitted, X)
    assert_allclose(scored, EXPECTED[name(scorer)](projections), rtol=1e-5)


def test_lidar_and_alignment_take_all_views_of_a_series_together(fitted):
    augmentation = Compose(scaling=Scaling(), jitter=Jitter(sigma=0.3))
    views = Representation.of(fitted).embed_views(X, 4, augmentation=augmentation, random_state=5)
    shared = {"n_views": 4, "augmentation": augmentation, "random_state": 5}
    assert views.shape == (24, 4, fitted.transform(X).shape[1])
    assert LiDARScorer(**shared, delta=0.01)(fitted, X) == lidar(views, delta=0.01)
    assert AlignmentScorer(**shared)(fitted, X) == -alignment(views)
    ungrouped = np.random.default_rng(0).permutation(views.reshape(-1, views.shape[2])).reshape(views.shape)
    assert AlignmentScorer(**shared)(fitted, X) > -alignment(ungrouped)  # views of a series are nearer than series


def test_views_are_those_of_the_transformer_unless_given(fitted):
    own = fitted.resolved("augmentation")
    assert AlignmentScorer()(fitted, X) == AlignmentScorer(augmentation=own)(fitted, X)
    assert AlignmentScorer(augmentation=Jitter(sigma=1e-6))(fitted, X) > AlignmentScorer()(fitted, X)
    assert AlignmentScorer(augmentation=Jitter())(untrained().fit(X), X) <= 0


@pytest.mark.parametrize("scorer", READY, ids=name)
def test_ready_made_scorers_are_the_defaults(fitted, scorer):
    assert scorer.get_params() == type(scorer)().get_params()
    assert np.isfinite(scorer(fitted, X))


@pytest.mark.parametrize("scorer", SCORERS, ids=name)
def test_two_calls_agree_also_after_pickling_and_without_labels(fitted, scorer):
    once = scorer(fitted, X)
    assert type(once) is float
    assert scorer(fitted, X, y) == once
    assert pickle.loads(pickle.dumps(scorer))(fitted, X) == once
    assert clone(scorer)(fitted, X) == once


def test_random_state_decides_the_views_and_the_choice(fitted):
    assert LiDARScorer(random_state=1)(fitted, X) != LiDARScorer(random_state=2)(fitted, X)
    few = RankMeScorer(max_cases=8, random_state=1)(fitted, X)
    assert few == RankMeScorer(max_cases=8, random_state=1)(fitted, X) <= 8
    assert few != RankMeScorer(max_cases=8, random_state=2)(fitted, X)
    assert RankMeScorer(max_cases=24)(fitted, X) == rankme_scorer(fitted, X)
    assert RankMeScorer(max_cases=5)(fitted, unequal()) <= 5


def test_standardize():
    H = np.random.default_rng(0).normal(size=(50, 5)) * [1000, 1, 1, 1, 0] + 3
    pca = PCA().fit(H)
    rotated = pca.transform(H)[:, :4]
    scaled = np.hstack([rotated / rotated.std(axis=0), np.zeros((50, 1))])
    assert RankMeScorer(standardize=True)(pca, H) == pytest.approx(rankme(scaled), rel=1e-6)
    assert RankMeScorer(standardize=True)(pca, H) == pytest.approx(4, rel=1e-6)
    assert RankMeScorer()(pca, H) < 1.2
    assert np.isfinite(UniformityScorer(standardize=True)(pca, H))


def test_standardize_views_over_all_of_them(fitted):
    views = Representation.of(fitted).embed_views(X, 2, random_state=0).astype(np.float64)
    scaled = (views - views.mean(axis=(0, 1))) / views.std(axis=(0, 1))
    assert AlignmentScorer(standardize=True)(fitted, X) == pytest.approx(-alignment(scaled), rel=1e-5)


# In scikit-learn's tools.


@pytest.mark.parametrize("scorer", [rankme_scorer, AlignmentScorer()], ids=name)
def test_grid_search_without_labels(scorer):
    search = GridSearchCV(simclr(), {"encoder__width": [2, 6]}, scoring=scorer, cv=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert search.best_params_ == {"encoder__width": [2, 6][np.argmax(scores)]}
    by_hand = []
    for train, test in KFold(2).split(X):
        candidate = simclr().set_params(encoder__width=6).fit(X[train])
        by_hand.append(scorer(candidate, X[test]))
    assert scores[1] == pytest.approx(np.mean(by_hand))
    assert search.transform(X).shape[0] == 24


@pytest.mark.parametrize("series", [X, unequal()], ids=["equal lengths", "unequal lengths"])
def test_cross_validate_with_all_scorers_at_once(series):
    scoring = {name(scorer): scorer for scorer in SCORERS}
    scores = cross_validate(simclr(), series, scoring=scoring, cv=2, return_estimator=True, error_score="raise")
    for scorer in SCORERS:
        by_hand = [scorer(scores["estimator"][0], series[:12]), scorer(scores["estimator"][1], series[12:])]
        assert scores[f"test_{name(scorer)}"].tolist() == by_hand


@pytest.mark.parametrize("scorer", SCORERS, ids=name)
def test_pipeline_that_ends_in_a_transformer_or_a_classifier(scorer):
    steps = [ChannelWise(StandardScaler()), simclr()]
    transforming = make_pipeline(*copy.deepcopy(steps)).fit(X)
    classifying = make_pipeline(*copy.deepcopy(steps), KNeighborsClassifier(3)).fit(X, y)
    expected = scorer(transforming[-1], transforming[0].transform(X))
    assert scorer(transforming, X) == expected
    assert scorer(classifying, X, y) == expected


def test_labels_take_no_part_in_the_choice():
    pipeline = make_pipeline(simclr(), DummyClassifier())
    grid = {"simclrtransformer__temperature": [0.05, 1.0]}
    true, shuffled = y, np.random.default_rng(0).permutation(y)
    scoring = {name(scorer): scorer for scorer in SCORERS}
    found = [
        GridSearchCV(pipeline, grid, scoring=scoring, refit=False, cv=KFold(2)).fit(X, labels).cv_results_
        for labels in (true, shuffled)
    ]
    for scorer in SCORERS:
        assert_array_equal(*(results[f"mean_test_{name(scorer)}"] for results in found))


def test_alpha_req_is_nan_without_a_decay_and_ranked_last():
    assert np.isnan(alpha_req_scorer(PCA(2).fit(X[:, 0]), X[:, 0]))
    search = GridSearchCV(PCA(), {"n_components": [2, 6]}, scoring=alpha_req_scorer, cv=2)
    with pytest.warns(UserWarning, match="non-finite"):
        search.fit(X[:, 0])
    assert search.best_params_ == {"n_components": 6}
    assert_array_equal(search.cv_results_["rank_test_score"], [2, 1])


def test_looks_through_frozen_estimators_and_searches(fitted):
    expected = rankme_scorer(fitted, X)
    assert rankme_scorer(FrozenEstimator(fitted), X) == expected
    assert rankme_scorer(make_pipeline(FrozenEstimator(fitted), DummyClassifier()).fit(X, y), X) == expected
    search = GridSearchCV(simclr(), {"temperature": [0.2]}, scoring=rankme_scorer, cv=2).fit(X)
    assert rankme_scorer(search, X) == expected


@pytest.mark.parametrize("scorer", SCORERS, ids=name)
def test_scores_a_net_as_its_transformer(fitted, scorer):
    assert scorer(fitted.net_, X) == scorer(fitted, X)


# Bad input.


@pytest.mark.parametrize("scorer", SCORERS, ids=name)
def test_refuses_what_is_not_fitted(scorer):
    with pytest.raises(NotFittedError):
        scorer(simclr(), X)
    with pytest.raises(NotFittedError):
        scorer(make_pipeline(simclr(), KNeighborsClassifier()), X)


@pytest.mark.parametrize(
    ("scorer", "least"), [(rankme_scorer, 2), (alpha_req_scorer, 4), (lidar_scorer, 2), (uniformity_scorer, 2)]
)
def test_refuses_too_few_series(fitted, scorer, least):
    with pytest.raises(ValueError, match=f"{name(scorer)} needs {least} or more series, got {least - 1}"):
        scorer(fitted, X[: least - 1])
    assert np.isfinite(scorer(fitted, X[:least]))


def test_alignment_of_one_series(fitted):
    assert -4 <= alignment_scorer(fitted, X[:1]) <= 0


@pytest.mark.parametrize("scorer", SCORERS, ids=name)
def test_refuses_missing_values(fitted, scorer):
    broken = X.copy()
    broken[2, 0, 5] = np.nan
    with pytest.raises(ValueError, match=r"NaN|missing"):
        scorer(fitted, broken)


@pytest.mark.parametrize(
    ("scorer", "parameter", "value"),
    [
        (RankMeScorer, "space", "logits"),
        (RankMeScorer, "standardize", "yes"),
        (UniformityScorer, "max_cases", 1),
        (AlphaReQScorer, "max_cases", 2.5),
        (AlignmentScorer, "n_views", 1),
        (AlignmentScorer, "n_views", 2.5),
        (LiDARScorer, "n_views", 1.5),
        (LiDARScorer, "delta", 0),
        (RankMeScorer, "random_state", -1),
    ],
)
def test_refuses_parameters(fitted, scorer, parameter, value):
    with pytest.raises(ValueError, match=f"`{parameter}` must be"):
        scorer(**{parameter: value})(fitted, X)


def test_refuses_what_makes_no_embedding_or_views(fitted):
    with pytest.raises(TypeError, match="A fitted transformer"):
        rankme_scorer(KNeighborsClassifier().fit(X[:, 0], y), X[:, 0])
    with pytest.raises(ValueError, match="makes no views by itself"):
        lidar_scorer(untrained().fit(X), X)
    with pytest.raises(TypeError, match="`augmentation` must be an augmentation such as"):
        AlignmentScorer(augmentation=Jitter)(fitted, X)
    with pytest.raises(ValueError, match="has no projector"):
        RankMeScorer(space="projections")(untrained().fit(X), X)
