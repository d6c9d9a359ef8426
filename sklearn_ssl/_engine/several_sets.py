"""Several collections as one PyTorch data set, whose batches are of one set each."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sklearn_ssl._engine.batches import SeriesDataset, as_rows
from sklearn_ssl._engine.budgets import steps_per_epoch
from sklearn_ssl._engine.reading import one_ahead
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.architectures import Batch


class SeveralSets(Dataset):
    """Several data sets, one after the other. All rows of a batch are of one set, so that channels and lengths agree.

    In training the sets are drawn in turn, in their order. An epoch ends when the set with the most batches has been
    passed once. A smaller set starts again meanwhile, in another random order. So every set has as many steps, whatever
    its size, and every series is used.

    Parameters
    ----------
    parts : list of SeriesDataset
        The sets.
    """

    companion = None

    def __init__(self, parts: list[SeriesDataset]) -> None:
        self.parts = parts
        self.device = parts[0].device
        self.starts = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def collections(self) -> list[Collection]:
        """The collection of each set."""
        return [part.collection for part in self.parts]

    @property
    def largest(self) -> SeriesDataset:
        """The set with the most series."""
        return max(self.parts, key=len)

    def takes_channels(self, n_channels: int) -> bool:
        """Tell whether a net that is trained on these sets takes series with so many channels."""
        found = {one.n_channels for one in self.collections}
        return len(found) > 1 or n_channels in found

    def __getitem__(self, index: Any) -> Batch:
        """Return a batch of one set that ends with its longest series."""
        rows = as_rows(index)
        number = int(self._sets_of(rows[:1])[0])
        batch = self.parts[number][rows - int(self.starts[number])]
        assert batch.index is not None
        return dataclasses.replace(batch, index=batch.index + int(self.starts[number]))

    def each(self, indices: Iterable[torch.Tensor]) -> Iterator[Batch]:
        """Yield the batch of each index. Series on disk are read one batch ahead."""
        read_ahead = any(part.reads_ahead for part in self.parts)
        return one_ahead(self.__getitem__, indices) if read_ahead else map(self.__getitem__, indices)

    def batches(self, rows: torch.Tensor, batch_size: int, *, shuffle: bool) -> list[torch.Tensor]:
        """Cut rows into batches: the sets in turn if `shuffle`, and else one set after the other."""
        each = self.usable(rows)
        if not shuffle:
            return [batch for part in each for batch in self._passed(part, batch_size, shuffle=False)]
        n_turns = self._n_turns(each, batch_size)
        endless = [self._endless(part, batch_size) for part in each]
        turns = zip(*(itertools.islice(one, n_turns) for one in endless), strict=True)
        return [batch for turn in turns for batch in turn]

    def n_batches(self, rows: torch.Tensor, batch_size: int, *, shuffle: bool) -> int:
        """Count the batches of `batches`."""
        each = self.usable(rows)
        if shuffle:
            return len(each) * self._n_turns(each, batch_size)
        return sum(steps_per_epoch(len(part), batch_size) for part in each)

    def smallest_batch(self, rows: torch.Tensor, batch_size: int) -> int:
        """Return how many series the smallest batch has."""
        return min(len(part) // steps_per_epoch(len(part), batch_size) for part in self.usable(rows))

    def _passed(self, rows: torch.Tensor, batch_size: int, *, shuffle: bool) -> Iterable[torch.Tensor]:
        """Cut rows of one set into the batches of one pass."""
        number = int(self._sets_of(rows[:1])[0])
        start = int(self.starts[number])
        return (batch + start for batch in self.parts[number].batches(rows - start, batch_size, shuffle=shuffle))

    def _endless(self, rows: torch.Tensor, batch_size: int) -> Iterator[torch.Tensor]:
        while True:
            yield from self._passed(rows, batch_size, shuffle=True)

    def _n_turns(self, each: list[torch.Tensor], batch_size: int) -> int:
        return max(steps_per_epoch(len(part), batch_size) for part in each)

    def usable(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return the rows of each set. A set of which a split leaves one series is left out: a loss may compare two."""
        numbers = self._sets_of(rows)
        each = [rows[torch.from_numpy(numbers == number)] for number in range(len(self.parts))]
        return [part for part in each if len(part) > 1]

    def _sets_of(self, rows: torch.Tensor) -> np.ndarray:
        """Return the number of the set of each row."""
        return np.searchsorted(self.starts, rows.numpy(), side="right") - 1
