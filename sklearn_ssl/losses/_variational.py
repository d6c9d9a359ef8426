"""The loss of variational autoencoders."""

import torch

from sklearn_ssl.losses._arguments import check_at_least, check_rows
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import check_same_shape

LARGE_LOG_VARIANCE = 10.0


@in_full_precision
def vae_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    log_variance: torch.Tensor,
    *,
    beta: float = 1.0,
) -> torch.Tensor:
    r"""Squared error, and the divergence of the codes from the standard normal distribution.

    .. math::

        \frac{\sum_j w_j (\hat x_j - x_j)^2 + \beta \sum_i D_i}{\sum_j w_j}, \qquad
        D_i = \frac{1}{2} \sum_p \bigl( \mu_{ip}^2 + \sigma_{ip}^2 - 1 - \log \sigma_{ip}^2 \bigr),

    over all values j and series i of the batch. :math:`D_i` is the Kullback-Leibler divergence of the normal
    distribution of the code of series i. With :math:`\beta = 1` the numerator is, up to a constant, the negative
    evidence lower bound of values with the noise variance 1/2. Above :math:`\log \sigma^2 = 10` the exponential is
    continued by its tangent.

    Parameters
    ----------
    prediction : Tensor of shape (n, ...)
        Rebuilt values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w, 1 at observed values.
    mean : Tensor of shape (n, P)
        Means :math:`\mu` of the codes.
    log_variance : Tensor of shape (n, P)
        :math:`\log \sigma^2`.
    beta : float, default=1.0
        :math:`\beta`, at least 0.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `beta` is below 0.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR. https://arxiv.org/abs/1312.6114

    Higgins, I., Matthey, L., Pal, A., Burgess, C., Glorot, X., Botvinick, M., Mohamed, S. and Lerchner, A. (2017).
    beta-VAE: learning basic visual concepts with a constrained variational framework. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vae_loss
    >>> x, code = torch.ones(1, 1, 4), torch.zeros(1, 2)
    >>> vae_loss(x, x - 2, torch.ones_like(x), code + 1, code, beta=2.0)  # (16 + 2) / 4
    tensor(4.5000)
    """
    check_same_shape(prediction=prediction, target=target, weight=weight)
    check_rows(mean=mean, log_variance=log_variance)
    check_at_least("beta", beta, 0, "use 1 for the evidence lower bound")
    if len(mean) != len(prediction):
        raise ValueError(
            f"`mean` must have a row for each of {len(prediction)} series, got {len(mean)}; pass their codes."
        )
    beyond = (log_variance - LARGE_LOG_VARIANCE).clamp(min=0)
    variance = (log_variance - beyond).exp() * (1 + beyond)
    divergence = (mean.square() + variance - 1 - log_variance).sum() / 2
    total = weight.to(prediction.dtype).sum()
    error = (weight * (prediction - target.detach()).square()).sum()
    return (error + beta * divergence) / torch.where(total > 0, total, 1)
