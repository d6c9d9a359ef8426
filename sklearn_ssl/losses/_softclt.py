"""The loss of SoftCLT."""

import math
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from sklearn_ssl.losses._arguments import check_at_least, check_floating_point, check_sequences, check_share
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._ts2vec import groups_at_once, scales_of, slope_of_rows


@in_full_precision
def softclt_loss(
    z1: torch.Tensor,
    z2: torch.Tensor,
    similarity: torch.Tensor,
    sharpness: float = 0.5,
    instance: float = 0.5,
    temporal_unit: int = 0,
) -> torch.Tensor:
    r"""Hierarchical contrast as in `ts2vec_loss`, where similar series and near steps count too (SoftCLT).

    At each scale the term of :func:`ts2vec_loss` between series becomes

    .. math::
        \frac{1}{2 n m} \sum_{a} \sum_{b \ne a} -w_{ab} \log
        \frac{\exp(z_a \cdot z_b)}{\sum_{c \ne a} \exp(z_a \cdot z_c)}

    over the 2n rows a, b, c of a step, which are the n series in both crops. The weight :math:`w_{ab}` is the entry of
    `similarity` for the two series. The term between the 2m steps of a series at scale s = 0, 1, ... has the weights
    :math:`2 \sigma(-2^s \tau |t - t'|)`, with the logistic function :math:`\sigma`. The weights of a row do not add up
    to 1, as in the authors' code. With the identity as `similarity` and a large :math:`\tau` it is `ts2vec_loss`.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d, m)
        Features of the same m steps of n series, from two crops.
    similarity : torch.Tensor of shape (n, n)
        Weights from 0 to 1, with ones in the diagonal. They receive no gradient.
    sharpness : float, default=0.5
        :math:`\tau`.
    instance : float, default=0.5
        Weight of the contrast between series, from 0 to 1.
    temporal_unit : int, default=0
        Number of scales without contrast between steps, from the finest on.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the scales; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not go together, or if a parameter is outside its range.

    References
    ----------
    Lee, S., Park, T. and Lee, K. (2024). Soft contrastive learning for time series. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import softclt_loss, ts2vec_loss
    >>> z1, z2 = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(0))
    >>> bool(torch.isclose(softclt_loss(z1, z2, torch.eye(4), sharpness=1e3), ts2vec_loss(z1, z2)))
    True
    """
    check_sequences(z1=z1, z2=z2)
    check_floating_point("similarity", similarity)
    if similarity.shape != (len(z1), len(z1)):
        raise ValueError(
            f"`similarity` must have the shape (n, n) = {(len(z1),) * 2}, one number for each pair of series, got "
            f"{tuple(similarity.shape)}."
        )
    check_share("instance", instance, "SoftCLT uses 0.5")
    check_at_least("sharpness", sharpness, 0, "SoftCLT uses 0.5 to 2.5")
    check_at_least("temporal_unit", temporal_unit, 0, "SoftCLT uses 0")
    scales = list(scales_of(z1, z2))
    weight = similarity.detach()
    losses = [instance * _weighted(a.permute(2, 0, 1), b.permute(2, 0, 1), weight) for a, b in scales]
    for number, (a, b) in list(enumerate(scales))[int(temporal_unit) :]:
        steps = torch.arange(a.shape[2], device=z1.device)
        near = 2 * torch.sigmoid(-(2**number) * sharpness * (steps[:, None] - steps).abs().to(z1.dtype))  # (m, m)
        losses.append((1 - instance) * _weighted(a.transpose(1, 2), b.transpose(1, 2), near))
    return torch.stack(losses).sum() / len(scales)


def _weighted(z1: torch.Tensor, z2: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Let each row of z1 and z2 (G, R, d) find all rows of its group, each to its weight (R, R)."""
    if z1.shape[1] == 1:
        return z1.new_zeros(())
    return _WeightedContrast.apply(torch.cat([z1, z2], dim=1), weight.to(z1.dtype).repeat(2, 2).fill_diagonal_(0))


class _WeightedContrast(torch.autograd.Function):
    """The cross-entropies of the products of all rows of z (G, N, d), weighted by (N, N) with zeros in the diagonal.

    As in TS2Vec, in blocks of groups. The slope with respect to the products takes the place of the products.
    """

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        each = [_slopes(block, weights) for block in z.split(groups_at_once(z))]
        ctx.save_for_backward(z, *(slopes for _, slopes in each))
        return torch.stack([total for total, _ in each]).sum() / (z.shape[0] * z.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        z, *slopes = ctx.saved_tensors
        return slope_of_rows(z, slopes).mul_(gradient / (z.shape[0] * z.shape[1])), None


def _slopes(z: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the cross-entropies of rows z (G, N, d), and its slope with respect to their products."""
    logits = z @ z.transpose(1, 2)  # (G, N, N)
    totals = weights.sum(1, keepdim=True)
    found = (logits * weights).sum()
    logits.diagonal(0, 1, 2).fill_(-math.inf)
    largest = logits.amax(2, keepdim=True)
    shares = logits.sub_(largest).exp_()
    sums = shares.sum(2, keepdim=True)
    return ((sums.log() + largest) * totals).sum() - found, shares.mul_(totals / sums).sub_(weights)
