"""What every augmentation is: a random draw, and a pure function of the series and that draw."""

import abc
from typing import Any, final

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number

Draws = dict[str, Any]


class Augmentation(Hyperparameters, abc.ABC):
    r"""A random change of a batch of series: a recipe with searchable parameters and no state.

    Calling it draws and applies: ``apply(x, lengths, draw(x, lengths))``. Every series has its own draw, taken from
    PyTorch's global generator of the device of x, so that ``torch.manual_seed`` governs it. Only the first ``lengths``
    steps of a series are changed; the padding after them is returned as it was. The input is never modified.

    A subclass declares its parameters as fields and writes two methods. `draw` returns a dict of tensors whose
    leading dimension is B; it may depend on the shape, dtype and device of x and on the lengths, not on the values.
    `apply` is deterministic; it receives x in float32 or float64, must not read steps beyond a series' length, and may
    return anything there.

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
        lengths : torch.Tensor of shape (B,), default=None
            Number of observed steps of each series, from 1 to L. None means that all L are observed.

        Returns
        -------
        augmented : torch.Tensor of shape (B, C, L)
            Series of the same dtype, on the same device.

        Raises
        ------
        TypeError
            If `x` is not a floating-point tensor, `lengths` not an integer one, or a step not an augmentation.
        ValueError
            If a shape is wrong or a parameter outside its range.
        """
        self.check_hyperparameters()
        _check_series(x)
        observed = _checked_lengths(x, lengths)
        exact = x if x.dtype in (torch.float32, torch.float64) else x.float()
        with torch.autocast(x.device.type, enabled=False):  # positions in time need all the digits of float32
            augmented = self.apply(exact, observed, self.draw(exact, observed)).to(x.dtype)
        if lengths is None:
            return augmented
        return torch.where(observed_mask(observed, x.shape[2])[:, None], augmented, x)

    @abc.abstractmethod
    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw what `apply` needs.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series; only shape, dtype and device count.
        lengths : torch.Tensor of shape (B,)
            Number of observed steps of each series.

        Returns
        -------
        draws : dict
            Random tensors, each with leading dimension B, or nested dicts of such tensors.
        """

    @abc.abstractmethod
    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Apply given draws.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series, float32 or float64.
        lengths : torch.Tensor of shape (B,)
            Number of observed steps of each series.
        draws : dict
            What `draw` returns.

        Returns
        -------
        augmented : torch.Tensor of shape (B, C, L)
            Augmented series; steps beyond a series' length hold no meaning.
        """


class RandomFlip(Augmentation):
    """An augmentation without a strength: it is applied to a series or it is not.

    Parameters
    ----------
    p : float, default=0.5
        Probability that a series is changed. 0 changes none.
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
    """Return for each limit n >= 1 a whole number from 0 to n - 1, all equally likely."""
    return (torch.rand(limits.shape, device=limits.device) * limits).long()  # u * n < n also in float32: u <= 1 - 2^-24


def _check_series(x: torch.Tensor) -> None:
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise TypeError(
            f"`x` must be a floating-point torch.Tensor, got {kind}; convert it with torch.as_tensor(x).float()."
        )
    if x.dim() != 3:
        raise ValueError(
            f"`x` must have shape (B, C, L), got {tuple(x.shape)}; add the missing dimensions by x[:, None]."
        )


def _checked_lengths(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    n_series, _, n_steps = x.shape
    if lengths is None:
        return torch.full((n_series,), n_steps, device=x.device)
    if not isinstance(lengths, torch.Tensor) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        kind = lengths.dtype if isinstance(lengths, torch.Tensor) else type(lengths).__name__
        raise TypeError(
            f"`lengths` must be a torch.Tensor of whole numbers, got {kind}; give the number of observed steps."
        )
    if lengths.shape != (n_series,):
        raise ValueError(
            f"`lengths` must have shape ({n_series},), one number for each series of `x`, got {tuple(lengths.shape)}."
        )
    return lengths.to(device=x.device, dtype=torch.long)
