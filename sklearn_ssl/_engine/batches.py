"""A collection as a PyTorch data set, what accompanies it, and batches of both."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch.utils.data import Dataset, Subset

from sklearn_ssl._engine.budgets import steps_per_epoch
from sklearn_ssl._engine.device import put
from sklearn_ssl._engine.reading import in_random_order, one_ahead, read_rows
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, series_at_once
from sklearn_ssl._input.on_disk import is_on_disk
from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.architectures import Batch


@runtime_checkable
class Companion(Protocol):
    """What goes with the series into the data set, the batch and the name of a checkpoint: labels, texts, metadata."""

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what belongs to these rows (B,), by name, each with one row per series."""
        raise NotImplementedError

    def to(self, device: torch.device) -> "Companion":
        """Return the companion with its tensors on a device."""
        raise NotImplementedError

    def content(self) -> bytes:
        """Return bytes that are equal for equal companions, in any process."""
        raise NotImplementedError


class SeriesDataset(Dataset):
    """A collection that gives batches by index, from the device where it fits there.

    Parameters
    ----------
    collection : Collection
        The series.
    device : torch.device
        Where batches are needed.
    companion : Companion or None, default=None
        What goes with the series.

    Attributes
    ----------
    ordered : bool
        Whether training takes the rows in their order; False unless a subclass says otherwise.
    """

    ordered = False

    def __init__(self, collection: Collection, device: torch.device, companion: Companion | None = None) -> None:
        self.collection = collection
        self.device = device
        self._place = torch.empty(0, device=device).device  # with its number: "cuda" may be another GPU in a thread
        self.companion = None if companion is None else companion.to(device)
        self.values = self._resident() if self._fits() else None
        lengths = collection.lengths
        self.lengths = None if lengths is None else torch.from_numpy(lengths).to(device)

    def __len__(self) -> int:
        return len(self.collection)

    @property
    def collections(self) -> list[Collection]:
        """The collections of the data set: one."""
        return [self.collection]

    @property
    def largest(self) -> "SeriesDataset":
        """Of several sets the one with the most series; here the data set itself."""
        return self

    def takes_channels(self, n_channels: int) -> bool:
        """Tell whether a net that is trained on these series takes series with so many channels."""
        return n_channels == self.collection.n_channels

    def usable(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return the rows that batches are cut from, those of one set together."""
        return [rows]

    def batches(self, rows: torch.Tensor, batch_size: int, *, shuffle: bool) -> Sequence[torch.Tensor]:
        """Cut rows into batches of nearly equal size, in random order if `shuffle` and not `ordered`."""
        if shuffle and not self.ordered:
            rows = in_random_order(rows, self.collection.values)
        return torch.tensor_split(rows, steps_per_epoch(len(rows), batch_size))

    def n_batches(self, rows: torch.Tensor, batch_size: int, *, shuffle: bool) -> int:
        """Count the batches of `batches`."""
        return steps_per_epoch(len(rows), batch_size)

    def smallest_batch(self, rows: torch.Tensor, batch_size: int) -> int:
        """Return how many series the smallest batch has."""
        return len(rows) // steps_per_epoch(len(rows), batch_size)

    def __getitem__(self, index: Any) -> Batch:
        """Return a batch that ends with its longest series."""
        rows = as_rows(index)
        lengths = self.collection.lengths
        longest = self.collection.n_timepoints if lengths is None else int(lengths[rows.numpy()].max(initial=0))
        return self._batch(rows, longest)

    def whole(self, index: Any) -> Batch:
        """Return a batch with all time steps of the data set."""
        return self._batch(as_rows(index), self.collection.n_timepoints)

    def each(self, indices: Iterable[torch.Tensor], *, whole: bool = False) -> Iterator[Batch]:
        """Yield the batch of each index, with all time steps if `whole`. Series on disk are read one batch ahead."""
        read = self.whole if whole else self.__getitem__
        return one_ahead(read, indices) if self.reads_ahead else map(read, indices)

    @property
    def reads_ahead(self) -> bool:
        """Whether a thread may read a batch before it is needed."""
        return is_on_disk(self.collection.values)

    def _batch(self, rows: torch.Tensor, n_timepoints: int) -> Batch:
        there = put(rows, self._place)
        x = self._read(rows, n_timepoints) if self.values is None else self.values[:, :, :n_timepoints][there]
        companion = {} if self.companion is None else self.companion.of_rows(there)
        if self.lengths is None:
            return Batch(x, None, there, companion)  # x: (B, C, L)
        lengths = self.lengths[there]
        x = torch.where(observed_mask(lengths, x.shape[2])[:, None], x, 0.0)
        return Batch(x, lengths, there, companion)

    def _read(self, rows: torch.Tensor, n_timepoints: int) -> torch.Tensor:
        batch = read_rows(self.collection.values, rows.numpy(), n_timepoints, self.collection.lengths)
        return put(torch.from_numpy(batch), self._place)

    def _fits(self) -> bool:
        values = self.collection.values
        if self.device.type != "cuda" or is_on_disk(values):
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        return values.nbytes < free // 4

    def _resident(self) -> torch.Tensor:
        return torch.tensor(self.collection.values, dtype=torch.float32, device=self.device)


def as_rows(index: Any) -> torch.Tensor:
    """Return an index as a tensor (B,)."""
    return torch.atleast_1d(torch.as_tensor(index))


class BatchIterator:
    """Batches of a data set or of a part of it, as the data set cuts them, with at least two series in each."""

    def __init__(self, dataset: Dataset, batch_size: int, *, shuffle: bool) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        source, rows = whole_of(self.dataset)
        return source.n_batches(rows, self.batch_size, shuffle=self.shuffle)

    def __iter__(self) -> Iterator[tuple[Any, torch.Tensor]]:
        source, rows = whole_of(self.dataset)
        batches = source.batches(rows, self.batch_size, shuffle=self.shuffle)
        yield from zip(source.each(batches), batches, strict=True)


def inference_batches(
    collection: Collection, rows: torch.Tensor, *, whole: bool
) -> tuple[Iterable[torch.Tensor], torch.Tensor | None]:
    """Cut rows into batches of some `INFERENCE_STEPS` time steps, series of like length together.

    Parameters
    ----------
    collection : Collection
        The series.
    rows : int Tensor of shape (n,)
        Which series.
    whole : bool
        Whether a batch has all time steps of the collection. Otherwise it ends with its longest series.

    Returns
    -------
    batches : iterable of int Tensor
        The rows of each batch.
    order : int Tensor of shape (n,) or None
        For each row of the batches its place among `rows`. None if the batches have the order of `rows`.
    """
    if not len(rows):
        return (), None
    if collection.lengths is None or whole:
        return rows.split(series_at_once(collection.n_timepoints)), None
    lengths = torch.from_numpy(collection.lengths[rows.numpy()])
    lengths, order = lengths.sort(stable=True)
    cuts = [0]
    for end, length in enumerate(lengths.tolist()):
        if end > cuts[-1] and (end + 1 - cuts[-1]) * length > INFERENCE_STEPS:
            cuts.append(end)
    return torch.tensor_split(rows[order], cuts[1:]), order


def whole_of(dataset: Any) -> tuple[Any, torch.Tensor]:
    """Return the data set of which this one may be a part, and the rows of the part."""
    rows = torch.arange(len(dataset))
    while isinstance(dataset, Subset):
        dataset, rows = dataset.dataset, torch.as_tensor(dataset.indices)[rows]
    return dataset, rows


def n_usable(dataset: Any) -> int:
    """Count the series of a data set, or of a part of one, that training can use."""
    source, rows = whole_of(dataset)
    return sum(map(len, source.usable(rows)))
