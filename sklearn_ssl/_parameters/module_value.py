"""A PyTorch module as a plain value: its structure and its weights as NumPy arrays."""

import copy
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import nn


class ModuleValue:
    """What a module is apart from where it lies in memory.

    PyTorch pickles a storage under its address, so two equal modules have different pickles and different
    `joblib.hash`. This value has neither addresses nor gradients, devices or the train/eval switch.
    """

    def __init__(self, skeleton: nn.Module) -> None:
        self.skeleton = skeleton

    @classmethod
    def of(cls, module: nn.Module) -> Self:
        """Copy a module with the values of its tensors in place of the tensors."""
        skeleton = copy.deepcopy(module, {id(tensor): TensorValue(tensor) for tensor in _leaves(module, torch.Tensor)})
        skeleton.train()
        return cls(skeleton)

    def build(self) -> nn.Module:
        """Put the module together again, on the CPU."""
        return copy.deepcopy(self.skeleton, {id(value): value.build() for value in _leaves(self.skeleton, TensorValue)})


class TensorValue:
    """A tensor as NumPy array, with what NumPy does not know of it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.dtype = str(tensor.dtype).removeprefix("torch.")
        self.trainable = tensor.requires_grad if isinstance(tensor, nn.Parameter) else None
        exact = tensor.detach().cpu()
        self.array = (exact.float() if exact.dtype == torch.bfloat16 else exact).numpy().copy()  # no bfloat16 in NumPy

    def build(self) -> torch.Tensor:
        """Return the tensor, a parameter where it was one."""
        tensor = torch.from_numpy(self.array.copy()).to(getattr(torch, self.dtype))
        return tensor if self.trainable is None else nn.Parameter(tensor, requires_grad=self.trainable)


def _leaves(part: Any, kind: type) -> Iterator[Any]:
    """Yield the objects of a kind in a module, its submodules, and the containers that are their attributes."""
    if isinstance(part, kind):
        yield part
    elif isinstance(part, nn.Module):
        yield from _leaves(vars(part), kind)
    elif isinstance(part, dict):
        for value in part.values():
            yield from _leaves(value, kind)
    elif isinstance(part, (list, tuple, set)):
        for value in part:
            yield from _leaves(value, kind)
