import abc
import contextlib
import io
import math
from collections.abc import Iterator
from typing import Any

import torch
from skorch.callbacks import Callback

from sklearn_ssl._engine.random_streams import seeded_stream
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.shown import shown

RESERVED_NAMES = ("epoch", "batches", "dur", "train_loss", "valid_loss", "train_batch_count", "valid_batch_count")


class Monitor(Callback, abc.ABC):
    """Base of callbacks that score the net while it is trained. Greater is better.

    A subclass computes the score in `_score`, and checks its parameters in `_prepare`. A look at the net draws from a
    random stream of its own, so that the training is the same with and without a monitor.
    """

    def __init__(self, *, every: int, name: str, patience: int | None, restore_best: bool) -> None:
        self.every = every
        self.name = name
        self.patience = patience
        self.restore_best = restore_best

    @abc.abstractmethod
    def _prepare(self, net: Any, dataset: Any) -> None:
        """Check the parameters against the series that the net is trained on."""

    @abc.abstractmethod
    def _score(self, net: Any, dataset: Any) -> float:
        """Return the score of the net."""

    def initialize(self) -> "Monitor":
        """Forget the previous net."""
        self.untrained_score_: float | None = None
        self.best_score_ = -math.inf
        self.best_epoch_: int | None = None
        self.best_state_: tuple[bytes, bytes] | None = None
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Check the parameters and score the net, if it is new."""
        self.misses_ = 0
        if net.epochs_ == 0:
            with self._naming_itself():
                self._check(net)
                self._prepare(net, X)
            self.untrained_score_ = self._look(net, X)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Score the net if a look is due, and end the training if patience has run out."""
        due = net.epochs_ % self.every == 0 or net.steps_ == net.planned_steps_
        score = self._look(net, dataset_train) if due else math.nan
        is_best = score > self.best_score_
        net.history.record(self.name, score)
        net.history.record(f"{self.name}_best", is_best)
        if is_best:
            self._keep(net, score)
        self.misses_ = 0 if is_best else self.misses_ + due
        if due and self.misses_ == self.patience:
            self._stop(net)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Restore the best weights if they were kept."""
        if self.best_state_ is not None:
            weights, optimizer = map(io.BytesIO, self.best_state_)
            net.load_params(f_params=weights, f_optimizer=optimizer)
            self.best_state_ = None

    def _keep(self, net: Any, score: float) -> None:
        self.best_score_ = score
        self.best_epoch_ = net.history[-1, "epoch"]
        if self.restore_best:
            weights, optimizer = io.BytesIO(), io.BytesIO()
            net.save_params(f_params=weights, f_optimizer=optimizer)
            self.best_state_ = weights.getvalue(), optimizer.getvalue()

    def _stop(self, net: Any) -> None:
        if net.verbose:
            print(f"Stopping: {self.name} was best in epoch {self.best_epoch_} ({self.best_score_:.4f}).")
        raise KeyboardInterrupt  # this is how callbacks of skorch end a training early

    def _look(self, net: Any, dataset: Any) -> float:
        with seeded_stream(net.seed, torch.device(net.device)):
            return self._score(net, getattr(dataset, "dataset", dataset))  # all series, also behind a split

    def _check(self, net: Any) -> None:
        check_whole_number("every", self.every, least=1)
        if self.patience is not None:
            check_whole_number("patience", self.patience, least=1)
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"`name` must be a text that is not empty, got {shown(self.name)}.")
        self._check_name_is_free(net)

    def _check_name_is_free(self, net: Any) -> None:
        others = [callback for _, callback in net.callbacks_ if callback is not self]
        taken = [*RESERVED_NAMES, *(callback.name for callback in others if isinstance(callback, Monitor))]
        if self.name in taken:
            raise ValueError(f"`name` must be a name that nothing else has in the history, got {shown(self.name)}.")

    def _check_series(self, parameter: str, dataset: Any) -> None:
        """Check that the net can embed the series of a parameter."""
        try:
            collection = collection_of(getattr(self, parameter))
        except (ValueError, TypeError) as error:
            raise type(error)(f"`{parameter}` must be series like those that the net is trained on. {error}") from error
        if not dataset.takes_channels(collection.n_channels):
            known = dataset.largest.collection.n_channels
            raise ValueError(
                f"`{parameter}` has {collection.n_channels} channels, but the net is trained on series with {known}. "
                "Give series that have passed all steps before the transformer."
            )

    @contextlib.contextmanager
    def _naming_itself(self) -> Iterator[None]:
        """Put the name of the class before errors: `X` and `y` are parameters of `fit` too."""
        try:
            yield
        except (ValueError, TypeError) as error:
            raise type(error)(f"{type(self).__name__}: {error}") from error
