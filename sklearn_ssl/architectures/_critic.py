"""A critic and what it criticises, trained by one sum of two losses."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown

Scores = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]


@contextlib.contextmanager
def held(*modules: nn.Module) -> Iterator[None]:
    """Run a block in which the weights of modules are constants: gradients pass through them, and do not reach them."""
    learning = [weight for module in modules for weight in module.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def scores_and_slope(
    scores: Scores, x: torch.Tensor, lengths: torch.Tensor | None, *, penalised: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores (B,) of series x (B, C, L), and the squared norm of their gradients by x (B,), 0 if not asked for.

    The gradients can be differentiated again, also where the caller has switched gradients off.
    """
    if not penalised:
        found = scores(x, lengths)
        return found, torch.zeros_like(found)
    learns = torch.is_grad_enabled()
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        found = scores(x, lengths)  # (B,)
        (slopes,) = torch.autograd.grad(found.sum(), x, create_graph=learns)  # (B, C, L)
    return found, slopes.flatten(1).square().sum(1)


def check_passes_gradients(augmentation: Any, n_channels: int, n_timepoints: int) -> None:
    """Raise a ValueError unless gradients pass through an augmentation, as a network in front of it needs."""
    x = torch.zeros(1, n_channels, n_timepoints, requires_grad=True)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        passes = augmentation(x).requires_grad
    if not passes:
        function = getattr(augmentation, "function", augmentation)
        raise ValueError(
            f"`augmentation` must pass gradients on to the generator, and {shown(function)} does not. Give an "
            "augmentation of sklearn_ssl.augmentations that changes the series itself."
        )
