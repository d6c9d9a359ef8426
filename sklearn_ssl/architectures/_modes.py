"""Training and evaluation mode of modules."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a block, and each of its parts back into the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextlib.contextmanager
def attackable(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode and let series have gradients there.

    cuDNN has no gradient of recurrent layers in evaluation mode; PyTorch itself has.
    """
    is_recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    cudnn = torch.backends.cudnn.flags(enabled=False) if is_recurrent else contextlib.nullcontext()
    with evaluation_mode(module), cudnn:
        yield
