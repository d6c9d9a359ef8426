"""Learning from a stream: each call adds a piece, chooses what stays, and takes steps on what is in memory."""

import copy
from typing import Any

import numpy as np
import torch

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import resolved_batch_size
from sklearn_ssl._engine.history import BoundedHistory
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_copy import copied_net
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.replay._buffers import ReplayBuffer
from sklearn_ssl.replay._memory import Memory
from sklearn_ssl.replay._projections import recorded_projections, with_pooled_features, with_step_features

LARGEST_SEED = 2**63 - 1


class Drawn(SeriesDataset):
    """The series of several batches, one batch after the other."""

    ordered = True


class Stream:
    """A transformer in training with its memory.

    Parameters
    ----------
    transformer : SSLTransformer
        The transformer with its net, which is trained in place.
    memory : Memory
        What was kept so far.
    buffer : ReplayBuffer
        Chooses what stays.
    n_updates : int
        Steps for each piece.
    """

    def __init__(self, transformer: SSLTransformer, memory: Memory, buffer: ReplayBuffer, n_updates: int) -> None:
        self.transformer = transformer
        self.memory = memory
        self.buffer = buffer
        self.n_updates = n_updates

    def copied(self) -> "Stream":
        """Return a copy that can be trained while this one stays as it is."""
        transformer = copy.copy(self.transformer)
        transformer.net_ = copied_net(transformer.net_)
        return Stream(transformer, self.memory, self.buffer, self.n_updates)

    def take(self, piece: Collection) -> None:
        """Take the next piece of the stream and learn."""
        net = self.transformer.net_
        memory = self.memory.with_more(piece)
        with net.random_stream():
            seed = int(torch.randint(LARGEST_SEED, ()))
            memory = self._chosen(memory, len(piece), np.random.default_rng(seed))
            size = min(resolved_batch_size(self.transformer.batch_size, self.buffer.size), len(memory))
            draws = [torch.randperm(len(memory))[:size].numpy() for _ in range(self.n_updates)]
        self.memory = self._learnt(net, memory, draws) if size > 1 else memory

    def _chosen(self, memory: Memory, n_new: int, rng: np.random.Generator) -> Memory:
        if len(memory) <= self.buffer.size:
            return memory
        places = np.asarray(self.buffer.kept(memory, n_new, rng))
        different = np.unique(places)
        are_places = places.dtype.kind in "iu" and 0 < len(different) == len(places) <= self.buffer.size
        if not are_places or different[0] < 0 or different[-1] >= len(memory):
            raise ValueError(
                f"`buffer`: {type(self.buffer).__name__}.kept must return from 1 to {self.buffer.size} different places"
                f" from 0 to {len(memory) - 1}, got {shown(places)}."
            )
        return memory.rows(different)

    def _learnt(self, net: SSLNet, memory: Memory, draws: list[np.ndarray]) -> Memory:
        """Take a step on each of the draws, and return the memory with the features that came of it."""
        net.batch_size = len(draws[0])
        dataset = Drawn(memory.collection.rows(np.concatenate(draws)), torch.device(net.device))
        if not self.buffer.needs_features:
            net.train(dataset, epochs=1)
            return memory
        with recorded_projections(net) as record:
            net.train(dataset, epochs=1)
        if record:
            return with_step_features(memory, self.buffer, draws, record)
        return with_pooled_features(memory, self.buffer, draws, net)


def for_stream(net: Any) -> Any:
    """Let a net train on batches that are composed already, and keep the latest 100 calls in its history."""
    net.train_split = None
    if not any(isinstance(callback, BoundedHistory) for _, callback in net.callbacks_):
        net.callbacks_ = [*net.callbacks_, ("bounded_history", BoundedHistory())]
    return net
