"""Losses are computed in single precision at least, whatever the precision of the network."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import torch

P = ParamSpec("P")


def in_full_precision(loss: Callable[P, torch.Tensor]) -> Callable[P, torch.Tensor]:
    """Let `loss` compute in float32, or in float64 on float64 tensors, also under ``torch.autocast``.

    Half precision overflows at 65504, which an exponential or a sum of squares passes easily.

    Parameters
    ----------
    loss : callable
        A function of tensors, the first of which says on which device it computes.

    Returns
    -------
    computed : callable
        The same function, in single or double precision.
    """

    @functools.wraps(loss)
    def computed(*args: P.args, **kwargs: P.kwargs) -> torch.Tensor:
        wide = [_widened(value) for value in args]
        wide_named = {name: _widened(value) for name, value in kwargs.items()}
        tensors = (value for value in (*wide, *wide_named.values()) if isinstance(value, torch.Tensor))
        device = next((tensor.device.type for tensor in tensors), "cpu")
        with torch.autocast(device, enabled=False):
            return loss(*wide, **wide_named)

    return computed


def _widened(value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or value.dtype == torch.float64:
        return value
    return value.float()
