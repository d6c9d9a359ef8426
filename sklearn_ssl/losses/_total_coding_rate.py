import math
from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_positive, stacked_views
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


@in_full_precision
def emp_ssl_loss(
    views: torch.Tensor | Sequence[torch.Tensor], invariance: float = 200.0, epsilon: float = 0.2
) -> torch.Tensor:
    r"""Agreement of many windows of a series, spread of the series (EMP-SSL).

    Each window of a series is pulled to the mean of all its windows, while the embeddings of one window index over
    the batch fill the space:

    .. math::
        \ell = -\frac{\lambda}{V b} \sum_{i=1}^{V} \sum_{j=1}^{b} \cos(z_i^j, \bar{z}^j)
        - \frac{1}{V} \sum_{i=1}^{V} R(Z_i)

    where :math:`z_i^j` is the embedding of window i of series j at unit length, :math:`\bar{z}^j` the mean over the
    windows of series j, :math:`Z_i` the (b, d) matrix of window i, :math:`R` is `total_coding_rate` and :math:`\lambda`
    is `invariance`. The authors' encoder ends in the division by the length; here the loss does it, which changes
    nothing for embeddings of unit length.

    The coding rate is subtracted: collapsed embeddings have a higher loss than spread ones.

    Parameters
    ----------
    views : torch.Tensor of shape (V, b, d) or sequence of V tensors of shape (b, d)
        Embeddings of V windows of each of two or more series, row j of every window from series j.
    invariance : float, default=200.0
        Weight of the agreement with the mean.
    epsilon : float, default=0.2
        See `total_coding_rate`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over windows; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ, if there are fewer than two windows or series, or if `epsilon` is not above 0.

    See Also
    --------
    contrastive_emp_ssl_loss : A contrastive term in place of the cosines.
    total_coding_rate : The space that embeddings fill.

    References
    ----------
    Tong, S., Chen, Y., Ma, Y. and LeCun, Y. (2023). EMP-SSL: Towards self-supervised learning in one training epoch.
    arXiv:2304.03977.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import emp_ssl_loss
    >>> spread, collapsed = torch.eye(4), torch.ones(4, 4)
    >>> round(float(emp_ssl_loss([spread, spread])), 2), round(float(emp_ssl_loss([collapsed, collapsed])), 2)
    (-203.58, -201.52)
    """
    z = unit_length(stacked_views("views", views, n_views=2, n_rows=2))  # (V, b, d)
    centres = unit_length(z.mean(dim=0))  # (b, d)
    agreement = (z * centres).sum(dim=2).mean()
    return -invariance * agreement - total_coding_rate(z, epsilon).mean()


@in_full_precision
def contrastive_emp_ssl_loss(
    views: torch.Tensor | Sequence[torch.Tensor],
    invariance: float = 200.0,
    epsilon: float = 0.2,
    temperature: float = 0.07,
) -> torch.Tensor:
    r"""EMP-SSL with a contrastive term in place of the cosines.

    The mean of a series has to pick each window of that series among all windows of the other series:

    .. math::
        \ell = -\frac{1}{V} \sum_{i=1}^{V} R(Z_i) + \frac{\lambda}{V b} \sum_{i=1}^{V} \sum_{j=1}^{b}
        -\log \frac{\exp(\bar{z}^j \cdot z_i^j / \tau)}
        {\sum_{k=1}^{V} \sum_{l \neq j} \exp(\bar{z}^j \cdot z_k^l / \tau)}

    where :math:`z_i^j` is the embedding of window i of series j at unit length, :math:`\bar{z}^j` the mean over the
    windows of series j, whose length is left as it is, :math:`Z_i` the (b, d) matrix of window i, :math:`R` is
    `total_coding_rate`, :math:`\lambda` is `invariance` and :math:`\tau` is `temperature`.

    No window of series j is in the denominator, the one of the numerator included, so the contrastive term can be
    negative. For identical embeddings it is :math:`\lambda \log(V (b - 1))`.

    Parameters
    ----------
    views : torch.Tensor of shape (V, b, d) or sequence of V tensors of shape (b, d)
        Embeddings of V windows of each of two or more series, row j of every window from series j.
    invariance : float, default=200.0
        Weight of the contrastive term.
    epsilon : float, default=0.2
        See `total_coding_rate`.
    temperature : float, default=0.07
        Divides the similarities. A small one weighs the hardest negatives most.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over windows and series; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ, if there are fewer than two windows or series, or if `epsilon` or `temperature` is not
        above 0.

    See Also
    --------
    emp_ssl_loss : The original, with cosines.

    References
    ----------
    Tong, S., Chen, Y., Ma, Y. and LeCun, Y. (2023). EMP-SSL: Towards self-supervised learning in one training epoch.
    arXiv:2304.03977.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import contrastive_emp_ssl_loss, total_coding_rate
    >>> collapsed = torch.eye(8)[:1].expand(4, 8)
    >>> loss = contrastive_emp_ssl_loss([collapsed, collapsed], invariance=1) + total_coding_rate(collapsed)
    >>> round(float(loss), 4), round(math.log(2 * 3), 4)
    (1.7918, 1.7918)
    """
    check_positive("temperature", temperature, "0.07 is the published value")
    z = unit_length(stacked_views("views", views, n_views=2, n_rows=2))  # (V, b, d)
    centres = z.mean(dim=0)  # (b, d)
    logits = centres @ z.mT / temperature  # (V, b, b): window, series of the centre, series of the window
    positives = logits.diagonal(dim1=1, dim2=2)  # (V, b)
    itself = torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
    negatives = logits.masked_fill(itself, -math.inf).logsumexp(dim=(0, 2))  # (b,)
    return invariance * (negatives - positives).mean() - total_coding_rate(z, epsilon).mean()


@in_full_precision
def total_coding_rate(z: torch.Tensor, epsilon: float = 0.2) -> torch.Tensor:
    r"""Space that embeddings fill: the rate that codes them up to an error (total coding rate).

    .. math:: R(Z) = \tfrac{1}{2} \log \det \Bigl(I + \frac{d}{b\, \epsilon} Z^\top Z\Bigr)

    where :math:`Z` is the (b, d) matrix of embeddings and :math:`\epsilon` is `epsilon`. It grows as the embeddings
    spread over more directions, so a loss subtracts it. It also grows with their length: bring the rows to unit length
    first.

    The paper has :math:`\epsilon^2` where the authors' code has :math:`\epsilon`. The code is
    followed, whose default is 0.2. The smaller one of the (d, d) and the (b, b) matrix is formed; both have the same
    determinant.

    Parameters
    ----------
    z : torch.Tensor of shape (..., b, d)
        Embeddings, not centred.
    epsilon : float, default=0.2
        Squared error that the code may make.

    Returns
    -------
    rate : torch.Tensor of shape (...)
        In nats, 0 for zeros; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If `z` has fewer than two dimensions or no element, or if `epsilon` is not above 0.

    References
    ----------
    Yu, Y., Chan, K. H. R., You, C., Song, C. and Ma, Y. (2020). Learning diverse and discriminative representations via
    the principle of maximal coding rate reduction. NeurIPS.

    Tong, S., Chen, Y., Ma, Y. and LeCun, Y. (2023). EMP-SSL: Towards self-supervised learning in one training epoch.
    arXiv:2304.03977.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import total_coding_rate
    >>> round(float(total_coding_rate(torch.eye(4))), 4), round(4 / 2 * math.log(1 + 1 / 0.2), 4)
    (3.5835, 3.5835)
    """
    if z.ndim < 2 or z.numel() == 0:
        raise ValueError(
            f"Embeddings must have the shape (..., b, d) without a 0, got {tuple(z.shape)}; pool or flatten them first."
        )
    check_positive("epsilon", epsilon, "EMP-SSL uses 0.2")
    b, d = z.shape[-2:]
    products = z.mT @ z if d <= b else z @ z.mT  # (..., m, m) for m = min(b, d)
    identity = torch.eye(min(b, d), dtype=z.dtype, device=z.device)
    return torch.linalg.slogdet(identity + d / (b * epsilon) * products).logabsdet / 2
