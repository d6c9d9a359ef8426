"""The base of the methods that are trained by gradient steps.

Think twice before adding to it. A method brings a loss and at most an architecture; monitoring, schedules, probes and
checkpoints are callbacks; what one method alone needs belongs into that method's architecture.
"""

import abc
import inspect
from collections.abc import Callable
from typing import Any, Self

import torch

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import LEAST_STEPS, resolved_epochs
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_params import check_net_params, joined
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.steps import check_steps
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl._processes.team import leads
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.base.many_sets import ManySetsMixin
from sklearn_ssl.base.progress import TrainingProgressMixin


class SSLTransformer(ManySetsMixin, TrainingProgressMixin, EmbeddingTransformer, abc.ABC):
    """A transformer whose encoder is trained without labels by gradient steps.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Passes over the series. "auto" is about 200 optimiser steps. Large sets get up to four passes, but no more than
        about 500 steps allow. 0 leaves the weights as initialised.
    max_steps : int or None, default=None
        Budget in optimiser steps, in place of `max_epochs`.
    batch_size : int or "auto", default="auto"
        Series per step, at least 2. "auto" is the power of two nearest to a quarter of the series, from 8 to 64, at
        each call of `fit` and `partial_fit`. The batches of an epoch have nearly equal sizes, up to this one.
    lr : float, default=1e-3
        Highest learning rate. `fit` warms up to it and then decays it to zero along a cosine.
    weight_decay : float, default=1e-4
        Weight decay of AdamW, for all weights. Many papers exempt biases and the weights of normalisation.
    checkpoint : str, pathlib.Path or None, default=None
        A folder, which is created if it is missing. After every epoch `fit` stores its state there, in a file named
        after hyper-parameters and data. A killed fit that is started again goes on from that file and ends with the
        same features as an uninterrupted one. A finished fit removes its file. The files are pickles, so use only a
        folder of your own.
    net_params : dict or None, default=None
        Further parameters of the skorch net: "optimizer", "callbacks", "train_split", "compile", "torch_load_kwargs",
        and nested ones such as "optimizer__betas" or "callbacks__collapse".
    verbose : int, default=0
        1 prints one line per epoch.
    distributed : bool, default=False
        Whether the processes that torchrun or another launcher started train together. Each must call `fit` with the
        same series and parameters, and gets the same result. The batch is that of one process; its rows are shared.
        See :ref:`several_processes`.

    Attributes
    ----------
    n_iter_ : int
        Epochs of the training so far, those of `partial_fit` included.
    loss_curve_ : list of float
        The loss of every epoch that ``net_.history`` has, averaged over its series.
    collapsed_loss_ : float or None
        The loss of a batch whose projections are all the same. Compare it with ``net_.history[:, "train_loss"]``. For a
        contrastive loss it is chance level. None if it says nothing about the method.
    """

    max_epochs: int | str = number(default="auto", least=0, integer=True, or_else=("auto",))
    max_steps: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-3, above=0)
    weight_decay: float = number(default=1e-4, least=0)
    checkpoint: Any = None
    net_params: dict | None = None
    verbose: int = number(default=0, least=0, integer=True, or_else=(True, False))
    distributed: bool = choice(False, True, default=False)

    # Whether the loss of a series needs no other series, no teacher and no memory, so that the encoder can learn from a
    # single series in use.
    has_loss_of_one_series = False
    _auto_steps = LEAST_STEPS  # of ``max_epochs="auto"`` on a small set

    @abc.abstractmethod
    def _loss(self) -> Callable[..., torch.Tensor]:
        """Return the pure function of the architecture's output that is minimised."""

    def _collapsed_loss(self, n_cases: int, n_projections: int) -> float | None:
        """Return the loss of `n_cases` series whose projections are all the same, or None if that says nothing."""
        return None

    @property
    def collapsed_loss_(self) -> float | None:
        """The loss of a batch whose projections are all the same."""
        module = self.net_.module_
        n_cases = min(self.net_.batch_size_for(module.n_cases), module.n_cases)
        return self._collapsed_loss(n_cases, getattr(module, "n_projections", 0))

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        check_net_params(self.net_params, self._training_params())

    def _initialize(self, X: Any) -> Self:
        """Do what `fit` does before its training."""
        with unchanged_on_error(self):
            self.net_, _ = self._untrained(self._checked(X, reset=True), None)
        return self

    def _begin(self, collection: Collection, n_cases: int) -> None:
        """Build the net for a stream of which these series are the first; whoever calls has validated them."""
        self.check_hyperparameters()
        self._check_steps(collection)
        self.net_, _ = self._untrained(collection, None, n_cases)

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        EpochCheckpoint.check_folder(self.checkpoint)
        collection = super()._checked(X, reset=reset)
        self._check_steps(collection)
        return collection

    def _check_steps(self, collection: Collection) -> None:
        check_steps(type(self).__name__, collection, *self._needed_steps())

    def _needed_steps(self) -> tuple[int, str]:
        """Return how many time steps every training series must have, and what to do about shorter ones."""
        return 1, ""

    def _training_params(self) -> dict[str, Any]:
        """Return parameters of the skorch net that a method sets itself; those of the user go first."""
        return {}

    def _net_params(self) -> dict[str, Any]:
        params = joined(self._training_params(), self.net_params)
        takes_decay = "weight_decay" in inspect.signature(params.get("optimizer", torch.optim.AdamW)).parameters
        is_own = "optimizer" not in params and not any(name.startswith("optimizer") for name in self.net_params or ())
        return {
            "loss": self._loss(),
            "batch_size": self.batch_size,
            "max_steps": self.max_steps,
            "lr": self.lr,
            "verbose": self.verbose,
            **({"optimizer__weight_decay": self.weight_decay} if takes_decay else {}),
            **({"optimizer__fused": True} if is_own else {}),  # all weights in one pass
            **params,
        }

    def _planned_epochs(self, net: SSLNet, dataset: SeriesDataset) -> int:
        return resolved_epochs(self.max_epochs, self.max_steps, net.steps_per_epoch(dataset), self._auto_steps)

    def _checkpoint(self, dataset: SeriesDataset) -> EpochCheckpoint | None:
        return None if self.checkpoint is None else EpochCheckpoint.of(self, dataset)

    def _train(self, net: SSLNet, dataset: SeriesDataset, listeners: tuple) -> None:
        epochs = self._planned_epochs(net, dataset)
        planned_steps = self.max_steps or epochs * net.steps_per_epoch(dataset)
        net.verbose = self.verbose
        if net.epochs_ and self.verbose and leads():
            print(f"The fit goes on after {net.epochs_} of {epochs} epochs, from `checkpoint`.")
        net.train(dataset, epochs - net.epochs_, planned_steps, listeners, resumed=bool(net.epochs_))

    def _continue(self, net: SSLNet, dataset: SeriesDataset) -> None:
        net.train(dataset, epochs=1)
