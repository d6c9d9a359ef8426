"""Masking: recipes that draw which windows of a series are hidden from an encoder."""

import abc
import math
import typing

import torch

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number

__all__ = ["BlockMasking", "CountedMasking", "GeometricMasking", "Masking", "RandomMasking"]


class Masking(Hyperparameters, abc.ABC):
    r"""A random draw of the windows that are hidden.

    A series of n windows has

    .. math:: h(n) = \min(\max(\operatorname{round}(r n), 1), n - 1)

    hidden windows, with r the ratio, and none if n is 1. Each series has its own draw. Random numbers come from
    PyTorch's global generator, in training and in evaluation. A subclass declares its parameters as fields and writes
    `draw`.

    Parameters
    ----------
    ratio : float, default=0.5
        Share r of the windows that are hidden.
    channels : {"together", "apart"}, default="together"
        Whether a window is hidden in all channels, or every channel has its own draw.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.masking import Masking
    >>> class HideTheEnd(Masking):
    ...     def draw(self, n_windows, n_total):
    ...         first = (n_windows - self.n_hidden(n_windows))[:, None]
    ...         windows = torch.arange(n_total)
    ...         return (first <= windows) & (windows < n_windows[:, None])
    >>> HideTheEnd(ratio=0.5).hidden(torch.tensor([4, 2]), 4)
    tensor([[[False, False,  True,  True]],
    <BLANKLINE>
            [[False,  True, False, False]]])
    """

    ratio: float = number(default=0.5, above=0, below=1)
    channels: str = choice("together", "apart", default="together")

    @typing.final
    def hidden(self, n_windows: torch.Tensor, n_total: int, n_channels: int = 1) -> torch.Tensor:
        """Draw the hidden windows of a batch.

        Parameters
        ----------
        n_windows : int Tensor of shape (B,)
            Number of observed windows of each series.
        n_total : int
            Number of windows T of the batch.
        n_channels : int, default=1
            Number of channels C. It matters for ``channels="apart"`` only.

        Returns
        -------
        hidden : bool Tensor of shape (B, G, T)
            True where a window is hidden, never at windows that are not observed. G is 1 for ``channels="together"``
            and C for ``channels="apart"``.
        """
        n_groups = n_channels if self.channels == "apart" else 1
        drawn = self.draw(n_windows.repeat_interleave(n_groups), n_total)  # (B G, T)
        return drawn.unflatten(0, (len(n_windows), n_groups))  # (B, G, T)

    @abc.abstractmethod
    def draw(self, n_windows: torch.Tensor, n_total: int) -> torch.Tensor:
        """Draw the hidden windows of rows of windows.

        Parameters
        ----------
        n_windows : int Tensor of shape (R,)
            Number of observed windows of each row.
        n_total : int
            Number of windows T.

        Returns
        -------
        hidden : bool Tensor of shape (R, T)
            True where a window is hidden. At least one observed window of a row is hidden and at least one is not, if
            it has two or more.
        """

    def n_hidden(self, n_windows: torch.Tensor) -> torch.Tensor:
        """Return how many of n windows are hidden, for each number in `n_windows`."""
        return _share(self.ratio, n_windows)

    def most_visible(self, n_total: int) -> int | None:
        """Return how many windows of a series with at most `n_total` are visible at most; None if that is unknown."""
        return None

    def most_hidden(self, n_total: int) -> int | None:
        """Return how many windows of a series with at most `n_total` are hidden at most; None if that is unknown."""
        return None


class CountedMasking(Masking, abc.ABC):
    """A masking that hides a known number of windows of each series.

    Parameters
    ----------
    spread : float, default=0.0
        Each series draws its own ratio, uniform from ``ratio - spread`` to ``ratio + spread``.

    Raises
    ------
    ValueError
        If these ratios do not lie between 0 and 1.
    """

    spread: float = number(default=0.0, least=0, below=0.5)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter outside its range."""
        super().check_hyperparameters()
        room = min(self.ratio, 1 - self.ratio)
        if self.spread >= room:
            raise ValueError(
                f"{type(self).__name__}: `spread` must be below {room:.4g} for `ratio`={self.ratio:g}, so that all "
                f"ratios lie between 0 and 1, got {self.spread:g}."
            )

    def drawn_counts(self, n_windows: torch.Tensor) -> torch.Tensor:
        """Return how many windows of each row are hidden, given how many each has (R,)."""
        if self.spread == 0:
            return self.n_hidden(n_windows)
        uniform = torch.rand(len(n_windows), device=n_windows.device, dtype=torch.float64)
        return _share(self.ratio + self.spread * (2 * uniform - 1), n_windows)

    def most_visible(self, n_total: int) -> int | None:
        """Return how many windows of a series with at most `n_total` are visible at most."""
        return n_total - int(_share(self.ratio - self.spread, torch.tensor(n_total)))

    def most_hidden(self, n_total: int) -> int | None:
        """Return how many windows of a series with at most `n_total` are hidden at most."""
        return int(_share(self.ratio + self.spread, torch.tensor(n_total)))


@typing.final
class RandomMasking(CountedMasking):
    """Hide windows at random places. All sets of h(n) windows are equally likely.

    Parameters
    ----------
    span : int, default=1
        Number of neighbouring windows that are hidden at once. The series is cut into units of `span` windows, and
        units are hidden in random order until h(n) windows are hidden. So the last unit may be hidden in part.

    References
    ----------
    He, K., Chen, X., Xie, S., Li, Y., Dollár, P. and Girshick, R. (2022). Masked autoencoders are scalable vision
    learners. CVPR. https://arxiv.org/abs/2111.06377

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.masking import RandomMasking
    >>> RandomMasking(ratio=0.75).hidden(torch.tensor([8, 4]), 8).sum(dim=2)
    tensor([[6],
            [3]])
    """

    span: int = number(default=1, least=1, integer=True)

    def draw(self, n_windows: torch.Tensor, n_total: int) -> torch.Tensor:
        """Hide the windows with the least noise."""
        device = n_windows.device
        noise = torch.rand(len(n_windows), -(-n_total // self.span), device=device)  # (R, units)
        noise = noise.repeat_interleave(self.span, dim=1)[:, :n_total]  # (R, T)
        padded = torch.arange(n_total, device=device) >= n_windows[:, None]
        rank = (noise + 2 * padded).argsort(dim=1, stable=True).argsort(dim=1)
        return rank < self.drawn_counts(n_windows)[:, None]


@typing.final
class BlockMasking(CountedMasking):
    r"""Hide blocks of neighbouring windows at random places.

    The h(n) hidden windows are cut into :math:`k = \max(1, \operatorname{round}(h / \ell))` blocks of nearly equal
    length. Their places are :math:`u_1 \le \dots \le u_k`, the numbers of visible windows before each block, drawn
    from 0, ..., n - h. So blocks may touch, and windows near the ends are hidden less often than others.

    Parameters
    ----------
    mean_length : float or inf, default=4
        Mean length :math:`\ell` of the blocks, in windows. Infinity hides one block.

    References
    ----------
    Bao, H., Dong, L., Piao, S. and Wei, F. (2022). BEiT: BERT pre-training of image transformers. ICLR.
    https://arxiv.org/abs/2106.08254. The paper's blocks are two-dimensional and may hide fewer places than asked.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.masking import BlockMasking
    >>> hidden = BlockMasking(ratio=0.5, mean_length=float("inf")).hidden(torch.tensor([8]), 8)
    >>> int(hidden.sum()), int(hidden.diff(dim=2).sum()) <= 2
    (4, True)
    """

    mean_length: float = number(default=4, least=1, or_else=(math.inf,))

    def draw(self, n_windows: torch.Tensor, n_total: int) -> torch.Tensor:
        """Draw the visible windows before each block, and put the blocks between them."""
        n_hidden = self.drawn_counts(n_windows)  # (R,)
        n_blocks = self._n_blocks(n_hidden)  # (R,)
        most = int(self._n_blocks(torch.tensor(self.most_hidden(n_total))))
        block = torch.arange(most, device=n_windows.device)  # (K,)
        real = block < n_blocks[:, None]  # (R, K)
        room = n_windows - n_hidden + 1
        before = (torch.rand(len(n_windows), most, device=n_windows.device) * room[:, None]).long()  # (R, K)
        before = torch.where(real, before, n_total).sort(dim=1).values
        begin = block * n_hidden[:, None] // n_blocks[:, None]  # hidden windows before the block
        end = (block + 1) * n_hidden[:, None] // n_blocks[:, None]
        since = torch.arange(n_total, device=n_windows.device)[:, None] - (before + begin)[:, None]  # (R, T, K)
        return ((since >= 0) & (since < (end - begin)[:, None]) & real[:, None]).any(dim=2)

    def _n_blocks(self, n_hidden: torch.Tensor) -> torch.Tensor:
        return (n_hidden / self.mean_length).round().long().clamp(min=1)


@typing.final
class GeometricMasking(Masking):
    r"""Hide runs of windows whose lengths are random.

    Hidden and visible runs take turns. The length of a hidden run is geometric with mean m. The length of a visible run
    is geometric with mean :math:`m (1 - r) / r`. The first run is hidden with probability r. So every window is hidden
    with probability r, and their number is random. If a series of two or more windows would be wholly visible or wholly
    hidden, one window at a random place is hidden or shown.

    Parameters
    ----------
    channels : {"together", "apart"}, default="apart"
        Whether a window is hidden in all channels, or every channel has its own draw.
    mean_length : float, default=3
        Mean length m of the hidden runs, in windows.

    Raises
    ------
    ValueError
        If `ratio` is above m / (m + 1), since visible runs would then have to be shorter than one window.

    References
    ----------
    Zerveas, G., Jayaraman, S., Patel, D., Bhamidipaty, A. and Eickhoff, C. (2021). A transformer-based framework for
    multivariate time series representation learning. KDD. https://arxiv.org/abs/2010.02803

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.masking import GeometricMasking
    >>> GeometricMasking(ratio=0.15).hidden(torch.tensor([100, 50]), 100, n_channels=3).shape
    torch.Size([2, 3, 100])
    """

    channels: str = "apart"
    mean_length: float = number(default=3, least=1)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter outside its range."""
        super().check_hyperparameters()
        most = self.mean_length / (self.mean_length + 1)
        if self.ratio > most:
            raise ValueError(
                f"GeometricMasking: `ratio` must be at most {most:.4g} for runs of `mean_length`={self.mean_length:g}, "
                f"got {self.ratio:g}; make `mean_length` at least {self.ratio / (1 - self.ratio):.4g}."
            )

    def draw(self, n_windows: torch.Tensor, n_total: int) -> torch.Tensor:
        """Draw the lengths of all runs, and tell for every window to which run it belongs."""
        device, n_rows = n_windows.device, len(n_windows)
        starts_hidden = torch.rand(n_rows, 1, device=device) < self.ratio
        is_hidden = starts_hidden ^ (torch.arange(n_total, device=device) % 2 == 1)  # (R, runs)
        stop = torch.where(is_hidden, 1 / self.mean_length, self.ratio / (self.mean_length * (1 - self.ratio)))
        uniform = 1 - torch.rand(n_rows, n_total, device=device)  # above 0, so that its logarithm is finite
        lengths = 1 + (uniform.log() / torch.log1p(-stop.clamp(max=1))).floor()  # (R, runs)
        ends = lengths.clamp(max=n_total).cumsum(dim=1)
        windows = torch.arange(n_total, device=device, dtype=ends.dtype).expand(n_rows, -1).contiguous()
        run = torch.searchsorted(ends, windows, right=True)  # (R, T)
        observed = windows < n_windows[:, None]
        return _mixed(is_hidden.gather(1, run) & observed, observed)


def _share(ratio: float | torch.Tensor, n_windows: torch.Tensor) -> torch.Tensor:
    """Return a share of numbers of windows, rounded, but so that one is in it and one is not."""
    exact = n_windows.float() if n_windows.device.type == "mps" else n_windows.double()  # MPS has no float64
    wanted = (ratio * exact).round().long().clamp(min=1)
    return torch.minimum(wanted, n_windows - 1)


def _mixed(hidden: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    """Let every row (R, T) of two or more windows have a hidden and a visible one, and hide none of a single window."""
    n_windows = observed.sum(1)
    hidden = hidden & (n_windows > 1)[:, None]
    n_hidden = hidden.sum(1)
    same = ((n_hidden == 0) | (n_hidden == n_windows)) & (n_windows > 1)
    place = (torch.rand(len(hidden), device=hidden.device) * n_windows).long()
    there = torch.arange(hidden.shape[1], device=hidden.device) == place[:, None]
    return hidden ^ (there & same[:, None])
