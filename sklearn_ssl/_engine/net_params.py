"""Which names `net_params` may have."""

import inspect
from typing import Any

import torch
from skorch import NeuralNet

from sklearn_ssl._engine.guards import CollapseMonitor, DivergenceGuard
from sklearn_ssl._engine.schedule import WarmupCosine

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


def check_net_params(net_params: Any) -> None:
    """Raise for names that the engine does not pass on to skorch, and for values that skorch cannot take.

    Raises
    ------
    TypeError, ValueError
        If `net_params` is no dictionary, has names that are unknown or are parameters of the transformer, or values of
        the wrong kind.
    """
    if net_params is None:
        return
    if not isinstance(net_params, dict):
        raise TypeError(f"`net_params` must be a dictionary or None, got {net_params!r}.")
    _check_values(net_params)
    optimizer = net_params.get("optimizer", torch.optim.AdamW)
    nested = {
        "optimizer": [*inspect.signature(optimizer).parameters, "param_groups"],
        "compile": [*inspect.signature(torch.compile).parameters],
        "callbacks": _callback_names(net_params.get("callbacks")),
    }
    for name in map(str, net_params):
        outer, _, inner = name.partition("__")
        if outer not in NET_PARAMS or (inner and inner.partition("__")[0] not in nested.get(outer, ())):
            known = f" Known in {outer!r}: {', '.join(nested[outer])}." if inner and outer in nested else ""
            raise ValueError(
                f"`net_params` has the unknown name {name!r}. Allowed are {', '.join(NET_PARAMS)} and nested ones such "
                f"as optimizer__betas; everything else is a parameter of the transformer itself.{known}"
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
                f'`net_params`: "{name}" must be {NET_PARAMS[name]}, got {net_params[name]!r}.',
            )


def _callback_names(callbacks: Any) -> list[str]:
    own = [] if callbacks is None or isinstance(callbacks, str) else callbacks
    names = [one[0] if isinstance(one, tuple) else type(one).__name__ for one in own]
    return names + [name for name, _ in (*NeuralNet(None, None)._default_callbacks, *own_callbacks())]
