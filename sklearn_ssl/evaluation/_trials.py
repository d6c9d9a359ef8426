"""The accuracy of a classifier under one disturbance: a random change of its series, or an attack on them."""

import abc
import math
from collections.abc import Iterator
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags

from sklearn_ssl._engine.random_streams import seeded_stream
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, collection_of, validated_collection
from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.adversarial import projected_gradient_descent
from sklearn_ssl.architectures import Batch
from sklearn_ssl.architectures._modes import attackable
from sklearn_ssl.evaluation._corruptions import CHANGES, Channels
from sklearn_ssl.evaluation._representation import CPU, unwrapped
from sklearn_ssl.preprocessing import FillMissing
from sklearn_ssl.preprocessing._base import in_form_of

GAPS, DROPPED, PGD = "gaps", "dropped channels", "pgd"
NAN, INTERPOLATED = "NaN", "interpolated"


class Trial(abc.ABC):
    """The accuracy under one corruption; `reason` says why it cannot be applied."""

    reason: str | None = None
    filling: str | None = None

    @abc.abstractmethod
    def accuracy(self, severity: float, seed: int) -> float:
        """Disturb the series by the random stream of `seed`, and return the share of correct predictions."""


@final
class Corruption(Trial):
    """A random change of the model's input."""

    def __init__(self, name: str, model: Any, X: Any, y: np.ndarray) -> None:
        self.change = CHANGES[name]
        self.model, self.X, self.y = model, X, y
        self.collection = collection_of(X, dtype=None, allow_missing=True)
        self.channels = Channels.of(self.collection)
        if name == DROPPED and self.collection.n_channels == 1:
            self.reason = "the series have no other channel"
        if name == GAPS:
            self.filling = NAN if self._takes_nan() else INTERPOLATED

    def accuracy(self, severity: float, seed: int) -> float:
        """Disturb the series by the random stream of `seed`, and return the share of correct predictions."""
        return float(is_right(self.model, self._disturbed(severity, seed), self.y).mean())

    def _disturbed(self, severity: float, seed: int) -> Any:
        x = torch.tensor(self.collection.values)  # (n, C, L)
        lengths = torch.as_tensor(_lengths(self.collection))
        with seeded_stream(seed, CPU):
            changed = self.change(x, lengths, severity, self.channels)
        observed = observed_mask(lengths, x.shape[2])[:, None]
        values = torch.where(observed, changed, x).numpy()
        if self.filling == INTERPOLATED:
            values = FillMissing(method="linear").fit_transform(values)
        return _in_form_of(self.X, Collection(values, self.collection.lengths))

    def _takes_nan(self) -> bool:
        """Tell whether the model takes gaps as NaN: the tags of its first step and a trial on two series decide."""
        if not _allows_nan(self.model):
            return False
        two = np.arange(min(2, len(self.y)))
        try:
            self.model.predict(_safe_indexing(self._disturbed(0.5, seed=0), two))
        except ValueError:
            return False
        return True


@final
class Attack(Trial):
    """Projected gradient descent on the input of the classifier at the end of a Pipeline."""

    def __init__(self, model: Any, X: Any, y: np.ndarray, right: np.ndarray, n_steps: int) -> None:
        before, self.classifier = _parts(model)
        self.y, self.n_steps = y, n_steps
        self.rows = np.flatnonzero(right)  # all other series count as wrong, attacked or not
        self.reason = _no_gradient(self.classifier)
        if self.reason is None:
            for steps in before:
                X = steps.transform(X)
            self._prepare(X)

    def _prepare(self, X: Any) -> None:
        self.collection = validated_collection(self.classifier, X, reset=False)
        self.net = self.classifier.net_
        self.dataset = self.net.series(self.collection)
        self.std = Channels.of(self.collection).std.to(self.dataset.device)
        positions = {label: position for position, label in enumerate(self.classifier.classes_.tolist())}
        # Series of a class that the model does not know are never right, so any target will do.
        self.target = torch.tensor([positions.get(label, 0) for label in self.y.tolist()], device=self.dataset.device)
        if not self._has_gradient():
            self.reason = f"{type(self.net.module_.encoder).__name__} has no gradient with respect to the series"

    def accuracy(self, severity: float, seed: int) -> float:
        """Attack the series by the random stream of `seed`, and return the share of correct predictions."""
        if len(self.rows) == 0:
            return 0.0
        with attackable(self.net.module_), seeded_stream(seed, self.dataset.device):
            found = np.concatenate([self._attacked(rows, severity) for rows in self._batches(self.rows)])  # (n, C, L)
        return float(is_right(self.classifier, found, self.y[self.rows]).sum() / len(self.y))

    def _attacked(self, rows: torch.Tensor, severity: float) -> np.ndarray:
        batch = self.dataset.whole(rows)
        found = projected_gradient_descent(
            batch.x,
            lambda x: self._log_odds_against(x, batch),
            severity * self.std,
            n_steps=self.n_steps,
            mask=batch.mask,
        )
        padded = found if batch.mask is None else found.masked_fill(~batch.mask[:, None], torch.nan)
        return padded.cpu().numpy()

    def _log_odds_against(self, x: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the sum of the log odds against the true classes; the cross-entropy grows with each of them."""
        logits = self.net.module_.outputs(x, batch.lengths)  # (B, K)
        target = self.target[batch.index][:, None]  # (B, 1)
        others = logits.scatter(1, target, -torch.inf).logsumexp(dim=1)
        return (others - logits.gather(1, target)[:, 0]).sum()

    def _has_gradient(self) -> bool:
        batch = self.dataset[next(self._batches(np.arange(len(self.y))))]
        with attackable(self.net.module_), torch.enable_grad():
            x = batch.x.requires_grad_()
            value = self._log_odds_against(x, batch)
            gradient = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
        return gradient is not None and bool(gradient.any())

    def _batches(self, rows: np.ndarray) -> Iterator[torch.Tensor]:
        return iter(torch.from_numpy(rows).split(math.ceil(INFERENCE_STEPS / self.collection.n_timepoints)))


def is_right(model: Any, X: Any, y: np.ndarray) -> np.ndarray:
    """Tell which series the model classifies correctly."""
    return np.asarray(model.predict(X), dtype=object) == y


def _lengths(collection: Collection) -> np.ndarray:
    return np.full(len(collection), collection.n_timepoints) if collection.lengths is None else collection.lengths


def _in_form_of(X: Any, collection: Collection) -> Any:
    values = in_form_of(X, collection)
    if isinstance(values, list):
        return [np.ascontiguousarray(series) for series in values]  # compiled code in other packages needs it
    return pd.DataFrame(values, index=X.index, columns=X.columns) if isinstance(X, pd.DataFrame) else values


def _parts(model: Any) -> tuple[list[Any], Any]:
    """Return the classifier, after the Pipelines of steps that series pass before they reach it."""
    before = []
    model = unwrapped(model)
    while isinstance(model, Pipeline):
        if len(model) > 1:
            before.append(model[:-1])
        model = unwrapped(model[-1])
    return before, model


def _no_gradient(classifier: Any) -> str | None:
    """Tell why a classifier cannot be attacked; None if an attack seems possible."""
    module = getattr(getattr(classifier, "net_", None), "module_", None)
    name = type(classifier).__name__
    if not getattr(classifier, "predicts_in_one_pass", True):
        return f"{name} learns before it predicts, and an attack would see the gradient before that; set `n_steps` to 0"
    if hasattr(module, "outputs") and hasattr(classifier, "classes_"):
        return None
    return f"{name} gives no gradient; a classifier of this package, such as SSLClassifier, is needed"


def _allows_nan(model: Any) -> bool:
    model = unwrapped(model)
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    first = next(step for step in steps if step is not None and step != "passthrough")
    return hasattr(first, "__sklearn_tags__") and get_tags(first).input_tags.allow_nan
