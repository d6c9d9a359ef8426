"""A collection as a PyTorch dataset."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sklearn_ssl._padding import observed_mask
from sklearn_ssl._validation import Collection

# Steps of all series in one inference batch: small enough for the cache, large enough to amortise the call.
INFERENCE_STEPS = 1 << 15


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
