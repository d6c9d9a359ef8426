"""Activations of the units of an encoder, reduced one unit after the other to save memory."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Self

import numpy as np
import torch

from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection
from sklearn_ssl._input.padding import at_every_step
from sklearn_ssl.augmentations import Augmentation
from sklearn_ssl.evaluation._representation import random_views

# Activations in memory at once. Where there are more, the units are taken in turns.
MOST_VALUES = 1 << 25
CONSTANT = 1e-6  # a range below this share of the largest value is rounding

Encode = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Place:
    """A segment that excites a unit."""

    case: int
    steps: slice
    activation: np.ndarray


@dataclasses.dataclass(frozen=True)
class Unit:
    """A summary of the activation of one unit; shares are shares of the observed steps."""

    threshold: float
    minimum: float
    constant: bool
    share_active: float
    share_inside: list[float]
    places: list[Place]

    @classmethod
    def of(
        cls,
        masks: dict[str, np.ndarray],
        observed: np.ndarray,
        quantile: float,
        n_segments: int,
        segment_length: int,
        activation: np.ndarray,
    ) -> Self:
        """Summarise the activation (n, L) of a unit."""
        seen = activation[observed]
        if not np.isfinite(seen).all():
            raise ValueError(
                "The activations of finite series are NaN or infinite. Put a scaler such as "
                "ChannelWise(StandardScaler()) before the transformer."
            )
        minimum, maximum = float(seen.min()), float(seen.max())
        constant = maximum - minimum <= CONSTANT * max(abs(minimum), abs(maximum))
        threshold = float(np.quantile(seen.astype(np.float64), quantile))
        active = observed & (activation >= threshold) & (activation > minimum) & (not constant)
        places = [] if constant else _top_places(activation, observed, n_segments, segment_length)
        inside = [mask[active].sum() / len(seen) for mask in masks.values()]
        return cls(threshold, minimum, constant, active.sum() / len(seen), inside, list(places))


def reduced_units(
    encode: Encode, collection: Collection, reduce: Callable[[np.ndarray], Unit]
) -> tuple[list[Unit], np.ndarray]:
    """Return the summary of every unit, and the activations averaged over time (n, D)."""
    units, pooled = [], []
    for maps in _unit_blocks(encode, collection.values):
        pooled.append(_mean_over_time(maps))
        for unit in range(maps.shape[1]):
            activation = at_every_step(torch.from_numpy(maps[:, unit]), collection.n_timepoints)  # (n, L)
            units.append(reduce(activation.numpy()))
    return units, np.concatenate(pooled, axis=1)


def _encoded(encode: Encode, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the feature maps (B, D, L') of batches of cases."""
    size = math.ceil(INFERENCE_STEPS / values.shape[2])
    for start in range(0, len(values), size):
        yield encode(values[start : start + size])


def _unit_blocks(encode: Encode, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the maps (n, U, L') of all cases for blocks of units; each block encodes the series again."""
    _, n_units, n_steps = next(_encoded(encode, values)).shape
    size = max(1, MOST_VALUES // (len(values) * n_steps))
    for start in range(0, n_units, size):
        maps = np.empty((len(values), min(size, n_units - start), n_steps), dtype=np.float32)
        row = 0
        for part in _encoded(encode, values):
            maps[row : row + len(part)] = part[:, start : start + size]
            row += len(part)
        yield maps


def _mean_over_time(maps: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(maps, axis=2, dtype=np.float64))


def pooled_view(encode: Encode, collection: Collection, augmentation: Augmentation, seed: int) -> np.ndarray:
    """Return the activations on a random view of every series, averaged over time (n, D)."""
    (view,) = random_views(collection, augmentation, 1, seed)
    return np.concatenate([_mean_over_time(maps) for maps in _encoded(encode, view)])  # (n, D)


def _top_places(activation: np.ndarray, observed: np.ndarray, n_places: int, length: int) -> Iterator[Place]:
    """Yield the places of largest activation (n, L), so that they do not overlap."""
    left = np.where(observed, activation, -np.inf)
    lengths = observed.sum(axis=1)
    for _ in range(n_places):
        case, centre = np.unravel_index(left.argmax(), left.shape)
        if left[case, centre] == -np.inf:
            return
        starts = np.clip(np.arange(left.shape[1]) - length // 2, 0, max(0, lengths[case] - length))
        start = int(starts[centre])
        stop = int(min(start + length, lengths[case]))
        yield Place(int(case), slice(start, stop), activation[case, start:stop].copy())
        left[case, (starts < stop) & (starts + length > start)] = -np.inf
