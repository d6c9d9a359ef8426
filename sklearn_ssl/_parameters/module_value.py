"""A PyTorch module as a plain value: its structure, and its weights as NumPy arrays."""

import copy
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import nn


class ModuleValue:
    """The structure and the weights of a module, without addresses, gradients, devices and the train/eval switch.

    PyTorch pickles a storage under its address, so two equal modules have different pickles and a different
    `joblib.hash`. Equal modules have equal values of this class.

    Parameters
    ----------
    skeleton : torch.nn.Module
        The module with a `TensorValue` in place of each tensor.
    """

    def __init__(self, skeleton: nn.Module) -> None:
        self.skeleton = skeleton

    @classmethod
    def of(cls, module: nn.Module) -> Self:
        """Copy a module and replace the tensors of the copy by their values."""
        skeleton = copy.deepcopy(module, {id(tensor): TensorValue(tensor) for tensor in _leaves(module, torch.Tensor)})
        skeleton.train()
        return cls(skeleton)

    def build(self) -> nn.Module:
        """Return a module with these weights, on the CPU and in training mode."""
        return copy.deepcopy(self.skeleton, {id(value): value.build() for value in _leaves(self.skeleton, TensorValue)})


class TensorValue:
    """A tensor as a NumPy array, with the properties that NumPy does not have.

    Parameters
    ----------
    tensor : torch.Tensor
        A parameter or any other tensor of a module.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self.dtype = str(tensor.dtype).removeprefix("torch.")
        self.trainable = tensor.requires_grad if isinstance(tensor, nn.Parameter) else None
        exact = tensor.detach().cpu()
        self.array = (exact.float() if exact.dtype == torch.bfloat16 else exact).numpy().copy()  # no bfloat16 in NumPy

    def build(self) -> torch.Tensor:
        """Return the tensor. It is a parameter if it was one."""
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
