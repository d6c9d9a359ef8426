"""Cutting recordings into windows, and joining predictions for windows into predictions for recordings."""

import numbers
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils.multiclass import type_of_target

from sklearn_ssl._input.collections import is_ragged, observed_lengths, plain
from sklearn_ssl._input.labels import sorted_codes, values_of

LABELS = ("majority", "last")
METHODS = ("mean", "vote")


def window_recordings(
    X: Any,
    y: Any = None,
    groups: Any = None,
    *,
    length: int,
    step: int | None = None,
    label: str = "majority",
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Cut recordings into windows of one length.

    Window w of a recording of T steps has the steps from ``w * step`` to ``w * step + length - 1``. There are
    ``(T - length) // step + 1`` windows, and the steps that are left over at the end are in none. Windows are in the
    order of the recordings, and within a recording in the order of time.

    Parameters
    ----------
    X : array of shape (n_recordings, n_channels, n_timepoints) or (n_recordings, n_timepoints), or list of 2-D arrays
        The recordings. 2-D input is one channel. In a list of arrays (n_channels, n_timepoints) the recordings may have
        unequal lengths. Trailing steps at which all channels are NaN are padding and in no window. Other NaN is kept.
    y : array-like of shape (n_recordings,) or list of arrays of shape (n_timepoints,), default=None
        One label per recording, which all its windows get; or one label per time step, as a list of arrays or as an
        array of shape (n_recordings, n_timepoints), from which `label` chooses one per window.
    groups : array-like of shape (n_recordings,), default=None
        The group of each recording, such as the person. None is the index of the recording.
    length : int
        Number of time steps in a window.
    step : int or None, default=None
        Number of time steps from the start of one window to the start of the next. None is `length`: windows then
        neither overlap nor leave gaps.
    label : {"majority", "last"}, default="majority"
        How a window gets its label if time steps have labels. "majority" is the most frequent label; if several are the
        most frequent, the first of them in sorted order. "last" is the label of the last step. A continuous y needs
        "last".

    Returns
    -------
    windows : ndarray of shape (n_windows, n_channels, length)
        The windows, in the dtype of `X`. The windows of a single recording are a read-only view into it, even if they
        overlap; if it is memory-mapped, so are they. The windows of several recordings are a copy.
    labels : ndarray of shape (n_windows,) or None
        The labels. None without y.
    groups : ndarray of shape (n_windows,)
        The groups. Pass them to `sklearn.model_selection.GroupKFold`, which then keeps the windows of a recording in
        one fold, and to `aggregate_windows`.

    Raises
    ------
    ValueError, TypeError
        If a recording is shorter than `length`, a value is infinite, y or groups do not fit the recordings, or another
        parameter is not valid.

    See Also
    --------
    aggregate_windows : Joins predictions for windows into predictions for recordings.

    Examples
    --------
    >>> import numpy as np
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
    """
    length = _steps("length", length)
    step = length if step is None else _steps("step", step)
    _check_choice("label", label, LABELS)
    recordings = _recordings(X)
    n_steps = _observed_steps(recordings)
    _check_long_enough(n_steps, length)
    windows = _all_windows(recordings, n_steps, length, step)
    labels = None if y is None else _labels(y, recordings, n_steps, length, step, label)
    groups = np.arange(len(n_steps)) if groups is None else _one_each("groups", groups, len(n_steps))
    return windows, labels, _for_each_window(groups, n_steps, length, step)


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
    _check_choice("method", method, METHODS)
    predictions, groups = values_of(predictions), values_of(groups)
    if groups.ndim != 1 or predictions.ndim == 0 or len(groups) != len(predictions) or len(groups) == 0:
        raise ValueError(
            "`predictions` and `groups` need one entry per window and at least one window, got shapes "
            f"{predictions.shape} and {groups.shape}."
        )
    group = _order_of_appearance(groups)
    return _means(predictions, group) if method == "mean" else _votes(predictions, group)


def _steps(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be a whole number of time steps, got {value!r}.")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value!r}.")
    return int(value)


def _check_choice(name: str, value: Any, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, options))}, got {value!r}.")


def _recordings(X: Any) -> Any:
    X = plain(X)
    recordings = [_array(one, case) for case, one in enumerate(X)] if is_ragged(X) else _three_d(X)
    if len(recordings) == 0:
        raise ValueError("X has no recording. Give at least one.")
    channels = sorted({one.shape[0] for one in recordings})
    if len(channels) > 1:
        raise ValueError(f"All recordings of X need the same number of channels, got {channels}.")
    return recordings


def _three_d(X: Any) -> np.ndarray:
    try:
        array = X if isinstance(X, np.memmap) else np.asarray(X)
    except ValueError as error:
        raise ValueError("Recordings of unequal length must be arrays of shape (n_channels, n_timepoints).") from error
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {array.dtype} and shape {array.shape}. Give numbers of shape (n_recordings, n_channels, "
            "n_timepoints), or a list of arrays of shape (n_channels, n_timepoints)."
        )
    return array[:, None, :] if array.ndim == 2 else array


def _array(recording: Any, case: int) -> np.ndarray:
    recording = plain(recording)
    array = recording if isinstance(recording, np.memmap) else np.asarray(recording)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Recording {case} of X has dtype {array.dtype}. Give numbers.")
    return array


def _observed_steps(recordings: Any, first: int = 0) -> list[int]:
    if isinstance(recordings, np.ndarray):
        lengths = observed_lengths(recordings, allow_missing=True, first=first)
        return [recordings.shape[2]] * len(recordings) if lengths is None else lengths.tolist()
    return [_observed_steps(one[None], case)[0] for case, one in enumerate(recordings)]


def _check_long_enough(n_steps: list[int], length: int) -> None:
    if min(n_steps) < length:
        short = int(np.argmax(np.array(n_steps) < length))
        raise ValueError(
            f"`length`={length} is longer than recording {short} of X, which has {n_steps[short]} steps. "
            "Lower `length`, or remove the recording."
        )


def _all_windows(recordings: Any, n_steps: list[int], length: int, step: int) -> np.ndarray:
    if isinstance(recordings, np.ndarray) and min(n_steps) == recordings.shape[2]:
        windows = _windows(recordings, length, step)  # (n, W, C, length)
        return windows.reshape(-1, *windows.shape[2:])
    parts = [_windows(one[:, :steps], length, step) for one, steps in zip(recordings, n_steps, strict=True)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _windows(recording: np.ndarray, length: int, step: int) -> np.ndarray:
    subok = isinstance(recording, np.memmap)
    windows = sliding_window_view(recording, length, axis=-1, subok=subok)[..., ::step, :]  # (..., C, W, length)
    return np.moveaxis(windows, -2, -3)  # (..., W, C, length)


def _for_each_window(values: np.ndarray, n_steps: list[int], length: int, step: int) -> np.ndarray:
    return np.repeat(values, [(steps - length) // step + 1 for steps in n_steps])


def _labels(y: Any, recordings: Any, n_steps: list[int], length: int, step: int, label: str) -> np.ndarray:
    y = y if isinstance(y, (list, tuple)) else values_of(y)
    if len(y) != len(n_steps):
        raise ValueError(f"y has {len(y)} entries for {len(n_steps)} recordings. Give one entry per recording.")
    if all(np.ndim(one) == 0 for one in y):
        return _for_each_window(_one_each("y", y, len(n_steps)), n_steps, length, step)
    whole = [recording.shape[1] for recording in recordings]
    per_step = [_step_labels(y[case], case, n_steps[case], whole[case]) for case in range(len(n_steps))]
    windows = np.concatenate([_windows(one[None], length, step)[:, 0] for one in per_step])  # (n_windows, length)
    return windows[:, -1].copy() if label == "last" else _majority(windows)


def _step_labels(labels: Any, case: int, n_steps: int, n_padded: int) -> np.ndarray:
    labels = values_of(labels)
    if labels.ndim != 1 or len(labels) not in (n_steps, n_padded):
        raise ValueError(
            f"y has shape {labels.shape} for recording {case}, which has {n_steps} time steps. Give one label per "
            "recording, or one per time step."
        )
    return labels[:n_steps]


def _majority(windows: np.ndarray) -> np.ndarray:
    if windows.dtype.kind == "f" and type_of_target(windows.ravel()) == "continuous":
        raise ValueError('y is continuous per time step and has no majority. Use label="last".')
    codes, values = sorted_codes(windows.ravel())
    rows = np.repeat(np.arange(len(windows)), windows.shape[1])
    return values[_counts(rows, codes, (len(windows), len(values))).argmax(axis=1)]


def _counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _one_each(name: str, values: Any, n_recordings: int) -> np.ndarray:
    values = values_of(values)
    if values.shape != (n_recordings,):
        raise ValueError(
            f"`{name}` has shape {values.shape} for {n_recordings} recordings. Give one entry per recording."
        )
    return values


def _order_of_appearance(groups: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


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
    return labels[_counts(group, codes, (group.max() + 1, len(labels))).argmax(axis=1)]
