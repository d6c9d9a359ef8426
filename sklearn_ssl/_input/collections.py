"""Input of every form, turned into a collection: one array of series with their lengths."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sklearn_ssl._input.doubts import warn_of_doubts
from sklearn_ssl._input.lengths import TURN, observed_lengths
from sklearn_ssl._input.on_disk import OnDisk, is_on_disk, with_channel_axis
from sklearn_ssl._input.plain import plain, readable_errors, without_missing
from sklearn_ssl._input.tables import checked_rows, is_table
from sklearn_ssl._parameters.shown import shown

# Steps of all series in one inference batch: few enough to stay in the cache, and enough to be worth a call.
INFERENCE_STEPS = 1 << 15
SIDE_BY_SIDE = 16  # series that compiled encoders treat at once


@dataclasses.dataclass(frozen=True)
class Collection:
    """Series of one batchable shape.

    Attributes
    ----------
    values : ndarray or OnDisk of shape (n_cases, n_channels, n_timepoints)
        The values. All steps after the last observed one of a series are NaN. A memory-mapped array stays
        memory-mapped, and series on disk stay there if the caller reads them in pieces, both in their own dtype.
    lengths : ndarray of shape (n_cases,) or None
        Number of steps of each series, without its padding. None says that no series is padded.
    """

    values: Any
    lengths: np.ndarray | None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.values.shape[1]

    @property
    def n_timepoints(self) -> int:
        """Number of time steps of the longest series."""
        return self.values.shape[2]

    def rows(self, which: Any) -> "Collection":
        """Return some of the series, given by their numbers or a slice. Those on disk stay there."""
        return Collection(self.values[which], None if self.lengths is None else self.lengths[which])

    def read(self, which: Any) -> "Collection":
        """Return some of the series in memory, given by their numbers or a slice, in float32 or float64."""
        rows = self.rows(which)
        return Collection(_converted(np.asarray(rows.values), None), rows.lengths)


def series_at_once(n_timepoints: int) -> int:
    """Return the number of series of an inference batch: a multiple of `SIDE_BY_SIDE`, unless it is smaller."""
    number = math.ceil(INFERENCE_STEPS / n_timepoints)
    return number - number % SIDE_BY_SIDE if number > SIDE_BY_SIDE else number


def is_ragged(X: Any) -> bool:
    """Tell whether `X` is a list of 2-D arrays, and not one array."""
    if isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return any(getattr(series, "ndim", None) == 2 for series in X)
    return False


def validated_collection(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    min_cases: int = 1,
    dtype: Any = np.float32,
    allow_missing: bool = False,
    known_axes: bool = False,
    in_pieces: bool = False,
) -> Collection:
    """Validate the series given to `fit` or `transform`, and set on `estimator` what scikit-learn expects.

    Parameters
    ----------
    estimator : object
        The estimator that received `X`. It gets ``n_channels_in_`` and, for 2-D input, ``n_features_in_``.
    X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
        The series. Masked values are missing.
    reset : bool
        True, in `fit`, sets the attributes. False, in `transform`, compares `X` with them.
    min_cases : int, default=1
        Smallest number of series allowed.
    dtype : dtype or None, default=numpy.float32
        The dtype of the values, unless `X` is memory-mapped. None keeps float32 and float64, converts any other dtype
        to float64, and reads memory-mapped arrays into memory.
    allow_missing : bool, default=False
        Whether series may have missing values (NaN) between their observed steps, and may have no observed step.
    known_axes : bool, default=False
        Whether the order of the axes is certain.
    in_pieces : bool, default=False
        Whether the caller reads the series in pieces, so that those in `OnDisk` stay on disk.

    Returns
    -------
    Collection
        The series.

    Raises
    ------
    ValueError, TypeError
        If the input is not numeric, has fewer than `min_cases` series, no time step, or infinite values; if it has
        missing values that are not allowed; or if its number of channels is not the number seen at fit.

    Warns
    -----
    UserWarning
        In `fit`, if the axes seem to be in another order, if float32 cannot hold the differences between values, or if
        all series that an encoder is to tell apart are the same.
    """
    given, collection = _validated(
        estimator, X, reset=reset, min_cases=min_cases, dtype=dtype, missing=allow_missing, in_pieces=in_pieces
    )
    if reset:
        warn_of_doubts(given, to_float32=dtype == np.float32, known_axes=known_axes)
    return collection


def _validated(
    estimator: Any, X: Any, *, reset: bool, min_cases: int, dtype: Any, missing: bool, in_pieces: bool
) -> tuple[Any, Collection]:
    """Return the values in the dtype in which they came, and the collection."""
    X = _in_one_form(X)
    X = np.asarray(X) if isinstance(X, OnDisk) and not in_pieces else X
    if is_ragged(X):
        values = _stack(X)
    elif depth_of(X) >= 3:
        values = _three_d(X)
    else:
        values = _two_d(estimator, X, reset=reset)
    _check_channels(estimator, values.shape, reset=reset)
    _check_size(values, min_cases)
    if reset and not _is_flat(X):
        _forget_columns(estimator)
    converted = _converted(values, dtype)
    return values, Collection(converted, observed_lengths(converted, allow_missing=missing))


def _in_one_form(X: Any) -> Any:
    X = plain(X)
    if isinstance(X, (list, tuple)):
        _check_entries(X)
        return [plain(one) for one in X]
    return checked_rows(X) if is_table(X) else X


def collection_of(
    X: Any, *, dtype: Any = np.float32, allow_missing: bool = False, in_pieces: bool = False
) -> Collection:
    """Validate series that no estimator is fitted on. Parameters and errors are those of `validated_collection`."""
    return _validated(
        BaseEstimator(), X, reset=True, min_cases=1, dtype=dtype, missing=allow_missing, in_pieces=in_pieces
    )[1]


def _converted(values: Any, dtype: Any) -> Any:
    if isinstance(values, OnDisk):
        return values
    if dtype is None:
        dtype = values.dtype if values.dtype in (np.float32, np.float64) else np.float64
        values = np.asarray(values)
    if isinstance(values, np.memmap):
        return values
    with np.errstate(over="ignore"):  # values that overflow are reported as infinite
        return np.ascontiguousarray(values, dtype=dtype)


def depth_of(X: Any) -> int:
    """Return the number of dimensions of an array, or of nested lists, which may be ragged."""
    depth = 0
    while isinstance(X, (list, tuple)) and len(X) > 0:
        X, depth = X[0], depth + 1
    return depth + int(getattr(X, "ndim", 0))


def _is_flat(X: Any) -> bool:
    return not is_ragged(X) and depth_of(X) == 2


def _stack(X: Any) -> np.ndarray:
    series = [_numeric(np.asarray(plain(one)), f"series {case} of X") for case, one in enumerate(X)]
    _check_alike(series)
    shape = (len(series), series[0].shape[0], max(one.shape[1] for one in series))
    dtype = np.float32 if all(one.dtype == np.float32 for one in series) else np.float64
    values = np.full(shape, np.nan, dtype=dtype)
    for case, one in enumerate(series):
        values[case, :, : one.shape[1]] = one
    return values


def _check_entries(X: Any) -> None:
    """Refuse lists whose entries are no series: NumPy would not say which."""
    for case, one in enumerate(X):
        if one is None or isinstance(one, Mapping):
            raise ValueError(f"Series {case} of X is {shown(one)}, and not an array of numbers. Replace or remove it.")
        if not isinstance(one, np.ndarray) and is_table(one):
            raise ValueError(
                f"Series {case} of X is a data frame, and its rows would be taken for channels. Turn the list into "
                "series before this step by sklearn_ssl.preprocessing.as_collection(X), which takes rows for time "
                "steps."
            )


def _check_alike(series: list[np.ndarray]) -> None:
    if any(one.ndim != 2 for one in series):
        shapes = sorted({one.shape for one in series if one.ndim != 2})
        raise ValueError(
            f"Each series of a list must be an array of shape (n_channels, n_timepoints), got {shapes[0]}. Reshape it."
        )
    channels = sorted({one.shape[0] for one in series})
    if len(channels) > 1:
        widths = {one.shape[1] for one in series}
        turned = " Series of shape (n_timepoints, n_channels) are" + TURN if len(widths) == 1 else ""
        raise ValueError(
            f"All series need the same number of channels, got {shown(channels)}. "
            f"Each series is an array of shape (n_channels, n_timepoints).{turned}"
        )
    empty = [case for case, one in enumerate(series) if one.shape[1] == 0]
    if empty:
        raise ValueError(f"Series {empty[0]} of X has zero time steps. Remove it.")


def _three_d(X: Any) -> Any:
    try:
        array = X if is_on_disk(X) else np.asarray(X)
    except ValueError as error:
        raise ValueError(
            "The channels of a series of X differ in length. Call sklearn_ssl.preprocessing.as_collection(X), which "
            "tells the series and the remedy."
        ) from error
    if array.ndim != 3:
        raise ValueError(
            f"X has {array.ndim} dimensions (shape {array.shape}). Give a 3-D array (n_cases, n_channels, "
            "n_timepoints), a 2-D array (n_cases, n_timepoints) or a list of 2-D arrays."
        )
    return _numeric(array, "X")


def _two_d(estimator: Any, X: Any, *, reset: bool) -> Any:
    if is_on_disk(X) and X.ndim == 2:
        with readable_errors("X"):
            validate_data(estimator, np.asarray(X[:1]), reset=reset, dtype=None, ensure_all_finite=False)
        return with_channel_axis(_numeric(X, "X"))
    _check_kind(X)
    _check_even(X)
    _check_flatter(X)
    return _numeric(_flat_numbers(estimator, X, reset=reset), "X")[:, None, :]


def _check_kind(X: Any) -> None:
    """Refuse containers that NumPy would wrap into an array of one object."""
    if issparse(X):  # scikit-learn's message is better
        return
    if isinstance(X, Mapping):
        raise TypeError(f"X is a {type(X).__name__}. {remedy_for_mapping(X)}")
    if isinstance(X, (Iterator, Set)):
        raise TypeError(
            f"X is a {type(X).__name__}. Give a 3-D array (n_cases, n_channels, n_timepoints), a 2-D array (n_cases, "
            "n_timepoints) or a list of 2-D arrays, for example list(X)."
        )


def remedy_for_mapping(X: Mapping) -> str:
    """Return what to give in place of a dictionary, which may hold channels or series by name."""
    series = "If each value is a series of shape (n_channels, n_timepoints), give list(X.values())."
    if any(isinstance(value, Mapping) for value in X.values()):
        return (
            "If each value is a series whose channels have names, give sklearn_ssl.preprocessing.as_collection({name: "
            "pandas.DataFrame(one) for name, one in X.items()})."
        )
    if any(is_table(value) for value in X.values()):
        return "Turn its tables into series before this step by sklearn_ssl.preprocessing.as_collection(X)."
    if len(X) == 0:
        return "Give at least one series."
    shapes = {np.shape(value) for value in X.values()}
    if any(len(shape) != 2 for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
        return series
    if len(shapes) == 1:
        return (
            "If each value is a channel of all series, of shape (n_cases, n_timepoints), give "
            f"numpy.stack(list(X.values()), axis=1). {series}"
        )
    return (
        "If each value is a channel of all series, of shape (n_cases, n_timepoints), bring the channels to one length "
        "before: numpy.stack([sklearn_ssl.preprocessing.Resample(100).fit_transform(one) for one in X.values()], "
        f"axis=1). {series}"
    )


def _holds_objects(X: Any) -> bool:
    return isinstance(X, list) and np.asarray(X).dtype == object


def _check_even(X: Any) -> None:
    """Refuse 1-D series that do not make one array: a list of unequal ones, or an array or column of objects."""
    unequal = isinstance(X, (list, tuple)) and len({np.size(row) for row in X if depth_of(row) == 1}) > 1
    if unequal or (depth_of(X) == 1 and any(np.ndim(one) for one in X)):
        raise ValueError(
            "X holds 1-D series of unequal length, or as objects. Give each series as an array of shape "
            "(1, n_timepoints), for example [numpy.reshape(series, (1, -1)) for series in X]."
        )


def _check_flatter(X: Any) -> None:
    """Refuse a single series, or no series at all. Scikit-learn's message would print all its values."""
    if depth_of(X) > 1 or isinstance(X, pd.DataFrame) or issparse(X):
        return
    shape = np.asarray(X).shape
    if len(shape) == 0:
        remedy = "Give X.dataset" if hasattr(X, "dataset") else "Give an array or a list of series"
        raise TypeError(f"X is {shown(X)}, which holds no series. {remedy}.")
    if len(shape) == 1:
        raise ValueError(
            f"Expected 2D array, got 1D array instead: X has shape {shape}. Reshape your data: give a single "
            "series of one channel as numpy.reshape(X, (1, 1, -1)), and several series that follow each other, of "
            "n_timepoints steps each, as numpy.reshape(X, (-1, n_timepoints))."
        )


def _flat_numbers(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    X = without_missing(np.asarray(X)) if _holds_objects(X) else X
    with readable_errors("X"):
        return validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=0)


def _numeric(array: Any, name: str) -> Any:
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "O" and array.ndim > 1:
        with readable_errors(name):
            return check_array(array, dtype=np.float64, allow_nd=True, ensure_all_finite=False, input_name=name)
    if array.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {array.dtype}. Give real and imaginary parts as channels."
        )
    raise ValueError(
        f"{name} has dtype {array.dtype} and shape {array.shape}. Give numbers of shape (n_cases, n_channels, "
        "n_timepoints), or a list of arrays of shape (n_channels, n_timepoints)."
    )


def _check_size(values: Any, min_cases: int) -> None:
    n_cases, n_channels, n_timepoints = values.shape
    if n_cases < min_cases:
        raise ValueError(
            f"Found array with {n_cases} sample(s) (shape={values.shape}) while a minimum of {min_cases} is required. "
            f"Give at least {min_cases} series."
        )
    if n_channels == 0 or n_timepoints == 0:
        raise ValueError(f"X has shape {values.shape}, but every series needs at least one channel and one time step.")


def _check_channels(estimator: Any, shape: tuple[int, ...], *, reset: bool) -> None:
    n_channels = shape[1]
    if reset:
        estimator.n_channels_in_ = n_channels
        vars(estimator).pop("any_channels_", None)
    elif n_channels != estimator.n_channels_in_ and not takes_any_channels(estimator):
        turned = f" Series of shape (n_timepoints, n_channels) are{TURN}"
        raise ValueError(
            f"X has {n_channels} channel(s), but {type(estimator).__name__} was fitted on series with "
            f"{estimator.n_channels_in_}. Give the channels of the training data, in the same order."
            f"{turned if shape[2] == estimator.n_channels_in_ else ''}"
        )


def takes_any_channels(estimator: Any) -> bool:
    """Tell whether a fitted estimator takes series with any number of channels, as after `fit_many`."""
    return getattr(estimator, "any_channels_", False)


def _forget_columns(estimator: Any) -> None:
    for name in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(name, None)
