"""Batch normalisation over the rows of several processes."""

import inspect
import threading
from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from sklearn_ssl._processes.team import Team

_PASSES: dict[int, Team] = {}  # by thread: those that are in a pass of which they compute some rows
_ARGUMENTS = inspect.signature(F.batch_norm)


class SharedStatistics(TorchFunctionMode):
    """A block in which batch normalisation of any module takes its statistics from the rows of all processes.

    `torch.nn.SyncBatchNorm` runs on accelerators only, and its gradient cannot be differentiated again.

    Parameters
    ----------
    team : Team
        The processes.
    """

    def __init__(self, team: Team) -> None:
        super().__init__()
        self.team = team

    def __enter__(self) -> Any:
        _PASSES[threading.get_ident()] = self.team
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        del _PASSES[threading.get_ident()]

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run a function of PyTorch."""
        kwargs = kwargs or {}
        if func is F.batch_norm:
            given = _ARGUMENTS.bind(*args, **kwargs)
            given.apply_defaults()
            if given.arguments["training"]:
                return batch_norm(**given.arguments)
        if func is F.scaled_dot_product_attention and _dropout_of(*args, **kwargs):
            with sdpa_kernel(SDPBackend.MATH):  # other kernels draw their dropout where nobody sees it
                return func(*args, **kwargs)
        return func(*args, **kwargs)


def _dropout_of(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, **_: Any) -> float:
    """Return the dropout of an attention."""
    return dropout_p


def is_shared_pass() -> bool:
    """Tell whether other processes compute further rows of the pass that this thread is in."""
    return bool(_PASSES) and threading.get_ident() in _PASSES


def summed(values: torch.Tensor) -> torch.Tensor:
    """Return the sum over the processes of a shared pass, with gradient; elsewhere the values themselves."""
    return _Sum.apply(values, _PASSES[threading.get_ident()]) if is_shared_pass() else values


class _Sum(Function):
    """The sum of the values of all processes. Each process uses the whole of it."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, team: Team) -> torch.Tensor:
        ctx.team = team
        return team.summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:
        return _Sum.apply(gradient, ctx.team), None


def batch_norm(
    input: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> torch.Tensor:
    """Normalise the own rows (n, D, ...) by the statistics of all rows, as `torch.nn.functional.batch_norm` does."""
    dims, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
    wide = input.to(torch.promote_types(input.dtype, torch.float32))
    own_mean = wide.mean(dims)  # (D,)
    centred = wide - own_mean.view(shape)
    mean, variance, n = _of_all_rows(own_mean, centred.square().sum(dims), wide.numel() // len(own_mean))
    with torch.no_grad():
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * n / (n - 1).clamp(min=1)).to(running_var.dtype), momentum)
    scale = (variance + eps).rsqrt() if weight is None else (variance + eps).rsqrt() * weight
    shift = (own_mean - mean) * scale if bias is None else (own_mean - mean) * scale + bias
    return torch.addcmul(shift.view(shape), centred, scale.view(shape)).to(input.dtype)


def _of_all_rows(mean: torch.Tensor, squares: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and variance (D,) of the rows of all processes, and their number, given those of the n own rows.

    `squares` are sums of squared distances from the own mean. Double precision keeps the variance exact where it is the
    small difference of large numbers.
    """
    wide, own_squares = mean.double(), squares.double()
    totals = summed(torch.cat([n * wide, own_squares + n * wide.square(), wide.new_full((1,), n)]))  # (2 D + 1,)
    means, square = (totals[:-1] / totals[-1]).chunk(2)
    variance = (square - means.square()).clamp(min=0)
    return means.to(mean.dtype), variance.to(mean.dtype), totals[-1].to(mean.dtype)
