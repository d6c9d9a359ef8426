"""Cutting recordings into windows, and joining predictions for windows into predictions for recordings."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.labels import check_comparable, sorted_codes, values_of
from sklearn_ssl._parameters.arguments import check_choice, check_flag
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._beside import beside, constant
from sklearn_ssl.preprocessing._recordings import Reader, Recordings, check_ids
from sklearn_ssl.preprocessing._stamps import is_duration
from sklearn_ssl.preprocessing._step_times import StepTimes
from sklearn_ssl.preprocessing._window_labels import StepLabels, is_share, mean_of_windows
from sklearn_ssl.preprocessing._window_places import Places
from sklearn_ssl.preprocessing._window_reader import windows_of

LABELS = ("majority", "last", "any", "pure", "mean")
SHORT = ("error", "skip", "pad")
RESTS = ("drop", "pad", "overlap")
METHODS = ("mean", "vote")


def window_recordings(
    X: Any,
    y: Any = None,
    groups: Any = None,
    *,
    length: Any,
    step: Any = None,
    label: Any = "majority",
    events: Any = None,
    background: Any = None,
    case: Any = None,
    time: Any = None,
    drop: Any = None,
    sampling_rate: float | None = None,
    max_gap: Any = None,
    short: str = "error",
    rest: str = "drop",
    block: Any = None,
    purge: Any = None,
    return_table: bool = False,
) -> tuple:
    """Cut recordings into windows of one length.

    Window w of a recording of T steps has the steps from ``w * step`` to ``w * step + length - 1``. There are
    ``(T - length) // step + 1`` windows, and the steps that are left over at the end are in none. Windows are in the
    order of the recordings, and within a recording in the order of time.

    If the time stamps of the steps are known, no window reaches over a gap: windows start again after it.

    Parameters
    ----------
    X : array, data frame, list or dict
        The recordings, in one of these forms:

        - an array of shape (n_recordings, n_channels, n_timepoints), or (n_recordings, n_timepoints) for one channel;
        - a list of arrays of shape (n_channels, n_timepoints), which may differ in length;
        - arrays of zarr or h5py, or `OnDisk`, in place of arrays;
        - one data frame, which is one recording. Its rows are time steps and its columns are channels;
        - a list of such data frames;
        - a long data frame of many recordings, with `case`, or with the ids and the time in its MultiIndex;
        - a data frame with one row per recording, whose cells are series;
        - a dictionary of arrays (n_channels, n_timepoints) or data frames. Its keys are the ids of the recordings. If
          all arrays have one shape, give `y`, `groups` or `events` too: the keys could also be channels.

        Trailing steps at which all channels are NaN are padding and in no window. Other NaN is kept.
    y : str, dict, Series, array-like of shape (n_recordings,) or list of arrays of shape (n_timepoints,), default=None
        One label per recording, which all its windows get; or one label per time step, from which `label` chooses one
        per window. A text is the name of a column of `X`, which then is no channel. A dictionary or a Series may have
        the ids of the recordings as keys. Labels of steps may be one array per recording, an array of shape
        (n_recordings, n_timepoints), or one array for all rows of a long data frame. Steps may have no label (NaN or
        None); windows that get none are left out.
    groups : str, dict, Series or array-like of shape (n_recordings,), default=None
        The group of each recording, such as the person, given like `y`. None is the id of the recording.
    length : int, str or timedelta
        Length of a window: a number of time steps, or a duration such as "10s" or "500ms". A duration needs dates or
        durations as time stamps, or `sampling_rate`.
    step : int, str, timedelta or None, default=None
        From the start of one window to the start of the next, given like `length`. None is `length`: windows then
        neither overlap nor leave gaps.
    label : {"majority", "last", "any", "pure", "mean"} or float, default="majority"
        How a window gets its label if time steps have labels or if there are `events`. Steps without an event have the
        label `background`.

        - "majority": the most frequent label. Of several, it is the first in sorted order, the background last.
        - "last": the label of the last step.
        - "any": the most frequent label of an event, if any step of the window is in an event; else the background.
        - a number above 0 and at most 1: like "any", but the label has to cover at least this share of the window;
          windows that are covered less have the background.
        - "pure": the label that all steps have. Windows with several labels are left out.
        - "mean": the mean of numbers.

        A continuous y needs "last" or "mean".
    events : table, list of (start, end, label), or list or dict of them, default=None
        What happened when, in place of y: a table with the columns "start", "end" and "label". An event covers the
        steps from its start until before its end; an event shorter than a step covers the step in which it starts.
        Where events overlap, the one that starts later counts. Start and end are given like the time stamps of `X`: as
        dates, as durations from the start of the recording, or as numbers in the unit of the time stamps. Without time
        stamps they are seconds if there is a `sampling_rate`, and else numbers of steps. For several recordings, give a
        list or a dictionary of tables, or one table with the column `case`, or else "recording", for the ids.
    background : object, default=None
        The label of steps without an event, or without a label in y. None: they have none, and windows that get none
        are left out. -1 marks windows as unlabelled, for semi-supervised learning.
    case : str, list of str or None, default=None
        The columns of a long data frame that tell its recordings apart.
    time : str or None, default=None
        The column with the time stamps, by which steps are sorted. None is the index if it has dates or durations, and
        otherwise the order of the rows.
    drop : str, list of str or None, default=None
        Columns that are not channels.
    sampling_rate : float or None, default=None
        Steps per second, for durations if there are no time stamps.
    max_gap : str, timedelta, float or None, default=None
        The longest time between two neighbouring steps in a window, such as "2s"; a number if the time stamps are
        numbers. None is 1.5 times the usual time between two steps. If you allow more, windows with a gap take longer
        than others, because every window has the same number of steps.
    short : {"error", "skip", "pad"}, default="error"
        What to do with recordings shorter than `length`: raise an error, leave them out, or fill one window with NaN
        after their end, which estimators take for padding. "pad" does so with short parts between gaps, too. Otherwise
        these have no window.
    rest : {"drop", "pad", "overlap"}, default="drop"
        What to do with the steps after the last window: leave them out, fill one more window with NaN after their end,
        or take the last `length` steps as one more window, which overlaps the window before it more than others do.
    block : int, str, timedelta or None, default=None
        Length of blocks of time, given like `length`. The groups of windows are then these blocks, and no window is in
        two of them. So one long recording can be cross-validated.
    purge : int, str, timedelta or None, default=None
        Time at the end of each block in which no window lies, given like `length`. Windows of different blocks are at
        least so far apart, which keeps what neighbours have in common from making scores better than they are.
    return_table : bool, default=False
        Whether to return a table of where the windows came from, too.

    Returns
    -------
    windows : ndarray or OnDisk of shape (n_windows, n_channels, length)
        The windows, in the dtype of `X`. The windows of a single recording are a read-only view into it, even if they
        overlap; if it is memory-mapped, so are they. The windows of several recordings are a copy. If a recording is an
        array of zarr or h5py, or an `OnDisk`, windows stay on disk and are cut out when they are read.
    labels : ndarray of shape (n_windows,) or None
        The labels. None without y and events.
    groups : ndarray of shape (n_windows,)
        The groups. Pass them to `sklearn.model_selection.GroupKFold`, which then keeps the windows of a recording, or
        of a block, in one fold.
    table : pandas.DataFrame
        Only with `return_table`. One row per window, with the columns "recording" (the id of the recording), "group",
        "block" (its number within the recording), "start" and "stop" (the first step and the step after the last one);
        and "start_time" and "end_time", the time stamps of the first and the last step, if they are known.

    Raises
    ------
    ValueError, TypeError
        If a recording is shorter than `length`, a value is infinite, y, groups or events do not fit the recordings, no
        window is left, or another parameter is not valid.

    See Also
    --------
    aggregate_windows : Joins predictions for windows into predictions for recordings.
    as_collection : Reads whole series from the same forms of input.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_ssl.preprocessing import window_recordings
    >>> recordings = [np.arange(10.0)[None], np.arange(6.0)[None]]
    >>> windows, labels, groups = window_recordings(recordings, ["walk", "run"], length=4, step=3)
    >>> windows[:, 0]
    array([[0., 1., 2., 3.],
           [3., 4., 5., 6.],
           [6., 7., 8., 9.],
           [0., 1., 2., 3.]])
    >>> labels
    array(['walk', 'walk', 'walk', 'run'], dtype='<U4')
    >>> groups
    array([0, 0, 0, 1])

    One long recording with time stamps and events, in blocks for cross-validation:

    >>> recording = pd.DataFrame({"acc": np.arange(60.0)}, index=pd.timedelta_range("0s", periods=60, freq="1s"))
    >>> events = pd.DataFrame({"start": ["12s", "43s"], "end": ["24s", "50s"], "label": "fall"})
    >>> events[["start", "end"]] = events[["start", "end"]].apply(pd.to_timedelta)
    >>> windows, labels, groups = window_recordings(
    ...     recording, events=events, background="none", length="5s", block="20s", purge="5s"
    ... )
    >>> labels.tolist()
    ['none', 'none', 'fall', 'fall', 'none', 'none', 'none', 'fall', 'none']
    >>> groups
    array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    """
    check_choice("short", short, *SHORT)
    check_choice("rest", rest, *RESTS)
    if not is_share(label):
        check_choice("label", label, *LABELS)
    check_flag("return_table", return_table)
    _check_together(y, groups, events, background, block, purge)
    check_ids(X, any(given is not None for given in (y, groups, events)))
    names = [name for name in (y, groups) if isinstance(name, str)]
    recordings = Reader(_listed(case), time, _listed(drop), names).read(X)
    times = StepTimes(recordings, recordings.n_steps, _checked_rate(sampling_rate))
    in_time = is_duration(length) and max_gap is None
    length, step, block, purge = _in_steps(times, length, step, block, purge)
    if short == "error":
        _check_long_enough(recordings, times.n_steps, length)
    stretches = times.stretches(max_gap, block, purge)
    places = Places.on(stretches, length, step, pad_short=short == "pad", rest=rest)
    if in_time:
        times.check_regular(places, length)
    labels, kept = _labels(y, events, times, places, label, background, _listed(case))
    places = places.where(kept)
    if len(places) == 0:
        raise ValueError("No window is left. Lower `length`, raise `max_gap`, or give `background` a label.")
    group = _groups(groups, recordings, times.n_steps, places, block)
    result = windows_of(places, recordings.values, length), labels, group
    return (*result, _table(recordings, places, group)) if return_table else result


def aggregate_windows(predictions: Any, groups: Any, method: str = "mean") -> np.ndarray:
    """Join the predictions for the windows of each recording into one prediction.

    Parameters
    ----------
    predictions : array-like of shape (n_windows,) or (n_windows, n_outputs)
        Predictions for windows: numbers, such as the probabilities of `predict_proba`, or labels.
    groups : array-like of shape (n_windows,)
        The group of each window, as `window_recordings` returns it.
    method : {"mean", "vote"}, default="mean"
        "mean" is the mean of numbers. "vote" is the most frequent label; if several are the most frequent, the first of
        them in sorted order.

    Returns
    -------
    ndarray of shape (n_recordings,) or (n_recordings, n_outputs)
        A prediction for each group, in the order in which the groups first occur.

    Raises
    ------
    ValueError
        If there are not as many predictions as groups, if there is no window, or if the predictions do not fit
        `method`.

    See Also
    --------
    window_recordings : Cuts recordings into windows.

    Examples
    --------
    >>> from sklearn_ssl.preprocessing import aggregate_windows
    >>> aggregate_windows([0.25, 0.75, 1.0], groups=[0, 0, 1])
    array([0.5, 1. ])
    >>> aggregate_windows(["run", "walk", "run", "walk"], groups=[0, 0, 0, 1], method="vote")
    array(['run', 'walk'], dtype='<U4')
    """
    check_choice("method", method, *METHODS)
    predictions, groups = values_of(predictions), values_of(groups)
    if groups.ndim != 1 or predictions.ndim == 0 or len(groups) != len(predictions) or len(groups) == 0:
        raise ValueError(
            "`predictions` and `groups` need one entry per window and at least one window, got shapes "
            f"{predictions.shape} and {groups.shape}."
        )
    check_comparable("groups", groups)
    group = pd.factorize(groups, use_na_sentinel=False)[0]
    return _means(predictions, group) if method == "mean" else _votes(predictions, group)


def _check_together(y: Any, groups: Any, events: Any, background: Any, block: Any, purge: Any) -> None:
    if y is not None and events is not None:
        raise ValueError("Give `y` or `events`, and not both: each of them gives labels.")
    if groups is not None and block is not None:
        raise ValueError(
            "Give `groups` or `block`, and not both: blocks of time are groups. return_table=True tells the recording "
            "of each window too."
        )
    if np.ndim(background) > 0:
        raise ValueError(f"`background` must be one label, got {shown(background)}.")
    if purge is not None and block is None:
        raise ValueError("`purge` leaves out time between blocks. Give `block` too, or set it to None.")


def _listed(names: Any) -> list:
    return [] if names is None else list(names) if isinstance(names, (list, tuple)) else [names]


def _checked_rate(sampling_rate: Any) -> float | None:
    if sampling_rate is None:
        return None
    if sampling_rate not in Range(above=0):
        raise ValueError(f"`sampling_rate` must be a number of steps per second above 0, got {shown(sampling_rate)}.")
    return float(sampling_rate)


def _in_steps(times: StepTimes, length: Any, step: Any, block: Any, purge: Any) -> tuple[int, int, int | None, int]:
    length = times.steps_in("length", length)
    step = length if step is None else times.steps_in("step", step)
    block = None if block is None else times.steps_in("block", block)
    purge = 0 if purge is None or purge == 0 else times.steps_in("purge", purge)
    if block is not None and block < length + purge:
        raise ValueError(
            f"A `block` of {block} steps has no room for a window of {length} and a `purge` of {purge}. Give longer "
            "blocks."
        )
    return length, step, block, purge


def _check_long_enough(recordings: Recordings, n_steps: list[int], length: int) -> None:
    if min(n_steps) >= length:
        return
    short = int(np.argmax(np.array(n_steps) < length))
    message = (
        f"`length`={length} is longer than recording {shown(recordings.ids[short])} of X, which has {n_steps[short]} "
        'steps. Lower `length`, or set short="skip" or short="pad".'
    )
    if recordings.values[short].shape[0] >= length:
        message += (
            f" If the {recordings.values[short].shape[0]} channels are time steps, turn the axes: arrays have the "
            "shape (n_channels, n_timepoints), and the rows of a data frame are time steps."
        )
    raise ValueError(message)


def _labels(
    y: Any, events: Any, times: StepTimes, places: Places, label: Any, background: Any, case: list
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the labels of windows, and which windows stay."""
    every = np.ones(len(places), dtype=bool)
    if events is not None:
        return StepLabels.of_events(events, times, case, background).of_windows(places, label)
    if y is None:
        return None, every
    given = beside("y", y, times.recordings, times.n_steps)
    if isinstance(given, np.ndarray):
        return given[places.recording], every
    if label == "mean":
        return mean_of_windows(given, places)
    return StepLabels.of_steps(given, background).of_windows(places, label)


def _groups(groups: Any, recordings: Recordings, n_steps: list[int], places: Places, block: int | None) -> np.ndarray:
    if block is not None:
        most = places.block.max() + 1
        return pd.factorize(places.recording * most + places.block)[0]
    if groups is None:
        return _ids(recordings)[places.recording]
    given = beside("groups", groups, recordings, n_steps)
    each = given if isinstance(given, np.ndarray) else constant("groups", given, recordings)
    return each[places.recording]


def _ids(recordings: Recordings) -> np.ndarray:
    if not any(isinstance(one, tuple) for one in recordings.ids):
        return values_of(recordings.ids)
    ids = np.empty(len(recordings), dtype=object)
    ids[:] = recordings.ids
    return ids


def _table(recordings: Recordings, places: Places, group: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "recording": _ids(recordings)[places.recording],
            "group": group,
            "block": places.block,
            "start": places.start,
            "stop": places.stop,
        }
    )
    if recordings.times is None:
        return table
    cases = np.unique(places.recording)
    where = [places.recording == case for case in cases]
    for name, steps in (("start_time", places.start), ("end_time", places.stop - 1)):
        parts = [recordings.times[case][steps[of]] for case, of in zip(cases, where, strict=True)]
        table[name] = parts[0].append(parts[1:])
    return table


def _means(predictions: np.ndarray, group: np.ndarray) -> np.ndarray:
    if predictions.dtype.kind not in "biuf":
        raise ValueError(f'method="mean" needs numbers, got predictions of dtype {predictions.dtype}. Use "vote".')
    totals = np.zeros((group.max() + 1, *predictions.shape[1:]))
    np.add.at(totals, group, predictions)
    counts = np.bincount(group).reshape(-1, *[1] * (predictions.ndim - 1))
    return totals / counts


def _votes(predictions: np.ndarray, group: np.ndarray) -> np.ndarray:
    if predictions.ndim != 1:
        raise ValueError(f'method="vote" needs one label per window, got predictions of shape {predictions.shape}.')
    codes, labels = sorted_codes(predictions)
    pairs, counts = np.unique(group * len(labels) + codes, return_counts=True)
    groups, votes = np.divmod(pairs, len(labels))
    order = np.lexsort((votes, -counts, groups))
    first = np.unique(groups[order], return_index=True)[1]
    return labels[votes[order][first]]
