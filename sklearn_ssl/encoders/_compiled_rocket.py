"""The kernels compiled by Numba, which can replace those in PyTorch on a CPU."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch

from sklearn_ssl.encoders._dilated import SIZE

LARGEST_VALUE = 1e25  # larger ones are left to PyTorch, whose sums show an overflow
MOST_VALUES = 1 << 24  # number of values of intermediate results for the series that are treated at once
FEW_SERIES, MANY_STEPS = 2, 1024  # PyTorch is faster for so few series of more steps: the time is that of sixteen


@cache
def _loops() -> Any:
    """Return the module of the compiled functions, or None if Numba is missing or switched off."""
    try:
        from sklearn_ssl.encoders import _compiled_loops  # slow to import
    except ImportError:
        return None
    return None if _compiled_loops.numba.config.DISABLE_JIT else _compiled_loops


def can_treat(x: torch.Tensor, lengths: torch.Tensor | None, dilation: int) -> bool:
    """Return whether the compiled functions give the features of series (B, C, L) with `lengths` (B,)."""
    return (
        lengths is None
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.compiler.is_compiling()
        and (len(x) > FEW_SERIES or x.shape[2] <= MANY_STEPS)
        and _loops() is not None
        and _n_values(x, dilation) <= MOST_VALUES
        and bool((x.abs() < LARGEST_VALUE).all())
    )


def fixed_features(
    x: torch.Tensor, taps: np.ndarray, plan: list[tuple[int, int]], channels: np.ndarray, biases: Any, rows: list[int]
) -> torch.Tensor:
    """Return the features (B, F) of series (B, C, L) that `can_treat` accepts.

    Parameters
    ----------
    x : Tensor of shape (B, C, L)
        The series.
    taps, plan, channels, biases, rows : arrays
        The kernels, as for `_compiled_loops.fixed_kernels`.
    """
    numbers = (np.array(values, dtype=np.int64) for values in (taps, plan, channels))
    reach = _reach(x, max(dilation for dilation, _ in plan))
    parameters = (reach, *numbers, biases.detach().numpy(), np.array(rows, dtype=np.int64))
    shape = (max(rows) + 1, len(biases))
    return _in_parts(x, shape, lambda some, out: _loops().fixed_kernels(some, *parameters, out))


def competing_features(
    x: torch.Tensor, dilations: np.ndarray, weights: torch.Tensor, channels: torch.Tensor, rounding: float
) -> torch.Tensor:
    """Return the features (B, F) of series (B, C, L) that `can_treat` accepts.

    Parameters
    ----------
    x : Tensor of shape (B, C, L)
        The series.
    dilations, weights, channels : arrays
        The groups of kernels, as for `_compiled_loops.competing_kernels`.
    rounding : float
        Up to this share of the largest value of a series, a convolution counts as zero.
    """
    numbers = np.array(dilations, dtype=np.int64)
    parameters = (_reach(x, max(dilations)), numbers, weights.numpy(), channels.numpy(), np.float32(rounding))
    shape = (len(dilations), 2, weights.shape[1])
    return _in_parts(x, shape, lambda some, out: _loops().competing_kernels(some, *parameters, out))


def _in_parts(x: torch.Tensor, shape: tuple[int, ...], function: Callable[[np.ndarray, np.ndarray], None]) -> Any:
    """Let a function write values of the given shape for each series, on as many threads as PyTorch has."""
    X, out = x.detach().contiguous().numpy(), np.empty((len(x), *shape), dtype=np.float32)
    lanes = _loops().LANES
    size = lanes * math.ceil(len(x) / lanes / torch.get_num_threads())
    parts = [slice(start, start + size) for start in range(0, len(x), size)]
    if len(parts) == 1:
        function(X, out)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda part: function(X[part], out[part]), parts))
    return torch.from_numpy(out).flatten(1)


def _n_values(x: torch.Tensor, dilation: int) -> int:
    """Return the number of values of three copies of the series, two of them with margins."""
    return _loops().LANES * x.shape[1] * (3 * x.shape[2] + 4 * _reach(x, dilation))


def _reach(x: torch.Tensor, dilation: int) -> int:
    """Return how many steps before and after a step a kernel can see."""
    return SIZE // 2 * min(int(dilation), x.shape[2])
