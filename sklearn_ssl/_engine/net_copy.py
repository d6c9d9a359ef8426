"""A copy of a net that costs about as much as the copies of its tensors.

`copy.deepcopy` takes several times as long as the tensors do, because it rebuilds every object by the protocol of
pickle. Here objects without a protocol of their own are copied attribute by attribute. All others go to `deepcopy`.
"""

import abc
import copy
import types
import typing
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.history import History
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters

SHARED = ("module", "listeners_", "interrupt_")  # attributes of a net that are replaced, but never changed
ATOMS = {type(None), bool, int, float, str, bytes, type, types.FunctionType, types.BuiltinFunctionType, np.float64}
PROTOCOL = {"__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__slots__"}

# Classes whose protocols copy attributes as they are, or add those that an older version did not have. Recurrent
# layers are not among them: they hold weak references to their weights.
KNOWN = {object, abc.ABC, nn.Module, typing.Protocol, typing.Generic}
KNOWN_MODULES = ("torch.optim.", "torch.nn.modules.")


def copied_net(net: Any) -> Any:
    """Return a copy of a net that shares no tensor and no state with it.

    Parameters
    ----------
    net : SSLNet
        The net.

    Returns
    -------
    net : SSLNet
        The copy. Its history is a list of its own, with the same rows, since only new rows are written to.
    """
    copied = object.__new__(type(net))
    memo = {id(net): copied}
    vars(copied).update(
        {name: value if name in SHARED else _copied(value, memo) for name, value in vars(net).items()},
    )
    return copied


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in ATOMS:
        return value
    if id(value) in memo:
        return memo[id(value)]
    copier = COPIERS.get(kind)
    if copier is None:
        copier = COPIERS[kind] = _copier_for(kind)
    memo[id(value)] = result = copier(value, memo)
    return result


def _copier_for(kind: type) -> Callable[[Any, dict[int, Any]], Any]:
    if issubclass(kind, Hyperparameters):
        return _shared  # a net never changes its recipes
    return _copied_attributes if _is_plain(kind) else copy.deepcopy


def _shared(value: Any, memo: dict[int, Any]) -> Any:
    return value


def _is_plain(kind: type) -> bool:
    """Tell whether objects of a class are nothing but their attributes."""
    own = {name for parent in kind.__mro__ if not _is_known(parent) for name in vars(parent)}
    return not own & PROTOCOL and not issubclass(kind, (dict, list, tuple, set, np.ndarray, type))


def _is_known(kind: type) -> bool:
    return kind in KNOWN or (kind.__module__.startswith(KNOWN_MODULES) and kind is not nn.RNNBase)


def _copied_attributes(value: Any, memo: dict[int, Any]) -> Any:
    result = object.__new__(type(value))
    memo[id(value)] = result  # before its attributes, which may refer to it
    attributes = vars(value).copy()
    for name, one in attributes.items():
        kind = type(one)
        if kind is OrderedDict and not one:  # as nearly all hooks of a layer are
            attributes[name] = OrderedDict()
        elif kind not in ATOMS:
            attributes[name] = _copied(one, memo)
    vars(result).update(attributes)
    return result


def _copied_dict(value: dict, memo: dict[int, Any]) -> dict:
    return type(value)(
        [
            (key if type(key) in ATOMS else _copied(key, memo), one if type(one) in ATOMS else _copied(one, memo))
            for key, one in value.items()
        ]
    )


def _copied_defaultdict(value: defaultdict, memo: dict[int, Any]) -> defaultdict:
    return defaultdict(value.default_factory, _copied_dict(dict(value), memo))


def _copied_items(value: Any, memo: dict[int, Any]) -> Any:
    return type(value)([one if type(one) in ATOMS else _copied(one, memo) for one in value])


def _copied_partial(value: partial, memo: dict[int, Any]) -> partial:
    return partial(value.func, *_copied_items(value.args, memo), **_copied_dict(value.keywords, memo))


def _copied_method(value: types.MethodType, memo: dict[int, Any]) -> types.MethodType:
    return types.MethodType(value.__func__, _copied(value.__self__, memo))


def _copied_tensor(value: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    return value.clone() if value.is_leaf and not value.requires_grad else copy.deepcopy(value, memo)


def _copied_parameter(value: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
    return nn.Parameter(value.clone(), value.requires_grad)


COPIERS: dict[type, Callable[[Any, dict[int, Any]], Any]] = {
    dict: _copied_dict,
    OrderedDict: _copied_dict,
    defaultdict: _copied_defaultdict,
    list: _copied_items,
    tuple: _copied_items,
    set: _copied_items,
    partial: _copied_partial,
    types.MethodType: _copied_method,
    torch.Tensor: _copied_tensor,
    nn.Parameter: _copied_parameter,
    History: lambda value, memo: History(value),
}
