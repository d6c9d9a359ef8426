"""The soft-DTW distance of many pairs of series at once."""

import math

import torch


@torch.no_grad()
def soft_dtw(
    x: torch.Tensor, y: torch.Tensor, lengths: tuple[torch.Tensor, torch.Tensor] | None = None, gamma: float = 0.1
) -> torch.Tensor:
    r"""Align each series with its partner, and return the soft minimum of the costs of all alignments.

    With :math:`\delta_{st} = \lVert x_s - y_t \rVert^2` it is the last entry of

    .. math:: r_{st} = \delta_{st} + \min\nolimits_\gamma (r_{s-1,t-1}, r_{s-1,t}, r_{s,t-1}), \qquad
        \min\nolimits_\gamma (a) = -\gamma \log \sum_i e^{-a_i / \gamma}.

    The entries on an anti-diagonal do not depend on each other, so that all pairs go through 2 L - 1 steps together.

    Parameters
    ----------
    x, y : Tensor of shape (P, C, L)
        P pairs of series.
    lengths : tuple of two int Tensor of shape (P,), or None, default=None
        Number of observed steps of the series in x and in y. None if nothing is padded.
    gamma : float, default=0.1
        :math:`\gamma`, above 0. The smaller it is, the nearer is the result to that of dynamic time warping.

    Returns
    -------
    distances : Tensor of shape (P,)
        The costs, which may be negative. They receive no gradient.

    References
    ----------
    Cuturi, M. and Blondel, M. (2017). Soft-DTW: a differentiable loss function for time-series. ICML.
    """
    n_pairs, _, n_steps = x.shape
    x, y = ((one / math.sqrt(gamma)).permute(1, 2, 0).contiguous() for one in (x, y.flip(2)))  # (C, L, P)
    before, last, new = x.new_full((3, n_steps + 1, n_pairs), math.inf)  # row s has entry s - 1 of its anti-diagonal
    before[0] = 0
    found, row, end = _ends(lengths, new)
    for diagonal in range(2 * n_steps - 1):
        start, stop = max(0, diagonal - n_steps + 1), min(n_steps, diagonal + 1)
        entries = new[start + 1 : stop + 1]
        _soft_minimum(before[start:stop], last[start:stop], last[start + 1 : stop + 1], out=entries)
        shift = n_steps - 1 - diagonal
        for of_x, of_y in zip(x, y, strict=True):
            difference = of_x[start:stop] - of_y[start + shift : stop + shift]
            entries.addcmul_(difference, difference)
        new[start] = math.inf  # an entry of an earlier anti-diagonal; those after the last have never been written
        found = torch.where(end == diagonal, new.gather(0, row)[0], found)
        before, last, new = last, new, before
    return gamma * found


def _ends(
    lengths: tuple[torch.Tensor, torch.Tensor] | None, entries: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a place for the results (P,), and in which row (1, P) and on which anti-diagonal (P,) they are."""
    n_steps, n_pairs = len(entries) - 1, entries.shape[1]
    whole = torch.full((n_pairs,), n_steps, device=entries.device)
    of_x, of_y = (whole, whole) if lengths is None else lengths
    return torch.zeros_like(entries[0]), of_x[None].long(), of_x + of_y - 2


def _soft_minimum(first: torch.Tensor, second: torch.Tensor, third: torch.Tensor, out: torch.Tensor) -> None:
    """Write the soft minimum, for gamma 1, of three tensors. Not all three entries of a place are infinite."""
    low, largest = torch.minimum(first, second), torch.maximum(first, second)
    smallest, middle = torch.minimum(low, third), torch.maximum(low, third)
    others = (smallest - largest).exp_().add_((smallest - middle).exp_()).log1p_()
    torch.sub(smallest, others, out=out)
