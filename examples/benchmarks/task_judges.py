"""What an embedding is worth for the tasks of `tasks.py`: few labels, retrieval, clustering, anomalies.

All functions yield (task, draw, measure, value). Every one looks at the same scaled features, or at distances alone
where a method has no features.
"""

import dataclasses

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import (
    adjusted_rand_score,
    average_precision_score,
    normalized_mutual_info_score,
    roc_auc_score,
)

NUMBERS = (1, 3, 8)  # labels per class
LABELS, RETRIEVAL, CLUSTERING, ANOMALIES = "labels", "retrieval", "clustering", "anomalies"
ALL = f"{LABELS}: all"
RIDGE, NEAREST, OWN = "ridge", "nearest", "own"
N_NEIGHBORS = 5
MOST_NORMAL = 10  # classes that are normal in turn


@dataclasses.dataclass(frozen=True)
class Judged:
    """Both parts of a set as one method sees them."""

    y: np.ndarray  # (n,)
    y_test: np.ndarray  # (m,)
    to_train: np.ndarray  # (m, n), distances from test series to training series
    among: np.ndarray  # (m, m), distances between test series
    train: np.ndarray | None = None  # (n, F)
    test: np.ndarray | None = None  # (m, F)
    errors: np.ndarray | None = None  # (m,), how badly each test series is reconstructed


def drawn(y, number, draw):
    """Return rows with so many labels of each class; more labels of the same draw include the fewer.

    `number` is a count for all classes, a share of each class if below 1, or None for all.
    """
    rng = np.random.default_rng(draw)
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    counts = [_count(number, len(of_class)) for of_class in rows]
    return np.sort(np.concatenate([of_class[:count] for of_class, count in zip(rows, counts, strict=True)]))


def _count(number, n_cases):
    if number is None:
        return n_cases
    return int(np.ceil(number * n_cases)) if number < 1 else number


def draws_of(y, n_draws):
    """Yield the task, the number of the draw and the labelled rows: few labels several times, all labels once."""
    for number in NUMBERS:
        for draw in range(n_draws):
            yield f"{LABELS}: {number}", draw, drawn(y, number, draw)
    yield ALL, 0, drawn(y, None, 0)


def ridge():
    """Return the classifier of scaled features."""
    return RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))


def few_labels(judged, n_draws):
    """Yield accuracies on the test part."""
    for task, draw, rows in draws_of(judged.y, n_draws):
        if judged.train is not None:
            model = ridge().fit(judged.train[rows], judged.y[rows])
            yield task, draw, RIDGE, model.score(judged.test, judged.y_test)
        nearest = rows[judged.to_train[:, rows].argmin(axis=1)]
        accuracy = np.mean(judged.y[nearest] == judged.y_test)
        yield task, draw, NEAREST, accuracy
        if judged.train is None:
            yield task, draw, OWN, accuracy


def retrieval(judged):
    """Yield how well each test series finds the others of its class; a class of one series asks nothing."""
    precisions, averages = [], []
    for case, distances in enumerate(judged.among):
        others = np.arange(len(distances)) != case
        relevant, near = (judged.y_test == judged.y_test[case])[others], -distances[others]
        if relevant.any():
            precisions.append(relevant[near == near.max()].mean())  # equal distances share the first place
            averages.append(average_precision_score(relevant, near))
    yield RETRIEVAL, "", "precision at 1", np.mean(precisions)
    yield RETRIEVAL, "", "mean average precision", np.mean(averages)


def clustering(judged, seed):
    """Yield how clusters of the test part agree with the classes; series that HDBSCAN leaves out are one cluster."""
    clusters = {}
    if judged.test is not None:
        means = KMeans(len(np.unique(judged.y_test)), n_init=5, random_state=seed)
        clusters["KMeans"] = means.fit_predict(judged.test)
    clusters["HDBSCAN"] = HDBSCAN(metric="precomputed", copy=True).fit_predict(judged.among)
    for name, found in clusters.items():
        yield CLUSTERING, "", f"{name}, adjusted Rand", adjusted_rand_score(judged.y_test, found)
        yield CLUSTERING, "", f"{name}, mutual information", normalized_mutual_info_score(judged.y_test, found)


def anomalies(judged, seed):
    """Yield areas under the curve: one class is normal, all others are not; means over the largest classes."""
    scores = {}
    for normal in normal_classes(judged):
        is_anomaly = judged.y_test != normal
        for name, values in anomaly_scores(judged, normal, seed).items():
            scores.setdefault(name, []).append(roc_auc_score(is_anomaly, values))
    for name, areas in scores.items():
        yield ANOMALIES, "", name, np.mean(areas)


def normal_classes(judged):
    """Return the classes that can be normal: two training series at least, and test series of it and of others."""
    labels, counts = np.unique(judged.y, return_counts=True)
    largest = labels[np.argsort(-counts, kind="stable")][:MOST_NORMAL]
    return [label for label in largest if np.sum(judged.y == label) > 1 and len({*(judged.y_test == label)}) == 2]


def anomaly_scores(judged, normal, seed):
    """Return scores of the test series, greater for what is less like the training series of the normal class."""
    rows = judged.y == normal
    nearest = np.sort(judged.to_train[:, rows], axis=1)[:, :N_NEIGHBORS]
    scores = {"nearest neighbours": nearest.mean(axis=1)}
    if judged.test is not None:
        forest = IsolationForest(random_state=seed).fit(judged.train[rows])
        scores["isolation forest"] = -forest.score_samples(judged.test)
    if judged.errors is not None:
        scores["reconstruction error"] = judged.errors
    return scores
