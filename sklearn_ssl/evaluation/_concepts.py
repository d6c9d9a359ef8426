"""Concepts: events such as peaks or bursts at each time step, computed from the series or given as masks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy
from scipy.ndimage import correlate1d

from sklearn_ssl._input.collections import Collection, collection_of, is_ragged
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._gaps import equal_lengths

CONSTANT = 1e-6  # a range below this share of the largest value is rounding
STEEP, LEVEL, CALM = 0.5, 0.25, 0.5
BURST = 2.0
FAST_PERIOD, FAST_SHARE, AUDIBLE = 8, 0.5, 0.01
LOUDER = 4.0


def concept_masks(X: Any, concepts: Any = None) -> dict[str, np.ndarray]:
    r"""Tell at which time steps of each series each concept holds.

    Let x be one channel of one series of n steps, minus its mean, and s its standard deviation. Windows have the odd
    number of steps :math:`w = 2 \lfloor n / 40 \rfloor + 1`, but at least 5 and at most n. For the window about step t,
    let :math:`b_t` be the slope of the fitted straight line, :math:`v_t` the variance of the values, and
    :math:`r_t = v_t - b_t^2 (w^2 - 1) / 12` their variance about the line. Near the ends of the series, the window is
    the first or the last w steps. A bar denotes the mean over t. The computed concepts are

    ================  ==============================================================================================
    "peak"            t lies between the two points at which a local maximum, with a prominence of at least s, has
                      fallen by half its prominence
    "rising"          :math:`b_t > 0.5\, \sqrt{\overline{b^2}}`
    "falling"         :math:`b_t < -0.5\, \sqrt{\overline{b^2}}`
    "flat"            :math:`|b_t| \le 0.25\, \sqrt{\overline{b^2}}` and :math:`\sqrt{v_t} \le 0.5\, s`
    "burst"           :math:`r_t > 2\, \bar{r}`: the values vary about their local trend twice as much as on average
    "high_frequency"  the periods below 8 steps, cut out by a Butterworth filter of order 4 that runs forwards and
                      backwards, have a mean square in the window of at least half of :math:`v_t`, and
                      :math:`v_t > 0.01\, s^2`
    "channel_k"       channel k stands out: with :math:`e_{jt}` the mean square in the window of channel j,
                      standardised over all series, :math:`e_{kt} \ge 1` and
                      :math:`e_{kt} \ge 4\, \mathrm{mean}_{j \ne k}\, e_{jt}`
    ================  ==============================================================================================

    The first six hold for a series at t if they hold for any of its channels. For a constant channel, "flat" holds and
    nothing else. Nothing holds in padding.

    Parameters
    ----------
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        The series.
    concepts : sequence of str, dict or None, default=None
        Names of computed concepts; or a dict from names to masks, to callables, or to names of computed concepts. A
        mask has the shape (n_cases, n_timepoints) or (n_cases, n_channels, n_timepoints), or is a list of arrays with
        the lengths of the series. A mask with channels holds where it holds for any channel. A callable takes the
        series, an array (n_cases, n_channels, n_timepoints) with NaN in padding, and returns a mask. None computes all
        concepts; "channel_0" and so on only if there are several channels.

    Returns
    -------
    dict of str to ndarray of shape (n_cases, n_timepoints)
        The masks, boolean.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown, or if a mask does not fit the series or has other values than True and False.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import concept_masks
    >>> X = np.array([[0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0]])
    >>> concept_masks(X, ["peak"])["peak"].astype(int)
    array([[0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]])
    """
    return masks_of(collection_of(X), concepts)


def masks_of(collection: Collection, concepts: Any = None, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return the masks (n_rows, n_timepoints) of some rows of a collection; given masks cover all its rows."""
    rows = np.arange(len(collection)) if rows is None else rows
    some = collection.rows(rows)
    observed = observed_steps(some)
    masks = {}
    for name, concept in _named(concepts, collection.n_channels).items():
        if isinstance(concept, str):
            mask = computed_mask(concept, some.values, some.lengths)
        elif callable(concept):
            mask = _checked(concept(some.values.copy()), some, name)
        else:
            mask = _checked(concept, collection, name)[rows]
        masks[name] = (mask.any(axis=1) if mask.ndim == 3 else mask) & observed
    return masks


def computed_mask(name: str, x: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
    """Tell where a computed concept holds in each channel, or for "channel_k" where it holds in each series.

    Parameters
    ----------
    name : str
        Name of the concept.
    x : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series.
    lengths : ndarray of shape (n_cases,) or None, default=None
        Number of observed steps of each series; None if no series is padded.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints)
        The mask, boolean.
    """
    if name not in COMPUTED:
        channel = int(name.removeprefix("channel_"))
        return _of_equal_lengths(_loud, _standardised(x, lengths), lengths)[:, channel]
    return _of_equal_lengths(lambda part: COMPUTED[name](_centred(part)), x, lengths)


def observed_steps(collection: Collection) -> np.ndarray:
    """Tell which steps of each series are observed, (n_cases, n_timepoints)."""
    if collection.lengths is None:
        return np.ones((len(collection), collection.n_timepoints), dtype=bool)
    return np.arange(collection.n_timepoints) < collection.lengths[:, None]


def _named(concepts: Any, n_channels: int) -> dict[str, Any]:
    known = [*COMPUTED, *(f"channel_{channel}" for channel in range(n_channels) if n_channels > 1)]
    concepts = _by_name(known if concepts is None else concepts)
    if not concepts:
        raise ValueError("`concepts` is empty. Name at least one, or give None for all computed ones.")
    unknown = [name for name in concepts.values() if isinstance(name, str) and name not in known]
    if unknown:
        raise ValueError(
            f"`concepts` names {shown(unknown[0])}, which is not computed. Known here: {', '.join(known)}."
        )
    return concepts


def _by_name(concepts: Any) -> dict[str, Any]:
    """Return concepts by their names; a computed concept is given by its name alone."""
    if isinstance(concepts, Mapping):
        return dict(concepts)
    names = [concepts] if isinstance(concepts, str) else concepts
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"`concepts` must be names of computed concepts, a dict of masks or callables, or None, got {shown(names)}."
        )
    return {name: name for name in names}


def _checked(mask: Any, collection: Collection, name: str) -> np.ndarray:
    if is_ragged(mask) or (isinstance(mask, list | tuple) and len({np.shape(one) for one in mask}) > 1):
        mask = _stacked(mask, collection, name)
    mask = np.asarray(mask)
    n_cases, n_channels, n_timepoints = collection.values.shape
    if mask.shape not in ((n_cases, n_timepoints), (n_cases, n_channels, n_timepoints)):
        raise ValueError(
            f"`concepts`: the mask of {shown(name)} must have shape {(n_cases, n_timepoints)} or "
            f"{(n_cases, n_channels, n_timepoints)}, like the series that reach the transformer, got {mask.shape}."
        )
    if mask.dtype.kind not in "biuf" or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"`concepts`: the mask of {shown(name)} may have True and False only, got {shown(list(mask.flat[:9]))}."
        )
    return mask.astype(bool)


def _stacked(masks: Any, collection: Collection, name: str) -> np.ndarray:
    lengths = observed_steps(collection).sum(axis=1)
    shapes = [np.shape(one) for one in masks]
    expected = [(int(length),) for length in lengths]
    if len(masks) != len(lengths) or any(shape[-1:] != own for shape, own in zip(shapes, expected, strict=True)):
        raise ValueError(
            f"`concepts`: the masks of {shown(name)} must be as long as the series, which have {lengths[:5].tolist()} "
            f"steps and so on, got shapes {shapes[:5]}."
        )
    stacked = np.zeros((len(lengths), collection.n_timepoints), dtype=bool)
    for row, one in enumerate(masks):
        stacked[row, : lengths[row]] = np.asarray(one).reshape(-1, lengths[row]).any(axis=0)
    return stacked


def _of_equal_lengths(
    rule: Callable[[np.ndarray], np.ndarray], x: np.ndarray, lengths: np.ndarray | None
) -> np.ndarray:
    mask = np.zeros(x.shape, dtype=bool)
    for rows, n_steps in equal_lengths(Collection(x, lengths)):
        mask[rows, :, :n_steps] = rule(x[rows, :, :n_steps])
    return mask


def _centred(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    constant = np.ptp(x, axis=2, keepdims=True) <= CONSTANT * np.abs(x).max(axis=2, keepdims=True)
    return np.where(constant, 0, x - x.mean(axis=2, keepdims=True))


def _standardised(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    steps = np.where(observed_steps(Collection(x, lengths))[:, None], x, np.nan).astype(np.float64)
    mean = np.nanmean(steps, axis=(0, 2), keepdims=True)
    spread = np.nanstd(steps, axis=(0, 2), keepdims=True)
    constant = spread <= CONSTANT * np.nanmax(np.abs(steps), axis=(0, 2), keepdims=True)
    return np.where(constant, 0, (steps - mean) / np.where(constant, 1, spread))


def _window(n_steps: int) -> int:
    return min(max(5, 2 * (n_steps // 40) + 1), n_steps - 1 + n_steps % 2)


def _over_windows(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum x (n, C, L) times weights over the window about each step; windows stay inside the series."""
    n_steps, half = x.shape[2], len(weights) // 2
    return correlate1d(x, weights, axis=2)[:, :, np.clip(np.arange(n_steps), half, n_steps - 1 - half)]


def _local_mean(x: np.ndarray) -> np.ndarray:
    width = _window(x.shape[2])
    return _over_windows(x, np.full(width, 1 / width))


def _local_slope(x: np.ndarray) -> np.ndarray:
    offsets = np.arange(_window(x.shape[2])) - _window(x.shape[2]) // 2.0
    return _over_windows(x, offsets / max(1, np.square(offsets).sum()))


def _local_variance(x: np.ndarray) -> np.ndarray:
    return np.maximum(_local_mean(np.square(x)) - np.square(_local_mean(x)), 0)


def _root_mean_square(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(x).mean(axis=2, keepdims=True))


def _peak(x: np.ndarray) -> np.ndarray:
    mask = np.zeros(x.shape, dtype=bool)
    for place in np.ndindex(x.shape[:2]):
        row = x[place]
        peaks, found = scipy.signal.find_peaks(row, prominence=row.std())
        prominences = tuple(found[key] for key in ("prominences", "left_bases", "right_bases"))
        _, _, left, right = scipy.signal.peak_widths(row, peaks, prominence_data=prominences)  # at half the prominence
        for start, end in zip(np.ceil(left).astype(int), np.floor(right).astype(int), strict=True):
            mask[place][start : end + 1] = True
    return mask


def _rising(x: np.ndarray) -> np.ndarray:
    slope = _local_slope(x)
    return slope > STEEP * _root_mean_square(slope)


def _falling(x: np.ndarray) -> np.ndarray:
    return _rising(-x)


def _flat(x: np.ndarray) -> np.ndarray:
    slope = _local_slope(x)
    calm = np.sqrt(_local_variance(x)) <= CALM * _root_mean_square(x)
    return (np.abs(slope) <= LEVEL * _root_mean_square(slope)) & calm


def _burst(x: np.ndarray) -> np.ndarray:
    width = _window(x.shape[2])
    about_line = _local_variance(x) - np.square(_local_slope(x)) * (width**2 - 1) / 12
    rounding = CONSTANT * np.square(_root_mean_square(x))
    return about_line > np.maximum(BURST * about_line.mean(axis=2, keepdims=True), rounding)


def _high_frequency(x: np.ndarray) -> np.ndarray:
    high_pass = scipy.signal.butter(4, 2 / FAST_PERIOD, "highpass", output="sos")
    fast = scipy.signal.sosfiltfilt(high_pass, x, axis=2, padlen=min(15, x.shape[2] - 1))
    variance = _local_variance(x)
    heard = variance > AUDIBLE * np.square(_root_mean_square(x))
    return (_local_mean(np.square(fast)) >= FAST_SHARE * variance) & heard


def _loud(x: np.ndarray) -> np.ndarray:
    energy = _local_mean(np.square(x))
    n_others = max(1, x.shape[1] - 1)
    others = np.maximum(energy.sum(axis=1, keepdims=True) - energy, 0) / n_others
    return (energy >= 1) & (energy >= LOUDER * others)


COMPUTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "peak": _peak,
    "rising": _rising,
    "falling": _falling,
    "flat": _flat,
    "burst": _burst,
    "high_frequency": _high_frequency,
}
