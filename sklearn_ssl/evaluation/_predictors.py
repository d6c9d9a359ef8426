"""The simple predictors that probe an embedding: ridge, nearest neighbours, an SVM, or one of the user."""

import abc
import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from typing import Any, final

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import VALID_METRICS, KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from sklearn_ssl._parameters.arguments import check_choice, check_whole_number
from sklearn_ssl._parameters.ranges import Options
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._targets import random_order
from sklearn_ssl.fine_tuning._heads import PENALTIES  # a linear head starts from the solution of the linear probe

GENERATOR_IN_USE = threading.RLock()
SVM_PENALTIES = 10.0 ** np.arange(-4, 5)
SVM_HARD_MARGIN = 1e4
SVM_FOLDS = 5
SVM_MOST_CASES = 10_000
SVM_FEWEST_CASES = {"classification": 50, "regression": 10}


class Probe(abc.ABC):
    """A simple predictor that does not know its task and data yet."""

    @abc.abstractmethod
    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the settings that a fitted estimator chose."""
        return {}

    def for_cases(self, n_cases: int) -> "Probe":
        """Return the probe to use when the smallest training part has `n_cases`."""
        return self


@final
class LinearProbe(Probe):
    """Ridge on standardised features."""

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        ridge = RidgeClassifierCV if task == "classification" else RidgeCV
        return make_pipeline(StandardScaler(), ridge(alphas=PENALTIES)).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the ridge penalty."""
        return {"alpha": float(estimator[-1].alpha_)}


@final
@dataclasses.dataclass(frozen=True)
class KNNProbe(Probe):
    """Nearest neighbours on standardised features."""

    n_neighbors: int = 1
    metric: Any = "euclidean"
    weights: str = "uniform"

    def __post_init__(self) -> None:
        check_whole_number("n_neighbors", self.n_neighbors, least=1)
        known = sorted(set(VALID_METRICS["brute"]) - {"precomputed"})
        if isinstance(self.metric, type) or not (callable(self.metric) or self.metric in Options(tuple(known))):
            raise ValueError(f"`metric` must be a function of two rows or one of {known}, got {shown(self.metric)}.")
        check_choice("weights", self.weights, "uniform", "distance")

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        kind = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
        neighbours = kind(n_neighbors=self.n_neighbors, metric=self.metric, weights=self.weights)
        return make_pipeline(StandardScaler(), neighbours).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the number of neighbours."""
        return {"n_neighbors": estimator[-1].n_neighbors}

    def for_cases(self, n_cases: int) -> "KNNProbe":
        """Return the probe with no more neighbours than cases."""
        return dataclasses.replace(self, n_neighbors=min(int(self.n_neighbors), n_cases))


@final
@dataclasses.dataclass(frozen=True)
class SVMProbe(Probe):
    """An RBF support vector machine whose penalty is searched if there are enough cases."""

    scale: bool = False

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return an estimator fitted on an embedding."""
        if len(y) > SVM_MOST_CASES:
            rows = np.sort(random_order(y, task, np.random.RandomState(seed))[:SVM_MOST_CASES])
            H, y = H[rows], y[rows]
        return self._machine(y, task, seed).fit(H, y)

    def settings(self, estimator: Any) -> dict[str, Any]:
        """Return the penalty."""
        if isinstance(estimator, MultiOutputRegressor):
            return {"C": [_penalty(one) for one in estimator.estimators_]}
        return {"C": _penalty(estimator)}

    def _machine(self, y: np.ndarray, task: str, seed: int) -> Any:
        if task == "classification":
            return self._classifier(y, seed)
        regressor = self._regressor(len(y), seed)
        return regressor if y.ndim == 1 else MultiOutputRegressor(regressor)

    def _classifier(self, y: np.ndarray, seed: int) -> Any:
        counts = np.unique(y, return_counts=True)[1]
        model = self._scaled(SVC(C=SVM_HARD_MARGIN, random_state=seed))
        few = len(y) < max(SVM_FEWEST_CASES["classification"], 5 * len(counts))
        if few or counts.min() < 2:
            return model
        return GridSearchCV(model, {"svm__C": SVM_PENALTIES}, cv=min(SVM_FOLDS, int(counts.min())))

    def _regressor(self, n_cases: int, seed: int) -> Any:
        model = self._scaled(TransformedTargetRegressor(SeededSVR(), transformer=StandardScaler()))
        if n_cases < SVM_FEWEST_CASES["regression"]:
            return model
        folds = KFold(SVM_FOLDS, shuffle=True, random_state=seed)
        penalties = {"svm__regressor__C": SVM_PENALTIES}
        return GridSearchCV(model, penalties, cv=folds, scoring="neg_mean_absolute_error")

    def _scaled(self, model: Any) -> Pipeline:
        return Pipeline([("scale", StandardScaler() if self.scale else "passthrough"), ("svm", model)])


@final
class SeededSVR(SVR):
    """An SVR that leaves NumPy's global generator alone: SVR draws a seed from it, and then makes no use of it."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SeededSVR":
        """Fit the machine as `SVR` does."""
        self.random_state = 0
        return super().fit(X, y, sample_weight)


@contextlib.contextmanager
def _numpys_generator_kept() -> Iterator[None]:
    """Run a block that no other thread runs, after which NumPy's global generator is as before."""
    with GENERATOR_IN_USE:
        state = np.random.get_state()  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _penalty(estimator: Any) -> float:
    machine = getattr(estimator, "best_estimator_", estimator)[-1]
    return float(getattr(machine, "regressor_", machine).C)


@final
@dataclasses.dataclass(frozen=True)
class GivenProbe(Probe):
    """An estimator of the user, which is cloned and gets the features as they are."""

    estimator: Any

    def fitted(self, H: np.ndarray, y: np.ndarray, task: str, seed: int) -> Any:
        """Return a clone fitted on an embedding; every `random_state` that is None becomes the seed.

        NumPy's global generator is as before, although some estimators without a `random_state`, such as SVR, draw
        from it.
        """
        probe = clone(self.estimator)
        values = probe.get_params().items()
        unset = [name for name, value in values if name.split("__")[-1] == "random_state" and value is None]
        with _numpys_generator_kept():
            return probe.set_params(**dict.fromkeys(unset, seed)).fit(H, y)


def chosen_probe(probe: Any, task: str, known: Mapping[str, Probe]) -> tuple[Probe, str]:
    """Return the probe of a name or of an estimator, and the task; an estimator decides the task.

    Raises
    ------
    ValueError
        If the name is unknown, or the estimator is for another task.
    TypeError
        If it is neither a name nor a classifier nor a regressor.
    """
    needed = f"`probe` must be one of {sorted(known)}, a classifier or a regressor"
    if isinstance(probe, str):
        if probe not in known:
            raise ValueError(f"{needed}, got {shown(probe)}.")
        return known[probe], task
    if isinstance(probe, type) or not (is_classifier(probe) or is_regressor(probe)):
        raise TypeError(f"{needed}, and not a class, got {shown(probe)}.")
    own = "classification" if is_classifier(probe) else "regression"
    if task not in Options(("auto", own)):
        raise ValueError(
            f'`probe` is for {own}, but `task` is {shown(task)}. Give another probe, or leave task at "auto".'
        )
    return GivenProbe(probe), own
