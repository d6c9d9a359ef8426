"""Data in many forms, turned into series."""

import dataclasses
import typing
from typing import Any

import numpy as np

from sklearn_ssl._input.collections import Collection, is_ragged, plain
from sklearn_ssl._input.labels import values_of
from sklearn_ssl._parameters.hyperparameters import choice
from sklearn_ssl.preprocessing._base import CollectionTransformer, in_form_of
from sklearn_ssl.preprocessing._tables import (
    as_array,
    codes_of,
    columns_of,
    decoded,
    filled_forward,
    framed_channels,
    holds_frames,
    holds_records,
    is_missing,
    is_nested,
    is_text,
    long_channels,
    nested_channels,
    numbers_of,
)


def as_collection(
    obj: Any, *, case: Any = None, time: Any = None, drop: Any = None, categorical: str = "error"
) -> np.ndarray | list[np.ndarray]:
    """Turn data in one of many forms into an array of series, or a list of series if their lengths differ.

    =========================================  =======================================================================
    nested data frame                          one row per series, one column per channel; cells are arrays, lists,
                                               tensors or pandas Series, all of one length within a row; in a missing
                                               cell, the channel is missing in that series
    long data frame, with `case` and `time`    one row per time step; all other columns are channels; series are in the
                                               order in which they first occur, and steps are sorted by `time`, whose
                                               values are used for nothing else
    flat data frame                            one row per series of one channel, one column per time step
    structured or record array                 as a data frame of its fields; the cells of a field may be structured
                                               arrays, which `scipy.io.arff` makes of relational attributes; each cell
                                               is then a whole series, with one row per channel
    list of 1-D or 2-D arrays, or nested list  one entry per series, of shape (n_timepoints,) for one channel or
                                               (n_channels, n_timepoints)
    list of data frames                        one data frame per series, with one row per time step and one column per
                                               channel; all with the same columns
    tensor or array                            of shape (n_cases, n_channels, n_timepoints), or (n_cases, n_timepoints)
                                               for one channel
    =========================================  =======================================================================

    Nothing is filled or resampled. Missing values become NaN. The byte string ``b"?"`` is missing too: `scipy.io.arff`
    writes it for missing nominal values. Other byte strings are decoded as UTF-8.

    Parameters
    ----------
    obj : data frame, array, list or torch.Tensor
        The data.
    case : str or None, default=None
        The column of a long table that tells the series apart. None says that the table is not long.
    time : str or None, default=None
        The column of a long table by which the steps of a series are sorted. None keeps the order of the rows.
    drop : str, list of str or None, default=None
        Columns of a table that are not channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels of texts. "error" raises an error. "encode" sorts the different texts of the channel
        and replaces each text by its place among them, from 0. Before that, gaps are filled by the text before them in
        the same series; gaps before the first text stay NaN. Texts in a flat table are always an error, because its
        columns are time steps.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, n_timepoints) or list of ndarray of shape (n_channels, n_timepoints)
        The series, as a list if they have different lengths. The dtypes float32 and float64 are kept, and all others
        become float64.

    Raises
    ------
    ValueError, TypeError
        If a column holds texts, dates or anything else but numbers; if the channels of a series differ in length; if a
        series has two rows for one time; if series are data frames with different columns; if a value is infinite; or
        if a name is not the name of a column.

    See Also
    --------
    AsCollection : Does the same as a step of a Pipeline.
    as_labels : Decodes labels that are byte strings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import as_collection
    >>> as_collection([[1, 2, 3], [4, 5]])
    [array([[1., 2., 3.]]), array([[4., 5.]])]
    >>> records = np.array([(1.0, 2.0, b"walk"), (3.0, 4.0, b"run")], dtype=[("t1", "f8"), ("t2", "f8"), ("y", "S4")])
    >>> as_collection(records, drop="y")
    array([[[1., 2.]],
           [[3., 4.]]])
    """
    reader = AsCollection(case=case, time=time, drop=drop, categorical=categorical)
    read = reader._checked(obj, reset=True)
    return in_form_of(read.plain, read) if is_ragged(read.plain) else read.values


def as_labels(y: Any) -> np.ndarray:
    """Decode labels that are byte strings.

    Parameters
    ----------
    y : array-like or torch.Tensor
        Labels, such as the target column of `scipy.io.arff`.

    Returns
    -------
    ndarray
        If all labels are strings or byte strings, an array of str. Byte strings are decoded as UTF-8. Otherwise the
        labels as they are, in an array.

    Examples
    --------
    >>> from sklearn_ssl.preprocessing import as_labels
    >>> as_labels([b"walk", b"run"])
    array(['walk', 'run'], dtype='<U4')
    """
    labels = values_of(y)
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8")
    if labels.dtype.kind != "O":
        return labels
    cells = [decoded(label) for label in labels.ravel()]
    if all(isinstance(cell, str) for cell in cells):
        return np.array(cells, dtype=str).reshape(labels.shape)
    mixed = np.empty(len(cells), dtype=object)
    mixed[:] = cells
    return mixed.reshape(labels.shape)


@dataclasses.dataclass(frozen=True)
class ReadCollection(Collection):
    """A collection, and the numbers that were read before they became one.

    Attributes
    ----------
    plain : array, data frame or list of arrays
        The numbers, 2-D, 3-D or as a list of 2-D arrays of different lengths.
    """

    plain: Any


@typing.final
class AsCollection(CollectionTransformer):
    """Turn data in one of many forms into series, as the first step of a Pipeline.

    It takes the same data as `as_collection` and does the same, with one exception: a 2-D table of numbers stays 2-D,
    so that `set_output` and feature names work as in scikit-learn. Such a table is a flat data frame or record array,
    or a 2-D array or tensor. All steps of this library take 2-D input for series of one channel.

    `fit` learns the columns, and the texts of text channels. At `transform`, the columns must be the same, and a text
    that was not there at fit is an error. Columns that are dropped may be absent.

    A long table has several rows per series, and scikit-learn cannot split it for cross-validation. Turn it into series
    by `as_collection` before.

    Parameters
    ----------
    case : str or None, default=None
        The column of a long table that tells the series apart. None says that the table is not long.
    time : str or None, default=None
        The column of a long table by which the steps of a series are sorted. None keeps the order of the rows.
    drop : str, list of str or None, default=None
        Columns of a table that are not channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels of texts. "error" raises an error. "encode" sorts the different texts of the channel at
        fit and replaces each text by its place among them, from 0. Before that, gaps are filled by the text before them
        in the same series.

    Attributes
    ----------
    columns_ : list of str
        Names of the columns that hold values, for tables only. A flat data frame has ``feature_names_in_`` instead.
    categories_ : dict of str to ndarray
        The texts of each channel of texts, sorted.

    Raises
    ------
    ValueError, TypeError
        In the same cases as `as_collection`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_ssl.preprocessing import AsCollection, FillMissing
    >>> make_pipeline(AsCollection(), FillMissing()).fit_transform([[1, np.nan, 3], [4, 5]])
    [array([[1., 1., 3.]]), array([[4., 5.]])]
    """

    case: Any = None
    time: Any = None
    drop: Any = None
    categorical: str = choice("error", "encode", default="error")

    def _learn(self, collection: Collection) -> None:
        return

    def _changed(self, collection: Collection) -> Collection:
        return collection

    def _checked(self, X: Any, *, reset: bool) -> ReadCollection:
        if reset:
            self.check_hyperparameters()
            self.categories_: dict[Any, np.ndarray] = {}
            self.__dict__.pop("columns_", None)
        plain = self._plain(X, reset=reset)
        collection = super()._checked(plain, reset=reset)
        return ReadCollection(collection.values, collection.lengths, plain)

    def _contained(self, X: Any, collection: Collection) -> Any:
        assert isinstance(collection, ReadCollection)
        return super()._contained(collection.plain, collection)

    def _channel_names_in(self, names: Any) -> list[str]:
        known = getattr(self, "columns_", ())
        return list(known) if names is None and len(known) == self.n_channels_in_ else super()._channel_names_in(names)

    def _plain(self, X: Any, *, reset: bool) -> Any:
        if holds_frames(X):
            self._check_no_names("case", "time")
            channels, n_steps = framed_channels(X)
            return self._series(self._without_dropped(channels, reset=reset), n_steps, reset=reset)
        columns = columns_of(X)
        if columns is None:
            self._check_no_names("case", "time", "drop")
            return _plain_arrays(X)
        columns = self._without_dropped(columns, reset=reset)
        if self.case is not None:
            return self._series(*long_channels(columns, self.case, self.time), reset=reset)
        if all(holds_records(cells) for cells in columns.values()) and len(columns) == 1:
            return _plain_arrays([_fields(record) for cells in columns.values() for record in cells])
        if any(is_nested(cells) for cells in columns.values()):
            return self._series(*nested_channels(columns), reset=reset)
        return self._flat(X, columns, reset=reset)

    def _check_no_names(self, *parameters: str) -> None:
        for name in parameters:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}`={getattr(self, name)!r} names a column, but X is no table with columns. Set it to None."
                )

    def _without_dropped(self, columns: dict, *, reset: bool) -> dict:
        drop = [] if self.drop is None else self.drop if isinstance(self.drop, (list, tuple)) else [self.drop]
        for parameter, name in [("case", self.case), ("time", self.time), *(("drop", name) for name in drop if reset)]:
            if name is not None and name not in columns:
                raise ValueError(f"`{parameter}` names the column {name!r}, but X has the columns {list(columns)}.")
        if self.time is not None and self.case is None:
            raise ValueError(
                f"`time`={self.time!r} needs `case` too, the column that tells the series of a long table apart."
            )
        left = {name: cells for name, cells in columns.items() if name not in drop}
        if not set(left) - {self.case, self.time}:
            raise ValueError(f"X has the columns {list(columns)}, and none is left for values. Drop fewer of them.")
        return left

    def _series(self, channels: dict, n_steps: np.ndarray, *, reset: bool) -> Any:
        self._check_columns(list(channels), reset=reset)
        numbers = [self._numbers(name, cells, n_steps, reset=reset) for name, cells in channels.items()]
        values = np.stack(numbers)  # (C, sum of L)
        if len(set(n_steps.tolist())) == 1:
            return values.reshape(len(values), len(n_steps), n_steps[0]).transpose(1, 0, 2)  # (n, C, L)
        return np.split(values, np.cumsum(n_steps)[:-1], axis=1)

    def _flat(self, X: Any, columns: dict, *, reset: bool) -> Any:
        _check_plain_index(X)
        for name, cells in columns.items():
            if is_text(name, cells):
                raise ValueError(
                    f"Column {name!r} holds text, but in a table of single values the columns are time steps of one "
                    f"channel. If it is not a time step but the target, for example, leave it out by drop={name!r}."
                )
        if hasattr(X, "columns"):
            return X if len(columns) == len(X.columns) else X[list(columns)]
        self._check_columns(list(columns), reset=reset)
        return np.stack([numbers_of(name, cells) for name, cells in columns.items()], axis=1)

    def _check_columns(self, names: list, *, reset: bool) -> None:
        if reset:
            self.columns_ = names
        elif names != getattr(self, "columns_", names):
            raise ValueError(
                f"X has the columns {names}, but {type(self).__name__} was fitted on {self.columns_}. "
                "Give the same columns in the same order."
            )

    def _numbers(self, name: Any, cells: np.ndarray, n_steps: np.ndarray, *, reset: bool) -> np.ndarray:
        if is_text(name, cells):
            self._check_text(name, reset=reset)
        elif name not in self.categories_:
            return numbers_of(name, cells)
        if reset:
            texts = {decoded(cell) for cell in cells if not is_missing(cell)}
            self.categories_[name] = np.array(sorted(texts))
        return filled_forward(codes_of(name, cells, self.categories_[name]), n_steps)

    def _check_text(self, name: Any, *, reset: bool) -> None:
        if self.categorical == "error":
            raise ValueError(
                f'Column {name!r} holds text. Set categorical="encode" to replace it by numbers, or leave it out by '
                f"drop={name!r}."
            )
        if not reset and name not in self.categories_:
            raise ValueError(f"Column {name!r} holds text, but held numbers at fit. Turn the text into numbers.")


def _plain_arrays(X: Any) -> Any:
    if not isinstance(X, (list, tuple)) and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return plain(X)
    series = [_one_series(one, case) for case, one in enumerate(X)]
    shapes = {one.shape for one in series}
    dimensions = {len(shape) for shape in shapes}
    if len(shapes) == 1 and dimensions <= {1, 2}:
        return np.stack(series)
    return [np.atleast_2d(one) for one in series] if dimensions in ({1}, {2}) else X


def _check_plain_index(X: Any) -> None:
    if getattr(getattr(X, "index", None), "nlevels", 1) > 1:
        raise ValueError(
            f"The rows of X have the index {list(X.index.names)}, as in a long table. Give X.reset_index(), and name "
            "its columns in `case` and `time`."
        )


def _one_series(one: Any, case: int) -> np.ndarray:
    try:
        return as_array(one)
    except ValueError as error:
        raise ValueError(f"The channels of series {case} of X differ in length. Fill the shorter with NaN.") from error


def _fields(record: np.ndarray) -> np.ndarray:
    return np.stack([numbers_of(name, cells) for name, cells in (columns_of(record) or {}).items()], axis=1)  # (C, L)
