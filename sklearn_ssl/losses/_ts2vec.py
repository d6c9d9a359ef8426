"""The loss of TS2Vec."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_at_least, check_sequences, check_share
from sklearn_ssl.losses._precision import in_full_precision

BLOCKS = {"cpu": 1 << 17}  # number of products that are computed at once: half a megabyte
OTHER_BLOCK = 1 << 28


@in_full_precision
def ts2vec_loss(z1: torch.Tensor, z2: torch.Tensor, instance: float = 0.5, temporal_unit: int = 0) -> torch.Tensor:
    r"""Hierarchical contrast of two feature maps of the same time steps (TS2Vec).

    With :math:`z_{it}` and :math:`z'_{it}` the features of step t of series i in both maps, n series and m steps,

    .. math::
        \ell^{\text{inst}} = \frac{1}{2 n m} \sum_{v} \sum_{i, t} -\log
        \frac{\exp(z_{it} \cdot z'_{it})}{\sum_{j} \exp(z_{it} \cdot z'_{jt})
        + \sum_{j \ne i} \exp(z_{it} \cdot z_{jt})}, \qquad
        \ell^{\text{temp}} = \frac{1}{2 n m} \sum_{v} \sum_{i, t} -\log
        \frac{\exp(z_{it} \cdot z'_{it})}{\sum_{s} \exp(z_{it} \cdot z'_{is})
        + \sum_{s \ne t} \exp(z_{it} \cdot z_{is})},

    where the sum over v also takes the maps with their roles exchanged. Then both maps are max-pooled over pairs of
    steps, and both terms are computed again, until one step is left. The loss is the mean over all scales of
    :math:`\alpha \ell^{\text{inst}} + (1 - \alpha) \ell^{\text{temp}}`. The first `temporal_unit` scales have no
    temporal term. A single series has no instance term and a single step no temporal one.

    The products are neither normalised nor divided by a temperature. Features that are all zero give, at each scale,
    :math:`\alpha \log(2 n - 1) + (1 - \alpha) \log(2 m - 1)`.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d, m)
        Features of the same m steps of n series, from two crops.
    instance : float, default=0.5
        :math:`\alpha`, the weight of the contrast between series, from 0 to 1.
    temporal_unit : int, default=0
        Number of scales without contrast between steps, from the finest on.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the scales; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or are empty, or if a parameter is outside its range.

    References
    ----------
    Yue, Z., Wang, Y., Duan, J., Yang, T., Huang, C., Tong, Y. and Xu, B. (2022). TS2Vec: towards universal
    representation of time series. AAAI.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import ts2vec_loss
    >>> z = torch.zeros(4, 8, 1)
    >>> round(float(ts2vec_loss(z, z)), 4), round(math.log(7) / 2, 4)
    (0.973, 0.973)
    """
    check_sequences(z1=z1, z2=z2)
    check_share("instance", instance, "TS2Vec uses 0.5")
    check_at_least("temporal_unit", temporal_unit, 0, "TS2Vec uses 0")
    scales = list(scales_of(z1, z2))
    losses = [instance * contrast_of_rows(*(z.permute(2, 0, 1) for z in pair)) for pair in scales]  # rows are series
    coarse = scales[int(temporal_unit) :]
    losses += [(1 - instance) * contrast_of_rows(*(z.transpose(1, 2) for z in pair)) for pair in coarse]
    return torch.stack(losses).sum() / len(scales)


def scales_of(z1: torch.Tensor, z2: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield both maps with all steps, half of the steps, and so on to a single one."""
    yield z1, z2
    while z1.shape[2] > 1:
        z1, z2 = F.max_pool1d(z1, 2), F.max_pool1d(z2, 2)  # an odd last step is left out
        yield z1, z2


def contrast_of_rows(z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    """Let each row of z1 and z2 (G, R, d) find the same row of the other among all rows of its group."""
    if z1.shape[1] == 1:
        return z1.new_zeros(())
    return _Contrast.apply(torch.cat([z1, z2], dim=1))


class _Contrast(torch.autograd.Function):
    """The cross-entropy of the products of all rows of z (G, 2R, d), in which row r belongs to row r + R.

    The matrix of products is large. Its shares take its place, and its symmetry saves one of three products. The groups
    are taken in blocks, so that the products of a block stay in the processor's cache.
    """

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        each = [_shares(block) for block in z.split(groups_at_once(z))]
        ctx.save_for_backward(z, *(shares for _, shares in each))
        return torch.stack([total for total, _ in each]).sum() / (z.shape[0] * z.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        z, *shares = ctx.saved_tensors
        slope = slope_of_rows(z, shares)
        n_rows = z.shape[1] // 2
        slope[:, :n_rows].sub_(z[:, n_rows:], alpha=2)
        slope[:, n_rows:].sub_(z[:, :n_rows], alpha=2)
        return slope.mul_(gradient / (z.shape[0] * z.shape[1]))


def groups_at_once(z: torch.Tensor) -> int:
    """Return how many groups of rows z (G, N, d) make a block."""
    return max(1, BLOCKS.get(z.device.type, OTHER_BLOCK) // z.shape[1] ** 2)


def slope_of_rows(z: torch.Tensor, slopes: list[torch.Tensor]) -> torch.Tensor:
    """Turn slopes with respect to the products of all rows, in blocks of groups, into that of rows z (G, N, d)."""
    slope = torch.empty_like(z)
    size = len(slopes[0])
    for block, of_block, out in zip(z.split(size), slopes, slope.split(size), strict=True):
        torch.bmm(of_block + of_block.transpose(1, 2), block, out=out)
    return slope


def _shares(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the cross-entropies of rows z (G, 2R, d), and the softmax of their products (G, 2R, 2R)."""
    logits = z @ z.transpose(1, 2)
    found = 2 * logits.diagonal(z.shape[1] // 2, 1, 2).sum()
    logits.diagonal(0, 1, 2).fill_(-math.inf)
    largest = logits.amax(2, keepdim=True)
    shares = logits.sub_(largest).exp_()
    totals = shares.sum(2, keepdim=True)
    return (totals.log() + largest).sum() - found, shares.div_(totals)
