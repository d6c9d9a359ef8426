"""The processes that train one model together, as torchrun and other launchers start them."""

import atexit
import contextlib
import datetime
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist

from sklearn_ssl._parameters.shown import on_one_line

TIMEOUT = datetime.timedelta(minutes=10)
LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_TEAMS: dict[int, "Team | None"] = {}  # by thread


class ConnectionLost(RuntimeError):
    """Another process ended, or did not answer in time."""


class Team:
    """The processes of one fit.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup
        Their connections. Nobody else may hold it, since the connections close when the last reference is gone, and
        only that tells the other processes of a failure.
    number : int
        Number of this team among the teams of the process.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        Number of processes W.
    stops : bool
        Whether a process was interrupted before the last step.
    """

    _n_teams = 0

    def __init__(self, group: Any, number: int) -> None:
        self.group = group
        self.number = number
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)
        self.stops = False

    @classmethod
    def new(cls) -> "Team":
        """Connect all processes that the launcher started."""
        cls._n_teams += 1
        return cls(dist.new_group(backend=_backend(), timeout=TIMEOUT), cls._n_teams)

    def own_rows(self, n_rows: int) -> slice:
        """Return which of n rows belong to this process. The parts differ by one row at most."""
        return slice(self.first_row(self.rank, n_rows), self.first_row(self.rank + 1, n_rows))

    def first_row(self, rank: int, n_rows: int) -> int:
        """Return the first of n rows that belongs to a process."""
        each, more = divmod(n_rows, self.size)
        return rank * each + min(rank, more)

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of the values of all processes; it has the same bits in each."""
        total = values.clone(memory_format=torch.contiguous_format)
        with self._connected():
            dist.all_reduce(total, group=self.group)
        return total

    def gathered(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Return the values of all processes. They have one shape and lie in the memory in their order."""
        found = [torch.empty_like(values) for _ in range(self.size)]
        with self._connected():
            dist.all_gather(found, values, group=self.group)
        return found

    def gathered_objects(self, value: Any) -> list:
        """Return an object of each process, in the order of the processes."""
        found: list = [None] * self.size
        with self._connected():
            dist.all_gather_object(found, value, group=self.group)
        return found

    def of_first(self, value: Any) -> Any:
        """Return the object of process 0."""
        found = [value]
        with self._connected():
            dist.broadcast_object_list(found, group=self.group, group_src=0)
        return found[0]

    def check_equal(self, values: dict[str, Any], remedy: str, also: Any = None) -> list:
        """Raise a ValueError that names the values which differ between the processes, and return `also` of each."""
        everywhere, found = zip(*self.gathered_objects((values, also)), strict=True)
        first, names = everywhere[0], sorted({name for one in everywhere for name in one})
        different = [name for name in names if any(one.get(name) != first.get(name) for one in everywhere)]
        ranks = [rank for rank, one in enumerate(everywhere) if one != first]
        if different:
            raise ValueError(
                f"`distributed`: {' and '.join(different)} of process {' and '.join(map(str, ranks))} differ from "
                f"process 0. {remedy}"
            )
        return list(found)

    def average(self, weights: Iterable[torch.nn.Parameter], *, interrupted: bool) -> None:
        """Replace the gradients of all weights by their mean over the processes, and agree on interrupts.

        Parameters
        ----------
        weights : iterable of Parameter
            The weights, in the same order in all processes.
        interrupted : bool
            Whether this process was interrupted. `stops` then tells whether one of them was.
        """
        gradients = [one.grad for one in weights if one.grad is not None]
        if not gradients:
            return
        flag = gradients[0].new_full((1,), float(interrupted))
        flat = self.summed(torch.cat([*(one.flatten() for one in gradients), flag])) / self.size
        *means, flag = flat.split([*(one.numel() for one in gradients), 1])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        self.stops = bool(flag > 0)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise ConnectionLost(on_one_line(error, 200)) from error

    def leave(self, error: BaseException | None = None) -> None:
        """Close the connections. After an error of this process the others are told first."""
        if error is None:
            self.summed(torch.zeros(1))  # nobody closes while another one still waits for the last message
        elif not isinstance(error, ConnectionLost):
            self._tell(f"Process {self.rank} of {self.size} failed, and so all stop. {type(error).__name__}: {error}")
        group, self.group = self.group, None
        dist.destroy_process_group(group)

    def what_others_told(self) -> str | None:
        """Return what a process that failed told the others."""
        with contextlib.suppress(RuntimeError):  # the process that keeps the messages may be gone
            store = _store()
            return store.get(self._key).decode() if store.check([self._key]) else None
        return None

    def _tell(self, message: str) -> None:
        with contextlib.suppress(RuntimeError):
            _store().compare_set(self._key, "", message)  # the first message stays

    @property
    def _key(self) -> str:
        return f"sklearn_ssl/{self.number}"


def current_team() -> Team | None:
    """Return the processes with which this thread fits an estimator; None if it does so alone."""
    return _TEAMS.get(threading.get_ident()) if _TEAMS else None


def leads() -> bool:
    """Tell whether this process writes files and prints: it is alone, or the first one."""
    team = current_team()
    return team is None or team.rank == 0


def found_by_first(find: Callable[[], Any]) -> Any:
    """Return what a function finds; in a fit of several processes what it finds in process 0."""
    team = current_team()
    return find() if team is None else team.of_first(find() if team.rank == 0 else None)


@contextlib.contextmanager
def team_of_block(team: Team | None) -> Iterator[None]:
    """Run a block in which this thread works with these processes, or alone."""
    thread, before = threading.get_ident(), current_team()
    _TEAMS[thread] = team
    try:
        yield
    finally:
        _TEAMS[thread] = before
        if before is None:
            del _TEAMS[thread]


@contextlib.contextmanager
def joined_team() -> Iterator[Team | None]:
    """Run a block together with all processes of the launcher; alone if there is one process only.

    Raises
    ------
    ValueError
        If no launcher started this process.
    RuntimeError
        If another process failed in its block.
    """
    if current_team() is not None or _n_launched() == 1:
        yield current_team()
        return
    _connect()
    team = Team.new()
    try:
        with team_of_block(team):
            yield team
        team.leave()
    except BaseException as error:
        told = team.what_others_told() if isinstance(error, ConnectionLost) else None
        team.leave(error)
        if isinstance(error, ConnectionLost):
            raise RuntimeError(told or f"Another process ended, or did not answer within {TIMEOUT}: {error}") from error
        raise


def _n_launched() -> int:
    """Return how many processes the launcher started."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    missing = [name for name in LAUNCHER_VARIABLES[:2] if name not in os.environ]
    if missing or not dist.is_available():
        raise ValueError(
            f"`distributed` is True, but no launcher started this process: {' and '.join(missing)} "
            "are not set. Start the script by torchrun --nproc_per_node=2 script.py, or set distributed=False."
        )
    return int(os.environ["WORLD_SIZE"])


def _connect() -> None:
    if not dist.is_initialized():
        dist.init_process_group(_backend(), timeout=TIMEOUT)
        atexit.register(_disconnect)


def _backend() -> str:
    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"


def _disconnect() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _store() -> Any:
    """Return the store of the launcher's group, the only place that processes reach when a collective cannot end."""
    return dist.distributed_c10d._get_default_store()
