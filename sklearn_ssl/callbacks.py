"""What happens around training: schedule, guards, checkpoints, progress. None of it knows a method."""

import math
import os
import pickle
import tempfile
import warnings
from pathlib import Path
from typing import Any, Self

import torch
from skorch.callbacks import Callback

from sklearn_ssl._fingerprint import fingerprint


class WarmupCosine(Callback):
    r"""Linear warm-up of the learning rate followed by a cosine decay to zero.

    At step k of K, with w warm-up steps, the rate is multiplied by (k + 1) / w while k < w and by
    (1 + cos(pi (k - w) / (K - w))) / 2 after. Without a planned number of steps the rate is constant.

    Parameters
    ----------
    warmup : float, default=0.1
        Share of the planned steps used for the warm-up.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> from sklearn_ssl.callbacks import WarmupCosine
    >>> [round(WarmupCosine(warmup=0.25).factor(step, 8), 2) for step in range(8)]
    [0.5, 1.0, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]
    """

    def __init__(self, warmup: float = 0.1) -> None:
        self.warmup = warmup

    def factor(self, step: int, planned_steps: int) -> float:
        """Return what the learning rate is multiplied by."""
        if step >= planned_steps:
            return 1.0
        warmup_steps = math.ceil(self.warmup * planned_steps)
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        return 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / (planned_steps - warmup_steps)))

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Set the learning rate of the coming step."""
        if training:
            factor = self.factor(net.steps_, net.planned_steps_)
            for group in net.optimizer_.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


class DivergenceGuard(Callback):
    """Stop the training at the first loss that is NaN or infinite."""

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Raise FloatingPointError naming epoch, learning rate and likely cause."""
        loss = net.history[-1]["batches"][-1].get("train_loss" if training else "valid_loss", 0.0)
        if not math.isfinite(loss):
            raise _diverged(f"The loss became {loss}", net)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Raise FloatingPointError if weights are NaN or infinite."""
        self._check_weights(net)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Raise FloatingPointError if the last step left weights that are NaN or infinite."""
        self._check_weights(net)

    def _check_weights(self, net: Any) -> None:
        if not all(bool(tensor.isfinite().all()) for tensor in net.module_.state_dict().values()):
            raise _diverged("Weights became NaN or infinite", net)


def _diverged(what: str, net: Any) -> FloatingPointError:
    rate = net.optimizer_.param_groups[0]["lr"]
    return FloatingPointError(
        f"{what} in epoch {len(net.history)} at learning rate {rate:.3g}. Likely causes: a learning rate that is too "
        "high (lower `lr`), series that are not scaled (put a scaler before this step), or too little precision "
        '(set precision="float32").'
    )


class CollapseMonitor(Callback):
    r"""Warn when the features of different series, or the tensors that the loss compares, become the same.

    The spread of vectors h_1, ..., h_n is the share of their variance in their mean square,
    1 - \|mean h\|^2 / mean \|h\|^2: 0 when all are the same, 1 when they are centred. It is looked at after the first
    tenth, half and all of the planned steps, and compared with what it was before, so that series which hardly differ
    are no collapse.

    Parameters
    ----------
    least_share : float, default=1e-3
        A spread below this share of that before training is called a collapse, and so is none at all.
    n_cases : int, default=64
        How many training series are looked at.
    """

    def __init__(self, least_share: float = 1e-3, n_cases: int = 64) -> None:
        self.least_share = least_share
        self.n_cases = n_cases

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Look at the features before training, at those of the loss in the first step."""
        self.collapsed_ = False
        self.milestones_ = [share * net.planned_steps_ for share in (0.1, 0.5)]
        self.same_series_ = _same_series(X, min(len(X), self.n_cases))
        self.before_ = {"features": self._spread_of_features(net, X)}
        self.projections_: float | None = None

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Look at the first tensor that the loss compares, where a look is due."""
        last = net.steps_ == net.planned_steps_
        due = "projections" not in self.before_ or last or any(net.steps_ >= step for step in self.milestones_)
        outputs = kwargs.get("y_pred")
        if training and due and isinstance(outputs, tuple) and outputs[0].ndim == 2:
            self.projections_ = _spread(outputs[0].detach())
            self.before_.setdefault("projections", self.projections_)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Look when a milestone has been passed."""
        passed = [step for step in self.milestones_ if net.steps_ >= step]
        if passed:
            self.milestones_ = self.milestones_[len(passed) :]
            self._look(net, dataset_train)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Look at the features that are kept."""
        if net.steps_:
            self._look(net, X)

    def _look(self, net: Any, dataset: Any) -> None:
        if self.collapsed_:
            return
        now = {"features": self._spread_of_features(net, dataset), "projections": self.projections_}
        collapsed = [name for name, spread in now.items() if spread is not None and self._is_collapse(name, spread)]
        self.collapsed_ = bool(collapsed)
        if collapsed:
            warnings.warn(
                f"The {' and '.join(collapsed)} collapsed: after {net.steps_} steps those of all series are the same. "
                "Try a lower `lr`, a larger `batch_size`, another `temperature` or larger weights of the terms against "
                "collapse (VICReg: `variance`, `covariance`; Barlow Twins: `redundancy`), milder augmentations, and "
                "series that are scaled.",
                UserWarning,
                stacklevel=2,
            )

    def _is_collapse(self, name: str, spread: float) -> bool:
        if spread == 0:
            return not self.same_series_
        return spread < self.least_share * self.before_[name]

    def _spread_of_features(self, net: Any, dataset: Any) -> float:
        series = getattr(dataset, "dataset", dataset)  # also behind a split
        features = torch.cat(list(net.represent(series, "features", rows=self.n_cases)))  # (n, F)
        if not features.isfinite().all():
            raise _diverged("Features became NaN or infinite", net)
        return _spread(features)


def _spread(features: torch.Tensor) -> float:
    features = features.double()
    mean_square = features.square().sum(dim=1).mean()
    variance = (features - features.mean(dim=0)).square().sum(dim=1).mean()
    return float(variance / mean_square) if mean_square > 0 else 0.0


def _same_series(dataset: Any, n_cases: int) -> bool:
    x = dataset[torch.arange(n_cases)]["x"]
    return bool((x == x[:1]).all())


class TaskReporter(Callback):
    """Tell scikit-learn's callbacks of every epoch, and stop when they ask for it.

    Parameters
    ----------
    estimator : estimator
        The estimator being fitted.
    context : sklearn.callback.CallbackContext
        Context of its fit.
    """

    def __init__(self, estimator: Any, context: Any) -> None:
        self.estimator = estimator
        self.context = context

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Begin the task of one epoch."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """End the task of one epoch."""
        fitted = {"net_": net}
        if self.epoch_.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=fitted):
            raise KeyboardInterrupt  # skorch's way to end a training early


class EpochCheckpoint(Callback):
    """Store the net after every epoch, so that a killed training can go on.

    Parameters
    ----------
    path : pathlib.Path
        The file; replaced as a whole, so that a kill while writing leaves the one before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def check_folder(folder: Any) -> None:
        """Raise a ValueError or TypeError if `folder` cannot be one."""
        if folder is None:
            return
        if not isinstance(folder, (str, os.PathLike)):
            raise TypeError(f"`checkpoint` must be the path of a folder or None, got {folder!r}.")
        if any(path.is_file() for path in (Path(folder), *Path(folder).parents)):
            raise ValueError(
                f"`checkpoint` must be a folder, but {folder} is, or lies below, a file. Name another path."
            )

    @classmethod
    def of(cls, estimator: Any, collection: Any) -> Self:
        """Return the checkpoint of one fit in its estimator's folder, which is made where it is missing."""
        name = fingerprint(estimator, collection, ignore=("checkpoint", "verbose"))
        folder = Path(estimator.checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{name}.checkpoint")

    def remove(self) -> None:
        """Remove the file of a training that is done."""
        self.path.unlink(missing_ok=True)

    def load(self) -> Any:
        """Return the stored net, or None when there is none.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        if not self.path.exists():
            return None
        try:
            net = pickle.loads(self.path.read_bytes())
            net.listeners_ = ()
            return net
        except Exception as error:
            raise ValueError(
                f"`checkpoint`: {self.path} cannot be read ({error}). Remove it to start afresh."
            ) from error

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Write the net with its random stream as it is now."""
        net.record_stream()
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                pickle.dump(net, file)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise
