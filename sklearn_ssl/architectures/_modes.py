"""Training and evaluation mode of modules."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a block, and then each of its parts back into its own mode.

    Nothing is written to a module that is in evaluation mode already, so that threads can share it.
    """
    training = [part for part in module.modules() if part.training]
    if training:
        module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextlib.contextmanager
def attackable(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a block, in which the series can have gradients.

    cuDNN cannot compute gradients of recurrent layers in evaluation mode, so the block runs them without cuDNN.
    """
    is_recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    cudnn = torch.backends.cudnn.flags(enabled=False) if is_recurrent else contextlib.nullcontext()
    with evaluation_mode(module), cudnn:
        yield
