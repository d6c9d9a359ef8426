"""A critic and what it criticises, trained by one sum of two losses."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown

Series = tuple[torch.Tensor, torch.Tensor | None]
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


def two_games(
    scores: Scores, critic: Sequence[nn.Module], real: Series, made: Series, *, penalised: bool
) -> tuple[torch.Tensor, ...]:
    """Return what the losses of a critic and of a generator compare.

    The gradient of the sum of both losses is for the weights of each player the gradient of its own loss.

    Parameters
    ----------
    scores : callable
        Maps series (B, C, L) and their lengths to scores (B,).
    critic : sequence of torch.nn.Module
        All modules whose weights the scores depend on.
    real, made : pair of Tensor
        Real and generated series (B, C, L), each with the lengths (B,) or None.
    penalised : bool
        Whether the slope is computed.

    Returns
    -------
    outputs : tuple of Tensor of shape (B,)
        Scores of real series, scores of generated ones for the critic and for the generator, and squared slopes.
    """
    of_real, slope = scores_and_slope(scores, *real, penalised=penalised)
    series, lengths = made
    fake = scores(series.detach(), lengths)
    with held(*critic):
        fooled = scores(series, lengths)
    return of_real, fake, fooled, slope


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
