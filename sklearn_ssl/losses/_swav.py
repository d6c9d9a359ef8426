from collections.abc import Sequence

import torch

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.losses._arguments import check_at_least, check_matrix, check_positive, stacked_views
from sklearn_ssl.losses._cross_entropy import crossed_cross_entropy
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def sinkhorn(scores: torch.Tensor, epsilon: float = 0.05, iterations: int = 3) -> torch.Tensor:
    r"""Soft assignments of series to prototypes that use all prototypes equally (Sinkhorn-Knopp).

    The assignments :math:`Q` have high scores and a high entropy. They solve

    .. math::
        \max_Q \; \sum_{i,k} Q_{ik} S_{ik} - \epsilon \sum_{i,k} Q_{ik} \log Q_{ik}, \qquad
        \sum_k Q_{ik} = 1, \quad \sum_i Q_{ik} = n / K,

    where :math:`S_{ik}` is the score of series i for prototype k, of n series and K prototypes, and :math:`\epsilon` is
    `epsilon`. The solution is :math:`\exp(S / \epsilon)` with rescaled rows and columns. Each iteration rescales the
    columns and then the rows. The rows of the result sum to 1. Its columns sum to about n / K; more iterations bring
    them closer. The function works on logarithms, which neither overflow nor vanish.

    Parameters
    ----------
    scores : torch.Tensor of shape (n, K)
        Score of each series for each prototype. SwAV takes cosine similarities.
    epsilon : float, default=0.05
        Weight of the entropy. A small weight gives nearly hard assignments and needs more iterations.
    iterations : int, default=3
        Number of times that columns and rows are rescaled.

    Returns
    -------
    assignments : torch.Tensor of shape (n, K)
        Shares from 0 to 1; float64 for float64 scores and float32 for all others.

    Raises
    ------
    ValueError
        If `scores` is not a matrix, if `epsilon` is not above 0, or if `iterations` is below 1.

    References
    ----------
    Cuturi, M. (2013). Sinkhorn distances: Lightspeed computation of optimal transport. NeurIPS.

    Examples
    --------
    Three of four series prefer the first prototype, but only two are assigned to it:

    >>> import torch
    >>> from sklearn_ssl.losses import sinkhorn
    >>> scores = torch.tensor([[0.9, 0.0], [0.8, 0.1], [0.6, 0.4], [0.1, 0.5]])
    >>> sinkhorn(scores).argmax(dim=1)
    tensor([0, 0, 1, 1])
    """
    check_matrix("scores", scores)
    check_positive("epsilon", epsilon, "SwAV uses 0.05")
    check_at_least("iterations", iterations, 1, "SwAV uses 3")
    log_shares = scores / epsilon  # (n, K)
    for _ in range(iterations):
        log_shares = log_shares.log_softmax(dim=0)
        log_shares = log_shares.log_softmax(dim=1)
    return log_shares.exp()


@in_full_precision
def swav_loss(
    scores: torch.Tensor | Sequence[torch.Tensor],
    temperature: float = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    n_assigned: int = 2,
) -> torch.Tensor:
    r"""Cross-entropy between the prototype assignments of one view and the scores of another (SwAV).

    The scores of one view have to predict the assignments of another view of the same series:

    .. math::
        \ell = \frac{1}{A (V - 1)} \sum_{a=1}^{A} \sum_{v \neq a} \frac{1}{n} \sum_{i=1}^{n} \sum_{k=1}^{K}
        -Q^{(a)}_{ik} \log \frac{\exp(S^{(v)}_{ik} / \tau)}{\sum_l \exp(S^{(v)}_{il} / \tau)}

    where :math:`S^{(v)}` are the scores of view v, of V views, :math:`Q^{(a)}` is `sinkhorn` of :math:`S^{(a)}`, i runs
    over the n series, k and l run over the K prototypes, A is `n_assigned` and :math:`\tau` is `temperature`. The
    assignments receive no gradient.

    Equal scores give :math:`\log K`. If there are fewer series than prototypes, each series is assigned to several
    prototypes.

    The paper adds the pairs of views, and its authors' code takes their mean. This function does as the code, because
    the published learning rates belong to the code.

    Parameters
    ----------
    scores : torch.Tensor of shape (V, n, K) or sequence of V tensors of shape (n, K)
        Cosine similarities of the embeddings of each view and the K prototypes, row i of every view from series i, for
        two or more series. The full views come first.
    temperature : float, default=0.1
        Divides the scores in the prediction.
    epsilon : float, default=0.05
        Weight of the entropy in `sinkhorn`.
    iterations : int, default=3
        Iterations of `sinkhorn`.
    n_assigned : int, default=2
        The first `n_assigned` views are assigned to prototypes. All views predict. Usually the small crops are not
        assigned.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over pairs of views and series; float64 for float64 scores and float32 for all others.

    Raises
    ------
    ValueError
        If there are fewer than two views, if their shapes differ, if the batch holds fewer than two series, if
        `n_assigned` is below 1 or above the number of views, or if another number is out of its range.

    See Also
    --------
    sinkhorn : The assignments.
    dino_loss : The same pairs of views with a teacher instead of assignments.

    References
    ----------
    Caron, M., Misra, I., Mairal, J., Goyal, P., Bojanowski, P. and Joulin, A. (2020). Unsupervised learning of visual
    features by contrasting cluster assignments. NeurIPS.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import swav_loss
    >>> views = [torch.full((4, 6), 0.3)] * 3
    >>> round(float(swav_loss(views)), 4), round(math.log(6), 4)
    (1.7918, 1.7918)
    """
    views = stacked_views("scores", scores, n_views=2, n_rows=2)  # (V, n, K)
    check_positive("temperature", temperature, "SwAV uses 0.1")
    if not 1 <= n_assigned <= len(views):
        raise ValueError(
            f"`n_assigned` must be from 1 to the number of views, {len(views)}, got {shown(n_assigned)}; "
            "SwAV assigns the two full views."
        )
    assigned = views[:n_assigned].detach()  # (A, n, K)
    assignments = torch.stack([sinkhorn(view, epsilon, iterations) for view in assigned])  # (A, n, K)
    return crossed_cross_entropy(assignments, views, temperature)
