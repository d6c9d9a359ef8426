"""A PyTorch module as a plain value: its structure and its weights as NumPy arrays."""

import copy
from typing import Any, Self

import torch
from torch import nn


class ModuleValue:
    """What a module is apart from where it lies in memory.

    PyTorch pickles a storage under its address, so two equal modules have different pickles and different
    `joblib.hash`. This value has neither addresses nor gradients, devices or the train/eval switch.
    """

    def __init__(self, skeleton: nn.Module, weights: dict[str, Any], shared: dict[str, str]) -> None:
        self.skeleton = skeleton
        self.weights = weights
        self.shared = shared

    @classmethod
    def of(cls, module: nn.Module) -> Self:
        """Take a module apart, leaving it as it is."""
        tensors = {**_named(module, "_parameters"), **_named(module, "_buffers")}
        skeleton = copy.deepcopy(module, {id(tensor): None for tensor in tensors.values()})
        skeleton.train()
        first: dict[int, str] = {}
        shared = {name: first.setdefault(id(tensor), name) for name, tensor in tensors.items()}
        weights = {
            name: (_to_numpy(tensors[name]), str(tensors[name].dtype), _kind(tensors[name])) for name in first.values()
        }
        return cls(skeleton, weights, shared)

    def build(self) -> nn.Module:
        """Put the module together again, on the CPU."""
        module = copy.deepcopy(self.skeleton)
        tensors = {name: _to_tensor(*weight) for name, weight in self.weights.items()}
        for name, source in self.shared.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            table: dict[str, Any] = owner._parameters if last in owner._parameters else owner._buffers
            table[last] = tensors[source]
        return module


def _named(module: nn.Module, table: str) -> dict[str, torch.Tensor]:
    return {
        f"{path}.{name}" if path else name: tensor
        for path, part in module.named_modules()
        for name, tensor in getattr(part, table).items()
        if tensor is not None
    }


def _kind(tensor: torch.Tensor) -> str:
    if not isinstance(tensor, nn.Parameter):
        return "buffer"
    return "trainable" if tensor.requires_grad else "frozen"


def _to_numpy(tensor: torch.Tensor) -> Any:
    tensor = tensor.detach().cpu().contiguous()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()  # NumPy has no bfloat16


def _to_tensor(array: Any, dtype: str, kind: str) -> torch.Tensor:
    tensor = torch.from_numpy(array.copy()).to(getattr(torch, dtype.removeprefix("torch.")))
    return tensor if kind == "buffer" else nn.Parameter(tensor, requires_grad=kind == "trainable")
