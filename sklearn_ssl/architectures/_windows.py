"""Windows of a series as its views."""

from typing import Any

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class WindowArchitecture(SiameseArchitecture):
    """Many random windows of every series, each changed by the augmentation.

    Parameters
    ----------
    window_ratio : float
        Share of a series that a window covers.
    **siamese : dict
        Parameters of `SiameseArchitecture`. `n_views` is the number V of windows.

    Raises
    ------
    ValueError
        If a window would cover less than one time step.
    """

    compares_whole_series = False

    def __init__(self, *, window_ratio: float, n_timepoints: int, **siamese: Any) -> None:
        check_window("window_ratio", window_ratio, n_timepoints)
        super().__init__(n_timepoints=n_timepoints, **siamese)
        self.window_ratio = window_ratio

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of V windows of every series in one tensor (V, B, P)."""
        windows = random_windows(batch.x, batch.lengths, self.n_views, self.window_ratio)  # (V B, C, W)
        z = self.projections(*self.views(*windows, n_views=1))  # (V B, P)
        return (z.unflatten(0, (self.n_views, len(batch))),)


def random_windows(
    x: torch.Tensor, lengths: torch.Tensor | None, n_windows: int, ratio: float
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Cut windows at random places. Each covers the same share of the observed steps of its series.

    Parameters
    ----------
    x : Tensor of shape (B, C, L)
        Series.
    lengths : int Tensor of shape (B,) or None
        Number of observed steps of each.
    n_windows : int
        Number of windows V of each series.
    ratio : float
        The share. A window has at least one step.

    Returns
    -------
    windows : Tensor of shape (V B, C, W)
        The first windows of all series, then the second ones, and so on.
    lengths : int Tensor of shape (V B,) or None
        Number of observed steps of each window.
    """
    width = window_width(ratio, x.shape[2])
    observed = observed_steps(x, lengths)
    widths = (ratio * observed).round().long().clamp(1, width).repeat(n_windows)  # (V B,)
    room = observed.repeat(n_windows) - widths + 1
    start = (torch.rand(len(room), device=x.device) * room).long()
    windows = cut(x.repeat(n_windows, 1, 1), start, width)  # (V B, C, W)
    if lengths is None:
        return windows, None
    return torch.where(observed_mask(widths, width)[:, None], windows, 0.0), widths


def cut(x: torch.Tensor, start: torch.Tensor, width: int) -> torch.Tensor:
    """Cut a window of `width` steps from each series (B, C, L), from the steps `start` (B,) on: (B, C, W).

    What would lie beyond the last step repeats the last step.
    """
    steps = start[:, None] + torch.arange(width, device=x.device)  # (B, W)
    return x.gather(2, steps.clamp(max=x.shape[2] - 1)[:, None].expand(-1, x.shape[1], -1))  # (B, C, W)


def observed_steps(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """Return how many steps of each series (B, C, L) are observed: (B,)."""
    return torch.full((len(x),), x.shape[2], device=x.device) if lengths is None else lengths


def drawn_between(low: Any, high: torch.Tensor, *, alike: bool = False) -> torch.Tensor:
    """Draw whole numbers, ends included: for each entry of `high` (B,), or one that is the same for all of them."""
    share = torch.rand(1 if alike else len(high), device=high.device)
    return low + (share * (high - low + 1)).long()


def drawn_number(low: int, high: int) -> int:
    """Draw a whole number, ends included."""
    return int(torch.randint(low, high + 1, ()))


def shortest_of(x: torch.Tensor, lengths: torch.Tensor | None) -> int:
    """Return how many steps of the shortest series are observed."""
    return x.shape[2] if lengths is None else int(lengths.min())


def window_width(ratio: float, n_timepoints: int) -> int:
    """Return how many steps a window has that covers a share of a series, at least one."""
    return max(1, round(ratio * n_timepoints))


def check_window(name: str, ratio: float, n_timepoints: int) -> None:
    """Raise a ValueError if a window would cover less than one step of a series that has two or more."""
    if ratio * n_timepoints < 1 < n_timepoints:
        raise ValueError(
            f"`{name}` must be at least 1 / {n_timepoints}, one step of the longest series, got {shown(ratio)}."
        )
