"""The two tasks, classes and numbers: how targets are checked, coded, weighed, learnt and decoded.

A predictor holds a task. The task turns `y` into `Labels`. These accompany the series through data set and batch to the
loss.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax

from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.fine_tuning._spread import Others, spread_head
from sklearn_ssl.fine_tuning._targets import (
    check_marks,
    check_spread,
    checked_classes,
    checked_numbers,
    class_weights,
    expected_classes,
    precision_of,
    standardised,
    weights,
)
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
    """A companion of the series: one target and one weight per series, and perhaps their constant features."""

    target: torch.Tensor
    weight: torch.Tensor
    constant: torch.Tensor | None = None

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return targets, weights and constant features of rows (B,)."""
        constant = {} if self.constant is None else {"constant": self.constant[rows]}
        return {"target": self.target[rows], "weight": self.weight[rows], **constant}

    def to(self, device: torch.device) -> "Targets":
        """Return the same targets, weights and features on a device."""
        constant = None if self.constant is None else self.constant.to(device)
        return Targets(self.target.to(device), self.weight.to(device), constant)

    def content(self) -> bytes:
        """Return all targets and weights as bytes. The features follow from the series."""
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
    def start(
        self, features: np.ndarray, labels: Labels, penalty: float | None, others: Others | None = None
    ) -> HeadStart:
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
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown. None says that all series are labelled.

    Attributes
    ----------
    classes : ndarray of shape (K,)
        The classes, sorted.
    """

    loss = staticmethod(weighted_cross_entropy)

    def __init__(self, name: str, class_weight: Any, classes: Any = None, unlabelled: Any = UNLABELLED) -> None:
        self.name = name
        self.class_weight = class_weight
        self.unlabelled = unlabelled
        self.classes: Any = None if classes is None else expected_classes(classes, unlabelled)

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def labels(self, y: Any, n_cases: int, sample_weight: Any) -> Labels:
        """Return the numbers of the classes of labelled series."""
        rows, y = checked_classes(self.name, y, n_cases, self.unlabelled)
        if self.classes is None:
            check_marks(y, n_cases, self.unlabelled)
            self.classes = np.unique(y)
        unseen = np.setdiff1d(y, self.classes)
        if len(unseen):
            raise ValueError(
                f"y has the classes {shown(unseen.tolist())}, but the classes to expect are "
                f"{shown(self.classes.tolist())}. "
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
                f"one class only: {shown(present.tolist())}. Label series of another class. If the label "
                f"{shown(self.unlabelled)} is a class too, set `unlabelled` to None."
            )

    def strata(self, labels: Labels) -> np.ndarray:
        """Return the classes."""
        return labels.target

    def start(
        self, features: np.ndarray, labels: Labels, penalty: float | None, others: Others | None = None
    ) -> HeadStart:
        """Fit ridge on 1 for the class and -1 for others, scaled such that its softmax is calibrated.

        With `others`, ridge on spread labels is added. It counts less, the more labels there are.
        """
        weight, bias = np.zeros((self.n_outputs, features.shape[1])), np.zeros(self.n_outputs)
        counted = labels.weight > 0
        present, codes = np.unique(labels.target[counted], return_inverse=True)
        if len(present) < 2:  # there is nothing to tell apart
            return weight, bias, 0.0
        sides = 2.0 * np.eye(len(present))[codes] - 1  # (n, K)
        head = ridge_head(features[counted], sides, labels.weight[counted], penalty)
        if others is not None:
            spread = spread_head(features[counted], codes, labels.weight[counted], others)
            per_class = len(codes) / len(present)
            head = head._replace(weight=head.weight + spread[0] / per_class, bias=head.bias + spread[1] / per_class)
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
    dtype : dtype
        Precision of predictions. It depends on the values of the targets, and not on their container.
    """

    loss = staticmethod(weighted_squared_error)

    def __init__(self, name: str) -> None:
        self.name = name
        self.mean: Any = None
        self.scale: Any = None
        self.dtype: Any = np.float64

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
        columns = standardised(y, self.mean, self.scale)  # (n, K)
        rows = np.flatnonzero(~np.isnan(columns).all(axis=1))
        weight = weights(sample_weight, n_cases)[rows]
        if not weight.any():
            raise ValueError(f"{self.name} needs labelled series with a weight above 0, and all have 0.")
        return Labels(rows, columns[rows], weight)

    def start(
        self, features: np.ndarray, labels: Labels, penalty: float | None, others: Others | None = None
    ) -> HeadStart:
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
        return (outputs.reshape(len(outputs), *self.mean.shape) * self.scale + self.mean).astype(self.dtype)

    def _learn_scale(self, y: np.ndarray) -> None:
        self.mean, scale = np.asarray(np.nanmean(y, axis=0)), np.nanstd(y, axis=0)
        check_spread(y, scale)
        self.scale = np.where(scale > 0, scale, 1)
        self.dtype = precision_of(y, self.scale)
