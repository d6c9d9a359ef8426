"""Random streams that depend on `random_state` alone and leave the global generators as they are."""

import contextlib
import numbers
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._processes.team import found_by_first

# PyTorch's generators are global: two threads that train at once would mix their random streams.
GENERATORS_IN_USE = threading.RLock()


def _forget_threads() -> None:
    """Free the lock in a forked process: the thread that held it is not there."""
    global GENERATORS_IN_USE
    GENERATORS_IN_USE = threading.RLock()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_forget_threads)


def draw_seed(random_state: Any) -> int:
    """Turn `random_state` into a seed; None draws one from the operating system, the same in all processes of a fit."""
    if random_state is None:
        return found_by_first(lambda: int(np.random.SeedSequence().generate_state(1)[0]))
    if isinstance(random_state, numbers.Integral) and 0 <= int(random_state) < 2**63:
        return int(random_state)
    if not isinstance(random_state, np.random.RandomState):
        raise ValueError(
            "`random_state` must be a whole number of at least 0 and below 2**63, a numpy.random.RandomState or None, "
            f"got {shown(random_state)}."
        )
    return int(random_state.randint(np.iinfo(np.int32).max))


def draw_numpy_seed(random_state: Any) -> int:
    """Turn `random_state` into a seed that NumPy and scikit-learn take, which is below 2**32."""
    return draw_seed(random_state) % 2**32


def chosen_rows(n_cases: int, max_cases: int | None, seed: int) -> np.ndarray:
    """Return all rows, or `max_cases` of them drawn at random, in order."""
    if max_cases is None or n_cases <= max_cases:
        return np.arange(n_cases)
    return np.sort(np.random.RandomState(seed % 2**32).choice(n_cases, int(max_cases), replace=False))


@contextlib.contextmanager
def forked_generators(device: torch.device) -> Iterator[None]:
    """Run a block that no other thread runs, after which PyTorch's generators (CPU and `device`) are as before."""
    with GENERATORS_IN_USE:
        states = generator_states(device)
        try:
            yield
        finally:
            restore_generators(states, device)


def seed_generators(seed: int, device: torch.device) -> None:
    """Start the random stream of `seed` on the CPU and on `device`."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    if device.type == "mps":
        torch.mps.manual_seed(seed)


@contextlib.contextmanager
def seeded_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Run a block with the random numbers of a seed, after which the generators are as before."""
    with forked_generators(device):
        seed_generators(seed, device)
        yield


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the states of the generators in use, to continue a random stream later."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_generators(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Continue the random stream whose states were returned by `generator_states`."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
