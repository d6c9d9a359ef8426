"""When the steps of recordings were taken: durations in steps, gaps, and stretches of steps without a gap."""

import dataclasses
import functools
import numbers
from typing import Any, final

import numpy as np
import pandas as pd

from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._recordings import Recordings
from sklearn_ssl.preprocessing._stamps import is_duration, seconds_of, stamps_of

GAP = 1.5  # steps that are further apart than this share of the usual distance have a gap between them
TOLERANCE = 0.05  # by which share distances that should be equal may differ


@final
@dataclasses.dataclass(frozen=True)
class StepTimes:
    """The times of the steps of every recording.

    Attributes
    ----------
    recordings : Recordings
        The recordings.
    n_steps : list of int
        Number of steps of each recording, without its padding.
    sampling_rate : float or None
        Steps per second, if the user gave them.
    """

    recordings: Recordings
    n_steps: list[int]
    sampling_rate: float | None

    @functools.cached_property
    def rate(self) -> float | None:
        """Steps per second, by the time stamps or the sampling rate; None if neither tells.

        Raises
        ------
        ValueError
            If recordings differ in it, or if the time stamps contradict the sampling rate.
        """
        periods = self.periods[np.isfinite(self.periods)] if self._has_seconds else np.empty(0)
        given = [] if self.sampling_rate is None else [self.sampling_rate]
        rates = np.append(given, 1 / periods)
        if len(rates) == 0:
            return None
        if rates.max() > (1 + TOLERANCE) * rates.min():
            raise ValueError(
                f"By the time stamps of X, or by `sampling_rate`, recordings have between {rates.min():.6g} and "
                f"{rates.max():.6g} steps per second. Bring all to one rate, for example by pandas' resample."
            )
        return float(rates[0] if given else np.median(rates))

    @property
    def _has_seconds(self) -> bool:
        stamps = self.recordings.times
        return stamps is not None and isinstance(stamps[0], (pd.DatetimeIndex, pd.TimedeltaIndex))

    @property
    def periods(self) -> np.ndarray:
        """The usual distance of two steps of each recording, NaN where it is not known."""
        return np.array([_period(self.positions(case)) for case in range(len(self.n_steps))])

    def positions(self, case: int) -> np.ndarray:
        """Return when the steps of a recording were taken: in seconds, in the unit of its time stamps, or in steps."""
        if self.recordings.times is None:
            return np.arange(self.n_steps[case]) / (self.sampling_rate or 1.0)
        stamps = self.recordings.times[case][: self.n_steps[case]]
        if isinstance(stamps, pd.DatetimeIndex):
            stamps = stamps - stamps[0]
        return stamps.total_seconds().to_numpy() if isinstance(stamps, pd.TimedeltaIndex) else stamps.to_numpy()

    def steps_in(self, name: str, duration: Any) -> int:
        """Return a number of steps, or a duration as a number of steps.

        Raises
        ------
        ValueError, TypeError
            If the value is neither, if it is less than one step, or if steps have no duration.
        """
        if not is_duration(duration):
            return whole_steps(name, duration)
        seconds = seconds_of(name, duration)
        if self.rate is None:
            raise ValueError(
                f"`{name}`={shown(duration)} is a duration, but how many steps make a second is not known. Set "
                "`sampling_rate`, or give tables whose index or column `time` has dates or durations; "
                "pandas.to_timedelta(column, unit='s') makes durations of numbers."
            )
        steps = round(seconds * self.rate)
        if steps < 1:
            raise ValueError(
                f"`{name}`={shown(duration)} is shorter than one step; a second has {self.rate:.6g} steps."
            )
        return steps

    def stretches(self, max_gap: Any, block: int | None, purge: int) -> "Stretches":
        """Cut recordings at gaps in the time stamps and into blocks of time.

        Parameters
        ----------
        max_gap : str, timedelta, number or None
            The longest distance of two steps in a stretch. None is 1.5 times the usual distance.
        block : int or None
            Steps from the start of a block to the start of the next.
        purge : int
            Steps at the end of each block that are left out.
        """
        if max_gap is not None and self.recordings.times is None:
            raise ValueError(
                "`max_gap` needs time stamps: an index of dates or durations, or the column `time`. Set it to None."
            )
        parts = [self._stretches_of(case, max_gap, block, purge) for case in range(len(self.n_steps))]
        cases = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        first, stop, blocks = np.concatenate(parts).T
        return Stretches(cases, first, stop, blocks)

    def _stretches_of(self, case: int, max_gap: Any, block: int | None, purge: int) -> np.ndarray:
        """Return first step, step after the last and number of the block of each stretch, of shape (n_stretches, 3)."""
        n_steps = self.n_steps[case]
        if (self.recordings.times is None and block is None) or n_steps < 2:
            return np.array([[0, n_steps, 0]])
        positions = self.positions(case)
        period = _period(positions)
        grid = np.rint((positions - positions[0]) / period).astype(int)
        blocks = grid // block if block is not None else np.zeros(n_steps, dtype=int)
        used = grid % block < block - purge if block is not None else np.ones(n_steps, dtype=bool)
        gap = np.diff(positions) > (GAP * period if max_gap is None else self._distance(max_gap) * (1 + 1e-9))
        cuts = np.flatnonzero(gap | (np.diff(blocks) != 0) | (np.diff(used) != 0)) + 1
        first = np.append(0, cuts)
        return np.column_stack([first, np.append(cuts, n_steps), blocks[first]])[used[first]]

    def _distance(self, max_gap: Any) -> float:
        if self.recordings.times is not None and not self._has_seconds:
            if max_gap not in Range(above=0):
                raise ValueError(
                    f"The time stamps of X are numbers. Give `max_gap` in their unit, not {shown(max_gap)}."
                )
            return float(max_gap)
        return seconds_of("max_gap", max_gap)

    def check_regular(self, places: Any, length: int) -> None:
        """Raise a ValueError if a window takes much more or less time than most of its length in steps."""
        if self.recordings.times is None or self.rate is None or not self._has_seconds:
            return
        for case in np.unique(places.recording):
            start, stop = places.start[places.recording == case], places.stop[places.recording == case]
            positions = self.positions(case)
            taken, expected = positions[stop - 1] - positions[start], (stop - start - 1) / self.rate
            wrong = np.abs(taken - expected) > (2 * TOLERANCE * length + 1) / self.rate
            if wrong.any():
                at = int(np.argmax(wrong))
                raise ValueError(
                    f"Recording {shown(self.recordings.ids[case])} is not regular: {stop[at] - start[at]} steps "
                    f"from step {start[at]} take {taken[at]:.6g} seconds, and not {expected[at]:.6g}. Bring them to a "
                    "regular grid first, for example by pandas' resample."
                )

    def places_of(self, case: int, name: str, bounds: Any) -> np.ndarray:
        """Return bounds of events on the axis of `positions`.

        Raises
        ------
        ValueError
            If the bounds have another kind than the time stamps.
        """
        try:
            bounds = stamps_of(name, bounds)
        except ValueError as error:
            raise ValueError(str(error).replace("X.", "events.").replace("X[", "events[")) from error
        stamps = None if self.recordings.times is None else self.recordings.times[case]
        if isinstance(stamps, pd.DatetimeIndex) and isinstance(bounds, pd.DatetimeIndex):
            if (stamps.tz is None) != (bounds.tz is None):
                raise ValueError(
                    f"Column {shown(name)} of `events` and the time stamps of X need time zones both, or neither. Use "
                    "tz_localize."
                )
            return (bounds - stamps[0]).total_seconds().to_numpy()
        if isinstance(bounds, pd.TimedeltaIndex) and (self._has_seconds or self._unit == "seconds"):
            return bounds.total_seconds().to_numpy()
        if isinstance(bounds, (pd.DatetimeIndex, pd.TimedeltaIndex)) or self._has_seconds:
            raise ValueError(
                f"Column {shown(name)} of `events` has {bounds.dtype}, but the time of X is in {self._unit}. Give both "
                "in the same form; pandas.to_timedelta(column, unit='s') makes durations of seconds."
            )
        return bounds.to_numpy()

    @property
    def _unit(self) -> str:
        if self.recordings.times is not None:
            return str(self.recordings.times[0].dtype)
        return "steps" if self.sampling_rate is None else "seconds"


@final
@dataclasses.dataclass(frozen=True)
class Stretches:
    """Parts of recordings without a gap, each in one block of time.

    Attributes
    ----------
    recording, first, stop, block : ndarray of shape (n_stretches,)
        The number of the recording, the first step, the step after the last one, and the number of the block within
        the recording.
    """

    recording: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    block: np.ndarray


def whole_steps(name: str, value: Any, *, least: int = 1) -> int:
    """Return a whole number of time steps.

    Raises
    ------
    ValueError, TypeError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be a whole number of time steps, got {shown(value)}.")
    check_whole_number(name, value, least=least)
    return int(value)


def _period(positions: np.ndarray) -> float:
    distances = np.diff(positions)
    if len(distances) == 0:
        return float("nan")
    return float(distances[distances <= GAP * np.median(distances)].mean())
