"""The step of a Pipeline that turns data in many forms into series."""

import dataclasses
import typing
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._input.plain import plain
from sklearn_ssl._input.tables import as_frame, check_row_numbers, check_unnamed, columns_of, has_time_index, kind_of
from sklearn_ssl._parameters.hyperparameters import choice
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._arrays import plain_arrays
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._long import Keys, LongTable
from sklearn_ssl.preprocessing._tables import (
    fields_of,
    frame_of_columns,
    framed_table,
    holds_frames,
    holds_records,
    is_nested,
    nested_channels,
    opened,
)
from sklearn_ssl.preprocessing._texts import (
    are_numbers_as_text,
    coded,
    filled_forward,
    is_text,
    numbers_of,
    places_of,
)


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
    by `as_collection` before. The method `cases` returns the labels of a long table, one per series.

    Parameters
    ----------
    case : str, list of str or None, default=None
        The column of a long table that tells the series apart, or several such columns. None says that the table is not
        long, unless its index has several levels.
    time : str or None, default=None
        The column of a long table by which the steps of a series are sorted: numbers, dates, durations, categories,
        or texts whose order is certain, such as "2024-01-30". None takes the index if it has times, and otherwise keeps
        the order of the rows. In a list of data frames, it is a column of each.
    channel : str or None, default=None
        The column of a melted table that names the channel of each row. Channels are in the order in which their
        names first occur.
    drop : str, list of str or None, default=None
        Columns of a table that are not channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels of texts. "error" raises an error. "encode" sorts the different texts of the channel at
        fit and replaces each text by its place among them, from 0; ordered categories keep their order. Gaps are filled
        by the text before them in the same series; gaps before the first text stay NaN. Numbers that are written as
        text, and texts in a table whose columns are time steps, are always an error.
    order : {"time-last", "channels-last"}, default="time-last"
        The axes of arrays, tensors and lists of them. "channels-last" is (n_cases, n_timepoints, n_channels), and
        (n_timepoints, n_channels) for each series of a list, as in Keras and tslearn. 1-D series, 2-D arrays of one
        channel, and tables are the same in both.
    freq : str, timedelta, number or None, default=None
        Puts the steps of every series on a regular grid: the distance of two steps, such as "1s", "10ms" or "1D", or a
        number in the unit of `time`. The grid of a series begins at its first time. A row belongs to the nearest step,
        and steps without a row are NaN. If `time` has numbers and `freq` has a unit, the numbers are seconds. None
        takes the rows as the steps.
    duplicates : {"error", "first", "mean"}, default="error"
        What to do with several rows for one time, or one step of the grid, of one series. "mean" leaves out missing
        values; of texts, the first is taken.

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
    channel: Any = None
    drop: Any = None
    categorical: str = choice("error", "encode", default="error")
    order: str = choice("time-last", "channels-last", default="time-last")
    freq: Any = None
    duplicates: str = choice("error", "first", "mean", default="error")

    def cases(self, X: Any) -> pd.DataFrame:
        """Return what a long table says about its series, such as ids, labels and groups.

        Parameters
        ----------
        X : data frame or list of data frames
            The table, as for `fit`. Columns in `drop` are read too.

        Returns
        -------
        pandas.DataFrame of shape (n_cases, n_columns)
            One row per series, in the order of `transform`: the columns of `case`, and all other columns that have one
            value in all rows of a series.

        See Also
        --------
        as_cases : The same as a function.
        """
        self.check_hyperparameters()
        self._check_names()
        table = self._long_table(X, reset=True, drop=[])
        if table is None:
            raise ValueError(
                "X is no long table: `case` must name the columns that tell its series apart. In a table with one row "
                "per series, ids and labels are columns already."
            )
        return table.cases()

    def _learn(self, collection: Collection) -> None:
        return

    def _changed(self, collection: Collection) -> Collection:
        return collection

    def _checked(self, X: Any, *, reset: bool) -> ReadCollection:
        if reset:
            self.check_hyperparameters()
            self._check_names()
            self.categories_: dict[Any, np.ndarray] = {}
            self.__dict__.pop("columns_", None)
        plain = self._plain(X, reset=reset)
        collection = validated_collection(
            self, plain, reset=reset, dtype=None, allow_missing=True, known_axes=True, in_pieces=True
        )
        return ReadCollection(collection.values, collection.lengths, plain)

    def _contained(self, X: Any, collection: Collection) -> Any:
        assert isinstance(collection, ReadCollection)
        return super()._contained(collection.plain, collection)

    def _channel_names_in(self, names: Any) -> list[str]:
        known = getattr(self, "columns_", ())
        return list(known) if names is None and len(known) == self.n_channels_in_ else super()._channel_names_in(names)

    def _plain(self, X: Any, *, reset: bool) -> Any:
        X = plain(X)
        table = self._long_table(X, reset=reset, drop=self._names("drop"))
        if table is not None:
            return self._of_long(table, reset=reset)
        columns = columns_of(X)
        if columns is None:
            self._check_no_names("case", "time", "channel", "drop", "freq")
            return plain_arrays(X, self.order)
        columns = self._without_dropped(columns, self._names("drop"), reset=reset)
        self._check_no_keys()
        if all(holds_records(cells) for cells in columns.values()) and len(columns) == 1:
            return plain_arrays([fields_of(record) for cells in columns.values() for record in cells], "time-last")
        if any(is_nested(cells) for cells in columns.values()):
            channels, n_steps = nested_channels(columns)
            self._check_columns(list(channels), reset=reset)
            return _split([self._numbers(*one, n_steps, reset=reset) for one in channels.items()], n_steps)
        return self._flat(X, columns, reset=reset)

    def _long_table(self, X: Any, *, reset: bool, drop: list) -> LongTable | None:
        """Return the long table that `X` is, or None."""
        if isinstance(X, Mapping) and holds_frames(list(X.values())):
            X = list(X.values())
        if holds_frames(X):
            self._check_no_names("case", "channel")
            table = framed_table(X, self.time)
            return dataclasses.replace(table, columns=self._without_dropped(table.columns, drop, reset=reset))
        if isinstance(X, Mapping) and self.case is not None:
            X = frame_of_columns(X)
        has_index = has_time_index(X) or getattr(getattr(X, "index", None), "nlevels", 1) > 1
        X, keys = opened(X, Keys(self._names("case"), self.time, self.channel))
        columns = columns_of(X) if keys.case or has_index else None
        if columns is None:
            return None
        self._check_known(columns, keys)
        columns = self._without_dropped(columns, drop, reset=reset)
        return LongTable.of(columns, keys)

    def _of_long(self, table: LongTable, *, reset: bool) -> Any:
        self._check_freq(table.keys)
        if reset:
            check_row_numbers(table.values)
        known = None if reset else getattr(self, "columns_", None)
        names, channel = table.channels(known)
        self._check_columns(names, reset=reset)
        steps = table.steps(channel, self.freq, self.duplicates)
        values = []
        for name, cells in table.values.items():
            numbers = self._numbers(name, steps.sorted(cells), None, reset=reset, table=table)
            text = name in self.categories_
            n_channels = len(names) // len(table.values)
            placed = steps.placed(numbers, "first" if text else self.duplicates, n_channels)
            for one in np.split(placed, n_channels):
                values.append(filled_forward(one, steps.n_steps) if text else one)
        return _split(values, steps.n_steps)

    def _names(self, parameter: str) -> list:
        """Return the names in a parameter that has one name or a list of names. A tuple may be a name."""
        value = getattr(self, parameter)
        if value is None:
            return []
        return list(value) if isinstance(value, (list, np.ndarray, pd.Index)) else [value]

    def _check_names(self) -> None:
        """Refuse what names no column, and a column that is named for two purposes."""
        roles: dict[Any, str] = {}
        for parameter in ("case", "time", "channel", "drop"):
            several = self._names(parameter) if parameter in ("case", "drop") else [getattr(self, parameter)]
            for name in several:
                if not isinstance(name, Hashable) or (name is None and parameter in ("case", "drop")):
                    raise ValueError(f"`{parameter}` must name a column, got {shown(getattr(self, parameter))}.")
                if name is not None and roles.setdefault(name, parameter) != parameter:
                    raise ValueError(
                        f"`{roles[name]}` and `{parameter}` both name the column {shown(name)}. Give it in one of them."
                    )

    def _check_no_names(self, *parameters: str) -> None:
        for name in parameters:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}`={shown(getattr(self, name))} names a column, but X is no table with columns. Set it to "
                    "None."
                )

    def _check_known(self, columns: dict, keys: Keys) -> None:
        named = [("case", name) for name in keys.case] + [("time", keys.time), ("channel", keys.channel)]
        for parameter, name in named:
            if name is not None and name not in columns:
                raise ValueError(
                    f"`{parameter}` names the column {shown(name)}, but X has the columns {shown(list(columns))}."
                )

    def _check_no_keys(self) -> None:
        for parameter in ("time", "channel", "freq"):
            value = getattr(self, parameter)
            if value is not None:
                raise ValueError(
                    f"`{parameter}`={shown(value)} needs `case` too, the column that tells the series of a long table "
                    "apart."
                )

    def _check_freq(self, keys: Keys) -> None:
        if self.freq is not None and keys.time is None:
            raise ValueError(f"`freq`={shown(self.freq)} needs `time`, the column with the times of the rows.")

    def _without_dropped(self, columns: dict, drop: list, *, reset: bool) -> dict:
        for name in drop:
            if reset and name not in columns:
                raise ValueError(
                    f"`drop` names the column {shown(name)}, but X has the columns {shown(list(columns))}."
                )
        left = {name: cells for name, cells in columns.items() if name not in drop}
        keys = {self.time, self.channel, *self._names("case")}
        if not set(left) - keys:
            raise ValueError(
                f"X has the columns {shown(list(columns))}, and none is left for values. Drop fewer of them."
            )
        check_unnamed(left)
        return left

    def _flat(self, X: Any, columns: dict, *, reset: bool) -> Any:
        for name, cells in columns.items():
            if is_text(name, cells):
                raise ValueError(
                    f"Column {shown(name)} holds text, but in a table of single values the columns are time steps of "
                    "one channel. If it is not a time step but the target, for example, leave it out by "
                    f"drop={shown(name)}."
                )
            if kind_of(np.asarray(cells)).startswith(("date", "time", "period")):
                raise ValueError(
                    f"Column {shown(name)} holds no numbers but times. If X has one row per time step, set `case` to "
                    f"the column that tells the series apart and time={shown(name)}. If it has one row per series, "
                    f"leave the column out by drop={shown(name)}."
                )
        if hasattr(X, "columns"):
            frame = as_frame(X)
            return frame if len(columns) == frame.shape[1] else frame[list(columns)]
        self._check_columns(list(columns), reset=reset)
        return np.stack([numbers_of(name, cells) for name, cells in columns.items()], axis=1)

    def _check_columns(self, names: list, *, reset: bool) -> None:
        if reset:
            self.columns_ = names
        elif names != getattr(self, "columns_", names):
            raise ValueError(
                f"X has the columns {shown(names)}, but {type(self).__name__} was fitted on {shown(self.columns_)}. "
                "Give the same columns in the same order."
            )

    def _numbers(
        self, name: Any, cells: Any, n_steps: np.ndarray | None, *, reset: bool, table: LongTable | None = None
    ) -> np.ndarray:
        """Return a column as numbers. Texts are repeated over gaps if the number of steps of each series is given."""
        if not is_text(name, cells) and name not in self.categories_:
            return numbers_of(name, cells)
        codes, texts = coded(name, cells)
        present = [text for text in texts if text is not None]
        if present:
            self._check_text(name, present, isinstance(cells, pd.Categorical), table, reset=reset)
        if reset:
            ordered = isinstance(cells, pd.Categorical) and cells.ordered
            self.categories_[name] = np.array(present if ordered else sorted(set(present)))
        places = places_of(name, codes, texts, self.categories_[name])
        return places if n_steps is None else filled_forward(places, n_steps)

    def _check_text(self, name: Any, texts: list, declared: bool, table: LongTable | None, *, reset: bool) -> None:
        """Refuse texts that are no categories. The user has declared those of a column of categories."""
        if are_numbers_as_text(texts) and not declared:
            raise ValueError(
                f"Column {shown(name)} holds numbers as text, such as {shown(texts[0])}. Turn them into numbers by "
                f"X.assign(**{{{shown(name)}: pandas.to_numeric(X[{shown(name)}], errors='coerce')}}), or leave the "
                f"column out by drop={shown(name)}."
            )
        if self.categorical == "error":
            raise ValueError(
                f'Column {shown(name)} holds text. Set categorical="encode" to replace it by numbers, or leave it out '
                f"by drop={shown(name)}.{_other_roles(name, table)}"
            )
        if not reset and name not in self.categories_:
            raise ValueError(f"Column {shown(name)} holds text, but held numbers at fit. Turn the text into numbers.")


def _other_roles(name: Any, table: LongTable | None) -> str:
    """Return what a column of text may be in a long table, if it is no channel."""
    if table is None:
        return ""
    time = f" If it has the times of the rows, set time={shown(name)}." if table.keys.time is None else ""
    melted = table.keys.case and table.keys.channel is None and len(table.values) > 1
    return f"{time} If it names the channel of each row, set channel={shown(name)}." if melted else time


def _split(values: list, n_steps: np.ndarray) -> Any:
    joined = np.stack(values)  # (C, sum of L)
    if len(set(n_steps.tolist())) == 1:
        return joined.reshape(len(joined), len(n_steps), n_steps[0]).transpose(1, 0, 2)  # (n, C, L)
    return np.split(joined, np.cumsum(n_steps)[:-1], axis=1)
