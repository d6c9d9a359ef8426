from collections.abc import Callable

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_at_least, check_matrix, check_one_per_row
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def weighted_cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Cross-entropy of predicted classes, as a weighted mean over the series.

    .. math::
        \ell = \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i}

    where :math:`a_i` is row i of `logits`, :math:`y_i` is the class of series i in `target`, and :math:`w_i` is its
    `weight`. If all weights are 0, the loss is 0.

    Parameters
    ----------
    logits : torch.Tensor of shape (n, k)
        Scores of the k classes.
    target : torch.Tensor of shape (n,)
        The classes, whole numbers from 0 to k - 1.
    weight : torch.Tensor of shape (n,)
        Weights of the series, 0 or more.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted mean; float64 for float64 logits and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong.

    See Also
    --------
    weighted_squared_error : The same for predicted numbers.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import weighted_cross_entropy
    >>> logits = torch.zeros(2, 4)
    >>> weighted_cross_entropy(logits, torch.tensor([0, 3]), torch.tensor([1.0, 5.0]))
    tensor(1.3863)
    """
    check_matrix("logits", logits)
    check_one_per_row("target", target, len(logits), "pass the class of each series")
    check_one_per_row("weight", weight, len(logits), "pass the weight of each series")
    each = F.cross_entropy(logits, target.long(), reduction="none")  # (n,)
    return _weighted_mean(each, weight)


@in_full_precision
def weighted_squared_error(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Squared error of predicted numbers, as a weighted mean over the known targets.

    .. math::
        \ell = \frac{\sum_{(i, j) \in K} w_i (p_{ij} - y_{ij})^2}{\sum_{(i, j) \in K} w_i}

    where :math:`p_{ij}` is output j of `prediction` for series i, :math:`y_{ij}` is its `target`, :math:`w_i` is the
    `weight` of series i, and K is the set of pairs (i, j) with a known target. If no target is known or if all weights
    are 0, the loss is 0.

    Parameters
    ----------
    prediction : torch.Tensor of shape (n, k)
        Predictions of the k outputs.
    target : torch.Tensor of shape (n, k)
        The targets, NaN where they are unknown.
    weight : torch.Tensor of shape (n,)
        Weights of the series, 0 or more.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted mean; float64 for float64 predictions and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong.

    See Also
    --------
    weighted_cross_entropy : The same for predicted classes.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import weighted_squared_error
    >>> target = torch.tensor([[1.0], [torch.nan]])
    >>> weighted_squared_error(torch.zeros(2, 1), target, torch.ones(2))
    tensor(1.)
    """
    check_matrix("prediction", prediction)
    if target.shape != prediction.shape:
        raise ValueError(
            f"`target` must have the shape of `prediction`, {tuple(prediction.shape)}, got {tuple(target.shape)}; "
            "pass NaN for unknown targets."
        )
    check_one_per_row("weight", weight, len(prediction), "pass the weight of each series")
    known = ~target.isnan()
    error = torch.where(known, prediction - target, 0.0)  # (n, k)
    return _weighted_mean(error.square(), weight.unsqueeze(1) * known)


def semi_supervised_loss(
    outputs: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    *embeddings: torch.Tensor,
    supervised: Callable[..., torch.Tensor],
    self_supervised: Callable[..., torch.Tensor],
    ssl_weight: float = 1.0,
) -> torch.Tensor:
    r"""Supervised loss of the labelled series plus the self-supervised loss of all series (S4L).

    .. math:: \ell = \ell_\text{supervised} + \omega\,\ell_\text{self-supervised}

    where :math:`\ell_\text{supervised}` is the loss `supervised` of `outputs`, `target` and `weight`,
    :math:`\ell_\text{self-supervised}` is the loss `self_supervised` of `embeddings`, and :math:`\omega` is
    `ssl_weight`. Without embeddings, for example when held-out series are scored, the second term is left out.

    Parameters
    ----------
    outputs : torch.Tensor of shape (n, k)
        Predictions for the labelled series.
    target : torch.Tensor of shape (n,) or (n, k)
        The labels of these series, as `supervised` takes them.
    weight : torch.Tensor of shape (n,)
        Weights of the labelled series, 0 or more.
    *embeddings : torch.Tensor
        Arguments of the self-supervised loss, usually the embeddings of two views of all series.
    supervised : callable
        Function of `outputs`, `target` and `weight`, such as `weighted_cross_entropy`.
    self_supervised : callable
        Function of `embeddings`, such as `vicreg_loss`.
    ssl_weight : float, default=1.0
        Weight of the self-supervised loss, 0 or more.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted sum of both terms.

    Raises
    ------
    ValueError
        If `ssl_weight` is negative. The two losses check their own arguments.

    References
    ----------
    Zhai, X., Oliver, A., Kolesnikov, A. and Beyer, L. (2019). S4L: Self-supervised semi-supervised learning. ICCV.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import ntxent_loss, semi_supervised_loss, weighted_cross_entropy
    >>> labelled = torch.zeros(2, 4), torch.tensor([0, 3]), torch.ones(2)
    >>> z = torch.eye(2)
    >>> terms = {"supervised": weighted_cross_entropy, "self_supervised": ntxent_loss}
    >>> loss = semi_supervised_loss(*labelled, z, z, ssl_weight=0.5, **terms)
    >>> bool(torch.isclose(loss, weighted_cross_entropy(*labelled) + 0.5 * ntxent_loss(z, z)))
    True
    """
    check_at_least("ssl_weight", ssl_weight, 0, "1 gives both terms the same weight")
    loss = supervised(outputs, target, weight)
    return loss + ssl_weight * self_supervised(*embeddings) if embeddings else loss


def _weighted_mean(each: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    total = weight.sum()
    return (each * weight).sum() / torch.where(total > 0, total, 1.0)
