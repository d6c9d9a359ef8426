"""Cross-validation of a probe on an embedding that stays the same in all folds."""

import numbers
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, check_cv

from sklearn_ssl._input.labels import sorted_codes
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.shown import on_one_line, shown
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
    splitter = _splitter(targets, cv, seed) if isinstance(cv, numbers.Number) else _given_splitter(cv)
    rows = np.arange(len(y))
    groups = None if targets.groups is None else sorted_codes(targets.groups)[0]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")  # the folds are checked below
            parts = list(splitter.split(rows[:, None], y, groups))
        # Indexing turns masks and negative numbers into row numbers.
        folds = [(rows[train], rows[test]) for train, test in parts]
    except (ValueError, TypeError, IndexError) as error:
        given = "" if groups is None else f" and the {groups.max() + 1} groups"
        raise ValueError(
            f"`cv`={shown(cv)} does not fit the {len(y)} series{given}. {on_one_line(error, 200)}"
        ) from error
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


def _given_splitter(cv: Any) -> Any:
    if isinstance(cv, (type, str, bytes)) or not (isinstance(cv, Iterable) or hasattr(cv, "split")):
        raise ValueError(
            "`cv` must be a number of folds, a splitter of scikit-learn such as KFold(5), or a list of pairs: the rows "
            f"of a training and of a test part, got {shown(cv)}."
        )
    return check_cv(cv)


def _splitter(targets: Targets, cv: Any, seed: int) -> Any:
    check_whole_number("cv", cv, least=2)
    shuffled = {"shuffle": True, "random_state": seed}
    y, groups = targets.y, targets.groups
    if targets.task == "regression":
        if len(y) < 2:
            raise ValueError("Cross-validation needs at least two series, got 1. Give more.")
        if groups is None:
            return KFold(min(int(cv), len(y)), **shuffled)
        return GroupKFold(min(int(cv), len(pd.unique(groups))), **shuffled)
    counts = np.unique(y, return_counts=True)[1]
    _check_counts(counts)
    if groups is None:
        return StratifiedKFold(max(2, min(int(cv), int(counts.min()))), **shuffled)
    return StratifiedGroupKFold(max(2, min(int(cv), _fewest_groups(y, groups))), **shuffled)


def _fewest_groups(y: np.ndarray, groups: np.ndarray) -> int:
    """Return in how many groups the class occurs that occurs in the fewest."""
    return int(pd.Series(groups).groupby(y).nunique().min())


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
    if targets.groups is not None:
        _check_groups(name, targets.groups[train], targets.groups[test])
    if targets.task == "classification" and len(np.unique(targets.y[train])) < 2:
        more = "series" if targets.groups is None else "groups"
        raise ValueError(
            f"{name} has one class only in its training part. Give more {more} of the rare classes, or a test part."
        )


def _check_groups(name: str, trained: np.ndarray, tested: np.ndarray) -> None:
    of_training = set(trained.tolist())
    both = [group for group in tested.tolist() if group in of_training]
    if both:
        raise ValueError(
            f"{name} tests series of the group {shown(both[0])}, and trains on others of it. Give a number or a "
            "splitter of groups as `cv`, such as sklearn.model_selection.GroupKFold(), or set `groups` to None."
        )
