"""Base of all augmentations: a random draw, and a pure function of the series and that draw."""

import abc
from collections.abc import Callable
from typing import Any, final

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._input.tensors import check_series
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number

Draws = dict[str, Any]


class Augmentation(Hyperparameters, abc.ABC):
    r"""A random change of a batch of series. It has parameters and no state.

    A call draws random numbers and applies them: ``apply(x, lengths, draw(x, lengths))``. Each series has its own draw.
    It comes from PyTorch's global generator of the device of x, which ``torch.manual_seed`` seeds. Only the first
    ``lengths`` steps of a series are changed. The padding after them is returned as it was. The input is not modified.

    A subclass declares its parameters as fields and writes two methods:

    - `draw` returns a dict of tensors with leading dimension B. It may use the shape, dtype and device of x, and the
      lengths. It must not use the values of x.
    - `apply` is deterministic. It receives x in float32 or float64. It must not read steps beyond the length of a
      series, and may return any values there.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Augmentation
    >>> class Offset(Augmentation):
    ...     size: float = 1.0
    ...
    ...     def draw(self, x, lengths):
    ...         return {"offset": torch.rand(len(x), device=x.device)}
    ...
    ...     def apply(self, x, lengths, draws):
    ...         return x + self.size * draws["offset"][:, None, None]
    >>> Offset(size=0.0)(torch.tensor([[[1.0, 2.0, 0.0]]]), torch.tensor([2]))
    tensor([[[1., 2., 0.]]])
    """

    @final
    def __call__(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return an augmented copy of a batch.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series, floating point.
        lengths : torch.Tensor of shape (B,) or None, default=None
            Number of observed steps of each series, from 1 to L. None means that all L steps are observed.

        Returns
        -------
        augmented : torch.Tensor of shape (B, C, L)
            The changed series, with the same dtype and on the same device.

        Raises
        ------
        TypeError
            If `x` is not a floating-point tensor, if `lengths` is not an integer tensor, or if a step of a composition
            is not an augmentation.
        ValueError
            If a shape is wrong or a parameter is outside its range.
        """
        self.check_hyperparameters()
        check_series(x)
        observed = checked_lengths(x, lengths)
        exact = x if x.dtype in (torch.float32, torch.float64) else x.float()
        with torch.autocast(x.device.type, enabled=False):  # positions in time need all the digits of float32
            augmented = self.apply(exact, observed, self.draw(exact, observed)).to(x.dtype)
        if lengths is None:
            return augmented
        return torch.where(observed_mask(observed, x.shape[2])[:, None], augmented, x)

    def learnt(self, fit: Callable[[Any], Any]) -> "Augmentation":
        """Return this augmentation after it has learnt from the training series; most have nothing to learn.

        Parameters
        ----------
        fit : callable
            Takes a transformer and returns it fitted to the series.

        Returns
        -------
        augmentation : Augmentation
            What makes views in training. It is the augmentation itself if there is nothing to learn.
        """
        return self

    @abc.abstractmethod
    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw the random numbers that `apply` needs.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series. Only shape, dtype and device may be used.
        lengths : torch.Tensor of shape (B,)
            Number of observed steps of each series.

        Returns
        -------
        draws : dict
            Random tensors with leading dimension B, or nested dicts of such tensors.
        """

    @abc.abstractmethod
    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Change the series by given draws.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series, float32 or float64.
        lengths : torch.Tensor of shape (B,)
            Number of observed steps of each series.
        draws : dict
            The result of `draw`.

        Returns
        -------
        augmented : torch.Tensor of shape (B, C, L)
            The changed series. Values beyond the length of a series have no meaning.
        """


class RandomFlip(Augmentation):
    """Base of augmentations that are either applied to a series or not.

    Parameters
    ----------
    p : float, default=0.5
        Probability that a series is changed. 0 changes nothing.
    """

    p: float = number(default=0.5, least=0, most=1)

    @final
    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``flipped`` (B,), true where a series is changed."""
        return {"flipped": random_events(self.p, x)}


def random_events(p: float, x: torch.Tensor) -> torch.Tensor:
    """Return for each series whether an event of probability `p` happens, boolean (B,)."""
    return torch.rand(len(x), device=x.device) < p


def random_uniform(low: float, high: float, x: torch.Tensor) -> torch.Tensor:
    """Return for each series a number above `low` and at most `high`, exactly `high` where they are equal, (B,)."""
    return high - (high - low) * torch.rand(len(x), device=x.device)


def random_integers(limits: torch.Tensor) -> torch.Tensor:
    """Return for each limit n >= 1 a whole number from 0 to n - 1. All are equally likely."""
    return (torch.rand(limits.shape, device=limits.device) * limits).long()  # u * n < n also in float32: u <= 1 - 2^-24


def checked_lengths(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """Return the lengths (B,) of series x (B, C, L), all L for None; raise an error if they do not fit."""
    n_series, _, n_steps = x.shape
    if lengths is None:
        return torch.full((n_series,), n_steps, device=x.device)
    if not isinstance(lengths, torch.Tensor) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        kind = lengths.dtype if isinstance(lengths, torch.Tensor) else type(lengths).__name__
        raise TypeError(
            f"`lengths` must be a torch.Tensor of whole numbers, got {kind}. Convert it by torch.as_tensor(lengths)"
            ".long()."
        )
    if lengths.shape != (n_series,):
        raise ValueError(
            f"`lengths` must have shape ({n_series},), one number per series of `x`, got {tuple(lengths.shape)}."
        )
    return lengths.to(device=x.device, dtype=torch.long)
