import math
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from sklearn_ssl._engine.random_streams import chosen_rows
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._numerics.vectors import (
    LEAST_SHARE_OF_RANK,
    LEAST_SPREAD,
    least_rank,
    rank_bound,
    singular_values,
    smooth_rank,
    spread_of,
    without_torch,
)
from sklearn_ssl._parameters.notices import warn_caller

RANK_CASES = 512
FEWEST_RANK_CASES = 16
LEAST_SPREAD_OF_SERIES = 0.1


class DivergenceGuard(Callback):
    """Stop the training at the first loss that is NaN or infinite."""

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Raise FloatingPointError naming epoch, learning rate and likely cause."""
        loss = net.history[-1]["batches"][-1].get("train_loss" if training else "valid_loss", 0.0)
        if not math.isfinite(loss):
            raise diverged(f"The loss became {loss}", net)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Raise FloatingPointError if weights are NaN or infinite."""
        self._check_weights(net)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Raise FloatingPointError if the last step left weights that are NaN or infinite."""
        self._check_weights(net)

    def _check_weights(self, net: Any) -> None:
        if not all(bool(tensor.isfinite().all()) for tensor in net.module_.state_dict().values()):
            raise diverged("Weights became NaN or infinite", net)


def diverged(what: str, net: Any) -> FloatingPointError:
    """Return the error for values that became NaN or infinite: what, where in the training, and why."""
    epoch = net.history[-1, "epoch"] if net.history else 0
    rate = net.optimizer_.param_groups[0]["lr"]
    return FloatingPointError(
        f"{what} in epoch {epoch} at learning rate {rate:.3g}. Likely causes: a learning rate that is too "
        "high (lower `lr`), series that are not scaled (put a scaler before this step), or too little precision "
        '(set precision="float32").'
    )


def check_features(features: np.ndarray) -> None:
    """Raise a ValueError unless all features are finite."""
    if not np.isfinite(features).all():
        raise ValueError(
            "The features of finite series became NaN or infinite: the values of X are too large for the encoder. "
            "Put a scaler such as ChannelWise(StandardScaler()) before this step."
        )


class CollapseMonitor(Callback):
    r"""Warn when the features or projections of different series become (nearly) identical.

    Collapse: the vectors of all series become the same. The spread of vectors h_1, ..., h_n is the share of their
    variance in their mean square, 1 - \|mean h\|^2 / mean \|h\|^2. It is 0 if all are the same, and 1 if they are
    centred. The monitor measures it after the first tenth, half and all of the planned steps, and compares it with the
    spread before training. So series that hardly differ are not counted as collapse. Calls of `partial_fit` go on with
    the same training: the monitor looks after the first, second, fourth, eighth call and so on, and warns once.

    Dimensional collapse: the vectors differ, but in few directions. The monitor looks for it at the end of `fit`, in at
    most 512 series drawn at random. To get the effective rank r of n vectors of width d, subtract their mean, divide
    the singular values by their sum, and take the exponential of their entropy. The monitor warns if

    .. math:: r < 1 + 0.1\, (\min(n - 1, d) - 1) \quad \text{and} \quad r < r_x / 2

    where :math:`r_x` is the effective rank of the series themselves. The first condition is the limit of
    `sklearn_ssl.evaluation.collapse_report`. The second condition keeps silent about series that differ in few ways. A
    rank says little about fewer than 16 series, or about series so far from 0 that their own spread is below 0.1. The
    monitor does not warn then, nor in `partial_fit`.

    After `fit_many` the monitor looks at the largest set.

    Parameters
    ----------
    least_share : float, default=1e-3
        The monitor warns if the spread falls below this share of the spread before training, or to 0.
    n_cases : int, default=32
        Number of training series in which the spread is measured.
    least_share_of_rank : float, default=0.1
        The factor 0.1 of the formula. 0 switches the look at the rank off.

    Attributes
    ----------
    collapsed_ : bool
        Whether a collapse was found.
    ranks_ : dict of str to float
        The effective ranks of "features" and "projections" at the end of the last `fit`; empty if there was no look.

    References
    ----------
    Jing, L., Vincent, P., LeCun, Y. and Tian, Y. (2022). Understanding dimensional collapse in contrastive
    self-supervised learning. ICLR.

    Roy, O. and Vetterli, M. (2007). The effective rank: a measure of effective dimensionality. EUSIPCO.
    """

    def __init__(
        self,
        least_share: float = LEAST_SPREAD,
        n_cases: int = 32,
        least_share_of_rank: float = LEAST_SHARE_OF_RANK,
    ) -> None:
        self.least_share = least_share
        self.n_cases = n_cases
        self.least_share_of_rank = least_share_of_rank

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Measure the spread of the features before training; that of the projections follows in the first step."""
        self.milestones_ = [share * net.planned_steps_ for share in (0.1, 0.5)] if net.planned_steps_ else []
        self.ranks_: dict[str, float] = {}
        self.compared_: torch.Tensor | None = None
        if net.epochs_ and hasattr(self, "before_"):  # calls of partial_fit go on with one training
            self.n_calls_ += 1
            return
        self.n_calls_: int = 1
        self.collapsed_ = False
        self.same_series_ = _same_series(X.largest, self.n_cases)
        self.before_ = {"features": self._spread_of_features(net, X)}

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Measure the spread of the first tensor that the loss compares, if a look is due."""
        planned = net.steps_ == net.planned_steps_ or any(net.steps_ >= step for step in self.milestones_)
        due = "projections" not in self.before_ or (planned if net.planned_steps_ else self._has_look())
        outputs = kwargs.get("y_pred")
        if training and due and isinstance(outputs, tuple) and outputs[0].ndim == 2:
            self.compared_ = outputs[0].detach()  # measured when there is a look, for which alone the host waits
            if "projections" not in self.before_:
                self.before_["projections"] = spread_of(without_torch(self.compared_))

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Look if the training has passed a milestone."""
        passed = [step for step in self.milestones_ if net.steps_ >= step]
        if passed:
            self.milestones_ = self.milestones_[len(passed) :]
            self._look(net, dataset_train)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Look at the features of the trained net."""
        if net.steps_ and (net.planned_steps_ or self._has_look()):
            self._look(net, X)
        if net.steps_ and net.planned_steps_ and self.least_share_of_rank and not self.collapsed_:
            self._look_at_ranks(net, getattr(X, "dataset", X))

    def __getstate__(self) -> dict:
        return {**vars(self), "compared_": None}  # it is on a device that another machine may not have

    def _has_look(self) -> bool:
        """Tell whether there is a look in this call of partial_fit: in the first, second, fourth, eighth and so on."""
        return self.n_calls_.bit_count() == 1

    def _look(self, net: Any, dataset: Any) -> None:
        if self.collapsed_:
            return
        projections = None if self.compared_ is None else spread_of(without_torch(self.compared_))
        now = {"features": self._spread_of_features(net, dataset), "projections": projections}
        collapsed = [name for name, spread in now.items() if spread is not None and self._is_collapse(name, spread)]
        self.collapsed_ = bool(collapsed)
        if collapsed:
            warn_caller(
                f"The {' and '.join(collapsed)} collapsed: after {net.steps_} steps those of all series are the same. "
                "Try a lower `lr`, a larger `batch_size`, another `temperature` or larger weights of the terms against "
                "collapse (`variance`, `covariance`, `redundancy`), milder augmentations, and series that are scaled.",
            )

    def _look_at_ranks(self, net: Any, dataset: Any) -> None:
        dataset = dataset.largest
        n_cases = min(len(dataset), RANK_CASES)
        if n_cases < FEWEST_RANK_CASES:
            return
        sample = net.series(_chosen(dataset.collection, n_cases, net.seed))
        vectors = _vectors(net, sample)
        self.ranks_ = {name: _effective_rank(h) for name, h in vectors.items()}
        low = [name for name, h in vectors.items() if 0 < self.ranks_[name] < self._least_rank(h)]
        if not low:
            return
        x = without_torch(sample[torch.arange(n_cases)].x.flatten(1))  # (n, C L)
        rank_of_series = _effective_rank(x)
        low = [name for name in low if self.ranks_[name] < rank_of_series / 2]
        if low and spread_of(x) >= LEAST_SPREAD_OF_SERIES:
            found = " and ".join(
                f"the {name} {self.ranks_[name]:.3g} of {rank_bound(*vectors[name].shape)}" for name in low
            )
            warn_caller(
                f"Dimensional collapse: of the directions that they could fill, {found} are in use (effective rank of "
                f"{n_cases} series; the series themselves fill {rank_of_series:.3g}). Try a larger weight of the term "
                "against redundancy (`covariance`, `redundancy`), a lower `temperature`, a lower `lr`, milder "
                "augmentations, or a narrower projector. If few directions are right for these series, set "
                '`net_params={"callbacks__collapse__least_share_of_rank": 0}`.',
            )

    def _least_rank(self, h: np.ndarray) -> float:
        return least_rank(rank_bound(*h.shape), self.least_share_of_rank)

    def _is_collapse(self, name: str, spread: float) -> bool:
        if spread == 0:
            return not self.same_series_
        return spread < self.least_share * self.before_[name]

    def _spread_of_features(self, net: Any, dataset: Any) -> float:
        series = getattr(dataset, "dataset", dataset).largest  # also behind a split
        first = torch.arange(min(self.n_cases, len(series)))
        features = torch.cat(list(net.represent(series, "features", first)))  # (n, F)
        if not features.isfinite().all():
            raise diverged("Features became NaN or infinite", net)
        return spread_of(features.numpy())


def _effective_rank(h: np.ndarray) -> float:
    return smooth_rank(singular_values(h, center=True))


def _chosen(collection: Collection, n_cases: int, seed: int) -> Collection:
    rows = chosen_rows(len(collection), n_cases, seed)
    return Collection(collection.values[rows], None if collection.lengths is None else collection.lengths[rows])


def _vectors(net: Any, dataset: Any) -> dict[str, np.ndarray]:
    """Return the features (n, F) and, where there are any, the projections (n, P)."""
    if not hasattr(net.module_, "features_and_projections"):
        return {"features": torch.cat(list(net.represent(dataset, "features"))).numpy()}
    both = torch.cat(list(net.represent(dataset, "features_and_projections"))).numpy()  # (n, F + P)
    features, projections = np.split(both, [net.module_.n_features], axis=1)
    return {"features": features, "projections": projections}


def _same_series(dataset: Any, n_cases: int) -> bool:
    x = dataset[torch.arange(min(len(dataset), n_cases))].x
    return bool((x == x[:1]).all())
