"""Functions of PyTorch over the rows of several processes: batch normalisation, and those that draw."""

import inspect
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from sklearn_ssl._processes.draws import NEVER_DRAW, DrawsOfAllRows
from sklearn_ssl._processes.team import Team

_PASSES: dict[int, Team] = {}  # by thread: those that are in a pass of which they compute some rows
_ARGUMENTS = inspect.signature(F.batch_norm)


class OwnRows(TorchFunctionMode):
    """A block in which each process has some of N rows, and computes what one process computes for them.

    Batch normalisation of any module takes its statistics from all rows. `torch.nn.SyncBatchNorm` runs on accelerators
    only, and its gradient cannot be differentiated again. Random numbers are those of `DrawsOfAllRows`.

    Parameters
    ----------
    team : Team
        The processes.
    n_rows : int
        Number of rows N of all processes.
    """

    def __init__(self, team: Team, n_rows: int) -> None:
        super().__init__()
        self.team = team
        self.draws = DrawsOfAllRows(team, n_rows)

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
            with sdpa_kernel(SDPBackend.MATH), self.draws:  # other kernels draw their dropout where nobody sees it
                return func(*args, **kwargs)
        if getattr(func, "__name__", None) in NEVER_DRAW:  # to look at each operation within it would take time
            return func(*args, **kwargs)
        with self.draws:
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
    team = _PASSES[threading.get_ident()]
    normalised, mean, variance, n = _Normalise.apply(input, weight, bias, eps, team)
    with torch.no_grad():
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * n / (n - 1).clamp(min=1)).to(running_var.dtype), momentum)
    return normalised


class _Normalise(Function):
    """Batch normalisation by PyTorch's kernels, each of which treats the own rows, with sums over the processes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: Any, bias: Any, eps: float, team: Team) -> tuple:
        kept = x.new_zeros(x.shape[1], dtype=torch.promote_types(x.dtype, torch.float32))
        _, own_variance = torch.batch_norm_update_stats(x, kept, kept.clone(), 0.0)  # (D,)
        own_mean = x.mean([0, *range(2, x.ndim)], dtype=kept.dtype)  # PyTorch's mean is more exact
        n_own = x.numel() // x.shape[1]
        mean, variance, n = _of_all_rows(own_mean, own_variance * n_own, n_own, team.summed)
        ctx.save_for_backward(x, weight, bias, mean, variance, n)
        ctx.eps, ctx.team = eps, team
        ctx.mark_non_differentiable(mean, variance, n)
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance, n

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor, *_: Any) -> tuple:
        x, weight, bias, mean, variance, n = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient will be differentiated again
            normalised, wanted = _by_arithmetic(x, weight, bias, ctx.eps, ctx.team), ctx.needs_input_grad
            inputs = [one for one, is_wanted in zip((x, weight, bias), wanted, strict=False) if is_wanted]
            found = iter(torch.autograd.grad(normalised, inputs, gradient, create_graph=True))
            return tuple(next(found) if is_wanted else None for is_wanted in wanted)
        spread = (variance + ctx.eps).rsqrt()
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(  # as if mean and variance were constants
            gradient, x, weight, mean, variance, mean, spread, False, ctx.eps, [True] * 3
        )
        means = ctx.team.summed(torch.cat([of_bias, of_weight])) / n  # (2 D,)
        scale = spread if weight is None else spread * weight
        of_mean, of_spread = (-scale * means[: len(mean)], -scale * spread * means[len(mean) :])
        shape = [1, -1, *[1] * (x.ndim - 2)]
        of_x.add_((x - mean.view(shape)).mul_(of_spread.view(shape)).add_(of_mean.view(shape)))
        return of_x, *((of_weight, of_bias) if weight is not None else (None, None)), None, None


def _by_arithmetic(x: torch.Tensor, weight: Any, bias: Any, eps: float, team: Team) -> torch.Tensor:
    """Normalise the own rows by operations that can be differentiated twice."""
    dims, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    own_mean = wide.mean(dims)  # (D,)
    centred = wide - own_mean.view(shape)
    n_own = wide.numel() // len(own_mean)
    mean, variance, _ = _of_all_rows(own_mean, centred.square().sum(dims), n_own, lambda one: _Sum.apply(one, team))
    scale = (variance + eps).rsqrt() if weight is None else (variance + eps).rsqrt() * weight
    shift = (own_mean - mean) * scale if bias is None else (own_mean - mean) * scale + bias
    return torch.addcmul(shift.view(shape), centred, scale.view(shape)).to(x.dtype)


def _of_all_rows(
    mean: torch.Tensor, squares: torch.Tensor, n: int, summed: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and variance (D,) of the rows of all processes, and their number, given those of the n own rows.

    `squares` are sums of squared distances from the own mean. Double precision keeps the variance exact where it is the
    small difference of large numbers.
    """
    wide, own_squares = mean.double(), squares.double()
    totals = summed(torch.cat([n * wide, own_squares + n * wide.square(), wide.new_full((1,), n)]))  # (2 D + 1,)
    means, square = (totals[:-1] / totals[-1]).chunk(2)
    variance = (square - means.square()).clamp(min=0)
    return means.to(mean.dtype), variance.to(mean.dtype), totals[-1].to(mean.dtype)
