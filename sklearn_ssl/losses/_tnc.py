"""The loss of TNC."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_floating_point, check_share
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def tnc_loss(neighbours: torch.Tensor, others: torch.Tensor, similar: float = 0.05) -> torch.Tensor:
    r"""Tell windows that are near in time from distant ones. Some distant ones may be alike too (TNC).

    .. math::
        \ell = \tfrac{1}{2} \bigl( \operatorname{mean} [-\log \sigma(d^+)]
        + \operatorname{mean} [-(1 - w) \log(1 - \sigma(d^-)) - w \log \sigma(d^-)] \bigr)

    where :math:`d^+` and :math:`d^-` are the values of `neighbours` and `others`, :math:`\sigma` is the logistic
    function and w is `similar`. Distant windows are unlabelled rather than negative: with the share w they count as
    near. Scores of 0 give :math:`\log 2`.

    Parameters
    ----------
    neighbours : torch.Tensor of shape (n,)
        Scores of pairs of windows that are near in time. A score is a logit: high for "near".
    others : torch.Tensor of shape (m,)
        Scores of pairs of distant windows.
    similar : float, default=0.05
        w, from 0 to 1.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean of both kinds of pairs; float64 for float64 scores and float32 for all others.

    Raises
    ------
    ValueError
        If there are no scores, or if `similar` is outside its range.

    References
    ----------
    Tonekaboni, S., Eytan, D. and Goldenberg, A. (2021). Unsupervised representation learning for time series with
    temporal neighborhood coding. ICLR.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import tnc_loss
    >>> round(float(tnc_loss(torch.zeros(4), torch.zeros(4))), 4), round(math.log(2), 4)
    (0.6931, 0.6931)
    """
    check_share("similar", similar, "TNC uses 0.05")
    for name, scores in (("neighbours", neighbours), ("others", others)):
        check_floating_point(name, scores)
        if scores.ndim != 1 or scores.numel() == 0:
            raise ValueError(f"`{name}` must have the shape (n,) with one score or more, got {tuple(scores.shape)}.")
    near = F.binary_cross_entropy_with_logits(neighbours, torch.ones_like(neighbours))
    distant = F.binary_cross_entropy_with_logits(others, torch.full_like(others, similar))
    return (near + distant) / 2
