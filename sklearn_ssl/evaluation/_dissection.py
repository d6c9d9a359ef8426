"""Network dissection: what each unit of an encoder responds to."""

import dataclasses
import math
import numbers
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets

from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection
from sklearn_ssl._input.labels import check_all_labelled, values_of
from sklearn_ssl._input.padding import stride_of
from sklearn_ssl.augmentations import Augmentation, Compose, Jitter, Scaling, TimeReversal, TimeShift
from sklearn_ssl.evaluation._concepts import masks_of, observed_steps
from sklearn_ssl.evaluation._representation import Representation, random_views

# Activations in memory at once; where there are more, the units are taken in turns.
MOST_VALUES = 1 << 25
CONSTANT = 1e-6  # a range below this share of the largest value is rounding

Encode = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Dissection:
    """What the units of an encoder respond to.

    Attributes
    ----------
    table : DataFrame
        One row a unit: unit, threshold, share_active, concept, iou, iou_corrected, iou_<name> for every concept; with
        labels also class and selectivity; and invariance_<name> for every augmentation.
    segments : DataFrame
        The segments that excite each unit most: unit, rank, case, start, end, activation. Cases count as in X, and
        `end` is the step after the last.
    concepts : dict of str to ndarray of shape (n_used, n_timepoints)
        The mask of every concept, for the cases used.
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
            One row a unit.
        """
        return self.table.copy()


def dissect(
    estimator: Any,
    X: Any,
    concepts: Any = None,
    *,
    y: Any = None,
    quantile: float = 0.95,
    augmentations: Any = None,
    n_segments: int = 5,
    segment_length: int | None = None,
    max_cases: int | None = 500,
    random_state: Any = 0,
) -> Dissection:
    r"""Find out for each unit of an encoder which concept it detects, and how selective and invariant it is.

    A unit u is a channel of `encode`, the last layer. Its activation :math:`a_{it}` at step t of series i is that of
    the map's step :math:`\lfloor t L' / L \rfloor`, for maps of L' steps with stride s that of step
    :math:`\lfloor t / s \rfloor`: coarser maps are repeated. All sums run over the observed steps.

    *Concepts.* The unit is active where :math:`a_{it}` is at least its `quantile` over all steps of all series, and
    above its minimum. With A the steps at which it is active and M those of a concept,

    .. math:: \mathrm{IoU} = \frac{|A \cap M|}{|A \cup M|}, \quad
        \mathrm{IoU}' = \frac{\mathrm{IoU} - e}{1 - e}, \quad e = \frac{p q}{p + q - p q}

    where p and q are the shares of steps in A and M, and e the IoU of a unit that is active as often at random: chance
    is 0 in IoU' and identity is 1. A unit's concept is the one of largest IoU', not of largest IoU as in network
    dissection, so that frequent concepts do not win by being frequent; it is None where no IoU' is above 0.

    *Classes.* With :math:`\mu_k` the mean over the series of class k of the activation averaged over time, less the
    unit's minimum if that is negative,

    .. math:: \mathrm{selectivity} = \frac{\mu_{\max} - \mu_{\mathrm{rest}}}{\mu_{\max} + \mu_{\mathrm{rest}}}

    where :math:`\mu_{\mathrm{rest}}` is the mean of the :math:`\mu_k` of all classes but the largest: 0 if the unit
    tells nothing, 1 if it responds to one class alone.

    *Invariance* to an augmentation is the correlation over the series between the activation averaged over time on the
    series and that on a random view of it: 1 if the augmentation changes nothing, about 0 if it changes all.

    *Segments.* The steps of largest activation, each with the steps around it; segments of a unit do not overlap.

    A constant unit has no concept, class or segment, and NaN for selectivity and invariance.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer with `encode`, or a fitted Pipeline with one.
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        At least two series. Concepts and segments are those of the series that reach the transformer.
    concepts : sequence of str, dict or None, default=None
        The concepts, as in `concept_masks`.
    y : array-like of shape (n_cases,), default=None
        Classes.
    quantile : float, default=0.95
        Share of steps at which a unit is not active, above 0 and below 1. Network dissection takes 0.995 for images,
        whose concepts cover less.
    augmentations : Augmentation, sequence or dict of them, or None, default=None
        Changes to which invariance is measured. None takes the steps of the transformer's own `Compose`, or
        ``Jitter()``, ``Scaling()``, ``TimeShift()`` and ``TimeReversal(p=1.0)`` where it has none. An empty sequence
        measures none. In a sequence they are named after their classes, time_shift for example.
    n_segments : int, default=5
        Most segments of a unit.
    segment_length : int or None, default=None
        Steps of a segment; None is a tenth of the longest series, at least 8.
    max_cases : int or None, default=500
        Series used at most, drawn at random; None uses all. Memory does not depend on the number of units, time does.
    random_state : int, RandomState or None, default=0
        Seed of the views and of the series drawn.

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
    random = np.random.RandomState(draw_seed(random_state) % 2**32)
    cases = _drawn(len(collection), max_cases, random)
    labels = None if y is None else _checked_labels(y, len(collection), cases)
    masks = masks_of(collection, concepts, cases)
    some = _rows(collection, cases)
    length = segment_length or min(some.n_timepoints, max(8, some.n_timepoints // 10))
    observed = observed_steps(some)
    encode = representation.transformer.encode
    units, pooled = _reduced(encode, some, partial(_Unit.of, masks, observed, quantile, n_segments, length))
    views = {
        name: _pooled_view(encode, some, augmentation, random.randint(2**31 - 1))
        for name, augmentation in named.items()
    }
    iou, corrected = _overlaps(units, np.array([mask[observed].mean() for mask in masks.values()]))
    columns = _concept_columns(units, list(masks), iou, corrected)
    if labels is not None:
        columns |= _class_columns(units, pooled, labels)
    columns |= {f"invariance_{name}": _correlation(pooled, view) for name, view in views.items()}
    places = [place for unit in units for place in unit.places]
    return Dissection(
        table=pd.DataFrame(columns),
        segments=_segments(units, cases),
        concepts=masks,
        cases=cases,
        iou=iou,
        iou_corrected=corrected,
        segment_values=[some.values[place.case][:, place.steps].copy() for place in places],
        segment_activations=[place.activation for place in places],
    )


@dataclasses.dataclass(frozen=True)
class _Place:
    """A segment that excites a unit."""

    case: int
    steps: slice
    activation: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Unit:
    """What is kept of the activation of one unit; shares are shares of the observed steps."""

    threshold: float
    minimum: float
    constant: bool
    share_active: float
    share_inside: list[float]
    places: list[_Place]

    @classmethod
    def of(
        cls,
        masks: dict[str, np.ndarray],
        observed: np.ndarray,
        quantile: float,
        n_segments: int,
        segment_length: int,
        activation: np.ndarray,
    ) -> Self:
        """Reduce the activation (n, L) of a unit."""
        seen = activation[observed]
        if not np.isfinite(seen).all():
            raise ValueError(
                "The activations of finite series are NaN or infinite. Put a scaler such as "
                "ChannelWise(StandardScaler()) before the transformer."
            )
        minimum, maximum = float(seen.min()), float(seen.max())
        constant = maximum - minimum <= CONSTANT * max(abs(minimum), abs(maximum))
        threshold = float(np.quantile(seen.astype(np.float64), quantile))
        active = observed & (activation >= threshold) & (activation > minimum) & (not constant)
        places = [] if constant else _top_places(activation, observed, n_segments, segment_length)
        inside = [mask[active].sum() / len(seen) for mask in masks.values()]
        return cls(threshold, minimum, constant, active.sum() / len(seen), inside, list(places))


def _reduced(
    encode: Encode, collection: Collection, reduce: Callable[[np.ndarray], _Unit]
) -> tuple[list[_Unit], np.ndarray]:
    """Return what is kept of every unit, and the means over time (n, D)."""
    units, pooled = [], []
    for maps in _unit_blocks(encode, collection.values):
        pooled.append(_mean_over_time(maps))
        units += [reduce(_at_every_step(maps[:, unit], collection.n_timepoints)) for unit in range(maps.shape[1])]
    return units, np.concatenate(pooled, axis=1)


def _overlaps(units: list[_Unit], inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return IoU and IoU corrected for chance, (D, n_concepts), from the share of steps of every concept."""
    active = np.array([[unit.share_active] for unit in units])  # (D, 1)
    iou = _iou(np.array([unit.share_inside for unit in units]), active, inside)
    expected = _iou(active * inside, active, inside)
    return iou, np.divide(iou - expected, 1 - expected, out=np.zeros_like(iou), where=expected < 1)


def _iou(both: np.ndarray, active: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return intersection over union from shares of steps, 0 where the union is empty."""
    union = active + inside - both
    return np.divide(both, union, out=np.zeros_like(union), where=union > 0)


def _concept_columns(units: list[_Unit], names: list[str], iou: np.ndarray, corrected: np.ndarray) -> dict[str, Any]:
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


def _segments(units: list[_Unit], cases: np.ndarray) -> pd.DataFrame:
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
            f"A transformer with `encode` is needed, which gives features per time step, got {estimator!r}."
        )
    return representation


def _check_parameters(quantile: Any, n_segments: Any, segment_length: Any, max_cases: Any) -> None:
    if not isinstance(quantile, numbers.Real) or isinstance(quantile, bool) or not 0 < float(quantile) < 1:
        raise ValueError(f"`quantile` must be a number above 0 and below 1, got {quantile!r}.")
    _check_whole("n_segments", n_segments, 0)
    if segment_length is not None:
        _check_whole("segment_length", segment_length, 1)
    if max_cases is not None:
        _check_whole("max_cases", max_cases, 2)


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or int(value) < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {value!r}.")


def _augmentations(given: Any, representation: Representation) -> dict[str, Augmentation]:
    if given is None:
        given = _default_augmentations(representation)
    if isinstance(given, Augmentation):
        given = [given]
    if not isinstance(given, Mapping):
        given = _with_names(given)
    for name, augmentation in given.items():
        if not isinstance(augmentation, Augmentation):
            raise TypeError(f"`augmentations`: {name!r} must be an Augmentation, got {augmentation!r}.")
        augmentation.check_hyperparameters()
    return dict(given)


def _default_augmentations(representation: Representation) -> Any:
    if not hasattr(representation.transformer, "augmentation"):
        return [Jitter(), Scaling(), TimeShift(), TimeReversal(p=1.0)]
    own = representation.augmentation()
    if not isinstance(own, Compose):
        return own
    return {name: step for name, step in own.steps.items() if isinstance(step, Augmentation)}


def _with_names(augmentations: Any) -> dict[str, Any]:
    if not isinstance(augmentations, list | tuple):
        raise TypeError(
            f"`augmentations` must be an Augmentation, a sequence or dict of them, or None, got {augmentations!r}."
        )
    named: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for augmentation in augmentations:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(augmentation).__name__).lower()
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}_{seen[name]}"] = augmentation
    return named


def _checked_labels(y: Any, n_cases: int, cases: np.ndarray) -> np.ndarray:
    labels = values_of(y)
    if labels.shape != (n_cases,):
        raise ValueError(f"`y` must have one class for each of the {n_cases} series, got shape {labels.shape}.")
    check_all_labelled("y", labels)
    check_classification_targets(labels)
    labels = labels[cases]
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"`y` must have at least two classes among the series used, got {labels[0]!r} alone. Leave it out, or "
            "raise `max_cases`."
        )
    return labels


def _drawn(n_cases: int, max_cases: int | None, random: np.random.RandomState) -> np.ndarray:
    if max_cases is None or n_cases <= max_cases:
        return np.arange(n_cases)
    return np.sort(random.choice(n_cases, max_cases, replace=False))


def _rows(collection: Collection, rows: np.ndarray) -> Collection:
    lengths = collection.lengths
    return Collection(np.asarray(collection.values[rows]), None if lengths is None else lengths[rows])


def _encoded(encode: Encode, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the feature maps of a few cases after the other, (B, D, L')."""
    size = math.ceil(INFERENCE_STEPS / values.shape[2])
    for start in range(0, len(values), size):
        yield encode(values[start : start + size])


def _unit_blocks(encode: Encode, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the maps of all cases for a few units after the other, (n, U, L'); each block encodes the series again."""
    _, n_units, n_steps = next(_encoded(encode, values)).shape
    size = max(1, MOST_VALUES // (len(values) * n_steps))
    for start in range(0, n_units, size):
        maps = np.empty((len(values), min(size, n_units - start), n_steps), dtype=np.float32)
        row = 0
        for part in _encoded(encode, values):
            maps[row : row + len(part)] = part[:, start : start + size]
            row += len(part)
        yield maps


def _at_every_step(maps: np.ndarray, n_timepoints: int) -> np.ndarray:
    """Repeat the steps of maps (n, L') for the L steps of the series, as `resize_mask` shrinks masks."""
    n_steps = maps.shape[1]
    stride = stride_of(n_timepoints, n_steps)
    steps = np.arange(n_timepoints)
    return maps[:, steps * n_steps // n_timepoints if stride is None else steps // stride]


def _mean_over_time(maps: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(maps, axis=2, dtype=np.float64))


def _pooled_view(encode: Encode, collection: Collection, augmentation: Augmentation, seed: int) -> np.ndarray:
    (view,) = random_views(collection, augmentation, 1, seed)
    return np.concatenate([_mean_over_time(maps) for maps in _encoded(encode, view)])  # (n, D)


def _top_places(activation: np.ndarray, observed: np.ndarray, n_places: int, length: int) -> Iterator[_Place]:
    """Yield the places of largest activation (n, L), which do not overlap."""
    left = np.where(observed, activation, -np.inf)
    lengths = observed.sum(axis=1)
    for _ in range(n_places):
        case, centre = np.unravel_index(left.argmax(), left.shape)
        if left[case, centre] == -np.inf:
            return
        starts = np.clip(np.arange(left.shape[1]) - length // 2, 0, max(0, lengths[case] - length))
        start = int(starts[centre])
        stop = int(min(start + length, lengths[case]))
        yield _Place(int(case), slice(start, stop), activation[case, start:stop].copy())
        left[case, (starts < stop) & (starts + length > start)] = -np.inf


def _class_columns(units: list[_Unit], pooled: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
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
    """Correlate columns; NaN where one is constant."""
    varies = np.ones(first.shape[1], dtype=bool)
    centred = []
    for pooled in (first, second):
        varies &= np.ptp(pooled, axis=0) > CONSTANT * np.abs(pooled).max(axis=0)
        centred.append(pooled - pooled.mean(axis=0))
    a, b = centred
    norm = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return np.divide((a * b).sum(axis=0), norm, out=np.full(len(norm), np.nan), where=varies)
