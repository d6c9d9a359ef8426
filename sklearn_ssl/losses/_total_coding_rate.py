import math
from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_positive, check_stack, stacked_views
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


@in_full_precision
def emp_ssl_loss(
    views: torch.Tensor | Sequence[torch.Tensor], invariance: float = 200.0, epsilon: float = 0.2
) -> torch.Tensor:
    r"""Agreement of many windows of one series, and spread of the series (EMP-SSL).

    The loss pulls each window of a series to the mean of all its windows. At the same time the embeddings of all series
    have to fill the space:

    .. math::
        \ell = -\frac{\lambda}{V n} \sum_{v=1}^{V} \sum_{i=1}^{n} \cos(z_{vi}, \bar{z}_i)
        - \frac{1}{V} \sum_{v=1}^{V} R(Z_v)

    where :math:`z_{vi}` is the embedding of window v of series i at unit length, of V windows and n series,
    :math:`\bar{z}_i` is the mean over the windows of series i, :math:`Z_v` is the (n, d) matrix of window v, :math:`R`
    is `total_coding_rate` and :math:`\lambda` is `invariance`. Collapsed embeddings have a low coding rate and so a
    high loss.

    The loss divides the embeddings by their lengths. The authors' encoder does this instead.

    Parameters
    ----------
    views : torch.Tensor of shape (V, n, d) or sequence of V tensors of shape (n, d)
        Embeddings of two or more windows of two or more series, row i of every window from series i.
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
    contrastive_emp_ssl_loss : A contrastive term instead of the cosine similarities.
    total_coding_rate : The second term.

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
    z = unit_length(stacked_views("views", views, n_views=2, n_rows=2))  # (V, n, d)
    centres = unit_length(z.mean(dim=0))  # (n, d)
    agreement = (z * centres).sum(dim=2).mean()
    return -invariance * agreement - total_coding_rate(z, epsilon).mean()


@in_full_precision
def contrastive_emp_ssl_loss(
    views: torch.Tensor | Sequence[torch.Tensor],
    invariance: float = 200.0,
    epsilon: float = 0.2,
    temperature: float = 0.07,
) -> torch.Tensor:
    r"""EMP-SSL with a contrastive term instead of the cosine similarities.

    The mean of a series has to pick each window of this series among all windows of the other series:

    .. math::
        \ell = -\frac{1}{V} \sum_{v=1}^{V} R(Z_v) + \frac{\lambda}{V n} \sum_{v=1}^{V} \sum_{i=1}^{n}
        -\log \frac{\exp(\bar{z}_i \cdot z_{vi} / \tau)}
        {\sum_{u=1}^{V} \sum_{j \neq i} \exp(\bar{z}_i \cdot z_{uj} / \tau)}

    where :math:`z_{vi}` is the embedding of window v of series i at unit length, of V windows and n series,
    :math:`\bar{z}_i` is the mean over the windows of series i, which is not divided by its length, :math:`Z_v` is the
    (n, d) matrix of window v, :math:`R` is `total_coding_rate`, :math:`\lambda` is `invariance` and :math:`\tau` is
    `temperature`.

    The denominator contains no window of series i, not even the window in the numerator. The contrastive term can
    therefore be negative. For identical embeddings it is :math:`\lambda \log(V (n - 1))`.

    Parameters
    ----------
    views : torch.Tensor of shape (V, n, d) or sequence of V tensors of shape (n, d)
        Embeddings of two or more windows of two or more series, row i of every window from series i.
    invariance : float, default=200.0
        Weight of the contrastive term.
    epsilon : float, default=0.2
        See `total_coding_rate`.
    temperature : float, default=0.07
        Divides the similarities. A small temperature weights the most similar negatives most.

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
    emp_ssl_loss : The original loss with cosine similarities.
    total_coding_rate : The first term.

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
    z = unit_length(stacked_views("views", views, n_views=2, n_rows=2))  # (V, n, d)
    centres = z.mean(dim=0)  # (n, d)
    logits = centres @ z.mT / temperature  # (V, n, n): window, series of the centre, series of the window
    positives = logits.diagonal(dim1=1, dim2=2)  # (V, n)
    itself = torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
    negatives = logits.masked_fill(itself, -math.inf).logsumexp(dim=(0, 2))  # (n,)
    return invariance * (negatives - positives).mean() - total_coding_rate(z, epsilon).mean()


@in_full_precision
def total_coding_rate(z: torch.Tensor, epsilon: float = 0.2) -> torch.Tensor:
    r"""Total coding rate: how much of the space the embeddings fill.

    It is the rate in nats at which the embeddings can be coded up to a given error:

    .. math:: R(Z) = \tfrac{1}{2} \log \det \Bigl(I + \frac{d}{n\, \epsilon} Z^\top Z\Bigr)

    where :math:`Z` is the (n, d) matrix of embeddings, :math:`I` is the identity and :math:`\epsilon` is `epsilon`. The
    rate grows as the embeddings spread over more directions, so a loss subtracts it. It also grows with the length of
    the embeddings. Divide them by their lengths first.

    The paper has :math:`\epsilon^2` where the authors' code has :math:`\epsilon`. This function and its default do as
    the code. The (d, d) matrix :math:`Z^\top Z` and the (n, n) matrix :math:`Z Z^\top` give the same determinant, and
    the function computes the smaller of them.

    Parameters
    ----------
    z : torch.Tensor of shape (..., n, d)
        Embeddings, not centred.
    epsilon : float, default=0.2
        Squared error of the code, above 0.

    Returns
    -------
    rate : torch.Tensor of shape (...)
        In nats, 0 for zeros; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If `z` has fewer than two dimensions or no elements, or if `epsilon` is not above 0.

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
    check_stack("z", z)
    check_positive("epsilon", epsilon, "EMP-SSL uses 0.2")
    n, d = z.shape[-2:]
    products = z.mT @ z if d <= n else z @ z.mT  # (..., m, m) for m = min(n, d)
    identity = torch.eye(min(n, d), dtype=z.dtype, device=z.device)
    return torch.linalg.slogdet(identity + d / (n * epsilon) * products).logabsdet / 2
