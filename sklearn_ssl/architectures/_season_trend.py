"""Two views of a window of every series, with their trends at a time step and their seasons."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._momentum import TaughtArchitecture
from sklearn_ssl.architectures._queue import KeyQueue
from sklearn_ssl.architectures._siamese import width_of
from sklearn_ssl.architectures._windows import cut, drawn_between, drawn_number, observed_steps, shortest_of
from sklearn_ssl.encoders import SeasonTrendEncoder


class SeasonTrendArchitecture(KeyQueue, TaughtArchitecture):
    """The trends of two views, one by a teacher, and the seasons of both views.

    A batch has one window of every series: as many steps as the shortest one has, at most `max_length`, from a random
    step on. Both views are changes of this window, so that a step of one is the same step of the other. No window has
    padded steps. Trends are compared at one random step of the window, which is the same for all series of a batch.

    The teacher follows the inner encoder, the trend and the projector. It has no season.

    Parameters
    ----------
    encoder : Encoder
        Recipe of the inner encoder, whose features are split by `SeasonTrendEncoder`.
    augmentation : Augmentation
        Makes the views.
    projector : recipe
        Head between trend and queue.
    width : int
        Number of features of the trend, and of the season.
    n_kernels : int
        Most kernels of the trend. No kernel is longer than half of the longest window.
    dropout : float
        Share of the values of the season that are set to zero in training.
    max_length : int
        Most steps of a window.
    queue_size : int or "auto"
        Number of keys K in the queue, as in `QueueArchitecture`.
    **taught : dict
        Parameters of `TaughtArchitecture`.

    Attributes
    ----------
    queue : Tensor of shape (K, P)
        Keys of unit length, the oldest first. At the start they have random directions.
    projector : torch.nn.Module
        Maps trends (B, W) to projections (B, P).
    n_projections : int
        P.
    """

    taught = ("inner", "trend")

    def __init__(
        self,
        *,
        encoder: Any,
        augmentation: Any,
        projector: Any,
        width: int,
        n_kernels: int,
        dropout: float,
        max_length: int,
        queue_size: int | str,
        n_timepoints: int,
        **taught: Any,
    ) -> None:
        length = min(n_timepoints, max_length)
        n_kernels = min(n_kernels, max(length // 2, 1).bit_length())
        split = SeasonTrendEncoder(encoder, width=width, n_kernels=n_kernels, length=length, dropout=dropout)
        super().__init__(encoder=split, n_timepoints=n_timepoints, **taught)
        self.augmentation = augmentation
        self.max_length = max_length
        self.projector = projector.build(width)
        self.n_projections = width_of(self.projector, width)
        self.teach("projector")
        self.build_queue(queue_size, self.n_cases, self.n_projections)

    @property
    def inner(self) -> nn.Module:
        """The inner encoder."""
        return self.encoder.encoder  # type: ignore[return-value]

    @property
    def trend(self) -> nn.Module:
        """The map from the inner encoder's features to the trend."""
        return self.encoder.trend  # type: ignore[return-value]

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return queries and keys (B, P), the queue (K, P) as it was before these keys, and two seasons (B, W, n)."""
        self.follow()
        window = self._window(batch)  # (B, C, n)
        first, second = (self.augmentation(window, None) for _ in range(2))
        h = _last_map(self.inner, torch.cat([first, second]))  # (2B, D, n)
        n_read = drawn_number(1, h.shape[2])
        query, key, queue = self.queries(h[: len(batch), :, :n_read]), self.keys(second, n_read), self.queue
        if self.training:
            self.enqueue(key)
        return query, key, queue, *self.seasons(h).chunk(2)

    def queries(self, h: torch.Tensor) -> torch.Tensor:
        """Project the trend at the last step of a map of the inner encoder: (B, D, t) to (B, P)."""
        return self.projector(self.trend.last(h))  # type: ignore[operator]

    @torch.no_grad()
    def keys(self, x: torch.Tensor, n_read: int) -> torch.Tensor:
        """Project the teacher's trend of series x (B, C, n) at a step, given with the number of steps: (B, P)."""
        h = _last_map(self.teacher["inner"], x)[:, :, :n_read]
        return self.teacher["projector"](self.teacher["trend"].last(h))  # type: ignore[operator]

    def seasons(self, h: torch.Tensor) -> torch.Tensor:
        """Return the season of a map of the inner encoder: (B, D, n) to (B, W, n)."""
        return self.encoder.season(h)  # type: ignore[operator]

    def _window(self, batch: Batch) -> torch.Tensor:
        width = min(shortest_of(batch.x, batch.lengths), self.max_length)
        return cut(batch.x, drawn_between(0, observed_steps(batch.x, batch.lengths) - width), width)


def _last_map(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    layers, _ = maps(encoder, x)
    return layers[-1]
