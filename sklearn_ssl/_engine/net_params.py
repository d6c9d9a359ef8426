"""Which names `net_params` may have, and how they join those of a method."""

import copy
import inspect
from typing import Any

import torch
from skorch import NeuralNet

from sklearn_ssl._engine.guards import CollapseMonitor, DivergenceGuard
from sklearn_ssl._engine.schedule import WarmupCosine
from sklearn_ssl._parameters.shown import shown

NET_PARAMS = {
    "optimizer": "a class of torch.optim",
    "callbacks": 'a list of skorch callbacks or "disable"',
    "train_split": "a callable such as skorch.dataset.ValidSplit(5), or None",
    "compile": "a bool",
    "torch_load_kwargs": "a dictionary",
}


def own_callbacks() -> list:
    """Return the callbacks that every net has beyond those of skorch."""
    return [("schedule", WarmupCosine()), ("divergence", DivergenceGuard()), ("collapse", CollapseMonitor())]


def joined(of_method: dict[str, Any], of_user: dict[str, Any] | None) -> dict[str, Any]:
    """Return the parameters of a net that a method and its user set; those of the user go first.

    Parameters
    ----------
    of_method : dict
        What `_training_params` returns. If the user chooses the optimiser, only its groups of weights are kept. Its
        callbacks stay next to those of the user.
    of_user : dict or None
        The hyper-parameter `net_params`. Its values are copied, because callbacks learn.
    """
    of_user = copy.deepcopy(of_user or {})
    if "optimizer" in of_user:
        of_method = {name: value for name, value in of_method.items() if not _is_of_another_optimizer(name)}
    replaced = tuple(f"{name}__" for name in of_user if "__" in name)  # a callback that the user took out, perhaps
    of_method = {name: value for name, value in of_method.items() if not name.startswith(replaced)}
    return {**of_method, **of_user, **_both_callbacks(of_method, of_user)}


def _both_callbacks(of_method: dict[str, Any], of_user: dict[str, Any]) -> dict[str, list]:
    """Return the callbacks of a method and of its user as one list, if both have a list."""
    lists = [params.get("callbacks") for params in (of_method, of_user)]
    both = [list(one) for one in lists if isinstance(one, (list, tuple))]
    return {"callbacks": both[0] + both[1]} if len(both) == 2 else {}


def _is_of_another_optimizer(name: str) -> bool:
    return name.startswith("optimizer") and name != "optimizer__param_groups"


def check_net_params(net_params: Any, of_method: dict[str, Any]) -> None:
    """Raise for names that the engine does not pass on to skorch, and for values that skorch cannot take.

    Parameters
    ----------
    net_params : object
        What a user gave.
    of_method : dict
        What the method sets itself.

    Raises
    ------
    TypeError, ValueError
        If `net_params` is no dictionary, has names that are unknown or are parameters of the transformer, or values of
        the wrong kind.
    """
    if net_params is None:
        return
    if not isinstance(net_params, dict):
        raise TypeError(f"`net_params` must be a dictionary or None, got {shown(net_params)}.")
    _check_values(net_params)
    _check_monitors(net_params)
    params = {**of_method, **net_params, **_both_callbacks(of_method, net_params)}
    nested = {
        "optimizer": [*inspect.signature(params.get("optimizer", torch.optim.AdamW)).parameters, "param_groups"],
        "compile": [*inspect.signature(torch.compile).parameters],
        "callbacks": _callback_names(params.get("callbacks")),
    }
    for name in map(str, net_params):
        _check_name(name, nested)


def _check_name(name: str, nested: dict[str, list[str]]) -> None:
    outer, _, inner = name.partition("__")
    if outer in NET_PARAMS and (not inner or inner.partition("__")[0] in nested.get(outer, ())):
        return
    known = f" Known in {outer!r}: {', '.join(nested[outer])}." if inner and outer in nested else ""
    raise ValueError(
        f"`net_params` has the unknown name {shown(name)}. Allowed are {', '.join(NET_PARAMS)} and nested ones such as "
        f"optimizer__betas. Everything else is a parameter of the transformer itself.{known}"
    )


def _check_values(net_params: dict) -> None:
    callbacks = net_params.get("callbacks")
    is_list = isinstance(callbacks, (list, tuple))
    each: Any = callbacks if is_list else []
    wrong = {
        "optimizer": not isinstance(net_params.get("optimizer", torch.optim.AdamW), type),
        "train_split": not callable(net_params.get("train_split", len)) and net_params["train_split"] is not None,
        "callbacks": not (is_list or callbacks is None or (isinstance(callbacks, str) and callbacks == "disable"))
        or any(not hasattr(one[-1] if isinstance(one, tuple) else one, "on_epoch_end") for one in each),
    }
    for name, is_wrong in wrong.items():
        if is_wrong and name in net_params:
            raise TypeError(
                f'`net_params`: "{name}" must be {NET_PARAMS[name]}, got {shown(net_params[name])}.',
            )


def _check_monitors(net_params: dict) -> None:
    """Refuse callbacks that watch held-out series when none are held out."""
    callbacks = net_params.get("callbacks")
    if net_params.get("train_split") is not None or not isinstance(callbacks, (list, tuple)):
        return
    for one in callbacks:
        callback = one[-1] if isinstance(one, tuple) else one
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid_"):
            of_training = monitor.replace("valid_", "train_", 1)
            raise ValueError(
                f'`net_params`: {type(callback).__name__} watches "{monitor}", but no series are held out. Set its '
                f'`monitor` to "{of_training}", or hold series out by "train_split": skorch.dataset.ValidSplit(5).'
            )


def _callback_names(callbacks: Any) -> list[str]:
    given = [] if callbacks is None or isinstance(callbacks, str) else callbacks
    names = [one[0] if isinstance(one, tuple) else type(one).__name__ for one in given]
    return names + [name for name, _ in (*NeuralNet(None, None)._default_callbacks, *own_callbacks())]
