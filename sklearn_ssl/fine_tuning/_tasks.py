"""The two tasks, classes and numbers: how targets are checked, coded, weighed, learnt and decoded.

A predictor holds a task. The task turns `y` into `Labels`. These accompany the series through data set and batch to the
loss.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_consistent_length, column_or_1d

from sklearn_ssl._input.labels import UNLABELLED, is_unlabelled
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.losses import weighted_cross_entropy, weighted_squared_error

HeadStart = tuple[np.ndarray, np.ndarray, float]


@dataclasses.dataclass(frozen=True)
class Labels:
    """The known targets of some series, in the form that the loss takes.

    Attributes
    ----------
    rows : int array of shape (n_labelled,)
        The rows of the labelled series in X.
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

    def without(self, which: np.ndarray) -> "Labels":
        """Return all labels but some."""
        return self[np.setdiff1d(np.arange(len(self)), which)]

    def alone(self) -> "Targets":
        """Return the companion of a collection of the labelled series alone."""
        return Targets(torch.as_tensor(self.target), torch.as_tensor(self.weight, dtype=torch.float32))

    def among(self, n_cases: int) -> "Targets":
        """Return the companion of a collection of all series. Series without a label have the weight 0."""
        known, rows = self.alone(), torch.from_numpy(self.rows)
        target = torch.zeros(n_cases, dtype=known.target.dtype)
        return Targets(target.index_copy(0, rows, known.target), torch.zeros(n_cases).index_copy(0, rows, known.weight))


@dataclasses.dataclass(frozen=True)
class Targets:
    """A companion of the series: one target and one weight per series."""

    target: torch.Tensor
    weight: torch.Tensor

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return targets and weights of rows (B,)."""
        return {"target": self.target[rows], "weight": self.weight[rows]}

    def to(self, device: torch.device) -> "Targets":
        """Return the same targets and weights on a device."""
        return Targets(self.target.to(device), self.weight.to(device))

    def content(self) -> bytes:
        """Return all values as bytes."""
        return self.target.cpu().numpy().tobytes() + self.weight.cpu().numpy().tobytes()


class Task(abc.ABC):
    """What a predictor predicts.

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
        """Raise a ValueError if `fit` cannot learn from these labels."""
        return

    def strata(self, labels: Labels) -> np.ndarray | None:
        """Return the groups whose shares a hold-out keeps, or None."""
        return None

    @abc.abstractmethod
    def start(self, features: np.ndarray, labels: Labels, penalty: float | None) -> HeadStart:
        """Return weight (K, F) and bias (K,) of the linear probe, and its squared error for left-out series."""

    @abc.abstractmethod
    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Turn outputs (n, K) of the head into predictions."""


class ClassTask(Task):
    """Classes of series.

    Parameters
    ----------
    name : str
        Class of the predictor, for messages.
    class_weight : "balanced", dict or None
        Weights of classes.
    classes : array-like or None, default=None
        All classes to expect. None takes the classes of the first labels.

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
                f"y has the classes {unseen.tolist()}, but the classes to expect are {self.classes.tolist()}. "
                "Give all classes as `classes` at the first partial_fit, or call fit again."
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
        if len(present) < 2:  # there is nothing to tell apart
            return weight, bias, 0.0
        sides = 2.0 * np.eye(len(present))[codes] - 1  # (n, K)
        head = ridge_head(features[counted], sides, labels.weight[counted], penalty)
        head = calibrated(head, codes, labels.weight[counted])
        bias -= np.abs(head.left_out).max()  # of the classes that `partial_fit` expects and has not seen yet
        weight[present], bias[present] = head.weight, head.bias
        return weight, bias, head.error

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the class with the highest output."""
        return self.classes[outputs.argmax(axis=1)]

    def log_probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the logarithms of the softmax of outputs (n, K)."""
        return log_softmax(outputs.astype(np.float64), axis=1)  # in float32 small probabilities would be 0


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

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs in the unit and the form of the targets."""
        return outputs.reshape(len(outputs), *self.mean.shape) * self.scale + self.mean

    def _learn_scale(self, y: np.ndarray) -> None:
        mean, scale = np.nanmean(y, axis=0, dtype=np.float64), np.nanstd(y, axis=0, dtype=np.float64)
        self.mean = np.asarray(mean, dtype=y.dtype)
        self.scale = np.where(scale > 0, scale, 1).astype(y.dtype)


def is_labelled(y: Any) -> np.ndarray:
    """Tell which series have a known class or number.

    Parameters
    ----------
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        Classes, -1 where unknown, or numbers, NaN where unknown. Whole numbers stored as floats count as classes. With
        several outputs a series is labelled if at least one of its targets is known.

    Returns
    -------
    labelled : bool array of shape (n_cases,)
        True where known.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.fine_tuning import is_labelled
    >>> is_labelled([1, -1, 0])
    array([ True, False,  True])
    >>> is_labelled(np.array(["walk", -1], dtype=object))
    array([ True, False])
    >>> is_labelled([0.5, np.nan])
    array([ True, False])
    """
    y = np.asarray(y)
    if y.dtype.kind == "f":
        known = ~np.isnan(y)
        if known.all() and (y == np.floor(y)).all():
            known = y != UNLABELLED
        return known if known.ndim == 1 else known.any(axis=1)
    if y.dtype == object:
        return np.array([not is_unlabelled(one) for one in y], dtype=bool)
    return y != UNLABELLED if y.dtype.kind in "iu" else np.ones(len(y), dtype=bool)


def checked_classes(name: str, y: Any, n_cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the labelled series, and their classes.

    Raises
    ------
    ValueError
        If `y` is None, has another length than X, has None or NaN, or has no label, or if its labels are no classes.
    """
    y = column_or_1d(_required(name, y), warn=True)
    check_consistent_length(np.empty(n_cases), y)
    if y.dtype.kind in "US" and (y == str(UNLABELLED)).any():
        raise ValueError(
            "y holds strings, '-1' among them. If '-1' marks series without a label, give an object array with the "
            "number -1: np.array(['walk', -1], dtype=object)."
        )
    missing = np.flatnonzero(pd.isna(y))
    if len(missing):
        raise ValueError(
            f"y has {y[missing[0]]} in series {missing[0]}. Give series without a label the number -1, for example by "
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
        If `y` is None, has another length than X, has no known number in an output, or is not numeric.
    """
    _check_numeric(name, _required(name, y))
    y = check_array(
        y,
        ensure_2d=False,
        allow_nd=False,
        dtype=[np.float32, np.float64],  # whole numbers become single precision, as predictions are
        ensure_all_finite="allow-nan",
        input_name="y",
    )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_cases), y)
    _check_any(name, ~np.isnan(y))
    return y


def _check_numeric(name: str, y: Any) -> None:
    values = np.asarray(y)
    if values.dtype.kind not in "OSU":
        return
    try:
        values[~pd.isna(values)].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"y must be numbers for {name}, NaN where unknown ({error}). Convert them to numbers, or use "
            "SSLClassifier if they are classes."
        ) from error


def weights(sample_weight: Any, n_cases: int) -> np.ndarray:
    """Return a weight for every series, 1 if none is given.

    Raises
    ------
    ValueError
        If there is not one weight per series, or if one is negative.
    """
    return _check_sample_weight(sample_weight, np.empty((n_cases, 1)), dtype=np.float64, ensure_non_negative=True)


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weight that each series has by its class. "balanced" counts only the classes that `y` has."""
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
            f"{name} needs labelled series, and y has none: all are unknown (-1 or NaN). To get an embedding without "
            "labels, fit the transformer itself."
        )
