"""Labels that are spread over neighbours, and what the default classifier makes of them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize
from small_predictors import PARTLY, X, Y, classifier

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, WCCNTransformer
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.fine_tuning import _classifier, _tasks
from sklearn_ssl.fine_tuning._classifier import ENOUGH_LABELS
from sklearn_ssl.fine_tuning._spread import Others, spread_head, spread_labels

WCCN = WCCNTransformer(encoder=RocketEncoder(n_features=84), device="cpu", random_state=0)


def spread_in_loops(rows, codes, weight, n_neighbors):
    """The same with dense matrices, one entry after the other."""
    n, n_classes = len(rows), codes.max() + 1
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    graph = np.zeros((n, n))
    for i in range(n):
        nearest = sorted((j for j in range(n) if j != i), key=lambda j: -rows[i] @ rows[j])[:n_neighbors]
        for j in nearest:
            graph[i, j] = graph[j, i] = max(rows[i] @ rows[j], 0) ** 8 + 1e-9
    degree = graph.sum(axis=1)
    walk = np.array([[graph[i, j] / np.sqrt(degree[i] * degree[j]) for j in range(n)] for i in range(n)])
    given = np.zeros((n, n_classes))
    for i, (code, share) in enumerate(zip(codes, weight, strict=True)):
        given[i, code] = share
    mass = np.linalg.inv(np.eye(n) - 0.95 * walk) @ given
    mass /= mass.sum(axis=0)
    shares = mass / mass.sum(axis=1, keepdims=True)
    entropy = np.array([-sum(share * np.log(share) for share in row if share > 0) for row in shares])
    return shares, 1 - entropy / np.log(n_classes) + 1e-3


def two_groups(rng, n_each=15):
    centres = np.repeat(np.eye(4)[:2], n_each, axis=0)
    return centres + 0.2 * rng.normal(size=(2 * n_each, 4)), np.repeat([0, 1], n_each)


def test_labels_are_spread_as_in_loops():
    rng = np.random.default_rng(0)
    rows, codes, weight = rng.normal(size=(25, 3)), np.array([0, 1, 2, 1]), np.array([1.0, 0.5, 2.0, 1.0])
    for mine, expected in zip(
        spread_labels(rows, codes, weight, 4), spread_in_loops(rows, codes, weight, 4), strict=True
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-6, atol=1e-9)


def test_one_label_names_its_whole_group_and_groups_weigh_the_same():
    rows, groups = two_groups(np.random.default_rng(0))
    order = [0, 15, *range(1, 15), *range(16, 30)]  # the first two have the labels
    shares, sure = spread_labels(rows[order], np.array([0, 1]), np.ones(2), 4)
    assert (shares.argmax(axis=1) == groups[order]).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert ((sure > 0) & (sure <= 1 + 1e-3)).all()
    heavy, _ = spread_labels(rows[order], np.array([0, 1]), np.array([1.0, 100.0]), 4)
    np.testing.assert_allclose(heavy, shares, rtol=1e-6)


def test_series_that_no_label_reaches_have_equal_shares_and_next_to_no_weight():
    rows = np.concatenate([np.eye(6)[[0, 1]] + 0.01, np.tile(np.eye(6)[4], (4, 1)), np.eye(6)[[0, 1, 0, 1]]])
    rows += 1e-3 * np.random.default_rng(0).normal(size=rows.shape)
    shares, sure = spread_labels(rows, np.array([0, 1]), np.ones(2), 2)
    np.testing.assert_allclose(shares[2:6], 0.5)
    np.testing.assert_allclose(sure[2:6], 1e-3)
    assert sure[6:].min() > 0.5


def test_the_head_is_ridge_on_spread_labels():
    rows, _ = two_groups(np.random.default_rng(1))
    labelled, codes, weight = rows[[0, 20, 1]], np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0])
    weight_of_head, bias = spread_head(labelled, codes, weight, Others(rows[3:20], 3))
    every = np.concatenate([labelled, rows[3:20]])
    shares, sure = spread_labels(every, codes, weight, 3)
    sure[:3] = weight / 2
    expected = Ridge(alpha=0.1 * np.square(every).sum(axis=1).mean()).fit(every, 2 * shares - 1, sample_weight=sure)
    np.testing.assert_allclose(every @ weight_of_head.T + bias, expected.predict(every), rtol=1e-6)


def test_the_default_takes_no_steps_and_adds_both_heads():
    model = SSLClassifier(FrozenEstimator(clone(WCCN).fit(X)), random_state=0).fit(X, PARTLY)
    assert model.n_iter_ == 0
    h = model.transformer_.transform(X).astype(np.float64)
    z = normalize(h - h.mean(axis=0))
    known = np.flatnonzero(PARTLY >= 0)
    sides = 2.0 * np.eye(3)[PARTLY[known]] - 1
    ridge = Ridge(alpha=0.1).fit(z[known], sides)
    others = Others(np.delete(z, known, axis=0), 5)
    weight, bias = spread_head(z[known], PARTLY[known], np.ones(len(known)), others)
    expected = ridge.predict(z) + (z @ weight.T + bias) / (len(known) / 3)
    scores = model.decision_function(X)
    scale = (scores * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(scores, scale * expected, atol=1e-3 * np.abs(scores).max())


def test_closed_forms_need_no_copies_again(watched):
    SSLClassifier(clone(WCCN), augmentation=watched, random_state=0).fit(X, PARTLY)
    assert not watched.sizes
    classifier(RandomEncoderTransformer(random_state=0), mode="probe", augmentation=watched).fit(X, PARTLY)
    assert watched.sizes


@pytest.mark.parametrize(
    ("y", "is_spread"),
    [(PARTLY, True), (Y, False), (np.where(np.arange(60) < 3 * ENOUGH_LABELS, Y, -1), False)],
    ids=["few labels", "all labels", "enough labels"],
)
def test_labels_are_spread_where_they_are_few(y, is_spread):
    features = FrozenEstimator(clone(WCCN).fit(X))
    default, plain = (SSLClassifier(features, n_neighbors=n, random_state=0).fit(X, y) for n in (5, 0))
    assert np.array_equal(default.decision_function(X), plain.decision_function(X)) != is_spread


def test_with_one_label_of_each_class_neighbours_help():
    rng = np.random.default_rng(0)
    frequency = np.repeat([1.0, 1.25, 1.5], 40)
    drift = rng.normal(0, 0.06, size=120)
    X_drifting = np.sin((frequency + drift)[:, None] * np.linspace(0, 25, 80) + rng.uniform(0, 6, size=(120, 1)))
    y = np.repeat([0, 1, 2], 40)
    features = FrozenEstimator(WCCNTransformer(device="cpu", random_state=0).fit(X_drifting))
    gains = []
    for seed in range(5):
        chosen = [np.random.default_rng(seed).choice(np.flatnonzero(y == code)) for code in range(3)]
        known = np.where(np.isin(np.arange(120), chosen), y, -1)
        scores = [
            SSLClassifier(features, n_neighbors=n, random_state=0).fit(X_drifting, known).score(X_drifting, y)
            for n in (5, 0)
        ]
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.03


@pytest.mark.parametrize("bound", ["MOST_SPREAD", "MOST_NUMBERS"])
def test_labels_are_spread_to_a_bounded_number_of_series(bound, monkeypatch):
    features = FrozenEstimator(clone(WCCN).fit(X))
    n_features = features.estimator.transform(X).shape[1]
    monkeypatch.setattr(_classifier, bound, 7 if bound == "MOST_SPREAD" else 6 * n_features)
    seen = []

    def watched(*given):
        seen.append(given[-1].features)
        return spread_head(*given)

    monkeypatch.setattr(_tasks, "spread_head", watched)
    model = SSLClassifier(features, random_state=0).fit(X, PARTLY)
    assert [len(others) for others in seen] == [7]
    z = normalize(model.transformer_.transform(X) - model.transformer_.transform(X).mean(axis=0))
    without = np.flatnonzero(PARTLY < 0)
    np.testing.assert_allclose(seen[0][[0, -1]], z[without[[0, -1]]], rtol=1e-3, atol=1e-5)
