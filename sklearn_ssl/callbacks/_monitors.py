import abc
import contextlib
import io
import math
import numbers
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, final

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklearn_ssl._engine.guards import diverged
from sklearn_ssl._engine.random_streams import GENERATORS_IN_USE, draw_seed, forked_generators, seed_generators
from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._input.labels import check_all_labelled, values_of

PROBES = ("knn", "linear")
SCORES = ("rankme", "alpha_req", "lidar", "alignment", "uniformity")
RESERVED_NAMES = ("epoch", "batches", "dur", "train_loss", "valid_loss", "train_batch_count", "valid_batch_count")
ALPHAS = np.logspace(-3, 3, 7)
MOST_FOLDS = 5


class Monitor(Callback, abc.ABC):
    """Base of callbacks that score the net as it is, greater being better.

    A subclass says how in `_score`, and checks its parameters in `_prepare`. What a look does to modes and random
    numbers is undone, so that the training is the same with and without it.
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
        """Forget the net before."""
        self.untrained_score_: float | None = None
        self.best_score_ = -math.inf
        self.best_epoch_: int | None = None
        self.best_state_: tuple[bytes, bytes] | None = None
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Check the parameters and score a net that is new."""
        self.misses_ = 0
        if net.epochs_ == 0:
            self._check(net)
            self._prepare(net, X)
            self.untrained_score_ = self._look(net, X)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Score the net where it is due, and end the training when patience has run out."""
        due = net.epochs_ % self.every == 0 or net.steps_ == net.planned_steps_
        score = self._look(net, dataset_train) if due else math.nan
        is_best = score > self.best_score_
        net.history.record(self.name, score)
        net.history.record(f"{self.name}_best", is_best)
        if is_best:
            self._keep(net, score)
        self.misses_ = 0 if is_best else self.misses_ + due
        if due and self.misses_ == self.patience:
            if net.verbose:
                print(f"Stopping: {self.name} was best in epoch {self.best_epoch_} ({self.best_score_:.4f}).")
            raise KeyboardInterrupt  # skorch's way to end a training early

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Put back what was kept."""
        if self.best_state_ is not None:
            weights, optimizer = map(io.BytesIO, self.best_state_)
            net.load_params(f_params=weights, f_optimizer=optimizer)
            self.best_state_ = None

    def _keep(self, net: Any, score: float) -> None:
        self.best_score_ = score
        self.best_epoch_ = len(net.history)
        if self.restore_best:
            weights, optimizer = io.BytesIO(), io.BytesIO()
            net.save_params(f_params=weights, f_optimizer=optimizer)
            self.best_state_ = weights.getvalue(), optimizer.getvalue()

    def _look(self, net: Any, dataset: Any) -> float:
        with _undisturbed(net):
            return self._score(net, getattr(dataset, "dataset", dataset))  # also behind a split

    def _check(self, net: Any) -> None:
        self._check_count("every")
        if self.patience is not None:
            self._check_count("patience", " or None")
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(self._message("name", "a text that is not empty"))
        others = [callback for _, callback in net.callbacks_ if callback is not self]
        taken = [*RESERVED_NAMES, *(callback.name for callback in others if isinstance(callback, Monitor))]
        if self.name in taken:
            raise ValueError(self._message("name", "a name in the history that nothing else has; give another"))

    def _check_count(self, parameter: str, or_else: str = "") -> None:
        value = getattr(self, parameter)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(self._message(parameter, f"a whole number of at least 1{or_else}"))

    def _check_series(self, parameter: str, dataset: Any) -> int:
        """Count the series of a parameter, which the net must be able to embed."""
        where = f"{type(self).__name__}: `{parameter}`"
        try:
            collection = validated_collection(BaseEstimator(), getattr(self, parameter), reset=True)
        except (ValueError, TypeError) as error:
            raise type(error)(f"{where} must be series as the net is trained on. {error}") from error
        if collection.n_channels != dataset.collection.n_channels:
            raise ValueError(
                f"{where} has {collection.n_channels} channels, but the net is trained on series with "
                f"{dataset.collection.n_channels}. Give series that have passed all steps before the transformer."
            )
        return len(collection)

    def _message(self, parameter: str, needed: str) -> str:
        return f"{type(self).__name__}: `{parameter}` must be {needed}, got {getattr(self, parameter)!r}."


@final
class OnlineProbe(Monitor):
    """Score the features on labelled series while the net is trained without labels.

    After every few epochs the series are embedded by the net as it is, a probe is fitted on the embeddings, and its
    score is recorded in ``net_.history`` under `name`: the accuracy of a classifier, the R2 of a regressor (1 is
    perfect, 0 is no better than the mean). It is never a score on what the probe was fitted on: it comes from the test
    part, or without one from the predictions of a cross-validation within `X`, of 5 folds or as many as the smallest
    class has series.

    The net learns nothing from the labels: weights and losses are the same to the last bit with and without the probe,
    unless it ends the training or puts back the best weights. Then the labels have taken part in a choice, and the
    result has to be reported on other series.

    The series are those that reach the transformer itself. In a Pipeline they have to pass the steps before it first,
    as in the example. If series belong together (windows of a recording, recordings of a person), give a test part that
    has none of the same.

    Parameters
    ----------
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        Labelled series that the probe is fitted on.
    y : array of shape (n_cases,)
        Their labels. Numbers with a fraction are targets of a regression, all else are classes; for whole numbers as
        targets give a regressor as `probe`.
    X_test : array or list of arrays, default=None
        Series that the probe is scored on; None for a cross-validation within `X`.
    y_test : array, default=None
        Their labels.
    probe : {"knn", "linear"}, classifier or regressor, default="knn"
        "knn" are nearest neighbours, "linear" is a ridge regression whose penalty is chosen by leave-one-out among
        10^-3, ..., 10^3, both on standardised features. An estimator is cloned, and gets the features as they are.
    n_neighbors : int, default=5
        Neighbours of "knn"; no more than there are series to fit on.
    every : int, default=1
        Epochs from one look to the next. `fit` also looks after its last epoch. Epochs without a look have NaN in the
        history.
    name : str, default="probe"
        Name in the history. ``f"{name}_best"`` is True where the score is better than all before, which is what
        ``skorch.callbacks.Checkpoint(monitor="probe_best")`` needs. With ``every=1``,
        ``skorch.callbacks.EarlyStopping(monitor="probe", lower_is_better=False)`` works as well.
    patience : int or None, default=None
        Looks without a better score after which the training ends; None for never. The learning-rate schedule is that
        of all epochs.
    restore_best : bool, default=False
        Whether the weights with the best score are put back when the training ends, with the optimiser as it was then,
        so that `partial_fit` goes on from there. `partial_fit` itself is one epoch, and keeps what it has learnt.
    random_state : int, numpy.random.RandomState or None, default=0
        Seed of the folds and of an estimator that has none of its own.

    Attributes
    ----------
    best_score_ : float
        The best score after an epoch.
    best_epoch_ : int or None
        That epoch, counted from 1.
    untrained_score_ : float
        The score of the weights as initialised: what training has to beat.

    Raises
    ------
    ValueError, TypeError
        Before the first step of a training, if a parameter is not valid.
    FloatingPointError
        If features become NaN or infinite.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.callbacks import OnlineProbe
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> from sklearn_ssl.preprocessing import ChannelWise
    >>> X, y = make_waves(n_cases=60, n_timepoints=64, random_state=0)
    >>> scaler = ChannelWise(StandardScaler()).fit(X)
    >>> probe = OnlineProbe(scaler.transform(X[:30]), y[:30], every=2)
    >>> ssl = SimCLRTransformer(
    ...     encoder=ResNetEncoder(depth=1, width=4),
    ...     max_epochs=5,
    ...     random_state=0,
    ...     net_params={"callbacks": [("labelled", probe)]},
    ... )
    >>> pipeline = make_pipeline(ChannelWise(StandardScaler()), ssl).fit(X)
    >>> net = pipeline[-1].net_
    >>> ["no look" if score != score else "score" for score in net.history[:, "probe"]]
    ['no look', 'score', 'no look', 'score', 'score']
    >>> fitted = dict(net.callbacks_)["labelled"]
    >>> net.history[fitted.best_epoch_ - 1, "probe"] == fitted.best_score_
    True
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        X_test: Any = None,
        y_test: Any = None,
        *,
        probe: Any = "knn",
        n_neighbors: int = 5,
        every: int = 1,
        name: str = "probe",
        patience: int | None = None,
        restore_best: bool = False,
        random_state: Any = 0,
    ) -> None:
        super().__init__(every=every, name=name, patience=patience, restore_best=restore_best)
        self.X = X
        self.y = y
        self.X_test = X_test
        self.y_test = y_test
        self.probe = probe
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def _prepare(self, net: Any, dataset: Any) -> None:
        self._check_count("n_neighbors")
        self._check_probe()
        if (self.X_test is None) != (self.y_test is None):
            raise ValueError("OnlineProbe: `X_test` and `y_test` belong together, but only one is given. Give both.")
        y = self._labels("X", "y", dataset)
        y_test = y[:0] if self.X_test is None else self._labels("X_test", "y_test", dataset)
        self.seed_ = draw_seed(self.random_state) % 2**32
        self.regression_ = self._is_regression(y)
        self.targets_ = self._targets(y, y_test)
        self.splits_ = self._folds(self.targets_) if self.X_test is None else [_test_part(len(y), len(y_test))]

    def _check_probe(self) -> None:
        if isinstance(self.probe, str):
            if self.probe not in PROBES:
                raise ValueError(self._message("probe", f"one of {PROBES}, a classifier or a regressor"))
        elif isinstance(self.probe, type) or not (is_classifier(self.probe) or is_regressor(self.probe)):
            raise TypeError(self._message("probe", f"one of {PROBES}, a classifier or a regressor, not its class"))

    def _labels(self, of: str, parameter: str, dataset: Any) -> np.ndarray:
        n_cases = self._check_series(of, dataset)
        labels = values_of(getattr(self, parameter))
        if labels.shape != (n_cases,):
            raise ValueError(
                f"OnlineProbe: `{parameter}` has shape {labels.shape}, but `{of}` has {n_cases} series. Give one label "
                "for each."
            )
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise ValueError(
                f"OnlineProbe: `{parameter}` has values that are NaN or infinite. Leave out the series without a label."
            )
        check_all_labelled(parameter, labels)
        return labels

    def _is_regression(self, y: np.ndarray) -> bool:
        if not isinstance(self.probe, str):
            return is_regressor(self.probe)
        return y.dtype.kind == "f" and bool((y != np.round(y)).any())

    def _targets(self, y: np.ndarray, y_test: np.ndarray) -> np.ndarray:
        """Return all targets, classes as their positions."""
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(f"OnlineProbe: `y` must have at least two values, got only {classes}. Add other series.")
        if self.regression_:
            if len(y_test) == 1:
                raise ValueError("OnlineProbe: `X_test` has 1 series; R2 needs at least two. Add some.")
            return np.concatenate([y, y_test]).astype(float)
        unknown = np.setdiff1d(y_test, classes)
        if len(unknown):
            raise ValueError(
                f"OnlineProbe: `y_test` has classes that `y` has not: {unknown}. Add series of them to `X`, or leave "
                "them out."
            )
        return np.concatenate([np.searchsorted(classes, y), np.searchsorted(classes, y_test)])

    def _folds(self, targets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        if self.regression_:
            folds = KFold(min(MOST_FOLDS, len(targets)), shuffle=True, random_state=self.seed_)
            return list(folds.split(targets))
        fewest = np.bincount(targets).min()
        if fewest < 2:
            rare = np.unique(self.y)[np.bincount(targets).argmin()]
            raise ValueError(
                f"OnlineProbe: `y` has class {rare!r} only once; a cross-validation needs every class twice. Add "
                "series of it, leave it out, or give `X_test` and `y_test`."
            )
        folds = StratifiedKFold(min(MOST_FOLDS, fewest), shuffle=True, random_state=self.seed_)
        return list(folds.split(targets, targets))

    def _score(self, net: Any, dataset: Any) -> float:
        H = np.concatenate([net.transform(X) for X in (self.X, self.X_test) if X is not None])  # (n, F)
        if not np.isfinite(H).all():
            raise diverged("Features became NaN or infinite", net)
        predicted = np.empty_like(self.targets_)
        for rows, rows_test in self.splits_:
            fitted = self._estimator(len(rows)).fit(H[rows], self.targets_[rows])
            predicted[rows_test] = fitted.predict(H[rows_test])
        tested = np.concatenate([rows_test for _, rows_test in self.splits_])
        metric = r2_score if self.regression_ else accuracy_score
        return float(metric(self.targets_[tested], predicted[tested]))

    def _estimator(self, n_cases: int) -> Any:
        if not isinstance(self.probe, str):
            return self._seeded(clone(self.probe))
        if self.probe == "linear":
            ridge = RidgeCV if self.regression_ else RidgeClassifierCV
            return make_pipeline(StandardScaler(), ridge(ALPHAS))
        neighbors = KNeighborsRegressor if self.regression_ else KNeighborsClassifier
        return make_pipeline(StandardScaler(), neighbors(min(self.n_neighbors, n_cases)))

    def _seeded(self, probe: Any) -> Any:
        values = probe.get_params().items()
        unset = [name for name, value in values if name.split("__")[-1] == "random_state" and value is None]
        return probe.set_params(**dict.fromkeys(unset, self.seed_))


@final
class ScoreMonitor(Monitor):
    """Record a score of the net while it is trained, one that needs no labels in particular.

    After every few epochs the score of the net as it is goes into ``net_.history`` under `name`. Weights and losses are
    the same to the last bit with and without the monitor, unless it ends the training or puts back the best weights.

    The series are those that reach the transformer itself. In a Pipeline they have to pass the steps before it first,
    for example ``ScoreMonitor(scaler.transform(X))`` with a fitted scaler. Scores of the training series tell what the
    net does with what it has seen; give others to know more.

    Parameters
    ----------
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), list of 2-D arrays, or None
        The series that are scored. None stands for all series given to `fit`, also those behind a `train_split`.
    score : {"rankme", "alpha_req", "lidar", "alignment", "uniformity"} or callable, default="rankme"
        A scorer of `sklearn_ssl.evaluation` by its name, or ``score(estimator, X) -> float``, greater being better, as
        scikit-learn's scorers with ``y=None``. The estimator is the net in training; it has `transform`.
    every : int, default=1
        Epochs from one look to the next. `fit` also looks after its last epoch. Epochs without a look have NaN in the
        history.
    name : str, default="score"
        Name in the history. ``f"{name}_best"`` is True where the score is better than all before, which is what
        ``skorch.callbacks.Checkpoint(monitor="score_best")`` needs. With ``every=1``,
        ``skorch.callbacks.EarlyStopping(monitor="score", lower_is_better=False)`` works as well.
    patience : int or None, default=None
        Looks without a better score after which the training ends; None for never. The learning-rate schedule is that
        of all epochs.
    restore_best : bool, default=False
        Whether the weights with the best score are put back when the training ends, with the optimiser as it was then,
        so that `partial_fit` goes on from there. `partial_fit` itself is one epoch, and keeps what it has learnt.

    Attributes
    ----------
    best_score_ : float
        The best score after an epoch.
    best_epoch_ : int or None
        That epoch, counted from 1.
    untrained_score_ : float
        The score of the weights as initialised.

    Raises
    ------
    ValueError, TypeError
        Before the first step of a training, if a parameter is not valid.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.callbacks import ScoreMonitor
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> def spread(estimator, X, y=None):
    ...     return estimator.transform(X).std(axis=0).mean()
    >>> X, y = make_waves(n_cases=60, n_timepoints=64, random_state=0)
    >>> monitor = ScoreMonitor(X[:30], spread, name="spread", patience=3, restore_best=True)
    >>> ssl = SimCLRTransformer(
    ...     encoder=ResNetEncoder(depth=1, width=4),
    ...     max_epochs=20,
    ...     random_state=0,
    ...     net_params={"callbacks": [monitor]},
    ... ).fit(X)
    >>> fitted = dict(ssl.net_.callbacks_)["ScoreMonitor"]
    >>> bool(spread(ssl, X[:30]) == fitted.best_score_ == max(ssl.net_.history[:, "spread"]))
    True
    """

    def __init__(
        self,
        X: Any,
        score: Callable[..., float] | str = "rankme",
        *,
        every: int = 1,
        name: str = "score",
        patience: int | None = None,
        restore_best: bool = False,
    ) -> None:
        super().__init__(every=every, name=name, patience=patience, restore_best=restore_best)
        self.X = X
        self.score = score

    def _prepare(self, net: Any, dataset: Any) -> None:
        if self.score not in SCORES if isinstance(self.score, str) else not callable(self.score):
            raise ValueError(self._message("score", f"one of {SCORES} or a callable score(estimator, X)"))
        if self.X is not None:
            self._check_series("X", dataset)

    def _score(self, net: Any, dataset: Any) -> float:
        value = self._scorer()(net, dataset.collection.values if self.X is None else self.X)
        try:
            return float(value)
        except (ValueError, TypeError) as error:
            raise TypeError(f"ScoreMonitor: `score` must return a number, got {value!r}.") from error

    def _scorer(self) -> Callable[..., Any]:
        if not isinstance(self.score, str):
            return self.score
        # Not imported above: what evaluates may use the engine, and the engine uses callbacks.
        return getattr(import_module("sklearn_ssl.evaluation._scorers"), f"{self.score}_scorer")


@contextlib.contextmanager
def _undisturbed(net: Any) -> Iterator[None]:
    """Run a block with the same random numbers each time, after which the generators are as before."""
    device = torch.device(net.device)
    with GENERATORS_IN_USE, forked_generators(device):
        seed_generators(net.seed, device)
        yield


def _test_part(n_cases: int, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n_cases), np.arange(n_cases, n_cases + n_test)
