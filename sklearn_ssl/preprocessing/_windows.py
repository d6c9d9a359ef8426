"""Long recordings as windows, and predictions for windows as predictions for recordings."""

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

    Window w of a recording of T steps holds its steps ``w * step`` to ``w * step + length - 1``; there are
    ``(T - length) // step + 1`` of them, and the steps that are left over at the end are in none. Windows come in the
    order of recordings, then of time.

    Parameters
    ----------
    X : array of shape (n_recordings, n_channels, n_timepoints) or (n_recordings, n_timepoints), or list of 2-D arrays
        The recordings. 2-D input is one channel; a list of arrays (n_channels, n_timepoints) may have unequal lengths;
        trailing steps at which all channels are NaN are padding. Other NaN is kept.
    y : array-like of shape (n_recordings,) or list of arrays of shape (n_timepoints,), default=None
        One label a recording, which all its windows get; or one label a time step, as list of arrays or as array of
        shape (n_recordings, n_timepoints), from which `label` makes one a window.
    groups : array-like of shape (n_recordings,), default=None
        What each recording belongs to, such as its subject. None is the index of the recording.
    length : int
        Time steps of a window.
    step : int or None, default=None
        Time steps from the start of one window to that of the next. None is `length`: no overlap and no gap.
    label : {"majority", "last"}, default="majority"
        The label of a window whose time steps have labels: the most frequent, of several the one that sorts first; or
        that of the last step. Of a continuous y, which has no majority, only "last" makes sense.

    Returns
    -------
    windows : ndarray of shape (n_windows, n_channels, length)
        The windows, in the dtype of `X`. Of a single recording they are a read-only view into it, whatever their
        overlap, and of a memory-mapped one a memory map again; of several they are a copy.
    labels : ndarray of shape (n_windows,) or None
        The labels; None without y.
    groups : ndarray of shape (n_windows,)
        The groups, to keep windows of one recording in one fold of `sklearn.model_selection.GroupKFold` and for
        `aggregate_windows`.

    Raises
    ------
    ValueError, TypeError
        If a recording is shorter than `length`, a value is infinite, y or groups do not fit the recordings, or another
        parameter is not valid.

    See Also
    --------
    aggregate_windows : From predictions for windows to predictions for recordings.

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
    if min(n_steps) < length:
        short = int(np.argmax(np.array(n_steps) < length))
        raise ValueError(
            f"`length`={length} is longer than recording {short} of X, which has {n_steps[short]} steps. "
            "Lower `length`, or remove the recording."
        )
    counts = [(steps - length) // step + 1 for steps in n_steps]
    windows = _all_windows(recordings, n_steps, length, step)
    labels = None if y is None else _labels(y, recordings, n_steps, length, step, label)
    groups = np.arange(len(counts)) if groups is None else _one_each("groups", groups, len(counts))
    return windows, labels, np.repeat(groups, counts)


def aggregate_windows(predictions: Any, groups: Any, method: str = "mean") -> np.ndarray:
    """Make one prediction a recording of predictions for its windows.

    Parameters
    ----------
    predictions : array-like of shape (n_windows,) or (n_windows, n_outputs)
        Predictions for windows: numbers, such as the probabilities of `predict_proba`, or labels.
    groups : array-like of shape (n_windows,)
        What each window belongs to, as `window_recordings` returns it.
    method : {"mean", "vote"}, default="mean"
        The mean of numbers; or the most frequent label, of several the one that sorts first.

    Returns
    -------
    ndarray of shape (n_recordings,) or (n_recordings, n_outputs)
        A prediction for each group, in the order in which groups first occur: that of the recordings.

    Raises
    ------
    ValueError
        If lengths differ, there is no window, or the method does not fit the predictions.

    See Also
    --------
    window_recordings : Cut recordings into windows.

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
            "`predictions` and `groups` need one entry a window and at least one window, got shapes "
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
            f"X has dtype {array.dtype} and shape {array.shape}; numbers of shape (n_recordings, n_channels, "
            "n_timepoints) are needed, or a list of arrays of shape (n_channels, n_timepoints)."
        )
    return array[:, None, :] if array.ndim == 2 else array


def _array(recording: Any, case: int) -> np.ndarray:
    recording = plain(recording)
    array = recording if isinstance(recording, np.memmap) else np.asarray(recording)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Recording {case} of X has dtype {array.dtype}; numbers are needed.")
    return array


def _observed_steps(recordings: Any, first: int = 0) -> list[int]:
    if isinstance(recordings, np.ndarray):
        lengths = observed_lengths(recordings, allow_missing=True, first=first)
        return [recordings.shape[2]] * len(recordings) if lengths is None else lengths.tolist()
    return [_observed_steps(one[None], case)[0] for case, one in enumerate(recordings)]


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


def _labels(y: Any, recordings: Any, n_steps: list[int], length: int, step: int, label: str) -> np.ndarray:
    y = y if isinstance(y, (list, tuple)) else values_of(y)
    if len(y) != len(n_steps):
        raise ValueError(f"y has {len(y)} entries for {len(n_steps)} recordings. Give one a recording.")
    if all(np.ndim(one) == 0 for one in y):
        return np.repeat(_one_each("y", y, len(n_steps)), [(steps - length) // step + 1 for steps in n_steps])
    whole = [recording.shape[1] for recording in recordings]
    per_step = [_step_labels(y[case], case, n_steps[case], whole[case]) for case in range(len(n_steps))]
    windows = np.concatenate([_windows(one[None], length, step)[:, 0] for one in per_step])  # (n_windows, length)
    if label == "last":
        return windows[:, -1].copy()
    if windows.dtype.kind == "f" and type_of_target(windows.ravel()) == "continuous":
        raise ValueError('y is continuous per time step and has no majority. Use label="last".')
    return _majority(windows)


def _step_labels(labels: Any, case: int, n_steps: int, n_padded: int) -> np.ndarray:
    labels = values_of(labels)
    if labels.ndim != 1 or len(labels) not in (n_steps, n_padded):
        raise ValueError(
            f"y has shape {labels.shape} for recording {case}, which has {n_steps} time steps. Give one label a "
            "recording, or one a time step."
        )
    return labels[:n_steps]


def _majority(windows: np.ndarray) -> np.ndarray:
    codes, values = sorted_codes(windows.ravel())
    rows = np.repeat(np.arange(len(windows)), windows.shape[1])
    return values[_counts(rows, codes, (len(windows), len(values))).argmax(axis=1)]


def _counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _one_each(name: str, values: Any, n_recordings: int) -> np.ndarray:
    values = values_of(values)
    if values.shape != (n_recordings,):
        raise ValueError(
            f"`{name}` has shape {values.shape}; one entry for each of {n_recordings} recordings is needed."
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
        raise ValueError(f'method="vote" needs one label a window, got predictions of shape {predictions.shape}.')
    codes, labels = sorted_codes(predictions)
    return labels[_counts(group, codes, (group.max() + 1, len(labels))).argmax(axis=1)]
