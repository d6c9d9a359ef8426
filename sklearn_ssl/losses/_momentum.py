import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_positive, check_rows, check_stored
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import cosine_logits, paired_cosines


@in_full_precision
def queue_contrastive_loss(
    query: torch.Tensor, key: torch.Tensor, queue: torch.Tensor, temperature: float = 0.2
) -> torch.Tensor:
    r"""Contrast of a query with its key and with a queue of earlier keys (InfoNCE of MoCo v1 and v2).

    Each query has to pick the key of its own series among this key and all keys in the queue, by cosine similarity:

    .. math::
        \ell = \frac{1}{n} \sum_{i=1}^{n} -\log \frac{\exp(\cos(q_i, k_i) / \tau)}
        {\exp(\cos(q_i, k_i) / \tau) + \sum_{j=1}^{K} \exp(\cos(q_i, m_j) / \tau)}

    where :math:`q_i` and :math:`k_i` are the n rows of `query` and `key`, :math:`m_j` are the K rows of `queue` and
    :math:`\tau` is `temperature`. The other keys of the batch are not negatives. They become negatives of later batches
    once they are in the queue. Identical embeddings give :math:`\log(K + 1)` at any temperature.

    Parameters
    ----------
    query : torch.Tensor of shape (n, d)
        The trained encoder's embeddings of one view.
    key : torch.Tensor of shape (n, d)
        The momentum encoder's embeddings of another view, row i of both from series i. They receive no gradient.
    queue : torch.Tensor of shape (K, d)
        Keys of earlier batches, one per row. They receive no gradient, and the function does not change them. Pass only
        the filled part of a queue, because a row of zeros counts as a negative with similarity 0.
    temperature : float, default=0.2
        Divides the similarities. MoCo v1 uses 0.07, MoCo v2 uses 0.2.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the batch; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if the queue is empty, or if `temperature` is not above 0.

    References
    ----------
    He, K., Fan, H., Wu, Y., Xie, S. and Girshick, R. (2020). Momentum contrast for unsupervised visual representation
    learning. CVPR.

    Chen, X., Fan, H., Girshick, R. and He, K. (2020). Improved baselines with momentum contrastive learning.
    arXiv:2003.04297.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import queue_contrastive_loss
    >>> collapsed, queue = torch.ones(4, 8), torch.ones(16, 8)
    >>> round(float(queue_contrastive_loss(collapsed, collapsed, queue)), 4), round(math.log(17), 4)
    (2.8332, 2.8332)
    """
    check_rows(query=query, key=key)
    check_stored("queue", queue, query)
    check_positive("temperature", temperature, "MoCo uses 0.07 to 0.2")
    positive = paired_cosines(query, key.detach()) / temperature  # (n,)
    negative = cosine_logits(query, queue.detach(), temperature)  # (n, K)
    logits = torch.cat([positive[:, None], negative], dim=1)  # (n, 1 + K)
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long, device=query.device))


@in_full_precision
def mocov3_loss(
    q1: torch.Tensor, q2: torch.Tensor, k1: torch.Tensor, k2: torch.Tensor, temperature: float = 0.2
) -> torch.Tensor:
    r"""Symmetric contrast of predictions with the keys of the batch (MoCo v3).

    The prediction from one view of a series has to pick the key of the other view of this series. It picks by cosine
    similarity among the keys of the other view of all series in the batch:

    .. math::
        \ell = c(q_1, k_2) + c(q_2, k_1), \qquad
        c(q, k) = \frac{2 \tau}{n} \sum_{i=1}^{n}
        -\log \frac{\exp(\cos(q_i, k_i) / \tau)}{\sum_{j=1}^{n} \exp(\cos(q_i, k_j) / \tau)}

    where :math:`q_1`, :math:`q_2`, :math:`k_1` and :math:`k_2` are `q1`, `q2`, `k1` and `k2`, :math:`q_i` and
    :math:`k_i` are the n rows of one of them, and :math:`\tau` is `temperature`. With the factor :math:`2 \tau` the
    size of the gradient depends less on the temperature. The two directions are added, as in the paper and in the
    authors' code. Identical embeddings give :math:`4 \tau \log n`.

    Parameters
    ----------
    q1, q2 : torch.Tensor of shape (n, d)
        The trained encoder's predictions from two views, row i of both from series i, for two or more series.
    k1, k2 : torch.Tensor of shape (n, d)
        The momentum encoder's projections of the same two views. They receive no gradient.
    temperature : float, default=0.2
        Divides the similarities.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum of both directions, each a mean over the batch; float64 for float64 embeddings and float32 for all
        others.

    Raises
    ------
    ValueError
        If the shapes differ, if the batch holds fewer than two series, or if `temperature` is not above 0.

    References
    ----------
    Chen, X., Xie, S. and He, K. (2021). An empirical study of training self-supervised vision transformers. ICCV.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import mocov3_loss
    >>> collapsed = torch.ones(4, 8)
    >>> loss = mocov3_loss(collapsed, collapsed, collapsed, collapsed, temperature=0.5)
    >>> round(float(loss), 4), round(4 * 0.5 * math.log(4), 4)
    (2.7726, 2.7726)
    """
    check_rows(n_rows=2, q1=q1, q2=q2, k1=k1, k2=k2)
    check_positive("temperature", temperature, "MoCo v3 uses 0.2")
    return _pick_own_key(q1, k2, temperature) + _pick_own_key(q2, k1, temperature)


def _pick_own_key(q: torch.Tensor, k: torch.Tensor, temperature: float) -> torch.Tensor:
    logits = cosine_logits(q, k.detach(), temperature)  # (n, n)
    own = torch.arange(len(q), device=q.device)
    return 2 * temperature * F.cross_entropy(logits, own)
