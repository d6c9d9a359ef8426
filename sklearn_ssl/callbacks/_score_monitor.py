from collections.abc import Callable
from typing import Any, final

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.callbacks._monitor import Monitor
from sklearn_ssl.evaluation import (
    alignment_scorer,
    alpha_req_scorer,
    lidar_scorer,
    rankme_scorer,
    uniformity_scorer,
)

SCORERS: dict[str, Callable[..., float]] = {
    "rankme": rankme_scorer,
    "alpha_req": alpha_req_scorer,
    "lidar": lidar_scorer,
    "alignment": alignment_scorer,
    "uniformity": uniformity_scorer,
}


@final
class ScoreMonitor(Monitor):
    """Record a score of the net while it is trained, for example a score that needs no labels.

    After every few epochs the monitor computes the score of the current net, and records it in ``net_.history`` under
    `name`. Weights and losses are the same to the last bit with and without the monitor, unless it ends the training or
    restores the best weights.

    Give series in the form in which they reach the transformer. In a Pipeline, this means after the steps before the
    transformer, for example ``ScoreMonitor(scaler.transform(X))`` with a fitted scaler. A score on the training series
    describes series that the net has seen; give other series to learn how the net treats new ones.

    Parameters
    ----------
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), list of 2-D arrays, or None
        The series that are scored. None scores all series given to `fit`, including the part that a `train_split`
        holds out, and the largest set of `fit_many`.
    score : {"rankme", "alpha_req", "lidar", "alignment", "uniformity"} or callable, default="rankme"
        Name of a scorer of `sklearn_ssl.evaluation`, or a function ``score(estimator, X) -> float`` where greater is
        better, like scikit-learn's scorers with ``y=None``. The estimator is the net in training; it has `transform`.
    every : int, default=1
        Number of epochs from one look to the next. `fit` also looks after its last epoch. Epochs without a look have
        NaN in the history.
    name : str, default="score"
        Name in the history. ``f"{name}_best"`` is True if the score is better than all earlier ones;
        ``skorch.callbacks.Checkpoint(monitor="score_best")`` can use it. With ``every=1``,
        ``skorch.callbacks.EarlyStopping(monitor="score", lower_is_better=False)`` works as well.
    patience : int or None, default=None
        Number of looks without a better score after which the training ends. None never ends it. The learning-rate
        schedule still spans all planned epochs.
    restore_best : bool, default=False
        Whether to restore the weights with the best score, and the optimiser of that moment, when the training ends.
        `partial_fit` then goes on from there. A call of `partial_fit` is one epoch, and always keeps its result.

    Attributes
    ----------
    best_score_ : float
        The best score after an epoch.
    best_epoch_ : int or None
        The epoch of the best score, counted from 1.
    untrained_score_ : float
        The score before training.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid. The error is raised before the first step of the training.

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
    ...     max_epochs=6,
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
        if self.score not in SCORERS if isinstance(self.score, str) else not callable(self.score):
            raise ValueError(
                f"`score` must be one of {list(SCORERS)} or a callable score(estimator, X), got {shown(self.score)}."
            )
        if self.X is not None:
            self._check_series("X", dataset)

    def _score(self, net: Any, dataset: Any) -> float:
        scorer = SCORERS[self.score] if isinstance(self.score, str) else self.score
        value = scorer(net, dataset.largest.collection.values if self.X is None else self.X)
        try:
            return float(value)
        except (ValueError, TypeError) as error:
            raise TypeError(f"ScoreMonitor: `score` must return a number, got {shown(value)}.") from error
