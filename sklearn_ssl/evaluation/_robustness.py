"""Accuracy of a classifier on clean and on disturbed series."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, final

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.labels import UNLABELLED, values_of
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._checks import cases_of, with_rows
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.evaluation._trials import DROPPED, GAPS, PGD, Attack, Corruption, Trial, is_right
from sklearn_ssl.fine_tuning import is_labelled

SEVERITIES: dict[str, tuple[float, ...]] = {
    "noise": (0.1, 0.25, 0.5, 1.0),
    GAPS: (0.1, 0.25, 0.5, 0.75),
    "drift": (0.25, 0.5, 1.0, 2.0),
    DROPPED: (0.1, 0.25, 0.5, 0.75),
    "time shift": (0.05, 0.1, 0.25, 0.5),
    PGD: (0.01, 0.03, 0.1, 0.3),
}
SHARES = (GAPS, DROPPED, "time shift")


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RobustnessReport(ShownAsText):
    """The accuracy of a classifier on clean and on disturbed series; ``print(report)`` shows it as text.

    Attributes
    ----------
    clean : float
        Accuracy on the series as they are.
    corruption : ndarray of str of shape (n_conditions,)
        The corruption of each condition.
    severity : ndarray of shape (n_conditions,)
        The severity of each condition, in rising order within a corruption.
    scores : ndarray of shape (n_conditions, n_repeats)
        Accuracies, one for each draw.
    skipped : dict of str to str
        The corruptions that could not be applied, each with the reason.
    gaps : {"NaN", "interpolated", None}
        How gaps were filled; None without gaps.
    n_cases : int
        Number of labelled series, on which everything is measured.
    """

    clean: float
    corruption: np.ndarray
    severity: np.ndarray
    scores: np.ndarray
    skipped: dict[str, str]
    gaps: str | None
    n_cases: int

    @property
    def accuracy(self) -> np.ndarray:
        """Mean accuracy over the draws, of shape (n_conditions,)."""
        return self.scores.mean(axis=1)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of the accuracy over the draws, of shape (n_conditions,)."""
        return self.scores.std(axis=1)

    @property
    def corruptions(self) -> list[str]:
        """The corruptions that were applied, each once, in their order."""
        return list(dict.fromkeys(self.corruption.tolist()))

    def of(self, corruption: str) -> Self:
        """Return the part of the report about one corruption.

        Parameters
        ----------
        corruption : str
            A corruption that was applied.

        Returns
        -------
        RobustnessReport
            The conditions of this corruption alone.

        Raises
        ------
        ValueError
            If the corruption was not applied.
        """
        if corruption not in self.corruptions:
            why = self.skipped.get(corruption, f"this report has {', '.join(self.corruptions) or 'none'}")
            raise ValueError(f"`corruption` must be one that was applied, got {shown(corruption)}: {why}.")
        at = self.corruption == corruption
        return dataclasses.replace(
            self, corruption=self.corruption[at], severity=self.severity[at], scores=self.scores[at], skipped={}
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the mean accuracies as a table: the clean series first, then one row per corruption and severity.

        Returns
        -------
        pandas.DataFrame
            The columns are "corruption", "severity", "accuracy", "std" and "drop", the lost accuracy.
        """
        accuracy = np.append(self.clean, self.accuracy)
        return pd.DataFrame(
            {
                "corruption": ["clean", *self.corruption],
                "severity": np.append(0.0, self.severity),
                "accuracy": accuracy,
                "std": np.append(0.0, self.std),
                "drop": self.clean - accuracy,
            }
        )

    def __str__(self) -> str:
        width = max(map(len, ["clean", *self.corruptions, *self.skipped]))
        rows = {"clean": f"{self.clean:.3f}"}
        for name in self.corruptions:
            part = self.of(name)
            points = zip(part.accuracy, part.severity, strict=True)
            rows[name] = ", ".join(f"{accuracy:.3f} ({severity:g})" for accuracy, severity in points)
        rows |= {name: f"skipped: {why}" for name, why in self.skipped.items()}
        lines = [f"{name:{width}}  {row}" for name, row in rows.items()]
        return "\n".join([f"accuracy (severity) on {self.n_cases} series", *lines])

    def __repr__(self) -> str:
        applied = ", ".join(self.corruptions) or "no corruption"
        return f"<RobustnessReport: clean {self.clean:.3f}, {applied}>"


def robustness_report(
    model: Any,
    X: Any,
    y: Any,
    *,
    corruptions: Sequence[str] | None = None,
    severities: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    n_repeats: int = 1,
    pgd_steps: int = 10,
    random_state: Any = 0,
) -> RobustnessReport:
    r"""Measure the accuracy of a fitted classifier on series as they are, and on series disturbed in six ways.

    Let :math:`\lambda` be the severity, and :math:`s_c` the standard deviation of channel c over all values of the
    scored series except NaN:

    ==================  ==============================================================  ==========================
    corruption          change of a series                                              severities, by default
    ==================  ==============================================================  ==========================
    "noise"             Gaussian noise of standard deviation :math:`\lambda s_c`        0.1, 0.25, 0.5, 1
    "gaps"              a share :math:`\lambda` of the time is lost in all channels,    0.1, 0.25, 0.5, 0.75
                        in three blocks; the last step is always kept
    "drift"             a smooth curve is added to each channel, the natural cubic      0.25, 0.5, 1, 2
                        spline through four random values, whose largest deviation
                        from zero is :math:`\lambda s_c`
    "dropped channels"  a share :math:`\lambda` of the channels, rounded, at least one  0.1, 0.25, 0.5, 0.75
                        and never all, is replaced by the mean of the channel
    "time shift"        the series moves by up to a share :math:`\lambda` of its        0.05, 0.1, 0.25, 0.5
                        length to either side; the value at the edge is repeated
    "pgd"               the attack of `projected_gradient_descent` on the true class    0.01, 0.03, 0.1, 0.3
                        within a ball of radius :math:`\lambda s_c`
    ==================  ==============================================================  ==========================

    A series keeps its length, and padding stays padding. Every series has a draw of its own. The draws are the same for
    all severities and for all models with the same `random_state`, and do not depend on the other corruptions.

    Gaps are NaN if the model takes NaN: the tags of its first step must allow NaN, and a trial must show that later
    steps accept the result. For all other models, ``FillMissing(method="linear")`` draws straight lines through the
    gaps.

    In a Pipeline, all corruptions except "pgd" change the input of the Pipeline. The attack changes the input of the
    classifier at the end, behind all other steps, and :math:`s_c` is the standard deviation there. It needs a
    classifier of this package whose encoder has a gradient. The module is in evaluation mode. The attack increases the
    cross-entropy of the true class: it follows the gradient of the log odds against this class, which has the same
    direction but does not vanish for confident predictions. A series counts as right if it is classified correctly both
    as it is and attacked.

    Nothing is fitted, and neither the model nor the global random generators are changed.

    Parameters
    ----------
    model : classifier or Pipeline that ends in one
        A fitted classifier from this package or any other; only `predict` is needed.
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        Test series, in the form that the model takes.
    y : array-like of shape (n_cases,)
        The classes of the series. Series whose label is the model's `unlabelled`, or else -1, are left out, unless the
        model has the class -1.
    corruptions : sequence of str, default=None
        Names of the corruptions. None takes all of the table.
    severities : sequence of float, or dict of str to sequence of float, default=None
        Severities of all corruptions, or of some of them in a dict. The others keep the severities of the table.
        Severities are above 0, and at most 1 if they are shares.
    n_repeats : int, default=1
        Number of draws of each corruption, and of random starts of the attack. The accuracy of a condition is their
        mean. One draw is enough for many series, since every series has a draw of its own.
    pgd_steps : int, default=10
        Number of gradient steps of the attack.
    random_state : int, RandomState or None, default=0
        Seed of all draws.

    Returns
    -------
    RobustnessReport
        The accuracies, and the corruptions that were skipped: "dropped channels" for series of a single channel, "pgd"
        for models without gradients.

    Raises
    ------
    TypeError
        If the model is not a classifier.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ValueError
        If a corruption is unknown, a severity or another number is out of range, or no series is labelled.

    See Also
    --------
    sklearn_ssl.plotting.RobustnessDisplay : The picture.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import FCNEncoder
    >>> from sklearn_ssl.evaluation import robustness_report
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> transformer = RandomEncoderTransformer(encoder=FCNEncoder(width=8), random_state=0)
    >>> model = SSLClassifier(transformer, mode="probe", random_state=0)
    >>> model = model.fit(X[:40], y[:40])
    >>> report = robustness_report(model, X[40:], y[40:], corruptions=["gaps", "pgd"], severities={"pgd": [0.1, 0.3]})
    >>> report.severity
    array([0.1 , 0.25, 0.5 , 0.75, 0.1 , 0.3 ])
    >>> bool(report.of("pgd").accuracy[-1] < report.clean)
    True
    """
    check_whole_number("n_repeats", n_repeats, least=1)
    check_whole_number("pgd_steps", pgd_steps, least=1)
    plan = _plan(corruptions, severities)
    _check_model(model)
    X, y = _labelled(model, X, y)
    seed = draw_seed(random_state)
    right = is_right(model, X, y)
    trials = {name: _trial(name, model, X, y, right, pgd_steps) for name in plan}
    return _report(plan, trials, right, seed, n_repeats)


def _report(
    plan: dict[str, list[float]], trials: dict[str, Trial], right: np.ndarray, seed: int, n_repeats: int
) -> RobustnessReport:
    conditions = [(name, level) for name in plan if trials[name].reason is None for level in plan[name]]
    scores = [
        [trials[name].accuracy(level, _seed_of(seed, name, repeat)) for repeat in range(n_repeats)]
        for name, level in conditions
    ]
    return RobustnessReport(
        clean=float(right.mean()),
        corruption=np.array([name for name, _ in conditions], dtype=str),
        severity=np.array([level for _, level in conditions]),
        scores=np.reshape(scores, (len(conditions), n_repeats)),
        skipped={name: trial.reason for name, trial in trials.items() if trial.reason is not None},
        gaps=trials[GAPS].filling if GAPS in trials else None,
        n_cases=len(right),
    )


def _trial(name: str, model: Any, X: Any, y: np.ndarray, right: np.ndarray, pgd_steps: int) -> Trial:
    return Attack(model, X, y, right, pgd_steps) if name == PGD else Corruption(name, model, X, y)


def _plan(corruptions: Any, severities: Any) -> dict[str, list[float]]:
    """Return the severities of each corruption."""
    names = SEVERITIES if corruptions is None else [corruptions] if isinstance(corruptions, str) else corruptions
    if not isinstance(names, Iterable):
        raise TypeError(f"`corruptions` must be names of corruptions or None, got {shown(corruptions)}.")
    names = list(names)
    given = severities if isinstance(severities, Mapping) else dict.fromkeys(names, severities)
    _check_names("corruptions", names)
    _check_names("severities", given)
    if not names:
        raise ValueError("`corruptions` is empty. Name at least one, or give None for all.")
    return {name: _levels(name, given.get(name)) for name in names}


def _check_names(parameter: str, names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in SEVERITIES]
    if unknown:
        raise ValueError(f"`{parameter}` has the unknown name {shown(unknown[0])}. Known are {', '.join(SEVERITIES)}.")


def _levels(name: str, levels: Any) -> list[float]:
    """Return the given severities in rising order, or the severities of the table."""
    if levels is None:
        return list(SEVERITIES[name])
    levels = list(levels) if isinstance(levels, Iterable) else [levels]
    for level in levels:
        _check_level(name, level)
    if not levels:
        raise ValueError(f"`severities` of {shown(name)} is empty. Give one number or more, or None.")
    return sorted({float(level) for level in levels})


def _check_level(name: str, level: Any) -> None:
    most = 1.0 if name in SHARES else math.inf
    if level not in Range(above=0, most=most):
        limit = " and at most 1, a share" if name in SHARES else ", in standard deviations"
        raise ValueError(
            f"`severities` of {shown(name)} must be above 0{limit}, got {shown(level)}. Clean series are always scored."
        )


def _check_model(model: Any) -> None:
    is_estimator = hasattr(model, "__sklearn_tags__") and not isinstance(model, type)
    if not (is_estimator and is_classifier(model)):
        raise TypeError(f"`model` must be a fitted classifier, or a Pipeline that ends in one, got {shown(model)}.")
    check_is_fitted(model)


def _labelled(model: Any, X: Any, y: Any) -> tuple[Any, np.ndarray]:
    """Return the series whose class is known, and the classes as objects."""
    if y is None:
        raise ValueError("`y` must have the classes of X, got None: accuracy needs labels.")
    X, y = with_rows(X), column_or_1d(values_of(y), warn=True)
    check_consistent_length(X, y)
    classes = np.asarray(getattr(model, "classes_", ())).tolist()
    last = model[-1] if isinstance(model, Pipeline) else model
    mark = None if UNLABELLED in classes else getattr(last, "unlabelled", UNLABELLED)
    labelled = is_labelled(y, mark)
    known = y[labelled].astype(object)
    _check_known(known, classes)
    return X if labelled.all() else cases_of(X, np.flatnonzero(labelled)), known


def _check_known(known: np.ndarray, classes: list) -> None:
    if not len(known):
        raise ValueError("`y` has no labelled series: all are -1. Give series with their classes.")
    if classes and not set(known.tolist()) & set(classes):
        raise ValueError(f"`y` has no class of the model, which knows {shown(classes)}, got {shown(known[0])} first.")


def _seed_of(seed: int, name: str, repeat: int) -> int:
    return int(np.random.SeedSequence([seed, list(SEVERITIES).index(name), repeat]).generate_state(1)[0])
