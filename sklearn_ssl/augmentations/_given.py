"""Functions and modules of the user in the place of an augmentation."""

import inspect
from collections.abc import Callable
from typing import Any, final

import torch
from torch import nn

from sklearn_ssl._parameters.shown import on_one_line, shown
from sklearn_ssl.augmentations._base import Augmentation, Draws


def as_augmentation(given: Any) -> Any:
    """Return an augmentation for what a user may give: an augmentation, a function or module, or a tuple of these."""
    if isinstance(given, (tuple, list)):
        return tuple(as_augmentation(one) for one in given)
    return given if hasattr(given, "apply") and not isinstance(given, nn.Module) else GivenFunction(function=given)


@final
class GivenFunction(Augmentation):
    """A function, or a module, that changes a batch of series.

    A module is moved to the device of the series. It is not trained.

    Parameters
    ----------
    function : callable
        Takes x (B, C, L), and lengths (B,) if it has a second positional parameter, and returns a tensor like x.
    """

    function: Any = None

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw nothing: the function draws for itself, from PyTorch's global generator."""
        return {}

    @torch.no_grad()
    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Call the function."""
        function = self.function.to(x.device) if isinstance(self.function, nn.Module) else self.function
        try:
            changed = function(x.clone(), lengths) if _takes_lengths(function) else function(x.clone())
        except (RuntimeError, TypeError, IndexError) as error:
            raise ValueError(
                f"`augmentation` failed on series of shape {tuple(x.shape)} (batch, channels, time): "
                f"{on_one_line(error, 200)}. Let it "
                "take any number of series and time steps."
            ) from error
        if not isinstance(changed, torch.Tensor) or changed.shape != x.shape:
            got = tuple(changed.shape) if isinstance(changed, torch.Tensor) else type(changed).__name__
            raise ValueError(
                f"`augmentation` must return a tensor of the shape of its series, {tuple(x.shape)}, got {got} from "
                f"{shown(self.function)}. Pad or resample the series to their length."
            )
        return changed


def _takes_lengths(function: Callable[..., Any]) -> bool:
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        parameters = inspect.signature(called).parameters.values()
    except ValueError:  # compiled functions have no signature
        return False
    needed = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len(needed) >= 2 and (needed[1].default is inspect.Parameter.empty or needed[1].name == "lengths")
