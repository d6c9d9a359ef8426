"""Batches of series with what is known of their targets."""

import copy
import dataclasses
from typing import Any

import numpy as np
import torch
from torch.utils.data import Subset

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.architectures import Batch
from sklearn_ssl.fine_tuning._labels import Labels

MOST_LABELLED = 256  # in an automatic batch


class LabelledDataset(SeriesDataset):
    """Labelled series: batches have their targets and weights too."""

    def __init__(self, collection: Collection, labels: Labels, device: torch.device) -> None:
        super().__init__(_rows_of(collection, labels.rows), device)
        self.target = torch.as_tensor(labels.target).to(device)
        self.weight = torch.as_tensor(labels.weight, dtype=torch.float32).to(device)

    def __getitem__(self, index: Any) -> Batch:
        batch = super().__getitem__(index)
        labels = {"target": self.target[batch.index], "weight": self.weight[batch.index]}
        return dataclasses.replace(batch, companion=labels)

    def split(self, held_out: np.ndarray) -> tuple[Subset, Subset]:
        """Return the others and those of the labelled series that are held out."""
        rest = np.setdiff1d(np.arange(len(self)), held_out)
        return Subset(self, rest.tolist()), Subset(self, held_out.tolist())


class LabelledBesideAll(SeriesDataset):
    """All series: in front of those of a batch, labelled ones that are drawn anew for each.

    Targets and weights of the others are zero. None is drawn twice for a batch before every one was drawn.
    """

    def __init__(self, collection: Collection, labels: Labels, device: torch.device, n_labelled: int) -> None:
        super().__init__(collection, device)
        self.labels = labels
        self.n_labelled = n_labelled
        self.target = torch.zeros(len(collection), dtype=torch.as_tensor(labels.target).dtype, device=device)
        self.weight = torch.zeros(len(collection), device=device)
        rows = torch.from_numpy(labels.rows).to(device)
        self.target[rows] = torch.as_tensor(labels.target).to(device)
        self.weight[rows] = torch.as_tensor(labels.weight, dtype=torch.float32).to(device)

    def __getitem__(self, index: Any) -> Batch:
        rows = torch.cat([self._drawn(), torch.atleast_1d(torch.as_tensor(index))])
        batch = super().__getitem__(rows)
        labels = {"target": self.target[batch.index], "weight": self.weight[batch.index]}
        return dataclasses.replace(batch, companion=labels)

    def split(self, held_out: np.ndarray) -> tuple[SeriesDataset, LabelledDataset]:
        """Return all series without the labels that are held out, and the labelled series that have those."""
        training = copy.copy(self)
        training.labels = self.labels[np.setdiff1d(np.arange(len(self.labels)), held_out)]
        return training, LabelledDataset(self.collection, self.labels[held_out], self.device)

    def _drawn(self) -> torch.Tensor:
        rounds = -(-self.n_labelled // len(self.labels))
        order = torch.cat([torch.randperm(len(self.labels)) for _ in range(rounds)])
        return torch.from_numpy(self.labels.rows)[order[: self.n_labelled]]


def _rows_of(collection: Collection, rows: np.ndarray) -> Collection:
    lengths = None if collection.lengths is None else collection.lengths[rows]
    return dataclasses.replace(collection, values=collection.values[rows], lengths=lengths)
