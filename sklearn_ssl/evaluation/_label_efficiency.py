"""Score of a probe against the number of labels."""

import dataclasses
import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any, final

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.labels import UNLABELLED, sorted_codes
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._checks import cases_of
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.evaluation._predictors import KNNProbe, LinearProbe, Probe, SVMProbe, chosen_probe
from sklearn_ssl.evaluation._probes import both_parts
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._targets import Targets, all_scores, greater_is_better, random_order

N_CHOICES = 100
PROBES = {"linear": LinearProbe(), "knn": KNNProbe(), "svm": SVMProbe()}


def label_efficiency(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    fractions: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    probe: Any = "linear",
    n_draws: int = 5,
    test_size: float = 0.3,
    groups: Any = None,
    task: str = "auto",
    unlabelled: Any = UNLABELLED,
    random_state: Any = 0,
    name: str | None = None,
    n_jobs: int | None = None,
) -> "LabelEfficiencyResult":
    """Score a probe on the embedding with few, more and all labels: how many labels pretraining saves.

    Training and test series are embedded once. Then, for each share of `fractions`, the probe is fitted on that share
    of the training series with their labels, and scored on the test part. This is repeated for `n_draws` draws of the
    labelled series.

    Draws of classes are stratified and have at least one series of each class. Draws of numbers are not stratified and
    have at least two series. Within a draw, a larger share contains the series of every smaller one. The series that
    are held out and drawn depend on `y`, `test_size`, `groups` and `random_state` alone, so that transformers are
    compared on equal labels.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer or Pipeline is taken as it is. If it was trained on the test series too, the curve is
        transductive, as explained for `linear_probe`. An unfitted one is cloned, and the clone is fitted once, without
        labels, on the training series only; a predictor at the end of a Pipeline is left out. None if `X` is an
        embedding already.
    X : array or list of arrays
        The series, or with ``transformer=None`` an embedding of shape (n_cases, n_features).
    y : array-like of shape (n_cases,) or (n_cases, n_outputs)
        The classes, or the numbers. Several outputs are for regression only.
    X_test, y_test : optional
        A test part, like `X` and `y`. Without it, a share of `X` is held out before anything is fitted.
    fractions : sequence of float, default=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
        Shares of the training series that are labelled, each above 0 and at most 1. Numbers of series are rounded.
    probe : {"linear", "knn", "svm"} or estimator, default="linear"
        `linear_probe`, `knn_probe` or `svm_probe` with their defaults, or a classifier or regressor of scikit-learn.
        Clones of an estimator are fitted on the embedding as it is.
    n_draws : int, default=5
        Number of draws. Further draws leave the first ones as they are.
    test_size : float, default=0.3
        Share of the series that is held out if no test part is given. It is about the same share of every class.
    groups : array-like of shape (n_cases,), default=None
        The group of each series, such as the person, or the recording that windows come from. Whole groups are held
        out: of 100 random choices, the one whose share of every class is nearest to `test_size`. Labelled series are
        drawn from all other groups.
    task : {"auto", "classification", "regression"}, default="auto"
        Whether `y` has classes or numbers, as for `linear_probe`. If `probe` is an estimator, "auto" takes its task.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `linear_probe`.
    random_state : int, RandomState or None, default=0
        Seed of the held-out part, of the draws, and of an estimator whose own `random_state` is None.
    name : str, default=None
        Name of the curve. None takes the class of the transformer, or "embedding".
    n_jobs : int or None, default=None
        Number of processes that fit the probes; -1 takes all cores. None is 1, or the number that
        `joblib.parallel_config` sets. The scores do not depend on it.

    Returns
    -------
    LabelEfficiencyResult
        The scores, the labelled series and the fitted probes.

    Raises
    ------
    ValueError
        If a share is not above 0 and at most 1, lengths differ, there is one class only, or the held-out part has fewer
        series than there are classes.
    TypeError
        If the transformer does not transform, or the probe is neither a classifier nor a regressor.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import label_efficiency
    >>> X, y = make_waves(n_cases=100, random_state=0)
    >>> curve = label_efficiency(RandomEncoderTransformer(random_state=0), X, y, fractions=(0.1, 0.5, 1.0))
    >>> curve.n_labels
    array([ 7, 35, 70])
    >>> bool(curve.mean[-1] > curve.mean[0])
    True
    """
    shares = _checked_fractions(fractions)
    check_whole_number("n_draws", n_draws, least=1)
    chosen, task = chosen_probe(probe, task, PROBES)
    targets = Targets.checked(X, y, X_test, y_test, task, groups=groups, unlabelled=unlabelled)
    seed = draw_numpy_seed(random_state)
    fitted = _is_fitted(transformer)  # fails early if nothing transforms
    split = _given(X, X_test, targets) if targets.y_test is not None else _held_out(X, targets, test_size, seed)
    n_labels = _numbers_of_labels(shares, split.targets)
    if not fitted:
        transformer = clone(_without_predictor(transformer)).fit(split.X)
    representation = Representation.of(transformer)
    drawn = _draws(split.targets, n_labels, n_draws, seed)
    runs = _Runs(chosen, *both_parts(representation, split.X, split.X_test), split.targets, seed)
    found = runs.of_all(drawn, n_jobs)
    return LabelEfficiencyResult(
        name=representation.name if name is None else name,
        fractions=shares,
        n_labels=n_labels,
        metric="accuracy" if targets.task == "classification" else "mae",
        scores=np.array([[score for score, _ in draws] for draws in found]),
        estimators=[[estimator for _, estimator in draws] for draws in found],
        rows=[[split.rows[labelled] for labelled in draws] for draws in drawn],
        test_rows=split.test_rows,
        transformer=transformer,
    )


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LabelEfficiencyResult(ShownAsText):
    """Scores of a probe against the number of labels.

    Attributes
    ----------
    name : str
        Name of the curve.
    fractions : ndarray of shape (n_fractions,)
        Shares of the training series that are labelled, in rising order.
    n_labels : ndarray of shape (n_fractions,)
        Numbers of labelled series.
    metric : str
        "accuracy", or "mae" (mean absolute error) for regression.
    scores : ndarray of shape (n_fractions, n_draws)
        Scores on the test part. With all labels every draw has the same series and score, so the standard deviation is
        0.
    estimators : list of n_fractions lists of n_draws estimators
        The fitted probes. They predict from embeddings.
    rows : list of n_fractions lists of n_draws ndarrays
        The labelled rows of `X`, in rising order.
    test_rows : ndarray or None
        The rows of `X` that were held out; None if a test part was given.
    transformer : estimator, None, or list of them
        The fitted transformer: the given one, or the fitted clone of an unfitted one. A pooled result has a list.
    """

    name: str
    fractions: np.ndarray
    n_labels: np.ndarray
    metric: str
    scores: np.ndarray
    estimators: list[list[Any]]
    rows: list[list[np.ndarray]]
    test_rows: np.ndarray | None
    transformer: Any

    @classmethod
    def pooled(cls, results: Sequence["LabelEfficiencyResult"]) -> "LabelEfficiencyResult":
        """Join the draws of several results, for example of several seeds.

        Parameters
        ----------
        results : sequence of LabelEfficiencyResult
            One or more results with the same shares, numbers of labels and metric.

        Returns
        -------
        LabelEfficiencyResult
            The draws of all results, the name and held-out rows of the first one, and a list of their transformers.

        Raises
        ------
        ValueError
            If there are no results, or they do not belong together.

        Examples
        --------
        >>> from sklearn_ssl import RandomEncoderTransformer
        >>> from sklearn_ssl.datasets import make_waves
        >>> from sklearn_ssl.evaluation import LabelEfficiencyResult, label_efficiency
        >>> X, y = make_waves(n_cases=60, random_state=0)
        >>> curves = [
        ...     label_efficiency(RandomEncoderTransformer(random_state=seed), X, y, fractions=(0.5, 1.0), n_draws=2)
        ...     for seed in range(3)
        ... ]
        >>> LabelEfficiencyResult.pooled(curves).scores.shape
        (2, 6)
        """
        kinds = {(one.metric, tuple(one.fractions), tuple(one.n_labels)) for one in results}
        if len(kinds) != 1:
            raise ValueError(
                "`results` must be one or more, with the same metric, shares and numbers of labels, got "
                f"{shown(list(results))}."
            )
        first = results[0]
        return dataclasses.replace(
            first,
            scores=np.concatenate([one.scores for one in results], axis=1),
            estimators=_side_by_side([one.estimators for one in results]),
            rows=_side_by_side([one.rows for one in results]),
            transformer=[one.transformer for one in results],
        )

    @property
    def mean(self) -> np.ndarray:
        """Mean score over draws, of shape (n_fractions,)."""
        return self.scores.mean(axis=1)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of the score over draws, of shape (n_fractions,)."""
        return self.scores.std(axis=1)

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater score is a better one."""
        return greater_is_better(self.metric)

    def to_frame(self) -> pd.DataFrame:
        """Return the scores as a table with one row per share and draw.

        Returns
        -------
        pandas.DataFrame
            The columns are name, fraction, n_labels, draw, and the metric.
        """
        n_fractions, n_draws = self.scores.shape
        return pd.DataFrame(
            {
                "name": self.name,
                "fraction": np.repeat(self.fractions, n_draws),
                "n_labels": np.repeat(self.n_labels, n_draws),
                "draw": np.tile(np.arange(n_draws), n_fractions),
                self.metric: self.scores.ravel(),
            }
        )

    def __str__(self) -> str:
        digits = ".3f" if self.greater_is_better else ".4g"
        points = [f"{mean:{digits}} ({n})" for mean, n in zip(self.mean, self.n_labels, strict=True)]
        return f"{self.name}, {self.metric} (labels): {', '.join(points)}"

    def __repr__(self) -> str:
        return f"<LabelEfficiencyResult: {self}>"


@final
@dataclasses.dataclass(frozen=True)
class _Split:
    """Training and test part; `rows` and `test_rows` are their rows in the series that the user gave."""

    X: Any
    X_test: Any
    targets: Targets
    rows: np.ndarray
    test_rows: np.ndarray | None


@final
class _Runs:
    """Fits and scores the probe, once for each set of labelled rows, in several processes if there are any."""

    def __init__(self, probe: Probe, H: np.ndarray, H_test: np.ndarray, targets: Targets, seed: int) -> None:
        self.probe, self.H, self.H_test, self.targets, self.seed = probe, H, H_test, targets, seed

    def of_all(self, drawn: list[list[np.ndarray]], n_jobs: int | None) -> list[list[tuple[float, Any]]]:
        """Return the score and the fitted probe of every draw, for each number of labels."""
        different = {labelled.tobytes(): labelled for labelled in chain.from_iterable(drawn)}
        found = Parallel(n_jobs=n_jobs)(delayed(self.run)(labelled) for labelled in different.values())
        by_rows = dict(zip(different, found, strict=True))
        return [[by_rows[labelled.tobytes()] for labelled in draws] for draws in drawn]

    def run(self, labelled: np.ndarray) -> tuple[float, Any]:
        """Return the score and the fitted probe."""
        task = self.targets.task
        with warnings.catch_warnings():
            # The user asked for one label per class; scikit-learn takes so many classes for a sign of regression.
            warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
            estimator = self.probe.fitted(self.H[labelled], self.targets.y[labelled], task, self.seed)
        scores = all_scores(self.targets.y_test, estimator.predict(self.H_test), task)
        return next(iter(scores.values())), estimator


def _side_by_side(tables: list[list[list[Any]]]) -> list[list[Any]]:
    return [list(chain.from_iterable(rows)) for rows in zip(*tables, strict=True)]


def _checked_fractions(fractions: Any) -> np.ndarray:
    shares: Any = (
        np.ravel(fractions) if isinstance(fractions, (list, tuple, np.ndarray, np.generic, float, int)) else []
    )
    if len(shares) == 0 or not all(share in Range(above=0, most=1) for share in shares):
        raise ValueError(f"`fractions` must be shares above 0 and at most 1, got {shown(fractions)}.")
    return np.unique(shares.astype(np.float64))


def _is_fitted(transformer: Any) -> bool:
    try:
        Representation.of(transformer)
    except NotFittedError:
        return False
    return True


def _without_predictor(transformer: Any) -> Any:
    if isinstance(transformer, Pipeline) and not hasattr(transformer, "transform"):
        return transformer[:-1]
    return transformer


def _given(X: Any, X_test: Any, targets: Targets) -> _Split:
    return _Split(X, X_test, targets, np.arange(len(targets.y)), None)


def _held_out(X: Any, targets: Targets, test_size: float, seed: int) -> _Split:
    n_test = _checked_test_size(targets, test_size)
    if targets.groups is None:
        order = random_order(targets.y, targets.task, np.random.RandomState(seed))
        rows, test = np.sort(order[:-n_test]), np.sort(order[-n_test:])
    else:
        rows, test = _whole_groups(targets, float(test_size), seed)
    parts = Targets(targets.y[rows], targets.y[test], targets.task)
    return _Split(cases_of(X, rows), cases_of(X, test), parts, rows, test)


def _whole_groups(targets: Targets, test_size: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training and test rows of different groups, with a share of every class that is near to the test size."""
    is_classes = targets.task == "classification"
    codes = np.unique(targets.y, return_inverse=True)[1] if is_classes else np.zeros(len(targets.y), dtype=int)
    total = np.bincount(codes)
    splitter = GroupShuffleSplit(N_CHOICES, test_size=test_size, random_state=seed)
    splits = list(splitter.split(codes, groups=sorted_codes(targets.groups)[0]))
    counts = [np.bincount(codes[test], minlength=len(total)) for _, test in splits]
    rows, test = splits[int(np.argmin([np.abs(tested - test_size * total).sum() for tested in counts]))]
    if len(rows) < 2 or len(np.unique(codes[rows])) < len(total):
        raise ValueError(
            f"No choice of groups leaves every class in the training part: there are {len(np.unique(targets.groups))} "
            "groups. Give more of them, or `X_test` and `y_test`."
        )
    return rows, test


def _checked_test_size(targets: Targets, test_size: float) -> int:
    """Return the number of series that are held out."""
    if test_size not in Range(above=0, below=1):
        raise ValueError(f"`test_size` must be a share above 0 and below 1, got {shown(test_size)}.")
    n_cases, least = len(targets.y), _fewest_labels(targets)
    n_test = round(test_size * n_cases)
    fewest_tests = least if targets.task == "classification" else 1
    if n_test < fewest_tests or n_cases - n_test < least:
        raise ValueError(
            f"With {n_cases} series, test_size={test_size} holds out {n_test}, but at least {fewest_tests} are needed "
            f"for the test and {least} for training. Give more series, another `test_size`, or `X_test` and `y_test`."
        )
    return n_test


def _fewest_labels(targets: Targets) -> int:
    return len(np.unique(targets.y)) if targets.task == "classification" else 2


def _numbers_of_labels(shares: np.ndarray, targets: Targets) -> np.ndarray:
    n_cases, least = len(targets.y), _fewest_labels(targets)
    if n_cases < least:
        raise ValueError(f"At least {least} training series are needed, got {n_cases}.")
    return np.clip(np.round(shares * n_cases).astype(int), least, n_cases)


def _draws(targets: Targets, n_labels: np.ndarray, n_draws: int, seed: int) -> list[list[np.ndarray]]:
    """Return the rows of every draw, for each number of labels."""
    seeds = np.random.RandomState(seed).randint(2**31 - 1, size=n_draws)
    orders = [random_order(targets.y, targets.task, np.random.RandomState(one)) for one in seeds]
    return [[np.sort(order[:n]) for order in orders] for n in n_labels]
