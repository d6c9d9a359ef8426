"""A collection as a PyTorch dataset, and batches of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Subset

from sklearn_ssl._engine.budgets import steps_per_epoch
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.padding import observed_mask


class SeriesDataset(Dataset):
    """A collection that gives batches by index, from the device where it fits there."""

    def __init__(self, collection: Collection, device: torch.device) -> None:
        self.collection = collection
        self.device = device
        self.values = self._resident() if self._fits() else None
        lengths = collection.lengths
        self.lengths = None if lengths is None else torch.from_numpy(lengths).to(device)

    def __len__(self) -> int:
        return len(self.collection)

    def __getitem__(self, index: Any) -> dict[str, torch.Tensor]:
        rows = torch.atleast_1d(torch.as_tensor(index))
        x = self._rows(rows)  # (B, C, L)
        rows = rows.to(self.device)
        if self.lengths is None:
            return {"x": x, "index": rows}
        lengths = self.lengths[rows]
        return {
            "x": torch.where(observed_mask(lengths, x.shape[2])[:, None], x, 0.0),
            "lengths": lengths,
            "index": rows,
        }

    def _rows(self, rows: torch.Tensor) -> torch.Tensor:
        if self.values is not None:
            return self.values[rows.to(self.device)]
        batch = np.asarray(self.collection.values[rows.numpy()], dtype=np.float32)
        return torch.from_numpy(batch).to(self.device)

    def _fits(self) -> bool:
        values = self.collection.values
        if self.device.type != "cuda" or isinstance(values, np.memmap):
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        return values.nbytes < free // 4

    def _resident(self) -> torch.Tensor:
        return torch.tensor(self.collection.values, dtype=torch.float32, device=self.device)


class BatchIterator:
    """Batches of row indices drawn from a dataset, a last batch of one row merged into the one before."""

    def __init__(self, dataset: Dataset, batch_size: int, *, shuffle: bool) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        return steps_per_epoch(len(self.dataset), self.batch_size)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
        source: Any = self.dataset
        rows = torch.arange(len(source))
        while isinstance(source, Subset):
            source, rows = source.dataset, torch.as_tensor(source.indices)[rows]
        if self.shuffle:
            rows = rows[torch.randperm(len(rows))]
        cuts = [step * self.batch_size for step in range(1, len(self))]
        for batch in torch.tensor_split(rows, cuts):
            yield source[batch], batch
