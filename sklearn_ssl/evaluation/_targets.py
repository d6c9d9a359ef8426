"""Targets of a probe: classes or numbers, their validation, their order of drawing and their scores."""

import dataclasses
from typing import Any, Self, final

import numpy as np
import pandas as pd
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.utils.multiclass import type_of_target

from sklearn_ssl._input.labels import UNLABELLED, check_all_labelled, check_comparable, is_mark, values_of
from sklearn_ssl._parameters.arguments import check_choice
from sklearn_ssl._parameters.ranges import Mark
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._checks import n_cases_of


@final
@dataclasses.dataclass(frozen=True)
class Targets:
    """Valid targets: classes as they were given, numbers as float64.

    Attributes
    ----------
    y : ndarray
        The targets to learn from.
    y_test : ndarray or None
        The targets of the test part.
    task : {"classification", "regression"}
        Whether the targets are classes or numbers.
    groups : ndarray of shape (n_cases,) or None
        The group of each series, which is not to be torn apart.
    """

    y: np.ndarray
    y_test: Any
    task: str
    groups: Any = None

    @classmethod
    def checked(
        cls, X: Any, y: Any, X_test: Any, y_test: Any, task: str, *, groups: Any = None, unlabelled: Any = UNLABELLED
    ) -> Self:
        """Validate the targets that the user gave.

        Raises
        ------
        ValueError
            If lengths differ, values are missing, a series has no label, or there is one class only.
        """
        if (X_test is None) != (y_test is None):
            missing = "X_test" if X_test is None else "y_test"
            raise ValueError(f"A test part needs both `X_test` and `y_test`; `{missing}` is missing.")
        y = _checked_target(X, y, "X", "y")
        task = _resolved_task(y, task)
        groups = None if groups is None else _checked_groups(X, groups, X_test)
        if task == "classification":
            _check_no_mark("y", y, unlabelled)
        if y_test is not None:
            y_test = _checked_target(X_test, y_test, "X_test", "y_test")
            if task == "classification":
                _check_no_mark("y_test", y_test, unlabelled)
            _check_same_kind(y, y_test, task)
        if task == "regression":
            return cls(y.astype(np.float64), None if y_test is None else y_test.astype(np.float64), task, groups)
        check_classes(y)
        return cls(y, y_test, task, groups)


def check_classes(y: np.ndarray) -> None:
    """Raise a ValueError unless there are two classes or more."""
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(f"y has one class only, {shown(classes[0])}. Give series of two classes or more.")


def random_order(y: np.ndarray, task: str, random: np.random.RandomState) -> np.ndarray:
    """Draw an order of rows whose first n are a fair sample for every n.

    For classes, the first rows are one of each class. The first n rows have the classes in their shares of y, as nearly
    as whole rows allow.
    """
    order = random.permutation(len(y))
    if task == "regression":
        return order
    _, codes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    place = np.empty(len(y))
    for code, count in enumerate(counts):
        place[codes == code] = [-1, *(np.arange(1, count) + 0.5) / count]
    return order[np.argsort(place, kind="stable")]


def all_scores(truth: np.ndarray, predicted: np.ndarray, task: str) -> dict[str, float]:
    """Compute every metric of a task, the main one first."""
    if task == "classification":
        return {"accuracy": _accuracy(truth, predicted), "balanced_accuracy": _balanced_accuracy(truth, predicted)}
    return {
        "mae": float(mean_absolute_error(truth, predicted)),
        "rmse": float(root_mean_squared_error(truth, predicted)),
        "mape": float(mean_absolute_percentage_error(truth, predicted)),
        "r2": float(r2_score(truth, predicted)) if len(truth) > 1 else float("nan"),
    }


def greater_is_better(metric: str) -> bool:
    """Tell whether a greater value of a main metric is better."""
    return metric == "accuracy"


def _checked_target(X: Any, y: Any, X_name: str, name: str) -> np.ndarray:
    y = _as_column(values_of(y))
    if y.ndim not in (1, 2):
        raise ValueError(f"`{name}` must have shape (n_cases,) or (n_cases, n_outputs), got shape {y.shape}.")
    _check_length(y, n_cases_of(X, X_name), X_name, name)
    wrong = pd.isna(y) | (np.isinf(y) if y.dtype.kind == "f" else False)
    if wrong.any():
        raise ValueError(f"`{name}` is missing or infinite in row {np.argwhere(wrong)[0, 0]}. Leave such series out.")
    check_all_labelled(name, y)
    if y.dtype == object:
        _check_one_kind(name, y)
    return y


def _check_one_kind(name: str, y: np.ndarray) -> None:
    """Refuse texts among other labels: the probes sort classes."""
    texts = [isinstance(label, str) for label in y.ravel()]
    if any(texts) and not all(texts):
        row = int(np.argmin(np.reshape(texts, y.shape).reshape(len(y), -1).all(axis=1)))
        raise ValueError(
            f"`{name}` has texts, and {shown(y[row])} in row {row}. Give classes of one kind, for example "
            f"[str(label) for label in {name}]."
        )


def _check_no_mark(name: str, y: np.ndarray, unlabelled: Any) -> None:
    if unlabelled not in Mark():
        raise ValueError(f"`unlabelled` must be {Mark()}, got {shown(unlabelled)}.")
    marked = np.flatnonzero(is_mark(y, unlabelled))
    if len(marked) > 0:
        raise ValueError(
            f"`{name}` has {shown(unlabelled)} in row {marked[0]}, which marks a series without a label. Leave such "
            "series out: sklearn_ssl.fine_tuning.is_labelled tells which series have a label. If it is a class, set "
            "`unlabelled` to None."
        )


def _checked_groups(X: Any, groups: Any, X_test: Any) -> np.ndarray:
    if X_test is not None:
        raise ValueError(
            "`groups` says which series of `X` stay together when some are left out, but a test part is given. Set "
            "`groups` to None."
        )
    groups = values_of(groups)
    n_cases = n_cases_of(X)
    if groups.shape != (n_cases,):
        raise ValueError(f"`groups` has shape {groups.shape}, but `X` has {n_cases} series. Give one group per series.")
    if pd.isna(groups).any():
        raise ValueError(f"`groups` is missing in row {int(pd.isna(groups).argmax())}. Give every series a group.")
    check_comparable("groups", groups)
    if len(pd.unique(groups)) < 2:
        raise ValueError(
            f"`groups` has one group only, {shown(groups.tolist()[0])}. Give series of two groups or more."
        )
    return groups


def _check_length(y: np.ndarray, n_cases: int, X_name: str, name: str) -> None:
    if len(y) != n_cases:
        raise ValueError(
            f"`{name}` has length {len(y)}, but `{X_name}` has {n_cases} series. Give one label per series."
        )
    if n_cases == 0:
        raise ValueError(f"`{X_name}` is empty. Give at least one series.")


def _as_column(y: np.ndarray) -> np.ndarray:
    """Return numbers among objects as numbers, and a table of one column as a vector."""
    if y.dtype == object and y.ndim > 0:
        y = pd.Series(y.ravel()).infer_objects().to_numpy().reshape(y.shape)
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _resolved_task(y: np.ndarray, task: str) -> str:
    check_choice("task", task, "auto", "classification", "regression")
    if task == "regression":
        if y.dtype.kind not in "biuf":
            raise ValueError(f'task="regression" needs numbers in y, got dtype {y.dtype}.')
        return task
    kind = type_of_target(y)
    if task == "auto" and kind.startswith("continuous"):
        return "regression"
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"y is not a vector of classes: scikit-learn calls it {shown(kind)}. Give one column of classes, or set "
            'task="regression" for numbers.'
        )
    return "classification"


def _check_same_kind(y: np.ndarray, y_test: np.ndarray, task: str) -> None:
    if y.shape[1:] != y_test.shape[1:]:
        raise ValueError(f"`y` has shape {y.shape} and `y_test` {y_test.shape}; both need the same outputs.")
    if task == "classification" and set(y.tolist()).isdisjoint(y_test.tolist()):
        raise ValueError(
            f"`y_test` and `y` have no class in common: {shown(y_test[0])} and {shown(y[0])}, for example. "
            "Give a test part with classes of `y`."
        )
    if task == "regression" and y_test.dtype.kind not in "biuf":
        raise ValueError(f"Regression needs numbers in `y_test`, got dtype {y_test.dtype}.")


def _accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean(truth == predicted))


def _balanced_accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean([_accuracy(truth[truth == one], predicted[truth == one]) for one in np.unique(truth)]))
