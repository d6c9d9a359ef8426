"""What is left of a classifier's accuracy when its series are disturbed."""

import abc
import contextlib
import dataclasses
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, final

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from sklearn_ssl._engine.random_streams import GENERATORS_IN_USE, draw_seed, forked_generators, seed_generators
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, validated_collection
from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._numerics.vectors import without_torch
from sklearn_ssl.adversarial import projected_gradient_descent
from sklearn_ssl.architectures._modes import attackable
from sklearn_ssl.evaluation._corruptions import CHANGES, Channels
from sklearn_ssl.evaluation._representation import CPU, unwrapped
from sklearn_ssl.evaluation._targets import check_whole_number
from sklearn_ssl.fine_tuning import is_labelled
from sklearn_ssl.preprocessing import FillMissing
from sklearn_ssl.preprocessing._base import in_form_of

GAPS, DROPPED, PGD = "gaps", "dropped channels", "pgd"
NAN, INTERPOLATED = "NaN", "interpolated"
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
class RobustnessReport:
    """The accuracy of a classifier on clean and on disturbed series; ``print(report)`` shows it as text.

    Attributes
    ----------
    clean : float
        Accuracy on the series as they are.
    corruption : ndarray of str of shape (n_conditions,)
        What was done to the series.
    severity : ndarray of shape (n_conditions,)
        How much, rising within a corruption.
    scores : ndarray of shape (n_conditions, n_repeats)
        Accuracies, one for each draw.
    skipped : dict of str to str
        The corruptions that could not be applied, and why.
    gaps : {"NaN", "interpolated", None}
        What stood in the gaps; None without gaps.
    n_cases : int
        Labelled series, on which all is measured.
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
        """Return the part about one corruption.

        Parameters
        ----------
        corruption : str
            One that was applied.

        Returns
        -------
        RobustnessReport
            With its conditions alone.

        Raises
        ------
        ValueError
            If it was not applied.
        """
        if corruption not in self.corruptions:
            why = self.skipped.get(corruption, f"the report has {', '.join(self.corruptions) or 'none'}")
            raise ValueError(f"`corruption` must be one that was applied, got {corruption!r}: {why}.")
        at = self.corruption == corruption
        return dataclasses.replace(
            self, corruption=self.corruption[at], severity=self.severity[at], scores=self.scores[at], skipped={}
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the mean accuracies as a table, a row for each corruption and severity, the clean series first.

        Returns
        -------
        pandas.DataFrame
            With the columns "corruption", "severity", "accuracy", "std" and "drop", the accuracy lost.
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
    r"""Measure the accuracy of a fitted classifier on series as they are, and disturbed in six ways.

    With :math:`\lambda` the severity and :math:`s_c` the standard deviation of channel c over all values of the scored
    series, NaN left out:

    ==================  ==============================================================  ==========================
    corruption          what happens to a series                                        severities, by default
    ==================  ==============================================================  ==========================
    "noise"             Gaussian noise of standard deviation :math:`\lambda s_c`        0.1, 0.25, 0.5, 1
    "gaps"              a share :math:`\lambda` of the time is lost in all channels,    0.1, 0.25, 0.5, 0.75
                        in three blocks; the last step always stays
    "drift"             a smooth curve is added to each channel, the natural cubic      0.25, 0.5, 1, 2
                        spline through four random values, whose largest deviation
                        from zero is :math:`\lambda s_c`
    "dropped channels"  a share :math:`\lambda` of the channels, rounded, at least one  0.1, 0.25, 0.5, 0.75
                        and never all, becomes the mean of the channel
    "time shift"        it moves by up to a share :math:`\lambda` of its length, to     0.05, 0.1, 0.25, 0.5
                        either side; the value at the edge is repeated
    "pgd"               the attack of `projected_gradient_descent` in the ball of       0.01, 0.03, 0.1, 0.3
                        radius :math:`\lambda s_c`, by the true class
    ==================  ==============================================================  ==========================

    A series of n observed steps keeps its length, and padding stays padding. All draws are made anew for every series;
    they are the same for all severities and all models with the same `random_state`, whichever other corruptions there
    are.

    Gaps are NaN where the model takes them: its first step allows NaN by scikit-learn's tags and the later ones do not
    refuse what arrives. For all others they are straight lines, by ``FillMissing(method="linear")``.

    In a Pipeline all are applied to its input, except for "pgd". That acts on the input of the classifier at its end,
    after all other steps, and :math:`s_c` is the standard deviation there. It needs a classifier of this package whose
    encoder has a gradient. The module is in evaluation mode, and what grows is the cross-entropy of the true class: the
    attack follows the log odds against that class, whose gradient has the same sign and does not vanish for confident
    predictions. A series counts as right if it is classified correctly as it is and attacked too.

    Nothing is fitted, and neither the model nor the global random generators are changed.

    Parameters
    ----------
    model : classifier or Pipeline that ends in one
        Fitted, from this package or any other; only `predict` is needed.
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        Test series, in the form that the model takes.
    y : array-like of shape (n_cases,)
        Their classes. Series of class -1 are left out, unless the model has such a class.
    corruptions : sequence of str, default=None
        Which ones. None is all of the table.
    severities : sequence of float, or dict of str to sequence of float, default=None
        Severities for all corruptions or for some of them; the others keep those of the table. All are above 0, those
        that are shares at most 1.
    n_repeats : int, default=1
        Draws of each corruption, and random starts of the attack. The accuracy of a condition is their mean. One is
        enough for many series, each of which has a draw of its own.
    pgd_steps : int, default=10
        Gradient steps of the attack.
    random_state : int, RandomState or None, default=0
        Seed of all draws.

    Returns
    -------
    RobustnessReport
        The accuracies, and what was skipped: "dropped channels" for series of a single channel, "pgd" for models
        without gradients.

    Raises
    ------
    TypeError
        If the model is no classifier.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If a corruption is unknown, a severity or a number out of range, or no series is labelled.

    See Also
    --------
    sklearn_ssl.plotting.RobustnessDisplay : The picture.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import robustness_report
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> model = SSLClassifier(RandomEncoderTransformer(random_state=0), mode="probe", random_state=0)
    >>> report = robustness_report(model.fit(X[:40], y[:40]), X[40:], y[40:], corruptions=["noise", "pgd"])
    >>> report.severity
    array([0.1 , 0.25, 0.5 , 1.  , 0.01, 0.03, 0.1 , 0.3 ])
    >>> bool(report.of("pgd").accuracy[-1] < report.clean)
    True
    """
    check_whole_number("n_repeats", n_repeats, least=1)
    check_whole_number("pgd_steps", pgd_steps, least=1)
    plan = _plan(corruptions, severities)
    _check_model(model)
    X, y = _labelled(model, X, y)
    seed = draw_seed(random_state)
    right = _is_right(model, X, y)
    trials: dict[str, _Trial] = {
        name: _Attack(model, X, y, right, pgd_steps) if name == PGD else _Corruption(name, model, X, y) for name in plan
    }
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
        n_cases=len(y),
    )


class _Trial(abc.ABC):
    """The accuracy under one corruption; `reason` says why there is none."""

    reason: str | None = None
    filling: str | None = None

    @abc.abstractmethod
    def accuracy(self, severity: float, seed: int) -> float:
        """Disturb the series by the random stream of `seed`, and count what is right."""


@final
class _Corruption(_Trial):
    """A random change of the model's input."""

    def __init__(self, name: str, model: Any, X: Any, y: np.ndarray) -> None:
        self.change = CHANGES[name]
        self.model, self.X, self.y = model, X, y
        self.collection = validated_collection(BaseEstimator(), X, reset=True, dtype=None, allow_missing=True)
        self.channels = Channels.of(self.collection)
        if name == DROPPED and self.collection.n_channels == 1:
            self.reason = "the series have no other channel"
        if name == GAPS:
            self.filling = NAN if self._takes_nan() else INTERPOLATED

    def accuracy(self, severity: float, seed: int) -> float:
        """Disturb the series by the random stream of `seed`, and count what is right."""
        return float(_is_right(self.model, self._disturbed(severity, seed), self.y).mean())

    def _disturbed(self, severity: float, seed: int) -> Any:
        x = torch.tensor(self.collection.values)  # (n, C, L)
        lengths = torch.as_tensor(_lengths(self.collection))
        with _stream(seed, CPU):
            changed = self.change(x, lengths, severity, self.channels)
        observed = observed_mask(lengths, x.shape[2])[:, None]
        values = torch.where(observed, changed, x).numpy()
        if self.filling == INTERPOLATED:
            values = FillMissing(method="linear").fit_transform(values)
        return _in_form_of(self.X, Collection(values, self.collection.lengths))

    def _takes_nan(self) -> bool:
        """Tell whether the model takes gaps as NaN, by the tags of its first step and by trying two series."""
        if not _allows_nan(self.model):
            return False
        two = np.arange(min(2, len(self.y)))
        try:
            self.model.predict(_safe_indexing(self._disturbed(0.5, seed=0), two))
        except ValueError:
            return False
        return True


@final
class _Attack(_Trial):
    """Projected gradient descent on the input of a pipeline's classifier."""

    def __init__(self, model: Any, X: Any, y: np.ndarray, right: np.ndarray, n_steps: int) -> None:
        before, self.classifier = _parts(model)
        self.y, self.n_steps = y, n_steps
        self.rows = np.flatnonzero(right)  # all others count as wrong, attacked or not
        self.reason = _no_gradient(self.classifier)
        if self.reason is not None:
            return
        for steps in before:
            X = steps.transform(X)
        self.collection = validated_collection(self.classifier, X, reset=False)
        self.net = self.classifier.net_
        self.dataset = self.net.series(self.collection)
        self.std = Channels.of(self.collection).std.to(self.dataset.device)
        positions = {label: position for position, label in enumerate(self.classifier.classes_.tolist())}
        # A class that the model does not know is never right, whatever the attack aims at.
        self.target = torch.tensor([positions.get(label, 0) for label in y.tolist()], device=self.dataset.device)
        if not self._has_gradient():
            self.reason = f"{type(self.net.module_.encoder).__name__} has no gradient with respect to the series"

    def accuracy(self, severity: float, seed: int) -> float:
        """Attack the series by the random stream of `seed`, and count what is right."""
        if len(self.rows) == 0:
            return 0.0
        with attackable(self.net.module_), _stream(seed, self.dataset.device):
            found = np.concatenate([self._attacked(rows, severity) for rows in self._batches(self.rows)])  # (n, C, L)
        return float(_is_right(self.classifier, found, self.y[self.rows]).sum() / len(self.y))

    def _attacked(self, rows: torch.Tensor, severity: float) -> np.ndarray:
        batch = self.dataset[rows]
        x, lengths = batch.x, batch.lengths
        mask = None if lengths is None else observed_mask(lengths, x.shape[2])
        found = projected_gradient_descent(
            x,
            lambda x: self._log_odds_against(x, lengths, batch.index),
            severity * self.std,
            n_steps=self.n_steps,
            mask=mask,
        )
        return (found if mask is None else found.masked_fill(~mask[:, None], torch.nan)).cpu().numpy()

    def _log_odds_against(self, x: torch.Tensor, lengths: torch.Tensor | None, index: torch.Tensor) -> torch.Tensor:
        """Return the sum of the log odds against the true classes, of which cross-entropy is an increasing function."""
        logits = self.net.module_.outputs(x, lengths)  # (B, K)
        target = self.target[index][:, None]  # (B, 1)
        others = logits.scatter(1, target, -torch.inf).logsumexp(dim=1)
        return (others - logits.gather(1, target)[:, 0]).sum()

    def _has_gradient(self) -> bool:
        batch = self.dataset[next(self._batches(np.arange(len(self.y))))]
        with attackable(self.net.module_), torch.enable_grad():
            x = batch.x.clone().requires_grad_()
            value = self._log_odds_against(x, batch.lengths, batch.index)
            gradient = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
        return gradient is not None and bool(gradient.any())

    def _batches(self, rows: np.ndarray) -> Iterator[torch.Tensor]:
        return iter(torch.from_numpy(rows).split(math.ceil(INFERENCE_STEPS / self.collection.n_timepoints)))


def _plan(corruptions: Any, severities: Any) -> dict[str, list[float]]:
    """Return the severities of each corruption."""
    names = SEVERITIES if corruptions is None else [corruptions] if isinstance(corruptions, str) else corruptions
    if not isinstance(names, Iterable):
        raise TypeError(f"`corruptions` must be names of corruptions or None, got {corruptions!r}.")
    names = list(names)
    given = severities if isinstance(severities, Mapping) else dict.fromkeys(names, severities)
    for parameter, each in (("corruptions", names), ("severities", given)):
        unknown = [name for name in each if name not in SEVERITIES]
        if unknown:
            raise ValueError(f"`{parameter}` has the unknown {unknown[0]!r}. Known are {', '.join(SEVERITIES)}.")
    if not names:
        raise ValueError("`corruptions` is empty. Name at least one, or give None for all.")
    return {name: _levels(name, given.get(name)) for name in names}


def _levels(name: str, levels: Any) -> list[float]:
    """Return severities that were given, rising, or else those of the table."""
    if levels is None:
        return list(SEVERITIES[name])
    levels = list(levels) if isinstance(levels, Iterable) else [levels]
    most = 1.0 if name in SHARES else math.inf
    for level in levels:
        is_number = isinstance(level, numbers.Real) and not isinstance(level, bool)
        if not is_number or not 0 < float(level) <= most or math.isinf(level):
            limit = " and at most 1, a share" if name in SHARES else ", in standard deviations"
            raise ValueError(
                f"`severities` of {name!r} must be above 0{limit}, got {level!r}. Clean series are scored in any case."
            )
    if not levels:
        raise ValueError(f"`severities` of {name!r} is empty. Give one number or more, or None.")
    return sorted({float(level) for level in levels})


def _check_model(model: Any) -> None:
    is_estimator = hasattr(model, "__sklearn_tags__") and not isinstance(model, type)
    if not (is_estimator and is_classifier(model)):
        raise TypeError(f"`model` must be a fitted classifier, or a Pipeline that ends in one, got {model!r}.")
    check_is_fitted(model)


def _labelled(model: Any, X: Any, y: Any) -> tuple[Any, np.ndarray]:
    """Return the series whose class is known, and the classes as objects."""
    if y is None:
        raise ValueError("`y` must hold the classes of X, got None: accuracy needs labels.")
    X, y = without_torch(X), column_or_1d(without_torch(y), warn=True)
    check_consistent_length(X, y)
    classes = np.asarray(getattr(model, "classes_", ())).tolist()
    labelled = np.ones(len(y), dtype=bool) if UNLABELLED in classes else is_labelled(y)
    if not labelled.any():
        raise ValueError(f"`y` has no labelled series among its {len(y)}: all are -1. Give series with their classes.")
    known = y[labelled].astype(object)
    if classes and not set(known.tolist()) & set(classes):
        raise ValueError(f"`y` has none of the classes of the model, which are {classes}; its first is {known[0]!r}.")
    return X if labelled.all() else _safe_indexing(X, np.flatnonzero(labelled)), known


def _is_right(model: Any, X: Any, y: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(X), dtype=object) == y


def _seed_of(seed: int, name: str, repeat: int) -> int:
    return int(np.random.SeedSequence([seed, list(SEVERITIES).index(name), repeat]).generate_state(1)[0])


@contextlib.contextmanager
def _stream(seed: int, device: torch.device) -> Iterator[None]:
    with GENERATORS_IN_USE, forked_generators(device):
        seed_generators(seed, device)
        yield


def _lengths(collection: Collection) -> np.ndarray:
    return np.full(len(collection), collection.n_timepoints) if collection.lengths is None else collection.lengths


def _in_form_of(X: Any, collection: Collection) -> Any:
    values = in_form_of(X, collection)
    if isinstance(values, list):
        return [np.ascontiguousarray(series) for series in values]  # compiled code of others asks for it
    return pd.DataFrame(values, index=X.index, columns=X.columns) if isinstance(X, pd.DataFrame) else values


def _parts(model: Any) -> tuple[list[Any], Any]:
    """Return what series pass before they reach the classifier, and the classifier."""
    before = []
    model = unwrapped(model)
    while isinstance(model, Pipeline):
        if len(model) > 1:
            before.append(model[:-1])
        model = unwrapped(model[-1])
    return before, model


def _no_gradient(classifier: Any) -> str | None:
    """Tell why a classifier cannot be attacked, None if it seems possible."""
    module = getattr(getattr(classifier, "net_", None), "module_", None)
    if hasattr(module, "outputs") and hasattr(classifier, "classes_"):
        return None
    name = type(classifier).__name__
    return f"{name} gives no gradient; a classifier of this package, such as SSLClassifier, is needed"


def _allows_nan(model: Any) -> bool:
    model = unwrapped(model)
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    first = next(step for step in steps if step is not None and step != "passthrough")
    return hasattr(first, "__sklearn_tags__") and get_tags(first).input_tags.allow_nan
