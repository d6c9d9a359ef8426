"""Features of the series of a batch, taken from what training computes anyway."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl.architectures import SiameseArchitecture
from sklearn_ssl.replay._buffers import ReplayBuffer, unit_rows
from sklearn_ssl.replay._memory import Memory


@contextlib.contextmanager
def recorded_projections(net: SSLNet) -> Iterator[dict[int, list[torch.Tensor]]]:
    """Yield a dictionary that gets the projections of every training step of the block, by the number of the step.

    It stays empty if the module makes no projections of views, the first views of all series before the second ones, or
    if it is compiled.
    """
    record: dict[int, list[torch.Tensor]] = defaultdict(list)
    if not isinstance(net.module_, SiameseArchitecture):
        yield record
        return
    module: Any = net.module_
    project = module.projections

    def recording(x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        z = project(x, lengths)
        if module.training:
            record[net.steps_].append(z.detach().float())
        return z

    module.projections = recording
    try:
        yield record
    finally:
        del module.projections


def with_step_features(
    memory: Memory, buffer: ReplayBuffer, draws: list[np.ndarray], record: dict[int, list[torch.Tensor]]
) -> Memory:
    """Return the memory with the features of the series in each step: the sum over their views, of length 1.

    Parameters
    ----------
    memory : Memory
        The series.
    buffer : ReplayBuffer
        Says how a new feature changes the one before.
    draws : list of int ndarray of shape (B,)
        The places of the series of each step.
    record : dict of int to list of Tensor of shape (V B, P)
        What `recorded_projections` gave: the first views of all series of a step, then the second ones, and so on.
    """
    for places, (_, projections) in zip(draws, sorted(record.items()), strict=True):
        z = torch.cat(projections).unflatten(0, (-1, len(places))).sum(0)  # (B, P)
        memory = updated(memory, buffer, places, z.cpu().numpy())
    return memory


def with_pooled_features(memory: Memory, buffer: ReplayBuffer, draws: list[np.ndarray], net: SSLNet) -> Memory:
    """Return the memory with the pooled features of all series that were in a step, each of length 1."""
    places = np.unique(np.concatenate(draws))
    batches = net.represent(net.series(memory.collection), "features", torch.from_numpy(places))
    return updated(memory, buffer, places, torch.cat(list(batches)).numpy())


def updated(memory: Memory, buffer: ReplayBuffer, places: np.ndarray, vectors: np.ndarray) -> Memory:
    """Return the memory with new features of some of its series; a first one replaces nothing."""
    new = unit_rows(vectors)
    features = memory.features.copy() if memory.features.shape[1] else np.zeros((len(memory), new.shape[1]), np.float32)
    known = memory.seen[places, None]
    features[places] = np.where(known, buffer.updated(features[places], new), new)
    seen = memory.seen.copy()
    seen[places] = True
    return memory.with_features(features, seen)
