"""The loss of T-Loss."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_at_least, check_floating_point, check_rows
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def tloss_loss(
    anchor: torch.Tensor, positive: torch.Tensor, negatives: torch.Tensor, negative_weight: float = 1.0
) -> torch.Tensor:
    r"""Contrast of a piece of a series with a piece of this piece and with pieces of any series (T-Loss).

    .. math::
        \ell = \frac{1}{n} \sum_{i=1}^{n} \Bigl( -\log \sigma(a_i \cdot p_i)
        - \frac{\lambda}{K} \sum_{k=1}^{K} \log \sigma(-a_i \cdot n_{ki}) \Bigr)

    where :math:`a_i`, :math:`p_i` and :math:`n_{ki}` are the rows of `anchor`, `positive` and ``negatives[k]``,
    :math:`\sigma` is the logistic function and :math:`\lambda` is `negative_weight`. The paper sums over the K
    negatives. The authors' code takes their mean, as here. Rows of zeros give :math:`(1 + \lambda) \log 2`.

    Parameters
    ----------
    anchor : torch.Tensor of shape (n, d)
        Features of a piece of each series.
    positive : torch.Tensor of shape (n, d)
        Features of a piece of this piece.
    negatives : torch.Tensor of shape (K, n, d)
        Features of K pieces of any series, for each anchor.
    negative_weight : float, default=1.0
        :math:`\lambda`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the series; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not go together, or if `negative_weight` is negative.

    References
    ----------
    Franceschi, J.-Y., Dieuleveut, A. and Jaggi, M. (2019). Unsupervised scalable representation learning for
    multivariate time series. NeurIPS.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import tloss_loss
    >>> z = torch.zeros(4, 8)
    >>> round(float(tloss_loss(z, z, z[None])), 4), round(2 * math.log(2), 4)
    (1.3863, 1.3863)
    """
    check_rows(anchor=anchor, positive=positive)
    check_at_least("negative_weight", negative_weight, 0, "T-Loss uses 1")
    check_floating_point("negatives", negatives)
    if negatives.ndim != 3 or negatives.shape[1:] != anchor.shape or len(negatives) < 1:
        raise ValueError(
            f"`negatives` must have the shape (K, n, d) with K of 1 or more and (n, d) = {tuple(anchor.shape)} as "
            f"`anchor`, got {tuple(negatives.shape)}."
        )
    close = F.logsigmoid((anchor * positive).sum(1)).mean()
    apart = F.logsigmoid(-(anchor * negatives).sum(2)).mean()
    return -close - negative_weight * apart
