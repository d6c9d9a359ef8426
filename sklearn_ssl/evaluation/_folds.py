"""Cross-validation of a probe on an embedding that stays the same in all folds."""

import numbers
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from sklearn_ssl.evaluation._checks import check_whole_number
from sklearn_ssl.evaluation._predictors import Probe
from sklearn_ssl.evaluation._targets import Targets

Folds = list[tuple[np.ndarray, np.ndarray]]


def checked_folds(targets: Targets, cv: Any, seed: int) -> Folds:
    """Return the rows of the training and the test part of every fold.

    Raises
    ------
    ValueError
        If a part is empty, a row is in both parts, or a training part has one class only.
    """
    y = targets.y
    splitter = _splitter(targets, cv, seed) if isinstance(cv, numbers.Number) else check_cv(cv)
    rows = np.arange(len(y))
    # Indexing turns masks and negative numbers into row numbers.
    folds = [(rows[train], rows[test]) for train, test in splitter.split(rows[:, None], y)]
    for number, (train, test) in enumerate(folds):
        _check_fold(f"Fold {number} of the cross-validation", targets, train, test)
    return folds


def fold_predictions(probe: Probe, H: np.ndarray, targets: Targets, folds: Folds, seed: int) -> list[np.ndarray]:
    """Predict the test part of every fold by a probe that is fitted on its training part."""
    y, task = targets.y, targets.task
    return [probe.fitted(H[train], y[train], task, seed).predict(H[test]) for train, test in folds]


def in_order(y: np.ndarray, folds: Folds, predicted: list[np.ndarray]) -> np.ndarray | None:
    """Return the predictions in the order of the rows, or None unless every row was predicted once."""
    tested = np.concatenate([test for _, test in folds])
    if not np.array_equal(np.sort(tested), np.arange(len(y))):
        return None
    predictions = np.empty_like(y)
    predictions[tested] = np.concatenate(predicted)
    return predictions


def _splitter(targets: Targets, cv: Any, seed: int) -> Any:
    check_whole_number("cv", cv, least=2)
    if targets.task == "regression":
        if len(targets.y) < 2:
            raise ValueError("Cross-validation needs at least two series, got 1. Give more.")
        return KFold(min(int(cv), len(targets.y)), shuffle=True, random_state=seed)
    counts = np.unique(targets.y, return_counts=True)[1]
    _check_counts(counts)
    return StratifiedKFold(max(2, min(int(cv), int(counts.min()))), shuffle=True, random_state=seed)


def _check_counts(counts: np.ndarray) -> None:
    if counts.max() < 2:
        raise ValueError(
            "Cross-validation needs two series of a class, but each class of y has one. Give `X_test` and `y_test`. If "
            'y are quantities, give a regressor, or set task="regression".'
        )


def _check_fold(name: str, targets: Targets, train: np.ndarray, test: np.ndarray) -> None:
    if len(train) == 0 or len(test) == 0:
        raise ValueError(f"{name} has {len(train)} training and {len(test)} test cases; both need at least one.")
    shared = np.intersect1d(train, test)
    if len(shared) > 0:
        raise ValueError(f"{name} tests case {shared[0]}, on which it trains. Training and test must not overlap.")
    if targets.task == "classification" and len(np.unique(targets.y[train])) < 2:
        raise ValueError(
            f"{name} has one class only in its training part. Give more series of the rare classes, or a test part."
        )
