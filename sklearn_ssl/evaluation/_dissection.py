"""Network dissection: the concept, class and invariance of each unit of an encoder."""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations import Augmentation, Compose, Jitter, Scaling, TimeReversal, TimeShift
from sklearn_ssl.evaluation._concepts import masks_of, observed_steps
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._targets import Targets, check_classes
from sklearn_ssl.evaluation._units import CONSTANT, Unit, pooled_view, reduced_units


@dataclasses.dataclass(frozen=True, eq=False)
class Dissection:
    """The concepts, classes and segments that the units of an encoder respond to.

    Attributes
    ----------
    table : DataFrame
        One row per unit. The columns are unit, threshold, share_active, concept, iou, iou_corrected, iou_<name> for
        every concept and invariance_<name> for every augmentation; with labels there are also class and selectivity.
    segments : DataFrame
        The segments that excite each unit most. The columns are unit, rank, case, start, end and activation. `case` is
        a row of X, and `end` is the step after the last one.
    concepts : dict of str to ndarray of shape (n_used, n_timepoints)
        The mask of every concept, for the cases that were used.
    cases : ndarray of shape (n_used,)
        The rows of X that were used.
    iou, iou_corrected : ndarray of shape (n_units, n_concepts)
        Overlap of every unit with every concept, in the order of `concepts`.
    segment_values : list of ndarray of shape (n_channels, end - start)
        The series of each row of `segments`.
    segment_activations : list of ndarray of shape (end - start,)
        The unit's activation in each row of `segments`.
    """

    table: pd.DataFrame
    segments: pd.DataFrame
    concepts: dict[str, np.ndarray]
    cases: np.ndarray
    iou: np.ndarray
    iou_corrected: np.ndarray
    segment_values: list[np.ndarray]
    segment_activations: list[np.ndarray]

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of `table`.

        Returns
        -------
        DataFrame
            One row per unit.
        """
        return self.table.copy()


def dissect(
    estimator: Any,
    X: Any,
    concepts: Any = None,
    *,
    y: Any = None,
    unlabelled: Any = UNLABELLED,
    quantile: float = 0.95,
    augmentations: Any = None,
    n_segments: int = 5,
    segment_length: int | None = None,
    max_cases: int | None = 500,
    random_state: Any = 0,
) -> Dissection:
    r"""Find out for each unit of an encoder which concept it detects, and how selective and invariant it is.

    A unit u is a channel of the last layer, as `encode` returns it. A map with fewer steps than the series is repeated:
    the activation :math:`a_{it}` at step t of series i is the value of the map at step :math:`\lfloor t / s \rfloor` if
    the map has stride s, and at step :math:`\lfloor t L' / L \rfloor` for other maps of L' steps. All sums run over the
    observed steps.

    *Concepts.* The unit is active where :math:`a_{it}` is at least its `quantile` over all steps of all series, and
    above its minimum. Let A be the steps at which the unit is active, and M the steps at which a concept holds. Then

    .. math:: \mathrm{IoU} = \frac{|A \cap M|}{|A \cup M|}, \quad
        \mathrm{IoU}' = \frac{\mathrm{IoU} - e}{1 - e}, \quad e = \frac{p q}{p + q - p q}

    where p and q are the shares of steps in A and M, and e is the IoU of a unit that is active equally often at random.
    IoU' is 0 for a random unit and 1 if A and M are equal. A unit's concept is the one with the largest IoU'. (Network
    dissection takes the largest IoU, which favours frequent concepts.) The concept is None if no IoU' is above 0.

    *Classes.* Average the activation over time, and then over the series of class k. If the unit's minimum is negative,
    subtract it. With :math:`\mu_k` the result,

    .. math:: \mathrm{selectivity} = \frac{\mu_{\max} - \mu_{\mathrm{rest}}}{\mu_{\max} + \mu_{\mathrm{rest}}}

    where :math:`\mu_{\max}` is the largest :math:`\mu_k` and :math:`\mu_{\mathrm{rest}}` is the mean of all others. It
    is 0 if the unit does not tell classes apart, and 1 if it responds to one class alone.

    *Invariance* to an augmentation compares the activation averaged over time on each series with the same average on a
    random view of the series. It is their correlation over the series: 1 if the augmentation changes nothing, about 0
    if it changes everything.

    *Segments* are the steps of largest activation, each with the steps around it. Segments of a unit do not overlap.

    A constant unit has no concept, class or segment, and NaN for selectivity and invariance.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer with `encode`, or a fitted Pipeline with one.
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        At least two series. Concepts and segments belong to the series that reach the transformer.
    concepts : sequence of str, dict or None, default=None
        The concepts, as in `concept_masks`.
    y : array-like of shape (n_cases,), default=None
        Classes.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `linear_probe`.
    quantile : float, default=0.95
        Share of steps at which a unit is not active, above 0 and below 1. Network dissection takes 0.995 for images,
        where concepts cover a smaller share.
    augmentations : Augmentation, sequence or dict of them, or None, default=None
        Changes to which invariance is measured. None takes the steps of the transformer's own `Compose`. If the
        transformer has no augmentation, None takes ``Jitter()``, ``Scaling()``, ``TimeShift()`` and
        ``TimeReversal(p=1.0)``. An empty sequence measures no invariance. In a sequence, augmentations are named after
        their classes, for example time_shift.
    n_segments : int, default=5
        Largest number of segments per unit.
    segment_length : int or None, default=None
        Number of steps of a segment. None is a tenth of the longest series, but at least 8.
    max_cases : int or None, default=500
        Largest number of series that are used. If there are more, they are drawn at random. None uses all. The time
        grows with the number of units, the memory does not.
    random_state : int, RandomState or None, default=0
        Seed of the draw of series and of the views.

    Returns
    -------
    Dissection
        The table of units, the segments and the masks.

    Raises
    ------
    TypeError
        If the estimator has no `encode`.
    ValueError
        If a parameter is out of range, or masks or labels do not fit the series.

    References
    ----------
    Bau, Zhou, Khosla, Oliva and Torralba, "Network Dissection: Quantifying Interpretability of Deep Visual
    Representations", CVPR 2017.

    Morcos, Barrett, Rabinowitz and Botvinick, "On the importance of single directions for generalization", ICLR 2018
    (class selectivity).

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_bursts
    >>> from sklearn_ssl.evaluation import dissect
    >>> X, y = make_bursts(n_cases=20, random_state=0)
    >>> units = dissect(RandomEncoderTransformer(random_state=0).fit(X), X, ["peak", "burst"], y=y)
    >>> units.to_frame().shape, units.iou.shape
    ((64, 14), (64, 2))
    """
    representation = _with_encode(estimator)
    _check_parameters(quantile, n_segments, segment_length, max_cases)
    named = _augmentations(augmentations, representation)
    collection = representation.collection(X)
    if len(collection) < 2:
        raise ValueError(f"X has {len(collection)} series; at least two are needed to compare units.")
    random = np.random.RandomState(draw_numpy_seed(random_state))
    cases = _drawn(len(collection), max_cases, random)
    labels = None if y is None else _checked_labels(collection, y, unlabelled, cases)
    masks = masks_of(collection, concepts, cases)
    some = collection.rows(cases)
    encode = representation.transformer.encode
    length = segment_length or min(some.n_timepoints, max(8, some.n_timepoints // 10))
    observed = observed_steps(some)
    units, pooled = reduced_units(encode, some, partial(Unit.of, masks, observed, quantile, n_segments, length))
    iou, corrected = _overlaps(units, np.array([mask[observed].mean() for mask in masks.values()]))
    columns = _concept_columns(units, list(masks), iou, corrected)
    columns |= {} if labels is None else _class_columns(units, pooled, labels)
    for name, augmentation in named.items():
        view = pooled_view(encode, some, augmentation, random.randint(2**31 - 1))
        columns[f"invariance_{name}"] = _correlation(pooled, view)
    table, segments = pd.DataFrame(columns), _segments(units, cases)
    return Dissection(table, segments, masks, cases, iou, corrected, *_cut_out(units, some))


def _cut_out(units: list[Unit], some: Collection) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the values and the activation of every segment."""
    places = [place for unit in units for place in unit.places]
    values = [some.values[place.case][:, place.steps].copy() for place in places]  # (C, end - start) each
    return values, [place.activation for place in places]


def _overlaps(units: list[Unit], inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return IoU and IoU corrected for chance, both (D, n_concepts), from the share of steps of every concept."""
    active = np.array([[unit.share_active] for unit in units])  # (D, 1)
    iou = _iou(np.array([unit.share_inside for unit in units]), active, inside)
    expected = _iou(active * inside, active, inside)
    return iou, np.divide(iou - expected, 1 - expected, out=np.zeros_like(iou), where=expected < 1)


def _iou(both: np.ndarray, active: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return intersection over union from shares of steps; 0 where the union is empty."""
    union = active + inside - both
    return np.divide(both, union, out=np.zeros_like(union), where=union > 0)


def _concept_columns(units: list[Unit], names: list[str], iou: np.ndarray, corrected: np.ndarray) -> dict[str, Any]:
    rows, best = np.arange(len(units)), corrected.argmax(axis=1)
    concepts = [names[at] if corrected[row, at] > 0 else None for row, at in enumerate(best)]
    return {
        "unit": rows,
        "threshold": [unit.threshold for unit in units],
        "share_active": [unit.share_active for unit in units],
        "concept": pd.Series(concepts, dtype=object),
        "iou": iou[rows, best],
        "iou_corrected": corrected[rows, best],
        **{f"iou_{name}": iou[:, column] for column, name in enumerate(names)},
    }


def _segments(units: list[Unit], cases: np.ndarray) -> pd.DataFrame:
    rows = [
        (number, rank, cases[place.case], place.steps.start, place.steps.stop, float(place.activation.max()))
        for number, unit in enumerate(units)
        for rank, place in enumerate(unit.places)
    ]
    return pd.DataFrame(rows, columns=["unit", "rank", "case", "start", "end", "activation"])


def _with_encode(estimator: Any) -> Representation:
    representation = Representation.of(estimator)
    if not hasattr(representation.transformer, "encode"):
        raise TypeError(
            f"A transformer with `encode` is needed, which returns features of each time step, got {shown(estimator)}."
        )
    return representation


def _check_parameters(quantile: Any, n_segments: Any, segment_length: Any, max_cases: Any) -> None:
    if quantile not in Range(above=0, below=1):
        raise ValueError(f"`quantile` must be a number above 0 and below 1, got {shown(quantile)}.")
    check_whole_number("n_segments", n_segments, least=0)
    check_whole_number("segment_length", segment_length, least=1, none=True)
    check_whole_number("max_cases", max_cases, least=2, none=True)


def _augmentations(given: Any, representation: Representation) -> dict[str, Augmentation]:
    if given is None:
        given = _default_augmentations(representation)
    if isinstance(given, Augmentation):
        given = [given]
    if not isinstance(given, Mapping):
        given = _with_names(given)
    for name, augmentation in given.items():
        if not isinstance(augmentation, Augmentation):
            raise TypeError(f"`augmentations`: {shown(name)} must be an Augmentation, got {shown(augmentation)}.")
        augmentation.check_hyperparameters()
    return dict(given)


def _default_augmentations(representation: Representation) -> Any:
    if not representation.makes_views:
        return [Jitter(), Scaling(), TimeShift(), TimeReversal(p=1.0)]
    own = representation.augmentation()
    if not isinstance(own, Compose):
        return own
    return {name: step for name, step in own.steps.items() if isinstance(step, Augmentation)}


def _with_names(augmentations: Any) -> dict[str, Any]:
    if not isinstance(augmentations, list | tuple):
        raise TypeError(
            f"`augmentations` must be an Augmentation, a sequence or dict of them, or None, got {shown(augmentations)}."
        )
    named: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for augmentation in augmentations:
        name = _snake_case(type(augmentation).__name__)
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}_{seen[name]}"] = augmentation
    return named


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _checked_labels(collection: Collection, y: Any, unlabelled: Any, cases: np.ndarray) -> np.ndarray:
    labels = Targets.checked(collection.values, y, None, None, "classification", unlabelled=unlabelled).y[cases]
    check_classes(labels)
    return labels


def _drawn(n_cases: int, max_cases: int | None, random: np.random.RandomState) -> np.ndarray:
    if max_cases is None or n_cases <= max_cases:
        return np.arange(n_cases)
    return np.sort(random.choice(n_cases, max_cases, replace=False))


def _class_columns(units: list[Unit], pooled: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    classes = np.unique(labels)
    means = np.stack([pooled[labels == label].mean(axis=0) for label in classes])  # (K, D)
    means -= [min(unit.minimum, 0) for unit in units]
    largest = means.max(axis=0)
    rest = (means.sum(axis=0) - largest) / (len(classes) - 1)
    defined = (largest + rest > 0) & [not unit.constant for unit in units]
    selectivity = np.divide(largest - rest, largest + rest, out=np.full(len(units), np.nan), where=defined)
    chosen = [classes[at] if known else None for at, known in zip(means.argmax(axis=0), defined, strict=True)]
    return {"class": pd.Series(chosen, dtype=object), "selectivity": selectivity}


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of each pair of columns (D,), NaN if a column is constant."""
    varies = np.ones(first.shape[1], dtype=bool)
    centred = []
    for pooled in (first, second):
        varies &= np.ptp(pooled, axis=0) > CONSTANT * np.abs(pooled).max(axis=0)
        centred.append(pooled - pooled.mean(axis=0))
    a, b = centred
    norm = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return np.divide((a * b).sum(axis=0), norm, out=np.full(len(norm), np.nan), where=varies)
