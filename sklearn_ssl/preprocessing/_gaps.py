"""Missing values, and how they are filled from the observed steps next to them."""

import dataclasses
from collections.abc import Iterator
from typing import Self

import numpy as np

from sklearn_ssl._input.collections import Collection


@dataclasses.dataclass(frozen=True)
class Gaps:
    """Missing steps, and the nearest observed steps before and after each in the same series and channel.

    All are positions in the flattened (n, C, L) array. Work on them grows with the number of missing values only.

    Attributes
    ----------
    at : ndarray of shape (n_missing,)
        The missing steps, in increasing order.
    left, right : ndarray of shape (n_missing,)
        The nearest observed steps before and after. -1 says that there is none.
    width : ndarray of shape (n_missing,)
        Number of missing steps of the gap.
    """

    at: np.ndarray
    left: np.ndarray
    right: np.ndarray
    width: np.ndarray

    @classmethod
    def of(cls, missing: np.ndarray, lengths: np.ndarray | None = None) -> Self:
        """Find the gaps of a boolean (n, C, L) array.

        The array is false in the padding, which begins at `lengths`.
        """
        _, n_channels, n_timepoints = missing.shape
        at = np.flatnonzero(missing)
        row, step = np.divmod(at, n_timepoints)
        if len(at) == 0:
            return cls(at, at, at, at)
        first = np.flatnonzero(np.concatenate([[True], (np.diff(at) != 1) | (step[1:] == 0)]))
        last = np.append(first[1:], len(at)) - 1
        ends = n_timepoints if lengths is None else lengths[row[last] // n_channels]
        left = np.where(step[first] > 0, at[first] - 1, -1)
        right = np.where(step[last] + 1 < ends, at[last] + 1, -1)
        run = last - first + 1
        return cls(at, np.repeat(left, run), np.repeat(right, run), np.repeat(run, run))

    def __len__(self) -> int:
        return len(self.at)

    def where(self, chosen: np.ndarray) -> "Gaps":
        """Return the gaps where a boolean array of shape (n_missing,) is true."""
        return Gaps(self.at[chosen], self.left[chosen], self.right[chosen], self.width[chosen])

    @property
    def enclosed(self) -> np.ndarray:
        """Whether there is an observed step on both sides."""
        return (self.left >= 0) & (self.right >= 0)

    @property
    def hopeless(self) -> np.ndarray:
        """Whether the channel is missing in the whole series."""
        return (self.left < 0) & (self.right < 0)

    def hold(self, values: np.ndarray) -> None:
        """Write the observed value before each gap into contiguous `values`, or the one after where none is before."""
        fillable = self.where(~self.hopeless)
        flat = values.reshape(-1)
        flat[fillable.at] = flat[np.where(fillable.left >= 0, fillable.left, fillable.right)]

    def connect(self, values: np.ndarray) -> None:
        """Write a straight line over each gap into contiguous `values`. It is level at the ends of a series."""
        enclosed = self.enclosed
        self.where(~enclosed).hold(values)
        inner = self.where(enclosed)
        flat = values.reshape(-1)
        before, after = flat[inner.left].astype(np.float64), flat[inner.right].astype(np.float64)
        flat[inner.at] = before + (after - before) * ((inner.at - inner.left) / (inner.right - inner.left))


def bridged(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Fill all NaN of an (n, C, L) array, and return the filled values and a boolean array that is true where NaN was.

    Gaps become straight lines. At both ends of a series, padding too, the lines are level. A channel that is missing in
    a whole series becomes zero. An array without NaN is returned as it is, with None.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values, None
    complete = values.copy()
    gaps = Gaps.of(missing)
    gaps.connect(complete)
    complete.reshape(-1)[gaps.at[gaps.hopeless]] = 0
    return complete, missing


def equal_lengths(collection: Collection) -> Iterator[tuple[slice | np.ndarray, int]]:
    """Yield the series of each length and that length, shortest first. Series of zero steps are left out."""
    if collection.lengths is None:
        yield slice(None), collection.n_timepoints
        return
    for n_steps in np.unique(collection.lengths[collection.lengths > 0]):
        yield np.flatnonzero(collection.lengths == n_steps), int(n_steps)


def missing_channel(channel: int) -> ValueError:
    """Return the error for a channel that no training series has."""
    return ValueError(
        f"Channel {channel} of X is missing (NaN) in every series, so nothing can be learnt about it. "
        "Leave the channel out."
    )
