"""Losses of questions about changed series: which change was applied, and which value is hidden."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_index, check_matrix
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import check_same_shape, weighted_mean


@in_full_precision
def pretext_loss(number: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    r"""Cross-entropy of a classifier that tells the number of the change that was applied.

    .. math:: \ell = \frac{1}{n} \sum_{i=1}^{n} -\log \frac{\exp(a_{i,k(i)})}{\sum_{k=1}^{K} \exp(a_{ik})}

    where :math:`a_{ik}` is the logit of changed series i for change k, and :math:`k(i)` is element i of `number`. Equal
    logits give :math:`\log K`.

    Parameters
    ----------
    number : torch.Tensor of shape (n,)
        The change of each series: integers from 0 to K - 1.
    logits : torch.Tensor of shape (n, K)
        A classifier's output.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the series; float64 for float64 logits and float32 for all others.

    Raises
    ------
    TypeError
        If `number` does not hold integers.
    ValueError
        If a shape is wrong.

    References
    ----------
    Gidaris, S., Singh, P. and Komodakis, N. (2018). Unsupervised representation learning by predicting image rotations.
    ICLR.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import pretext_loss
    >>> loss = pretext_loss(torch.tensor([3, 0]), torch.zeros(2, 4))
    >>> round(float(loss), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """
    check_matrix("logits", logits)
    check_index(number, len(logits), "number", "the numbers of the changes")
    return F.cross_entropy(logits, number.long())


@in_full_precision
def colorization_loss(logits: torch.Tensor, soft: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Weighted cross-entropy of classes of values at time steps.

    .. math:: \ell = \frac{\sum_{i,t} w_{it} \sum_q -s_{iqt} \log p_{iqt}}{\sum_{i,t} w_{it}}, \quad
        p_{i \cdot t} = \operatorname{softmax}(a_{i \cdot t})

    where a are the logits of Q classes, s is the target, a share for each class, and w the weight of a step. Equal
    logits give :math:`\log Q` where the shares add up to one. If all weights are 0, the loss is 0 and has the gradient
    0.

    The weight belongs to the loss. It must not multiply the logits, nor what the network computes before.

    Parameters
    ----------
    logits : torch.Tensor of shape (n, Q, L)
        A classifier's output at each step.
    soft : torch.Tensor of shape (n, Q, L)
        The shares of the classes. They receive no gradient.
    weight : torch.Tensor of shape (n, L)
        Weights of the steps, 0 where a step does not count.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted mean; float64 for float64 logits and float32 for all others.

    Raises
    ------
    TypeError
        If the logits are not floating-point numbers.
    ValueError
        If the shapes do not fit.

    References
    ----------
    Zhang, R., Isola, P. and Efros, A. A. (2016). Colorful image colorization. ECCV. https://arxiv.org/abs/1603.08511

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import colorization_loss
    >>> soft = torch.tensor([[[0.75], [0.25]]])
    >>> colorization_loss(torch.zeros(1, 2, 1), soft, torch.ones(1, 1))
    tensor(0.6931)
    """
    check_same_shape(logits=logits, soft=soft)
    if logits.ndim != 3 or weight.shape != (len(logits), logits.shape[2]):
        raise ValueError(
            f"`weight` must have one number for each step of `logits` (n, Q, L), got the shapes {tuple(weight.shape)} "
            f"and {tuple(logits.shape)}; pass weights (n, L)."
        )
    each = -(soft.detach() * logits.log_softmax(1)).sum(1)  # (n, L)
    return weighted_mean(each, weight)
