"""The loss of the context autoencoder."""

import torch

from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import check_places, check_same_shape, masked_cross_entropy_loss, weighted_mean


@in_full_precision
def cae_loss(
    logits: torch.Tensor,
    codes: torch.Tensor,
    predicted: torch.Tensor,
    features: torch.Tensor,
    hidden: torch.Tensor,
    *,
    alignment: float = 2.0,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    r"""Cross-entropy of codes, and squared error of features, at hidden windows.

    .. math::

        \frac{1}{|H|} \sum_{j \in H} \Bigl(-\log \operatorname{softmax}(s_j)_{q_j}
        + \frac{\alpha}{D} \|\hat z_j - \operatorname{sg} z_j\|^2\Bigr)

    over the hidden windows H of the batch. With smoothing the target of a code is as in `masked_cross_entropy_loss`.
    Without a hidden window the loss is 0 and has the gradient 0.

    Parameters
    ----------
    logits : Tensor of shape (..., K)
        Scores s of the codes.
    codes : int Tensor of shape (...)
        Codes q. Those that are not hidden may have any value.
    predicted : Tensor of shape (..., D)
        Predicted features :math:`\hat z`.
    features : Tensor of shape (..., D)
        True features z. They receive no gradient.
    hidden : bool Tensor of shape (...)
        True at hidden windows.
    alignment : float, default=2.0
        Weight :math:`\alpha`.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all codes, from 0 to 1.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Chen, X., Ding, M., Wang, X., Xin, Y., Mo, S., Wang, Y., Han, S., Luo, P., Zeng, G. and Wang, J. (2024). Context
    autoencoder for self-supervised representation learning. IJCV. https://arxiv.org/abs/2202.03026

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import cae_loss
    >>> z, codes, hidden = torch.zeros(1, 2, 3), torch.tensor([[3, 0]]), torch.tensor([[True, False]])
    >>> cae_loss(torch.zeros(1, 2, 4), codes, z + 1, z, hidden)  # log 4 + 2
    tensor(3.3863)
    """
    check_same_shape(predicted=predicted, features=features)
    check_places("hidden", hidden, "predicted", predicted)
    error = weighted_mean((predicted - features.detach()).square().mean(-1), hidden)
    return masked_cross_entropy_loss(logits, codes, hidden, label_smoothing=label_smoothing) + alignment * error
