"""Series as sequences of windows. The later ones are predicted from the earlier ones."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._means import MeanArchitecture
from sklearn_ssl.architectures._windows import cut, drawn_between, drawn_number, observed_steps, shortest_of
from sklearn_ssl.encoders._attention import TransformerBlock


class WindowSequenceArchitecture(MeanArchitecture):
    r"""Every series as a sequence of windows that are encoded each by itself, so that no feature knows the future.

    With n the steps of the shortest series of a batch and w the steps of a window, a series has
    :math:`N = \lfloor n / w \rfloor` windows one after the other, from a random step on that leaves room for all.

    Parameters
    ----------
    window : int or "auto"
        w. "auto" is a sixteenth of n, but at least 4, and at most a third of n.
    n_horizons : int
        Most windows K that are predicted. There are at most N - 1.
    context_width : int
        Number of features H of the context.
    **mean : dict
        Parameters of `MeanArchitecture`.

    Attributes
    ----------
    heads : torch.nn.Linear
        Maps the context to the predictions of K windows.
    """

    def __init__(self, *, window: int | str, n_horizons: int, context_width: int, **mean: Any) -> None:
        super().__init__(**mean)
        self.window = window
        self.n_horizons = max(min(n_horizons, mean["n_timepoints"] - 1), 1)
        self.heads = nn.Linear(context_width, self.n_horizons * self.n_projections, bias=False)

    def windows(self, x: torch.Tensor, lengths: torch.Tensor | None, n_views: int = 1) -> torch.Tensor:
        """Cut series x (V B, C, L) into windows and encode each, to (V B, N, D).

        The windows of the V views of a series have the same places.
        """
        shortest = shortest_of(x, lengths)
        width = window_of(self.window, shortest)
        n_windows = max(shortest // width, 1)
        observed = observed_steps(x[: len(x) // n_views], lengths)
        start = drawn_between(0, (observed - n_windows * width).clamp(min=0)).repeat(n_views)  # (V B,)
        windows = cut(x, start, n_windows * width).unflatten(2, (n_windows, width)).transpose(1, 2)  # (V B, N, C, w)
        return self.projections(windows.flatten(0, 1)).unflatten(0, (-1, n_windows))

    def predictions(self, context: torch.Tensor, n_horizons: int) -> torch.Tensor:
        """Predict the next windows from contexts (B, H): (K, B, D)."""
        predicted = self.heads(context).unflatten(1, (self.n_horizons, -1))  # (B, K, D)
        return predicted[:, :n_horizons].transpose(0, 1)


class RecurrentContextArchitecture(WindowSequenceArchitecture):
    """Windows of every series, and what a recurrent network that read the earlier ones predicts of the later ones.

    Parameters
    ----------
    **sequence : dict
        Parameters of `WindowSequenceArchitecture`.

    Attributes
    ----------
    recurrent : torch.nn.GRU
        Reads the features of windows.
    """

    def __init__(self, *, context_width: int, **sequence: Any) -> None:
        super().__init__(context_width=context_width, **sequence)
        self.recurrent = nn.GRU(self.n_projections, context_width, batch_first=True)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions of the next K windows after a random one, and their features, each (K, B, D)."""
        z = self.windows(batch.x, batch.lengths)  # (B, N, D)
        n_horizons = min(self.n_horizons, z.shape[1] - 1)
        n_read = drawn_number(1, z.shape[1] - n_horizons)
        _, context = self.recurrent(z[:, :n_read])  # (1, B, H)
        return self.predictions(context[0], n_horizons), z[:, n_read : n_read + n_horizons].transpose(0, 1)


class AttentiveContextArchitecture(WindowSequenceArchitecture):
    """Two views of every series: the context of one predicts the later windows of the other.

    The features of each window have length 1. A class token attends to the earlier windows; its output is the context.
    There are no codes of positions.

    Parameters
    ----------
    weak, strong : Augmentation
        Make the two views.
    projector : recipe
        Head from contexts to what is compared between the views.
    context_depth : int
        Number of attention blocks.
    **sequence : dict
        Parameters of `WindowSequenceArchitecture`.
    """

    def __init__(
        self, *, weak: Any, strong: Any, projector: Any, context_depth: int, context_width: int, **sequence: Any
    ) -> None:
        super().__init__(context_width=context_width, **sequence)
        self.weak, self.strong = weak, strong
        self.embedding = nn.Linear(self.n_projections, context_width)
        self.token = nn.Parameter(torch.randn(context_width) / 10)
        n_heads, hidden = math.gcd(4, context_width), 4 * context_width
        self.blocks = nn.Sequential(
            *(TransformerBlock(context_width, n_heads, hidden, dropout=0.1) for _ in range(context_depth))
        )
        self.projector = projector.build(context_width)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return what the loss compares, of B series and K windows.

        Returns
        -------
        weak_context, strong_context : Tensor of shape (B, P)
            Projections of the contexts of both views.
        strong_predicted, strong_later : Tensor of shape (K, B, D)
            What the weak context predicts of the strong view, and what is there.
        weak_predicted, weak_later : Tensor of shape (K, B, D)
            The same with the views exchanged.
        """
        views = torch.cat([self.weak(batch.x, batch.lengths), self.strong(batch.x, batch.lengths)])  # (2B, C, L)
        z = F.normalize(self.windows(views, batch.lengths, n_views=2), dim=2)  # (2B, N, D)
        n_windows = z.shape[1]
        n_horizons = min(self.n_horizons, max(int(0.4 * n_windows), 1), n_windows - 1)
        n_read = drawn_number(1, n_windows - n_horizons)
        context = self._context(z[:, :n_read])  # (2B, H)
        of_weak, of_strong = self.predictions(context, n_horizons).chunk(2, dim=1)  # (K, B, D) each
        weak_later, strong_later = z[:, n_read : n_read + n_horizons].transpose(0, 1).chunk(2, dim=1)
        return *self.projector(context).chunk(2), of_weak, strong_later, of_strong, weak_later

    def _context(self, z: torch.Tensor) -> torch.Tensor:
        """Summarise windows: (B, N, D) to (B, H)."""
        token = self.token.expand(len(z), 1, -1)
        return self.blocks(torch.cat([token, self.embedding(z)], dim=1))[:, 0]


def window_of(window: int | str, n_timepoints: int) -> int:
    """Return the steps of a window of series with so many steps."""
    if isinstance(window, int):
        return window
    return max(min(max(4, n_timepoints // 16), n_timepoints // 3), 1)
