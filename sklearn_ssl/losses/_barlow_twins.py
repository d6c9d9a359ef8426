import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_rows
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def barlow_twins_loss(z1: torch.Tensor, z2: torch.Tensor, redundancy: float = 5e-3) -> torch.Tensor:
    r"""Redundancy reduction between the dimensions of two views (Barlow Twins).

    The loss drives the matrix of correlations between the dimensions of the two views towards the identity. Each
    dimension then agrees with itself across the views and correlates with no other dimension.

    .. math::
        \ell = \sum_{j} (1 - C_{jj})^2 + \lambda \sum_{j \neq k} C_{jk}^2, \qquad
        C_{jk} = \frac{1}{n} \sum_{i=1}^{n} \hat{Z}_{ij} \hat{Z}'_{ik}

    where n is the number of series, j and k run over the d dimensions, and :math:`\lambda` is `redundancy`.
    :math:`\hat{Z}` and :math:`\hat{Z}'` are `z1` and `z2` after batch normalisation without scale and shift: each
    dimension is centred and divided by :math:`\sqrt{\operatorname{Var} + 10^{-5}}`, where Var is the variance with n in
    the denominator.

    The sums are not divided by d. Identical embeddings correlate with nothing, so their loss is d.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series.
    redundancy : float, default=5e-3
        Weight of the correlations between different dimensions.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted sum over the dimensions; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or if the batch holds fewer than two series.

    References
    ----------
    Zbontar, J., Jing, L., Misra, I., LeCun, Y. and Deny, S. (2021). Barlow Twins: Self-supervised learning via
    redundancy reduction. ICML.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import barlow_twins_loss
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(float(barlow_twins_loss(z, z)), 4), round(float(barlow_twins_loss(z, -z)), 2)
    (0.0, 8.0)
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    z1 = F.batch_norm(z1, None, None, training=True)  # (n, d)
    z2 = F.batch_norm(z2, None, None, training=True)  # (n, d)
    correlations = z1.T @ z2 / len(z1)  # (d, d)
    same = correlations.diagonal()  # (d,)
    different = correlations - same.diag()  # (d, d), zeros on the diagonal
    return (1 - same).square().sum() + redundancy * different.square().sum()
