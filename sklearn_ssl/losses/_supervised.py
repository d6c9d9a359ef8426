from collections.abc import Callable

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_at_least, check_matrix, check_one_per_row
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def weighted_cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Cross-entropy of predicted classes, a weighted mean over the series.

    .. math::
        \ell = \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i}

    where row :math:`a_i` of `logits`, :math:`y_i` of `target` and :math:`w_i` of `weight` belong to series i. A batch
    whose weights are all zero has the loss 0.

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
        The weighted mean.

    Raises
    ------
    ValueError
        If the shapes do not fit.

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
    r"""Squared error of predicted numbers, a weighted mean over the targets that are known.

    .. math::
        \ell = \frac{\sum_{(i, j) \in K} w_i (p_{ij} - y_{ij})^2}{\sum_{(i, j) \in K} w_i}

    where K holds the pairs of series i and output j with a known target. Nothing known gives the loss 0.

    Parameters
    ----------
    prediction : torch.Tensor of shape (n, k)
        Predictions of the k outputs.
    target : torch.Tensor of shape (n, k)
        The targets, NaN where unknown.
    weight : torch.Tensor of shape (n,)
        Weights of the series, 0 or more.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted mean.

    Raises
    ------
    ValueError
        If the shapes do not fit.

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
            f"`target` must have the shape of `prediction`, {tuple(prediction.shape)}, got {tuple(target.shape)}."
        )
    check_one_per_row("weight", weight, len(prediction), "pass the weight of each series")
    known = ~target.isnan()
    error = torch.where(known, prediction - torch.where(known, target, 0.0), 0.0)  # (n, k)
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
    r"""Loss of labelled series plus that of a self-supervised method on all.

    .. math:: \ell = \ell_\text{supervised} + \omega\,\ell_\text{self-supervised}

    where :math:`\omega` is `ssl_weight`, the first term belongs to `outputs`, `target` and `weight`, and the second to
    `embeddings`. Without embeddings, as when held-out series are judged, the first is all.

    Parameters
    ----------
    outputs : torch.Tensor of shape (n, k)
        Predictions for the labelled series.
    target : torch.Tensor of shape (n,) or (n, k)
        What is right.
    weight : torch.Tensor of shape (n,)
        Weights of the labelled series, 0 or more.
    *embeddings : torch.Tensor
        What the self-supervised loss takes.
    supervised : callable
        Function of outputs, target and weight, such as `weighted_cross_entropy`.
    self_supervised : callable
        Function of the embeddings, such as `vicreg_loss`.
    ssl_weight : float, default=1.0
        The weight :math:`\omega`, at least 0.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum.

    Raises
    ------
    ValueError
        If `ssl_weight` is negative.

    References
    ----------
    Zhai, Oliver, Kolesnikov and Beyer (2019). S4L: Self-supervised semi-supervised learning. ICCV.

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
