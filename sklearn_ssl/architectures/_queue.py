"""A queue of the teacher's projections of earlier batches."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._bounded import bounded_size
from sklearn_ssl.architectures._momentum import MomentumArchitecture
from sklearn_ssl.losses._vectors import unit_length

LARGEST_QUEUE = 4096


class KeyQueue(nn.Module):
    """The part of an architecture that keeps the teacher's projections of earlier batches, its keys."""

    queue: torch.Tensor

    def build_queue(self, queue_size: int | str, n_cases: int, n_projections: int) -> None:
        """Register a queue of keys with random directions. "auto" is half the number of series."""
        automatic = min(max(n_cases // 2, 2), LARGEST_QUEUE)
        size = bounded_size("queue_size", queue_size, automatic, n_cases)
        self.register_buffer("queue", unit_length(torch.randn(size, n_projections)))

    @torch.no_grad()
    def enqueue(self, keys: torch.Tensor) -> None:
        """Put keys (B, P) at the end of the queue and drop the oldest."""
        keys = unit_length(keys.to(self.queue.dtype))[-len(self.queue) :]
        self.queue = torch.cat([self.queue[len(keys) :], keys])  # (K, P), a new tensor: the loss still reads the old


class QueueArchitecture(KeyQueue, MomentumArchitecture):
    """A view through the encoder, another through the teacher, and a queue of the teacher's earlier projections.

    The teacher's projections are called keys.

    Parameters
    ----------
    queue_size : int or "auto"
        Number of keys K in the queue. "auto" is half the number of training series, from 2 to 4096. A key has then
        usually left the queue when its series comes again. A number above the number of series is reduced to it, with a
        warning.
    **momentum : dict
        Parameters of `MomentumArchitecture`.

    Attributes
    ----------
    queue : Tensor of shape (K, P)
        Keys of unit length, the oldest first. At the start they have random directions.
    """

    def __init__(self, *, queue_size: int | str, **momentum: Any) -> None:
        super().__init__(**momentum)
        self.build_queue(queue_size, self.n_cases, self.n_projections)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return queries and keys, each (B, P), and the queue (K, P) as it was before these keys."""
        query, key = super().forward(batch)
        queue = self.queue
        if self.training:
            self.enqueue(key)
        return query, key, queue
