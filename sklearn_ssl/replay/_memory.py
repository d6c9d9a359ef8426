"""What a stream has left in memory: some of its series, with what is known of them."""

import dataclasses
from typing import Self

import numpy as np

from sklearn_ssl._input.collections import Collection


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Memory:
    """Series that were kept of a stream, in the order in which they came.

    Attributes
    ----------
    collection : Collection
        The series.
    arrival : int ndarray of shape (n_items,)
        The number of each series in the stream, from 0.
    features : ndarray of shape (n_items, n_projections)
        A vector of length 1 for each series that was in a batch already, and zeros for the others. It has no columns as
        long as no step was taken, or if the buffer needs no features.
    seen : bool ndarray of shape (n_items,)
        Whether the vector of a series is known.
    n_seen : int
        The number of series of the stream so far.
    """

    collection: Collection
    arrival: np.ndarray
    features: np.ndarray
    seen: np.ndarray
    n_seen: int

    @classmethod
    def empty(cls, like: Collection) -> Self:
        """Return a memory without series, for series with these channels."""
        nothing = Collection(np.empty((0, like.n_channels, 0), dtype=np.float32), None)
        return cls(nothing, np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32), np.empty(0, dtype=bool), 0)

    def __len__(self) -> int:
        return len(self.arrival)

    @property
    def values(self) -> np.ndarray:
        """The series (n_items, n_channels, n_timepoints), NaN after the end of each."""
        return self.collection.values

    @property
    def lengths(self) -> np.ndarray | None:
        """The number of time steps of each series; None if all are as long."""
        return self.collection.lengths

    def with_more(self, piece: Collection) -> Self:
        """Return the memory with the next series of the stream added."""
        n_new = len(piece)
        return dataclasses.replace(
            self,
            collection=joined(self.collection, piece),
            arrival=np.append(self.arrival, self.n_seen + np.arange(n_new)),
            features=np.pad(self.features, ((0, n_new), (0, 0))),
            seen=np.pad(self.seen, (0, n_new)),
            n_seen=self.n_seen + n_new,
        )

    def rows(self, places: np.ndarray) -> Self:
        """Return the memory with some of its series."""
        return dataclasses.replace(
            self,
            collection=trimmed(self.collection.rows(places)),
            arrival=self.arrival[places],
            features=self.features[places],
            seen=self.seen[places],
        )

    def with_features(self, features: np.ndarray, seen: np.ndarray) -> Self:
        """Return the memory with other features."""
        return dataclasses.replace(self, features=features, seen=seen)

    def __repr__(self) -> str:
        return f"<Memory: {len(self)} of {self.n_seen} series>"


def trimmed(collection: Collection) -> Collection:
    """Cut the padding that all series share; lengths are None if the series are equally long."""
    if collection.lengths is None:
        return collection
    longest = int(collection.lengths.max(initial=0))
    lengths = None if (collection.lengths == longest).all() else collection.lengths
    return Collection(np.ascontiguousarray(collection.values[:, :, :longest]), lengths)


def joined(first: Collection, second: Collection) -> Collection:
    """Put series after others, those that are shorter with NaN at their ends."""
    longest = max(first.n_timepoints, second.n_timepoints)
    parts = [one for one in (first, second) if len(one)]
    values = np.concatenate([_of_length(one.values, longest) for one in parts])
    lengths = [np.full(len(one), one.n_timepoints) if one.lengths is None else one.lengths for one in parts]
    return trimmed(Collection(values, np.concatenate(lengths)))


def _of_length(values: np.ndarray, n_timepoints: int) -> np.ndarray:
    missing = n_timepoints - values.shape[2]
    values = np.asarray(values, dtype=np.float32)
    return np.pad(values, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan) if missing else values
