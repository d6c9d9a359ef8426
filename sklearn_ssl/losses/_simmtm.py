"""The loss of SimMTM, and its weights of similar series."""

from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_positive, stacked_views
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import masked_mse_loss
from sklearn_ssl.losses._vectors import cosine_logits


def similarity_logits(z: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the cosine similarities of all pairs of rows of z (n, d) by the temperature, minus infinity to itself."""
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    return cosine_logits(z, z, temperature).masked_fill(itself, -torch.inf)  # (n, n)


@in_full_precision
def simmtm_loss(
    views: torch.Tensor | Sequence[torch.Tensor],
    prediction: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    log_scales: torch.Tensor,
    *,
    temperature: float = 0.2,
) -> torch.Tensor:
    r"""Contrast of masked copies, and reconstruction from similar series.

    The rows :math:`z_a`, a = 1, ..., N, are the projections of B series and of V masked copies of each, N = (V + 1) B.
    With :math:`s_{ab} = \cos(z_a, z_b) / \tau`,

    .. math::

        \ell_1 = -\frac{1}{N} \sum_a \sum_{b \in P(a)} \log \frac{e^{s_{ab}}}{\sum_{b' \ne a} e^{s_{ab'}}}, \qquad
        \ell_2 = \frac{\sum_j w_j (\hat x_j - x_j)^2}{\sum_j w_j},

    where P(a) are the V other rows that come from the same series. The loss is

    .. math:: \sum_{k=1}^{2} \frac{\ell_k}{2 \sigma_k^2} + \log(1 + \sigma_k^2)

    with learnt scales :math:`\sigma_k`.

    Parameters
    ----------
    views : Tensor of shape (V + 1, B, d) or sequence of Tensor of shape (B, d)
        Projections of the series and of each of their copies.
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w, 1 at observed values.
    log_scales : Tensor of shape (2,)
        :math:`\log \sigma_1` and :math:`\log \sigma_2`.
    temperature : float, default=0.2
        :math:`\tau`.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `temperature` is not above 0.

    References
    ----------
    Dong, J., Wu, H., Zhang, H., Zhang, L., Wang, J. and Long, M. (2023). SimMTM: a simple pre-training framework for
    masked time-series modeling. NeurIPS. https://arxiv.org/abs/2302.00861

    Kendall, A., Gal, Y. and Cipolla, R. (2018). Multi-task learning using uncertainty to weigh losses for scene
    geometry and semantics. CVPR. https://arxiv.org/abs/1705.07115

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import simmtm_loss
    >>> views, x = torch.ones(2, 2, 3), torch.zeros(2, 1, 5)
    >>> simmtm_loss(views, x, x, torch.ones_like(x), torch.zeros(2))  # log(3) / 2 + 2 log(2)
    tensor(1.9356)
    """
    views = stacked_views("views", views, n_views=2)  # (V + 1, B, d)
    check_positive("temperature", temperature, "use 0.2, the default")
    n_series = views.shape[1]
    if len(target) != n_series:
        raise ValueError(f"`target` must have a row for each of {n_series} series, got {len(target)}; pass all series.")
    if log_scales.shape != (2,):
        raise ValueError(f"`log_scales` must have the shape (2,), got {tuple(log_scales.shape)}; pass one per term.")
    z = views.flatten(0, 1)  # (N, d)
    origin = torch.arange(len(z), device=z.device) % n_series
    positive = (origin[:, None] == origin) & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_shares = similarity_logits(z, temperature).log_softmax(1)  # (N, N)
    terms = torch.stack(
        [-log_shares.masked_fill(~positive, 0).sum() / len(z), masked_mse_loss(prediction, target, weight)]
    )
    variances = (2 * log_scales).exp()
    return (terms / (2 * variances) + variances.log1p()).sum()
