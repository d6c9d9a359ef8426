"""The tasks of predictors: classes or numbers, how they are checked, coded and learnt, and where a head starts.

A predictor holds a task. The task turns `y` into `Labels`, which accompany the series through data set and batch to the
loss.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_consistent_length, column_or_1d

from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.fine_tuning._labels import is_labelled
from sklearn_ssl.losses import weighted_cross_entropy, weighted_squared_error

HeadStart = tuple[np.ndarray, np.ndarray, float]


@dataclasses.dataclass(frozen=True)
class Labels:
    """The known targets of some series, coded as the loss takes them.

    Attributes
    ----------
    rows : int array of shape (n_labelled,)
        The labelled series.
    target : array of shape (n_labelled,) or (n_labelled, n_outputs)
        Numbers of classes, or standardised values, NaN where unknown.
    weight : float array of shape (n_labelled,)
        Weights of these series.
    """

    rows: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: np.ndarray) -> "Labels":
        return Labels(self.rows[which], self.target[which], self.weight[which])

    def alone(self) -> "Targets":
        """Return the companion of the labelled series without the others."""
        return Targets(torch.as_tensor(self.target), torch.as_tensor(self.weight, dtype=torch.float32))

    def among(self, n_cases: int) -> "Targets":
        """Return the companion of all series; targets and weights of the others are zero."""
        known, rows = self.alone(), torch.from_numpy(self.rows)
        target = torch.zeros(n_cases, dtype=known.target.dtype)
        return Targets(target.index_copy(0, rows, known.target), torch.zeros(n_cases).index_copy(0, rows, known.weight))


@dataclasses.dataclass(frozen=True)
class Targets:
    """A companion of series: one target and one weight for each."""

    target: torch.Tensor
    weight: torch.Tensor

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return targets and weights of rows (B,)."""
        return {"target": self.target[rows], "weight": self.weight[rows]}

    def to(self, device: torch.device) -> "Targets":
        """Return the same on a device."""
        return Targets(self.target.to(device), self.weight.to(device))

    def content(self) -> bytes:
        """Return all values as bytes."""
        return self.target.cpu().numpy().tobytes() + self.weight.cpu().numpy().tobytes()


class Task(abc.ABC):
    """What is predicted.

    Attributes
    ----------
    loss : callable
        The loss of outputs (B, K), targets and weights.
    n_outputs : int
        Columns K of the head.
    """

    loss: Callable[..., torch.Tensor]

    @property
    @abc.abstractmethod
    def n_outputs(self) -> int:
        """Columns K of the head."""

    @abc.abstractmethod
    def labels(self, y: Any, n_cases: int, sample_weight: Any) -> Labels:
        """Check and code the targets of all series. The first call learns the classes, or the scale of numbers."""

    def check_learnable(self, labels: Labels) -> None:
        """Raise a ValueError if `fit` could not learn from these labels."""
        return

    def strata(self, labels: Labels) -> np.ndarray | None:
        """Return the groups whose shares a hold-out keeps."""
        return None

    @abc.abstractmethod
    def start(self, features: np.ndarray, labels: Labels, penalty: float | None) -> HeadStart:
        """Return weight (K, F) and bias (K,) of the linear predictor, and its squared error for left-out series."""


class ClassTask(Task):
    """Classes of series.

    Parameters
    ----------
    name : str
        Class of the predictor, for messages.
    class_weight : "balanced", dict or None
        Weights of classes.
    classes : array-like or None, default=None
        All classes there will be; None takes those of the first labels.

    Attributes
    ----------
    classes : ndarray of shape (K,)
        The classes, sorted.
    """

    loss = staticmethod(weighted_cross_entropy)

    def __init__(self, name: str, class_weight: Any, classes: Any = None) -> None:
        self.name = name
        self.class_weight = class_weight
        self.classes: Any = None if classes is None else np.unique(np.asarray(classes))

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def labels(self, y: Any, n_cases: int, sample_weight: Any) -> Labels:
        """Return the numbers of the classes of labelled series."""
        rows, y = checked_classes(self.name, y, n_cases)
        if self.classes is None:
            self.classes = np.unique(y)
        check_classification_targets(self.classes)
        unseen = np.setdiff1d(y, self.classes)
        if len(unseen):
            raise ValueError(
                f"y has the classes {unseen.tolist()}, which are not among those to expect, {self.classes.tolist()}. "
                "Give all of them as `classes` at the first partial_fit, or call fit again."
            )
        weight = weights(sample_weight, n_cases)[rows]
        if self.class_weight is not None:
            weight = weight * class_weights(self.class_weight, self.classes, y)
        return Labels(rows, np.searchsorted(self.classes, y), weight)

    def check_learnable(self, labels: Labels) -> None:
        """Raise a ValueError unless there are series of two classes."""
        present = self.classes[np.unique(labels.target[labels.weight > 0])]
        if len(present) < 2:
            raise ValueError(
                f"{self.name} needs labelled series of at least two classes with a weight above 0, and y has "
                f"one class only: {present.tolist()}."
            )

    def strata(self, labels: Labels) -> np.ndarray:
        """Return the classes."""
        return labels.target

    def start(self, features: np.ndarray, labels: Labels, penalty: float | None) -> HeadStart:
        """Fit ridge on 1 for the class and -1 for others, scaled such that its softmax is calibrated."""
        weight, bias = np.zeros((self.n_outputs, features.shape[1])), np.zeros(self.n_outputs)
        counted = labels.weight > 0
        present, codes = np.unique(labels.target[counted], return_inverse=True)
        if len(present) < 2:  # nothing to tell apart
            return weight, bias, 0.0
        sides = 2.0 * np.eye(len(present))[codes] - 1  # (n, K)
        head = ridge_head(features[counted], sides, labels.weight[counted], penalty)
        head = calibrated(head, codes, labels.weight[counted])
        bias -= np.abs(head.left_out).max()  # classes that `partial_fit` expects and has not seen yet
        weight[present], bias[present] = head.weight, head.bias
        return weight, bias, head.error


class NumberTask(Task):
    """Numbers, one or several per series.

    Parameters
    ----------
    name : str
        Class of the predictor, for messages.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_outputs,), or () for 1-D targets
        They standardise the targets.
    """

    loss = staticmethod(weighted_squared_error)

    def __init__(self, name: str) -> None:
        self.name = name
        self.mean: Any = None
        self.scale: Any = None

    @property
    def n_outputs(self) -> int:
        """Number of targets per series."""
        return self.mean.size

    def labels(self, y: Any, n_cases: int, sample_weight: Any) -> Labels:
        """Return the standardised targets of the series that have at least one."""
        y = checked_numbers(self.name, y, n_cases)
        if self.mean is None:
            self._learn_scale(y)
        if y.shape[1:] != self.mean.shape:
            expected = ("n_cases", *self.mean.shape)
            raise ValueError(f"y has the shape {y.shape}, but the regressor was fitted with {expected}.")
        columns = ((y - self.mean) / self.scale).reshape(n_cases, -1)  # (n, K)
        rows = np.flatnonzero(~np.isnan(columns).all(axis=1))
        weight = weights(sample_weight, n_cases)[rows]
        if not weight.any():
            raise ValueError(f"{self.name} needs labelled series with a weight above 0, and all have 0.")
        return Labels(rows, columns[rows].astype(np.float32), weight)

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs (n, K) of the head in the unit and form of the targets."""
        return outputs.reshape(len(outputs), *self.mean.shape) * self.scale + self.mean

    def start(self, features: np.ndarray, labels: Labels, penalty: float | None) -> HeadStart:
        """Fit ridge for each target on the series in which it is known."""
        errors = []
        weight, bias = np.zeros((self.n_outputs, features.shape[1])), np.zeros(self.n_outputs)
        for output, target in enumerate(labels.target.T):
            known = ~np.isnan(target) & (labels.weight > 0)
            if known.any():
                head = ridge_head(features[known], target[known, None], labels.weight[known], penalty)
                weight[output], bias[output] = head.weight[0], head.bias[0]
                errors.append(head.error)
        return weight, bias, float(np.mean(errors or [0.0]))

    def _learn_scale(self, y: np.ndarray) -> None:
        mean, scale = np.nanmean(y, axis=0, dtype=np.float64), np.nanstd(y, axis=0, dtype=np.float64)
        self.mean = np.asarray(mean, dtype=y.dtype)
        self.scale = np.where(scale > 0, scale, 1).astype(y.dtype)


def checked_classes(name: str, y: Any, n_cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which series are labelled, and the classes of those.

    Raises
    ------
    ValueError
        If there is no `y`, if it has another length than X, if it has None or NaN, if nothing is labelled, or if labels
        are no classes.
    """
    y = _required(name, y)
    y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    if y.dtype.kind in "US" and (y == str(UNLABELLED)).any():
        raise ValueError(
            "y holds strings, '-1' among them. If that stands for series without label, give an object array with the "
            "number -1: np.array(['walk', -1], dtype=object)."
        )
    missing = np.flatnonzero(pd.isna(y))
    if len(missing):
        raise ValueError(
            f"y has {y[missing[0]]} in series {missing[0]}. Give series without label the number -1, for example by "
            "numpy.where(pandas.isna(y), -1, y)."
        )
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name="y")
    labelled = is_labelled(y)
    _check_any(name, labelled)
    classes = np.array(y[labelled].tolist()) if y.dtype == object else y[labelled]
    check_classification_targets(classes)
    return np.flatnonzero(labelled), classes


def checked_numbers(name: str, y: Any, n_cases: int) -> np.ndarray:
    """Return the numbers to predict, of shape (n_cases,) or (n_cases, n_outputs), NaN where unknown.

    Raises
    ------
    ValueError
        If there is no `y`, if it has another length than X, if nothing is labelled, or if it is not numeric.
    """
    y = _required(name, y)
    _check_numeric(name, y)
    y = check_array(
        y,
        ensure_2d=False,
        allow_nd=False,
        dtype=[np.float32, np.float64],  # whole numbers become single precision, which predictions have
        ensure_all_finite="allow-nan",
        input_name="y",
    )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    known = ~np.isnan(y)
    _check_any(name, known)
    return y


def _check_numeric(name: str, y: Any) -> None:
    values = np.asarray(y)
    if values.dtype.kind not in "OSU":
        return
    try:
        values[~pd.isna(values)].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"y must be numbers for {name}, NaN where unknown ({error}). Convert them, or take "
            "SSLClassifier if they are classes."
        ) from error


def weights(sample_weight: Any, n_cases: int) -> np.ndarray:
    """Return a weight for every series, 1 where none is given.

    Raises
    ------
    ValueError
        If there is not one for each series, or if one is negative.
    """
    return _check_sample_weight(sample_weight, np.empty((n_cases, 1)), dtype=np.float64, ensure_non_negative=True)


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weight of each series that its class gives it; classes without series take no part in a balance."""
    weighted = classes if isinstance(class_weight, Mapping) else np.unique(y)
    each = compute_class_weight(class_weight, classes=weighted, y=y)
    return each[np.searchsorted(weighted, y)]


def _required(name: str, y: Any) -> Any:
    if y is None:
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    return y


def _check_any(name: str, known: np.ndarray) -> None:
    if not known.any(axis=0).all():
        raise ValueError(
            f"{name} needs labelled series, and y has none: all are unknown (-1 or NaN). For an "
            "embedding without labels fit the transformer itself."
        )
