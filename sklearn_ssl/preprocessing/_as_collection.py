"""What people hold, turned into collections of series."""

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
    """Turn data in one of many forms into an array of series, or a list of them where lengths differ.

    =========================================  =======================================================================
    nested data frame                          a row a series, a column a channel; cells are arrays, lists, tensors or
                                               pandas Series of one length a row; a missing cell is a channel that is
                                               missing there
    long data frame, with `case` and `time`    a row a time step, all other columns channels; series in the order in
                                               which they first occur, steps in that of `time`, whose values only sort
    flat data frame                            a row a series of one channel, a column a time step
    structured or record array                 as a data frame of its fields; a field that holds structured arrays, as
                                               `scipy.io.arff` reads relational attributes, has whole series, a row a
                                               channel
    list of 1-D or 2-D arrays, or nested list  an entry a series, of shape (n_timepoints,) for one channel or
                                               (n_channels, n_timepoints)
    list of data frames                        a frame a series, a row a time step, a column a channel; all with the
                                               same columns
    tensor or array                            of shape (n_cases, n_channels, n_timepoints), or (n_cases, n_timepoints)
                                               for one channel
    =========================================  =======================================================================

    Nothing is filled or resampled: what is missing becomes NaN, also ``b"?"``, by which `scipy.io.arff` says that a
    nominal value is missing. Other byte strings are decoded as UTF-8.

    Parameters
    ----------
    obj : data frame, array, list or torch.Tensor
        The data.
    case : str, default=None
        The column of a long table that tells the series apart. None says that the table is not long.
    time : str, default=None
        The column of a long table by which the steps of a series are sorted. None keeps the order of rows.
    drop : str or list of str, default=None
        Columns of a table that are no channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels that hold text: raise an error, or fill gaps forward within each series and replace
        text by its place, from 0, among all texts of the channel in sorted order. Gaps before the first text of a
        series stay NaN. Text in a flat table is always an error: its columns are no channels.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, n_timepoints) or list of ndarray of shape (n_channels, n_timepoints)
        The series; a list if they have different lengths. float32 and float64 are kept, all else becomes float64.

    Raises
    ------
    ValueError, TypeError
        If a column holds text, dates or anything else but numbers, if channels of a series differ in length, if a
        series has two rows for one time, if series are data frames with different columns, if a value is infinite, or
        if a name is no column.

    See Also
    --------
    AsCollection : The same as a step of a Pipeline.
    as_labels : Decodes byte-string targets.

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
    """Decode byte-string labels.

    Parameters
    ----------
    y : array-like or torch.Tensor
        Labels, such as the target column of `scipy.io.arff`.

    Returns
    -------
    ndarray
        An array of str, if all labels are byte strings (decoded as UTF-8) or strings; the labels as an array, if not.

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
    """A collection with what it was read as.

    Attributes
    ----------
    plain : array, data frame or list of arrays
        The numbers that were read, 2-D, 3-D or a list of 2-D arrays of different lengths.
    """

    plain: Any


@typing.final
class AsCollection(CollectionTransformer):
    """Turn data in one of many forms into series, as the first step of a Pipeline.

    Takes and does what `as_collection` does, with one difference: a table of numbers alone, that is a flat data frame
    or record array, a 2-D array or tensor, stays 2-D, which is one channel to every step of this library, so that
    `set_output` and feature names act as in scikit-learn.

    `fit` learns nothing from the values, except the texts of text channels. At `transform`, columns must be those of
    `fit`, and a text that was not there is an error; dropped columns may be absent.

    A long table has several rows a series, so that scikit-learn cannot split it for cross-validation: turn it into
    series with `as_collection` before.

    Parameters
    ----------
    case : str, default=None
        The column of a long table that tells the series apart. None says that the table is not long.
    time : str, default=None
        The column of a long table by which the steps of a series are sorted. None keeps the order of rows.
    drop : str or list of str, default=None
        Columns of a table that are no channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels that hold text: raise an error, or fill gaps forward within each series and replace
        text by its place, from 0, among all texts of the channel at fit in sorted order.

    Attributes
    ----------
    columns_ : list of str
        Names of the columns that hold values, for tables only; of a flat data frame, see ``feature_names_in_``.
    categories_ : dict of str to ndarray
        The texts of each text channel, sorted.

    Raises
    ------
    ValueError, TypeError
        As `as_collection`.

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
                raise ValueError(f"`{name}`={getattr(self, name)!r} names a column, but X is no table with columns.")

    def _without_dropped(self, columns: dict, *, reset: bool) -> dict:
        drop = [] if self.drop is None else self.drop if isinstance(self.drop, (list, tuple)) else [self.drop]
        for parameter, name in [("case", self.case), ("time", self.time), *(("drop", name) for name in drop if reset)]:
            if name is not None and name not in columns:
                raise ValueError(f"`{parameter}` names the column {name!r}, but X has the columns {list(columns)}.")
        if self.time is not None and self.case is None:
            raise ValueError(f"`time`={self.time!r} needs `case`, which tells the series of a long table apart.")
        left = {name: cells for name, cells in columns.items() if name not in drop}
        if not set(left) - {self.case, self.time}:
            raise ValueError(f"X has the columns {list(columns)}, of which none is left for values. Drop fewer.")
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
                    f"Column {name!r} holds text, but the columns of a table of single values are time steps of one "
                    f"channel. If it is no time step, such as the target, leave it out by drop={name!r}."
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
            raise ValueError(f"Column {name!r} holds text, but held numbers at fit. Make it numbers again.")


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
            f"The rows of X have the index {list(X.index.names)}, as those of a long table. Give X.reset_index(), and "
            "its columns as `case` and `time`."
        )


def _one_series(one: Any, case: int) -> np.ndarray:
    try:
        return as_array(one)
    except ValueError as error:
        raise ValueError(f"The channels of series {case} of X differ in length. Fill the shorter with NaN.") from error


def _fields(record: np.ndarray) -> np.ndarray:
    return np.stack([numbers_of(name, cells) for name, cells in (columns_of(record) or {}).items()], axis=1)  # (C, L)
