"""Triples of channels: the x, y and z axis of sensors in space."""

import itertools
from collections.abc import Sequence
from typing import Any

from sklearn_ssl._parameters.shown import shown


def check_triples(owner: str, axes: Any) -> None:
    """Raise a ValueError unless `axes` is None or has triples of different channels."""
    if axes is not None and not _are_triples(axes):
        raise ValueError(
            f"{owner}: `axes` must be triples of channel numbers, each channel in one triple only, "
            f"such as ((0, 1, 2), (3, 4, 5)), got {shown(axes)}."
        )


def triples_of(owner: str, axes: Sequence[Sequence[int]] | None, n_channels: int) -> Sequence[Sequence[int]]:
    """Return `axes`, or consecutive triples of all channels; raise a ValueError if they do not fit the channels."""
    if axes is None:
        if n_channels % 3:
            raise ValueError(
                f"{owner}: `axes` is None, which takes consecutive triples of channels, but `x` has {n_channels} "
                f"channels. Name the triples, for example axes=((0, 1, 2),)."
            )
        return [(first, first + 1, first + 2) for first in range(0, n_channels, 3)]
    if any(channel >= n_channels for triple in axes for channel in triple):
        raise ValueError(
            f"{owner}: `axes` must name channels below {n_channels}, the number of channels of `x`, got {shown(axes)}."
        )
    return axes


def _are_triples(axes: Any) -> bool:
    if not isinstance(axes, Sequence) or not all(isinstance(triple, Sequence) and len(triple) == 3 for triple in axes):
        return False
    channels = list(itertools.chain(*axes))
    numbered = all(isinstance(channel, int) and channel >= 0 for channel in channels)
    return numbered and len(set(channels)) == len(channels)
