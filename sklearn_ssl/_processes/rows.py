"""Passes of which each process computes some rows and gets the values of all.

The gradients of what all processes compute alike are whole and equal in all of them. Within a pass they are W times
the share of the process. So the mean over the processes is the gradient of every weight, wherever it was used.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.autograd import Function

from sklearn_ssl._processes.layout import inverse, memory_order
from sklearn_ssl._processes.norms import OwnRows
from sklearn_ssl._processes.team import Team

_STEPS: dict[int, Team] = {}  # by thread: those that are in a training step of several processes


@contextlib.contextmanager
def shared_step(team: Team | None) -> Iterator[None]:
    """Run a training step in which `over_rows` shares its rows with these processes; alone if there are none."""
    if team is None:
        yield
        return
    thread = threading.get_ident()
    _STEPS[thread] = team
    try:
        yield
    finally:
        _STEPS.pop(thread, None)


def over_rows(function: Callable[..., Any], *rows: Any) -> Any:
    """Apply a function that treats rows alike, in a step of several processes to the own rows alone.

    Batch normalisation within the function sees the rows of all processes, and random numbers are those that one
    process would draw.

    Parameters
    ----------
    function : callable
        Takes the rows. Returns a tensor, or a list of tensors, each with the same number of values per row.
    *rows : Tensor of shape (N, ...) or None
        The rows.

    Returns
    -------
    values : Tensor or sequence of Tensor
        What the function returns for all rows. Those of a sequence are gathered when they are looked at.
    """
    team = _STEPS.get(threading.get_ident()) if _STEPS else None
    if team is None or len(rows[0]) < team.size:
        return function(*rows)
    return _shared(team, function, rows)


def _shared(team: Team, function: Callable[..., Any], rows: tuple) -> Any:
    n_rows = len(rows[0])
    own = [None if one is None else _Split.apply(one, team) for one in rows]
    thread = threading.get_ident()
    del _STEPS[thread]  # a pass within a pass has own rows already
    try:
        with OwnRows(team, n_rows):
            values = function(*own)
    finally:
        _STEPS[thread] = team
    if isinstance(values, torch.Tensor):
        return _Gather.apply(values, team, n_rows)
    return GatheredLayers(values, team, n_rows)


class GatheredLayers(Sequence):
    """The tensors of a pass, each of which is gathered when it is looked at for the first time.

    Parameters
    ----------
    own : sequence of Tensor
        The own rows of each.
    team : Team
        The processes.
    n_rows : int
        Number of rows of all processes.
    """

    def __init__(self, own: Sequence[torch.Tensor], team: Team, n_rows: int) -> None:
        self._own = list(own)
        self._team = team
        self._n_rows = n_rows
        self._found: dict[int, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, place: Any) -> Any:
        places = range(len(self))[place]
        return self._of(places) if isinstance(places, int) else [self._of(one) for one in places]

    def _of(self, place: int) -> torch.Tensor:
        if place not in self._found:
            self._found[place] = _Gather.apply(self._own[place], self._team, self._n_rows)
        return self._found[place]


class _Gather(Function):
    """The own rows become those of all processes."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, team: Team, n_rows: int) -> torch.Tensor:
        ctx.team = team
        return _gathered(own, team, n_rows)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:
        return _Split.apply(gradient, ctx.team) * ctx.team.size, None, None


class _Split(Function):
    """The rows of all processes become the own ones."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, team: Team) -> torch.Tensor:
        ctx.team, ctx.n_rows = team, len(rows)
        return rows[team.own_rows(len(rows))].clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:
        return _Gather.apply(gradient, ctx.team, ctx.n_rows) / ctx.team.size, None


def _gathered(own: torch.Tensor, team: Team, n_rows: int) -> torch.Tensor:
    """Return the rows of all processes (N, ...). In the memory they lie as those of the first process do."""
    order = memory_order(own) if own.device.type == "cpu" else [*range(own.ndim)]  # a GPU would wait to read another
    sizes = [team.first_row(rank + 1, n_rows) - team.first_row(rank, n_rows) for rank in range(team.size)]
    n_bytes = [size * math.prod(own.shape[1:]) * own.element_size() for size in sizes]
    message = own.new_empty(max(n_bytes) + own.ndim, dtype=torch.uint8)  # the connections want tensors of one size
    message[: n_bytes[team.rank]].view(own.dtype).view([own.shape[place] for place in order]).copy_(own.permute(order))
    message[-own.ndim :] = torch.tensor(order, device=own.device)
    found = team.gathered(message)
    orders = [one[-own.ndim :].tolist() for one in found] if own.device.type == "cpu" else [order] * team.size
    parts = [
        one[:n].view(own.dtype).view([size, *(own.shape[place] for place in by[1:])]).permute(inverse(by))
        for one, n, size, by in zip(found, n_bytes, sizes, orders, strict=True)
    ]
    return torch.cat([one.permute(orders[0]) for one in parts]).permute(inverse(orders[0]))
