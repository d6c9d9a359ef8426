from typing import Any, final

import numpy as np

from sklearn_ssl._engine.guards import diverged
from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl.callbacks._monitor import Monitor
from sklearn_ssl.evaluation._folds import checked_folds, fold_predictions, in_order
from sklearn_ssl.evaluation._predictors import KNNProbe, LinearProbe, chosen_probe
from sklearn_ssl.evaluation._targets import Targets, all_scores

MOST_FOLDS = 5


@final
class OnlineProbe(Monitor):
    """Score the features on labelled series while the net is trained without labels.

    After every few epochs the probe embeds the series with the current net, fits a classifier or a regressor on the
    features, and records its score in ``net_.history`` under `name`. The score of a classifier is the accuracy. The
    score of a regressor is R2: 1 is perfect, and 0 is no better than predicting the mean. The probe is never scored on
    its own training data. The score comes from `X_test`, or from cross-validation on `X` with 5 folds, or with fewer if
    the smallest class has fewer than 5 series.

    The net learns nothing from the labels: weights and losses are the same to the last bit with and without the probe,
    unless it ends the training or restores the best weights. In these two cases the labels have influenced the choice
    of weights, so report the result on other series.

    Give series in the form in which they reach the transformer. In a Pipeline, this means after the steps before the
    transformer, as in the example. If some series belong together, such as windows of one recording or recordings of
    one person, give `groups`, or a test part that shares no group with `X`.

    Parameters
    ----------
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        Labelled series on which the probe is fitted.
    y : array of shape (n_cases,)
        The labels of `X`. Numbers with fractions are the targets of a regression, everything else is a class. For
        whole numbers as targets, give a regressor as `probe`.
    X_test : array or list of arrays, default=None
        Series on which the probe is scored. None means cross-validation on `X`.
    y_test : array, default=None
        The labels of `X_test`.
    groups : array of shape (n_cases,), default=None
        The group of each series of `X`, which no fold of the cross-validation tears apart, as for `linear_probe`.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `linear_probe`.
    probe : {"knn", "linear"}, classifier or regressor, default="knn"
        "knn" has nearest neighbours on standardised features. "linear" is ridge regression on standardised features;
        leave-one-out chooses its penalty from ten values between 0.001 and 1000, as in `linear_probe`. An estimator is
        cloned and gets the features as they are.
    n_neighbors : int, default=5
        Number of neighbours of "knn". It is lowered to the size of the smallest training part where it is larger.
    every : int, default=1
        Number of epochs from one look to the next. `fit` also looks after its last epoch. Epochs without a look have
        NaN in the history.
    name : str, default="probe"
        Name in the history. ``f"{name}_best"`` is True if the score is better than all earlier ones;
        ``skorch.callbacks.Checkpoint(monitor="probe_best")`` can use it. With ``every=1``,
        ``skorch.callbacks.EarlyStopping(monitor="probe", lower_is_better=False)`` works as well.
    patience : int or None, default=None
        Number of looks without a better score after which the training ends. None never ends it. The learning-rate
        schedule still spans all planned epochs.
    restore_best : bool, default=False
        Whether to restore the weights with the best score, and the optimiser of that moment, when the training ends.
        `partial_fit` then goes on from there. A call of `partial_fit` is one epoch, and always keeps its result.
    random_state : int, numpy.random.RandomState or None, default=0
        Seed of the folds, and of an estimator whose own `random_state` is None.

    Attributes
    ----------
    best_score_ : float
        The best score after an epoch.
    best_epoch_ : int or None
        The epoch of the best score, counted from 1.
    untrained_score_ : float
        The score before training, which training has to beat.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid. The error is raised before the first step of the training.
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
        groups: Any = None,
        unlabelled: Any = UNLABELLED,
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
        self.groups = groups
        self.unlabelled = unlabelled
        self.probe = probe
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def _prepare(self, net: Any, dataset: Any) -> None:
        for parameter in ("X",) if self.X_test is None else ("X", "X_test"):
            self._check_series(parameter, dataset)
        probe, task = chosen_probe(self.probe, "auto", {"knn": KNNProbe(self.n_neighbors), "linear": LinearProbe()})
        self.seed_ = draw_numpy_seed(self.random_state)
        labels = {"groups": self.groups, "unlabelled": self.unlabelled}
        self.targets_ = Targets.checked(self.X, self.y, self.X_test, self.y_test, task, **labels)
        self.folds_ = checked_folds(self.targets_, MOST_FOLDS, self.seed_) if self.X_test is None else None
        parts = [self.targets_.y] if self.folds_ is None else [train for train, _ in self.folds_]
        self.probe_ = probe.for_cases(min(map(len, parts)))
        if len(np.unique(self._truth(), axis=0)) < 2 and self.targets_.task == "regression":
            raise ValueError("R2 needs two different values or more among those that are predicted. Give more series.")

    def _score(self, net: Any, dataset: Any) -> float:
        y, task = self.targets_.y, self.targets_.task
        H = _features(net, self.X)  # (n, F)
        if self.folds_ is None:
            predicted = self.probe_.fitted(H, y, task, self.seed_).predict(_features(net, self.X_test))
        else:
            each = fold_predictions(self.probe_, H, self.targets_, self.folds_, self.seed_)
            predicted = in_order(y, self.folds_, each)
        scores = all_scores(self._truth(), predicted, task)
        return scores["accuracy" if task == "classification" else "r2"]

    def _truth(self) -> np.ndarray:
        return self.targets_.y_test if self.folds_ is None else self.targets_.y


def _features(net: Any, X: Any) -> np.ndarray:
    H = net.transform(X)
    if not np.isfinite(H).all():
        raise diverged("Features became NaN or infinite", net)
    return H
