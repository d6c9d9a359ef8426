"""Random numbers of rows that several processes share: each draws for all rows and takes its own."""

from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_ssl._processes.layout import like_rows
from sklearn_ssl._processes.team import Team

SHARED_DRAWS = {
    "bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "native_dropout", "normal",
    "normal_", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random_", "uniform", "uniform_",
}  # fmt: skip

NEVER_DRAW = {
    "__and__", "__bool__", "__float__", "__get__", "__getitem__", "__invert__", "__len__", "__or__",
    "_set_grad_enabled", "abs", "add", "add_", "all", "amax", "any", "arange", "cat", "clamp", "clamp_",
    "contiguous", "conv1d", "conv2d", "copy_", "cos", "detach", "dim", "div", "div_", "empty_like", "exp", "expand",
    "expand_as", "flatten", "flip", "float", "gather", "ge", "gelu", "gt", "index_copy", "index_select",
    "layer_norm", "leaky_relu", "linear", "lt", "masked_fill", "matmul", "max_pool1d", "max_pool2d", "mean",
    "minimum", "mul", "ne", "neg", "new_empty", "new_zeros", "nonzero", "numel", "pad", "permute", "promote_types",
    "relu", "repeat", "repeat_interleave", "roll", "sin", "size", "split", "sqrt", "square", "squeeze", "stack",
    "stride", "sub", "sub_", "sum", "to", "transpose", "unbind", "unflatten", "unsqueeze", "view", "where", "zeros",
}  # fmt: skip


@cache
def _draws(func: Any) -> bool:
    return func.overloadpacket.__name__ in SHARED_DRAWS and torch.Tag.nondeterministic_seeded in func.tags


class DrawsOfAllRows(TorchDispatchMode):
    """A block in which each process has some of N rows, and random numbers are those that one process would draw.

    Every process draws for all rows, so the random streams stay equal. A tensor belongs to the rows if its first
    dimension is a multiple of the own rows. Other draws are left as they are.

    Parameters
    ----------
    team : Team
        The processes.
    n_rows : int
        Number of rows N of all processes.
    """

    def __init__(self, team: Team, n_rows: int) -> None:
        super().__init__()
        self.n_rows = n_rows
        self.own = team.own_rows(n_rows)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run an operation."""
        kwargs = kwargs or {}
        if not _draws(func):
            return func(*args, **kwargs)
        place = next((n for n, one in enumerate(args) if isinstance(one, (torch.Tensor, list, tuple))), None)
        if place is None or not self._are_rows(args[place]):
            return func(*args, **kwargs)
        before, given, after = args[:place], args[place], args[place + 1 :]
        whole = self._whole(given)
        drawn = func(*before, whole, *after, **kwargs)
        if func.overloadpacket.__name__.endswith("_"):
            return given.copy_(self._own_of(whole))
        return tuple(map(self._own_of, drawn)) if isinstance(drawn, tuple) else self._own_of(drawn)

    def _are_rows(self, given: Any) -> bool:
        first = next(iter(given.shape if isinstance(given, torch.Tensor) else given), 0)
        n_own = self.own.stop - self.own.start
        return first > 0 and first % n_own == 0

    def _repeats(self, n_values: int) -> int:
        return n_values // (self.own.stop - self.own.start)

    def _whole(self, given: Any) -> Any:
        """Return a tensor, or its shape, with the rows of all processes."""
        if not isinstance(given, torch.Tensor):
            return [self._repeats(given[0]) * self.n_rows, *given[1:]]
        whole = like_rows(given, self._repeats(len(given)) * self.n_rows).fill_(0)
        self._own_of(whole).copy_(given)
        return whole

    def _own_of(self, whole: torch.Tensor) -> torch.Tensor:
        repeats = len(whole) // self.n_rows
        return whole[self.own.start * repeats : self.own.stop * repeats]
