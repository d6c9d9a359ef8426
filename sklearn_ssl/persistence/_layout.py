"""Names, shapes and types of tensors, which are compared before any number is read."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import torch
from torch import nn

TYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bool: "BOOL"}


class Form(NamedTuple):
    """Shape and type of a tensor, as a safetensors file has them in its header."""

    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Self:
        """Return the form of a tensor."""
        return cls(tuple(tensor.shape), TYPES.get(tensor.dtype, str(tensor.dtype)))

    def __str__(self) -> str:
        return f"{self.shape} of {self.dtype}"


def built_without_numbers(recipe: Any, argument: Any) -> Any:
    """Return the module that a recipe builds, on the meta device, where tensors have a form but no memory."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return recipe.build(argument)


def forms_of(part: str, module: nn.Module) -> dict[str, Form]:
    """Return the forms of a module's tensors under the names that they have in a file."""
    return {f"{part}.{name}": Form.of(tensor) for name, tensor in module.state_dict().items()}


def check_forms(found: Mapping[str, Form], expected: Mapping[str, Form]) -> None:
    """Raise a ValueError that names the first tensor that is missing, not known, or of another form."""
    for name in sorted(expected.keys() - found.keys()):
        raise ValueError(f"it has no tensor {name}")
    for name in sorted(found.keys() - expected.keys()):
        raise ValueError(f"it has a tensor {name}, which the recipe does not know")
    for name, form in expected.items():
        if found[name] != form:
            raise ValueError(f"{name} must be {form}, and is {found[name]}")


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise a ValueError that names the first tensor with NaN or infinite values."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            raise ValueError(f"{name} has values that are NaN or infinite")


def below(part: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a part of a file under the names that they have in the module."""
    return {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}


def filled(module: nn.Module, part: str, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Put tensors of a file, which are not copied, into a module on the meta device. Return it in evaluation mode."""
    module.load_state_dict(below(part, tensors), assign=True)
    return module.eval()
