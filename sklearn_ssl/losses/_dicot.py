"""The loss of Di-COT."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_floating_point, check_positive
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def dicot_loss(z: torch.Tensor, temperature: float = 0.07) -> torch.Tensor:
    r"""Find the block before each block among the blocks of the same series (Di-COT).

    .. math::
        \ell = \frac{1}{n N} \sum_{i=1}^{n} \sum_{k=1}^{N} -\log
        \frac{\exp(z_{ik} \cdot z_{i, \max(k - 1, 1)} / \tau)}{\sum_{j=1}^{N} \exp(z_{ik} \cdot z_{ij} / \tau)}

    where :math:`z_{ik}` are the features of block k of series i. The first block has itself as target. As in the
    authors' code, the products are not normalised and j = k is among the candidates. Equal features give
    :math:`\log N`.

    Parameters
    ----------
    z : torch.Tensor of shape (n, N, d)
        Features of N blocks of each series, in their order.
    temperature : float, default=0.07
        :math:`\tau`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over all blocks; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If `z` has another number of dimensions or is empty, or if `temperature` is not above 0.

    References
    ----------
    Shamba, A.-K., Bach, K. and Taylor, G. (2026). Divide and contrast: learning robust temporal features without
    augmentation. ICML.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import dicot_loss
    >>> round(float(dicot_loss(torch.ones(4, 5, 8))), 4), round(math.log(5), 4)
    (1.6094, 1.6094)
    """
    check_floating_point("z", z)
    check_positive("temperature", temperature, "Di-COT uses 0.07")
    if z.ndim != 3 or z.numel() == 0:
        raise ValueError(f"`z` must have the shape (n, N, d) with one block or more, got {tuple(z.shape)}.")
    logits = z @ z.transpose(1, 2) / temperature  # (n, N, N)
    before = (torch.arange(z.shape[1], device=z.device) - 1).clamp(min=0)
    return F.cross_entropy(logits.flatten(0, 1), before.repeat(len(z)))
