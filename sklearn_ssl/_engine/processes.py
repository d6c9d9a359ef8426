"""Fits of several processes: what must be equal in all of them."""

import contextlib
import copy
import hashlib
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import torch

from sklearn_ssl._engine.checkpoint import NOT_LEARNT
from sklearn_ssl._engine.fingerprint import hash_of_series
from sklearn_ssl._engine.random_streams import generator_states, restore_generators
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._processes.rows import shared_step
from sklearn_ssl._processes.team import Team, current_team, joined_team, team_of_block
from sklearn_ssl.architectures import Batch, maps
from sklearn_ssl.encoders import EncoderModule

GIVE_EQUAL = "Give the same to every process."


@contextlib.contextmanager
def working_together(estimator: Any) -> Iterator[None]:
    """Run what an estimator learns by all processes of the launcher if it is `distributed`, and else by this one alone.

    Raises
    ------
    ValueError
        If no launcher started this process, or if parameters differ between the processes.
    RuntimeError
        If another process failed.
    """
    wanted = getattr(estimator, "distributed", False)
    if not (isinstance(wanted, (bool, np.bool_)) and wanted):  # `fit` refuses what is neither True nor False
        with team_of_block(None) if current_team() is not None else contextlib.nullcontext():
            yield
        return
    with joined_team() as team:
        if team is not None:
            team.check_equal(_hashes_of(estimator, NOT_LEARNT), GIVE_EQUAL)
        yield


def check_team_fits(net: Any, dataset: Any) -> None:
    """Raise a ValueError if a batch has fewer series than there are processes."""
    team = current_team()
    if team is None:
        return
    smallest = net.smallest_batch(dataset)
    if smallest < team.size:
        raise ValueError(
            f"`batch_size` gives batches of {smallest} series, and {team.size} processes want at least one each. Set "
            f"`batch_size` to {2 * team.size} or more, or start fewer processes."
        )


def check_alike(net: Any, dataset: Any) -> None:
    """Raise a ValueError unless all processes start with the same series, companions, weights and random numbers."""
    team = current_team()
    if team is None:
        return
    series = [hash_of_series(one) for one in dataset.collections]
    values = {"X": "".join(series), **_state(net, net.random_states_)}
    if dataset.companion is not None:
        values["what goes with X"] = hashlib.blake2b(dataset.companion.content()).hexdigest()
    team.check_equal(values, GIVE_EQUAL)
    _check_rows_are_separate(net, dataset, team)


def check_still_alike(net: Any, *, stops: bool) -> bool:
    """Tell whether a process stops after this epoch.

    Raises
    ------
    ValueError
        If weights or random numbers have become different.
    """
    team = current_team()
    assert team is not None
    found = team.check_equal(
        _state(net, generator_states(torch.device(net.device))),
        f"They were equal before epoch {net.epochs_}. A module of {shown(net.module_.encoder)} computes or draws "
        "something that depends on the process; leave it out, or train in one process.",
        also=stops,
    )
    return any(found)


def _check_rows_are_separate(net: Any, dataset: Any, team: Team) -> None:
    """Raise a ValueError if a user's encoder gives a series other features in training when another process has it."""
    encoder = net.module_.encoder
    if isinstance(encoder, EncoderModule):
        return
    series = dataset.largest
    batch = series.whole(torch.arange(min(len(series), 4 * team.size)))
    with net.random_stream():
        states = generator_states(torch.device(net.device))
        alone = _features_in_training(encoder, batch)
        restore_generators(states, torch.device(net.device))
        with shared_step(team):
            shared = _features_in_training(encoder, batch)
        restore_generators(states, torch.device(net.device))
    if not torch.allclose(alone, shared, rtol=1e-3, atol=1e-3 * float(alone.abs().max())):
        raise ValueError(
            f"`distributed`: `encoder` mixes the series of a batch, and not by torch.nn.BatchNorm1d, so that its "
            f"features would depend on the number of processes; got {shown(encoder)}. Set distributed=False, or "
            "normalise each series by itself."
        )


@torch.no_grad()
def _features_in_training(encoder: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return maps(copy.deepcopy(encoder).train(), batch.x, batch.lengths)[0][-1]


def _hashes_of(estimator: Any, ignore: tuple[str, ...] = ()) -> dict[str, str]:
    """Return hashes of the parameters of an estimator. Fitted weights do not count: they are compared in training."""
    stored = estimator.__getstate__() if isinstance(estimator, Hyperparameters) else vars(estimator)
    names = [name for name in estimator.get_params(deep=False) if name not in ignore]
    return {"the class": type(estimator).__qualname__, **{f"`{name}`": _hash_of(stored.get(name)) for name in names}}


def _hash_of(value: Any) -> str:
    is_estimator = hasattr(value, "get_params") and not isinstance(value, type)
    try:
        return joblib.hash(_hashes_of(value) if is_estimator else value)
    except Exception:  # what cannot be pickled, such as a lambda, counts by its class
        return type(value).__qualname__


def _state(net: Any, random_states: dict[str, torch.Tensor] | None) -> dict[str, str]:
    numbers = {} if random_states is None else random_states
    return {"weights": _hash(net.module_.state_dict()), "random numbers": _hash(numbers)}


def _hash(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
