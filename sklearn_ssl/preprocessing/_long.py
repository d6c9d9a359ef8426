"""Long tables: the series and the step of every row."""

import dataclasses
from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_ssl._input.tables import is_nested
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._grid import steps_on_grid
from sklearn_ssl.preprocessing._times import moments_of


@dataclasses.dataclass(frozen=True)
class Keys:
    """Which columns of a long table tell series, time and channel.

    Attributes
    ----------
    case : list of object
        The columns that tell the series apart.
    time : object or None
        The column that sorts the steps of a series.
    channel : object or None
        The column of a melted table that names the channel of each row.
    """

    case: list
    time: Any = None
    channel: Any = None

    @property
    def names(self) -> list:
        """The names of all these columns."""
        return [*self.case, *(name for name in (self.time, self.channel) if name is not None)]


@dataclasses.dataclass(frozen=True)
class Steps:
    """The place of every row of a long table in the series.

    Attributes
    ----------
    order : ndarray of shape (n_rows,) or slice
        The rows, series by series, sorted by time.
    place : ndarray of shape (n_rows,) or None
        For each of these rows, its place among all steps of all series. None says that each row is one step.
    n_steps : ndarray of shape (n_cases,)
        Number of steps of each series.
    """

    order: Any
    place: np.ndarray | None
    n_steps: np.ndarray

    @property
    def n_places(self) -> int:
        """Number of steps of all series together."""
        return int(self.n_steps.sum())

    def sorted(self, cells: Any) -> Any:
        """Return the cells of a column, series by series and sorted by time."""
        return cells[self.order]

    def placed(self, numbers: np.ndarray, duplicates: str, n_channels: int = 1) -> np.ndarray:
        """Return numbers at their places: the mean, or the first, of several at one place, and NaN at empty places."""
        if self.place is None:
            return numbers
        size = n_channels * self.n_places
        if duplicates == "mean":
            observed = ~np.isnan(numbers)
            counts = np.bincount(self.place[observed], minlength=size)
            sums = np.bincount(self.place[observed], numbers[observed], minlength=size)
            return np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
        values = np.full(size, np.nan, dtype=np.result_type(numbers.dtype, np.float32))
        values[self.place[::-1]] = numbers[::-1]  # of several numbers for one place, the last that is written stays
        return values


@dataclasses.dataclass(frozen=True)
class LongTable:
    """A table with one row per series and time.

    Attributes
    ----------
    columns : dict
        All columns but those that are dropped.
    keys : Keys
        Which of them tell series, time and channel.
    codes : ndarray of shape (n_rows,)
        The series of each row. Series are numbered in the order in which they first occur.
    """

    columns: dict
    keys: Keys
    codes: np.ndarray

    @classmethod
    def of(cls, columns: dict, keys: Keys) -> Self:
        """Read the series of each row from the columns of `keys`. Without such columns there is one series."""
        n_rows = len(next(iter(columns.values())))
        if n_rows == 0:
            raise ValueError("X is a table without rows. Give one row per time step.")
        codes = np.zeros(n_rows, dtype=np.int64)
        for name in keys.case:
            own, _ = _codes_of_ids(name, columns[name])
            codes = own if len(keys.case) == 1 else pd.factorize(codes * (own.max(initial=0) + 1) + own)[0]
        return cls(columns, keys, codes)

    @property
    def first_rows(self) -> np.ndarray:
        """The first row of every series."""
        return np.flatnonzero(np.diff(np.maximum.accumulate(self.codes), prepend=-1))

    @property
    def values(self) -> dict:
        """The columns that tell neither series nor time nor channel."""
        return {name: cells for name, cells in self.columns.items() if name not in self.keys.names}

    def channels(self, known: list | None) -> tuple[list, np.ndarray | None]:
        """Return the names of the channels of a melted table, and the channel of each row; else names alone.

        Parameters
        ----------
        known : list or None
            The names that the channels had at fit, to be in their order.
        """
        values = list(self.values)
        if self.keys.channel is None:
            return values, None
        column = self.columns[self.keys.channel]
        codes, different = _codes_of_ids(self.keys.channel, column, sort=isinstance(column, pd.Categorical))
        names = list(different)
        if known is not None and set(known) == set(_names_of_channels(values, names)):
            order = np.argsort([known.index(_names_of_channels(values, [name])[0]) for name in names])
            codes = np.argsort(order)[codes]
            names = [names[place] for place in order]
        return _names_of_channels(values, names), codes

    def steps(self, channel: np.ndarray | None, freq: Any, duplicates: str) -> Steps:
        """Return the place of every row, given the channel of each row of a melted table."""
        time = self.keys.time
        if time is not None:
            moments = moments_of(time, self.columns[time])
        else:
            moments = np.arange(len(self.codes)) if channel is None else self._positions(channel)
        order = _order(self.codes, moments)
        codes, moments = self.codes[order], moments[order]
        if freq is None:
            new = np.concatenate([[True], (codes[1:] != codes[:-1]) | (moments[1:] != moments[:-1])])
            place = None if channel is None and new.all() else np.cumsum(new) - 1
            n_steps = np.bincount(codes[new])
        else:
            step = steps_on_grid(freq, time, moments, codes)
            n_steps = np.zeros(codes[-1] + 1, dtype=np.int64)
            np.maximum.at(n_steps, codes, step + 1)
            place = (np.cumsum(n_steps) - n_steps)[codes] + step
        if channel is not None:
            place = channel[order] * n_steps.sum() + place
        if duplicates == "error" and place is not None:
            self._check_once(place, np.arange(len(codes))[order], freq)
        return Steps(order, place, n_steps)

    def cases(self) -> pd.DataFrame:
        """Return the ids, and all other columns that have one value in all rows of a series, one row per series."""
        first = self.first_rows
        known = {}
        for name, cells in self.columns.items():
            if is_nested(cells):
                continue
            values = pd.factorize(cells)[0]
            if name in self.keys.case or (name != self.keys.time and (values == values[first][self.codes]).all()):
                known[name] = pd.Series(cells).iloc[first].reset_index(drop=True)
        return pd.DataFrame(known, index=pd.RangeIndex(len(first)))

    def _positions(self, channel: np.ndarray) -> np.ndarray:
        """Return the position of each row among those of its series and channel."""
        group = self.codes * (channel.max() + 1) + channel
        counts = np.bincount(group, minlength=(self.codes.max() + 1) * (channel.max() + 1)).reshape(
            -1, channel.max() + 1
        )
        uneven = (counts != counts[:, :1]).any(axis=1)
        if uneven.any():
            case = int(np.argmax(uneven))
            raise ValueError(
                f"The channels of {self._name_of(case)} have {shown(counts[case].tolist())} rows. Set `time` to the "
                "column with the times, which tells what belongs together."
            )
        return pd.Series(group).groupby(group).cumcount().to_numpy()

    def _name_of(self, case: int) -> str:
        row = self.first_rows[case]
        ids = [self.columns[name][row] for name in self.keys.case]
        return f"Series {ids[0] if len(ids) == 1 else tuple(ids) if ids else case}"

    def _check_once(self, place: np.ndarray, rows: np.ndarray, freq: Any) -> None:
        counts = np.bincount(place)
        if counts.max() < 2:
            return
        row = rows[np.argmax(counts[place] > 1)]
        time = self.keys.time
        where = f"several rows with {time} = {self.columns[time][row]}"
        if freq is not None:
            where = f"several rows for the step of the grid at {time} = {self.columns[time][row]}"
        raise ValueError(
            f'{self._name_of(self.codes[row])} has {where}. Set duplicates="mean" to take their mean, or '
            f'duplicates="first" to take the first of them.{self._melted(place, rows)}'
        )

    def _melted(self, place: np.ndarray, rows: np.ndarray) -> str:
        """Return a remedy if a column tells the rows at one place apart, as in a melted table."""
        if self.keys.channel is not None:
            return ""
        for name, cells in self.values.items():
            if len(self.values) > 1 and cells.dtype.kind != "f":
                own = pd.factorize(cells)[0][rows]
                if len(pd.unique(place * (own.max() + 1) + own)) == len(place):
                    return f" If column {shown(name)} names the channel of each row, set channel={shown(name)}."
        return ""


def _codes_of_ids(name: Any, cells: Any, *, sort: bool = False) -> tuple[np.ndarray, Any]:
    try:
        codes, different = pd.factorize(cells, sort=sort)
    except TypeError as error:
        raise ValueError(f"Column {shown(name)} holds values that cannot be compared. Give numbers or text.") from error
    if (codes < 0).any():
        raise ValueError(f"Column {shown(name)} is missing in row {int(np.argmin(codes))}. Fill it or remove the row.")
    return codes.astype(np.int64), different


def _names_of_channels(values: list, names: list) -> list:
    if len(values) == 1:
        return names
    return [f"{value}_{name}" for value in values for name in names]


def _order(codes: np.ndarray, moments: np.ndarray) -> Any:
    """Return what sorts rows by series and time. Most tables are sorted already."""
    later = (codes[1:] > codes[:-1]) | ((codes[1:] == codes[:-1]) & (moments[1:] >= moments[:-1]))
    if later.all():
        return slice(None)
    order = np.argsort(moments, kind="stable")
    for digits in (codes & 0xFFFF, codes >> 16):  # NumPy sorts numbers of 16 bits in linear time
        order = order[np.argsort(digits[order].astype(np.uint16), kind="stable")]
    return order
