"""The training engine: a skorch net with a few small overrides. It knows no method."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn
from torch.utils.data import Dataset

from sklearn_ssl._engine.batches import (
    BatchIterator,
    Companion,
    SeriesDataset,
    inference_batches,
    n_usable,
    whole_of,
)
from sklearn_ssl._engine.budgets import LARGEST_BATCH, resolved_batch_size
from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._engine.interrupts import DeferredInterrupt, TrainingStopped
from sklearn_ssl._engine.net_params import own_callbacks
from sklearn_ssl._engine.processes import check_alike, check_still_alike, check_team_fits
from sklearn_ssl._engine.progress import EpochLines
from sklearn_ssl._engine.random_streams import (
    forked_generators,
    generator_states,
    restore_generators,
    seed_generators,
)
from sklearn_ssl._engine.several_sets import SeveralSets
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl._input.several import SeveralCollections
from sklearn_ssl._processes.rows import shared_step
from sklearn_ssl._processes.team import current_team
from sklearn_ssl.architectures import Batch
from sklearn_ssl.architectures._modes import evaluation_mode

ADAPTATION_CASES = 512


class TensorLoss(nn.Module):
    """The criterion of the net: a pure function of the tensors that the architecture returns."""

    def __init__(self, function: Callable[..., torch.Tensor] | None = None) -> None:
        super().__init__()
        self.function = function

    def forward(self, outputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return the loss of one batch."""
        assert self.function is not None
        return self.function(*outputs)


class SSLNet(NeuralNet):
    """A skorch net whose module makes its own views and whose loss needs no target.

    Parameters
    ----------
    module : callable
        Builds the `Architecture`.
    loss : callable
        Pure function of the tensors that the architecture's ``forward`` returns.
    precision : {"float32", "bf16"}, default="float32"
        Arithmetic of the forward pass.
    largest_batch : int, default=64
        Most series of a batch whose size is "auto".
    max_steps : int or None, default=None
        Budget in optimiser steps.
    seed : int, default=0
        Seed of the random stream: weights, order, dropout and views.
    **kwargs : dict
        Further parameters of `skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: Any,
        *,
        loss: Callable[..., torch.Tensor] | None = None,
        precision: str = "float32",
        largest_batch: int = LARGEST_BATCH,
        max_steps: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.loss = loss
        self.precision = precision
        self.largest_batch = largest_batch
        self.max_steps = max_steps
        self.seed = seed
        kwargs.setdefault("criterion", partial(TensorLoss, function=loss))
        super().__init__(module, **kwargs)

    @property
    def _default_callbacks(self) -> list:
        of_skorch = dict(super()._default_callbacks) | {"print_log": EpochLines()}
        return [*of_skorch.items(), *own_callbacks()]

    def initialize(self) -> "SSLNet":
        """Build module, criterion and optimiser from the seed.

        Raises
        ------
        RuntimeError
            If PyTorch makes weights of another type than the series have.
        """
        if torch.get_default_dtype() is not torch.float32:
            raise RuntimeError(
                f"PyTorch's default dtype is {torch.get_default_dtype()}, but series are computed in float32. Call "
                "torch.set_default_dtype(torch.float32) before fit."
            )
        self.random_states_: dict[str, torch.Tensor] | None = None
        self.steps_ = 0
        self.epochs_ = 0
        self.planned_steps_ = 0
        self.batch_size_ = self.batch_size_for(1)
        self.stopped_ = False
        self.listeners_: tuple = ()
        self.interrupt_: DeferredInterrupt | None = None
        with self.random_stream():
            super().initialize()
        self.module_.eval()
        return self

    def initialize_optimizer(self) -> "SSLNet":
        """Build the optimiser if there is a loss; PyTorch takes seconds to import the first one of a process."""
        return self if self.loss is None else super().initialize_optimizer()

    def train(
        self, dataset: Dataset, epochs: int, planned_steps: int = 0, listeners: tuple = (), *, resumed: bool = False
    ) -> "SSLNet":
        """Train for some epochs.

        Parameters
        ----------
        dataset : Dataset
            The series. An automatic batch size is that for their number.
        epochs : int
            Passes over the series.
        planned_steps : int, default=0
            Steps of the learning-rate schedule; 0 for a constant rate.
        listeners : tuple of skorch.callbacks.Callback, default=()
            Callbacks of this training alone. They are called after all others and never pickled.
        resumed : bool, default=False
            Whether this training was killed before and goes on. The callbacks then keep what they know.

        Raises
        ------
        KeyboardInterrupt
            If the training was interrupted. It ends between two steps, and the net can be used as it is.
        """
        self.planned_steps_ = planned_steps
        self.batch_size_ = self.batch_size_for(len(dataset))  # type: ignore[arg-type]
        self.stopped_ = False
        self.listeners_ = listeners
        check_team_fits(self, dataset)
        check_alike(self, dataset)
        try:
            with DeferredInterrupt() as self.interrupt_:
                if not resumed:
                    self.notify("on_train_begin", X=dataset, y=None)
                self._train_until_stopped(dataset, epochs)
                self.notify("on_train_end", X=dataset, y=None)
        finally:
            self._rest()
        return self

    def _train_until_stopped(self, dataset: Dataset, epochs: int) -> None:
        try:
            self.fit_loop(dataset, epochs=epochs)
        except TrainingStopped:
            self.stopped_ = True
            self._forget_epoch()
        except KeyboardInterrupt:
            self._forget_epoch()
            raise

    def _rest(self) -> None:
        """Come to rest in evaluation mode, in which the net only ever is read."""
        self.listeners_ = ()
        self.interrupt_ = None
        self.module_.eval()

    def _forget_epoch(self) -> None:
        """Take the epoch that was interrupted out of the history."""
        if self.history and self.history[-1, "epoch"] > self.epochs_:
            del self.history[-1]

    def series(self, collection: Any, companion: Companion | None = None) -> Any:
        """Put a collection, or several, and what goes with the series, where this net computes."""
        if isinstance(collection, SeveralCollections):
            return SeveralSets([self.series(one) for one in collection.sets])
        return SeriesDataset(collection, torch.device(self.device), companion)

    def adapt(self, dataset: Any) -> None:
        """Let the module fix before training what it takes from the series; it sees at most 512 of the largest set."""
        dataset = dataset.largest
        rows = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(self.seed))[:ADAPTATION_CASES]
        batch = dataset[rows]
        with self.random_stream(), torch.no_grad():
            self.module_.adapt(batch.x, batch.lengths)

    def observe(self, dataset: SeriesDataset, function: str, rows: torch.Tensor, batch_size: int) -> None:
        """Let a function of the module learn from series without gradient, in evaluation mode.

        Parameters
        ----------
        dataset : SeriesDataset
            The series.
        function : str
            Name of a function of the module that takes x (B, C, L) and lengths (B,) or None.
        rows : int Tensor of shape (n,)
            Which series, in this order.
        batch_size : int
            Series in a batch.
        """
        with self.random_stream(), evaluation_mode(self.module_), torch.no_grad(), self.autocast():
            for batch in dataset.each(rows.split(batch_size) if len(rows) else ()):
                getattr(self.module_, function)(batch.x, batch.lengths)

    def batch_size_for(self, n_cases: int) -> int:
        """Return the series of a step when a data set has `n_cases`."""
        return resolved_batch_size(self.batch_size, n_cases, self.largest_batch)

    def steps_per_epoch(self, dataset: Dataset) -> int:
        """Count the optimiser steps of one pass over what `train_split` leaves of a data set."""
        source, rows = whole_of(self.training_part(dataset))
        n_cases: int = len(dataset)  # type: ignore[arg-type]
        return source.n_batches(rows, self.batch_size_for(n_cases), shuffle=True)

    def smallest_batch(self, dataset: Dataset) -> int:
        """Return how many series the smallest batch of a pass has."""
        source, rows = whole_of(self.training_part(dataset))
        n_cases: int = len(dataset)  # type: ignore[arg-type]
        return source.smallest_batch(rows, self.batch_size_for(n_cases))

    @contextlib.contextmanager
    def random_stream(self) -> Iterator[None]:
        """Continue this net's own random stream and leave the caller's generators untouched."""
        device = torch.device(self.device)
        with forked_generators(device):
            if self.random_states_ is None:
                seed_generators(self.seed, device)
            else:
                restore_generators(self.random_states_, device)
            try:
                yield
            finally:
                self.record_stream()

    def record_stream(self) -> None:
        """Store the state of the random stream, to continue it later."""
        self.random_states_ = generator_states(torch.device(self.device))

    def fit_loop(self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any) -> "SSLNet":
        """Run skorch's loop inside the net's random stream."""
        with self.random_stream():
            return super().fit_loop(X, y, epochs=epochs, **fit_params)

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Run one epoch, or the part of it for which the budget in steps suffices."""
        if training and self.max_steps is not None and self.planned_steps_:
            iterator = itertools.islice(iterator, self.max_steps - self.steps_)
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)

    def train_step(self, batch: Any, **fit_params: Any) -> dict:
        """Take one optimiser step and count it."""
        self.module_.progress.fill_(self.steps_ / self.planned_steps_ if self.planned_steps_ else 0.0)
        team = current_team()
        with shared_step(team):
            step = super().train_step(batch, **fit_params)
        self.module_.after_step()
        self.steps_ += 1
        if self.interrupt_ is not None and (team is None or team.stops):
            self.interrupt_.release(now=team is not None)
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict:
        """Compute the loss and its gradients. Several processes take the mean of theirs."""
        step = super().train_step_single(batch, **fit_params)
        team = current_team()
        if team is not None:
            noted = self.interrupt_ is not None and self.interrupt_.noted
            team.average(self.module_.parameters(), interrupted=noted)
        return step

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Return the tensors that the loss compares."""
        with self.autocast():
            return self.module_(x)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> torch.Tensor:
        """Return the loss of the tensors that the module returned; there is no target."""
        return self.criterion_(y_pred)

    def get_iterator(self, dataset: Dataset, training: bool = False) -> BatchIterator:
        """Draw batches by index."""
        return BatchIterator(dataset, self.batch_size_, shuffle=training)

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks, then the listeners of this training."""
        if method_name != "on_epoch_end" or current_team() is None:
            self._notify(method_name, **cb_kwargs)
            return
        stop = None
        try:
            self._notify(method_name, **cb_kwargs)
        except TrainingStopped as error:
            stop = error
        if check_still_alike(self, stops=stop is not None):
            raise stop or TrainingStopped

    def _notify(self, method_name: str, **cb_kwargs: Any) -> None:
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt as stop:
            pressed = self.interrupt_ is None or self.interrupt_.noted
            if method_name == "on_epoch_end" and not pressed:  # how callbacks of skorch end a training early
                raise TrainingStopped from stop
            raise
        for listener in self.listeners_:
            getattr(listener, method_name)(self, **cb_kwargs)

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Begin an epoch; its number counts those that have left the history."""
        super().on_epoch_begin(net, dataset_train=dataset_train, dataset_valid=dataset_valid, **kwargs)
        self.history.record("epoch", self.epochs_ + 1)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Count the epoch."""
        super().on_epoch_end(net, dataset_train=dataset_train, dataset_valid=dataset_valid, **kwargs)
        self.epochs_ += 1

    def training_part(self, dataset: Dataset) -> Dataset:
        """Return what `train_split` leaves of a data set for training.

        Raises
        ------
        ValueError
            If either part has fewer than two series.
        """
        parts = [part for part in self.get_split_datasets(dataset) if part is not None]
        if min(n_usable(part) for part in parts) < 2:
            raise ValueError(
                f'`net_params`: "train_split" makes parts of {[len(part) for part in parts]} series; at least two are '
                "needed in each. Split off more, or nothing."
            )
        return parts[0]

    def represent(
        self, dataset: SeriesDataset, function: str, rows: torch.Tensor | None = None, *, whole: bool = False
    ) -> Iterator[torch.Tensor]:
        """Apply a function of the module in evaluation mode, and yield its values, one or more batches at a time.

        Nothing of the net changes, so several threads can do it at once.

        Parameters
        ----------
        dataset : SeriesDataset
            The series.
        function : str
            Name of a function of the module that takes x (B, C, L) and lengths (B,) or None.
        rows : int Tensor of shape (n,) or None, default=None
            Which series, in this order; None for all.
        whole : bool, default=False
            Whether every batch has all time steps of the data set. Otherwise a batch ends with its longest series.
        """
        rows = torch.arange(len(dataset)) if rows is None else rows
        batches, order = inference_batches(dataset.collection, rows, whole=whole)
        values = self._represented(dataset, function, batches, whole=whole)
        if order is None:
            yield from values
            return
        sorted_values = torch.cat(list(values))  # (n, ...)
        yield torch.empty_like(sorted_values).index_copy_(0, order, sorted_values)

    def _represented(
        self, dataset: SeriesDataset, function: str, batches: Iterable[torch.Tensor], *, whole: bool
    ) -> Iterator[torch.Tensor]:
        with evaluation_mode(self.module_), torch.inference_mode(), self.autocast():
            for batch in dataset.each(batches, whole=whole):
                yield getattr(self.module_, function)(batch.x, batch.lengths).float().cpu()

    def over_batches(self, dataset: SeriesDataset, function: Callable[[Batch], torch.Tensor]) -> Iterator[torch.Tensor]:
        """Apply a function to batches of all time steps, in the order of the series, and yield its values.

        It runs in evaluation mode and without gradient. Nothing of the net changes.

        Parameters
        ----------
        dataset : SeriesDataset
            The series.
        function : callable
            Takes a `Batch`.
        """
        batches, _ = inference_batches(dataset.collection, torch.arange(len(dataset)), whole=True)
        with evaluation_mode(self.module_), torch.inference_mode(), self.autocast():
            for batch in dataset.each(batches, whole=True):
                yield function(batch).float().cpu()

    def features(self, dataset: SeriesDataset) -> np.ndarray:
        """Compute the features of every series (n, F), and raise a ValueError if some are NaN or infinite."""
        features = np.empty((len(dataset), self.module_.n_features), dtype=np.float32)
        row = 0
        for batch in self.represent(dataset, "features"):
            check_features(batch.numpy())  # one batch at a time: a mask of all features would take memory
            features[row : row + len(batch)] = batch.numpy()  # (B, F)
            row += len(batch)
        return features

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of every series, so that a scorer takes a net in training for a transformer."""
        return self.features(self.series(collection_of(X, in_pieces=True)))

    def autocast(self) -> Any:
        """Return a context in which a forward pass has the precision of this net."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def __getstate__(self) -> dict:
        # Drop the module factory: it may hold initial weights on a device that is missing where the net is unpickled.
        return {**super().__getstate__(), "listeners_": (), "interrupt_": None, "module": None}
