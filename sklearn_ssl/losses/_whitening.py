import math

import torch

from sklearn_ssl.losses._arguments import check_at_least, check_matrix, check_rows, check_share
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import paired_cosines


@in_full_precision
def wmse_loss(
    z1: torch.Tensor, z2: torch.Tensor, sub_batch: int | None = None, shrinkage: float = 0.01
) -> torch.Tensor:
    r"""Distance between the whitened embeddings of two views (W-MSE).

    White embeddings cannot collapse, so the loss only has to pull the two views of a series together:

    .. math:: \ell = \frac{1}{n} \sum_{i=1}^{n} 2 - 2 \cos(w_i, w'_i)

    where :math:`w_i` and :math:`w'_i` are the n rows of `z1` and `z2` after `whiten`. Each view is whitened by itself,
    and the gradient flows through both views.

    With `sub_batch` consecutive groups of about that size are whitened, row i of both views in the same group. The
    authors draw the groups at random and average several draws. A batch of shuffled series already is such a draw.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series.
    sub_batch : int or None, default=None
        Smallest number of rows that are whitened together, preferably 2d or more. The batch is split into as many
        groups as possible, and their sizes differ by at most one. None, or a number above n, whitens the whole batch at
        once.
    shrinkage : float, default=0.01
        See `whiten`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over series, from 0 to 4; float64 for float64 embeddings and float32 for all others. A series counts 2
        if all embeddings in its group are identical.

    Raises
    ------
    ValueError
        If the shapes differ, if the batch holds fewer than two series, if `sub_batch` is below 2, if `shrinkage` is
        outside 0 to 1, or if it is 0 while a group holds d rows or fewer.

    See Also
    --------
    whiten : Embeddings without correlation and with unit variance.

    References
    ----------
    Ermolov, A., Siarohin, A., Sangineto, E. and Sebe, N. (2021). Whitening for self-supervised representation learning.
    ICML.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import wmse_loss
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(float(wmse_loss(z, 3 * z)), 4), round(float(wmse_loss(z, -z)), 4)
    (0.0, 4.0)
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    if sub_batch is not None:
        check_at_least("sub_batch", sub_batch, 2, "None whitens the whole batch at once")
    n_groups = max(1, len(z1) // (sub_batch or len(z1)))
    w1 = torch.cat([whiten(group, shrinkage) for group in z1.tensor_split(n_groups)])  # (n, d)
    w2 = torch.cat([whiten(group, shrinkage) for group in z2.tensor_split(n_groups)])  # (n, d)
    return (2 - 2 * paired_cosines(w1, w2)).mean()


@in_full_precision
def whiten(z: torch.Tensor, shrinkage: float = 0.01) -> torch.Tensor:
    r"""Remove the correlation between dimensions, and give each dimension the variance 1 (whitening).

    .. math::
        w_i = L^{-1} (z_i - \bar{z}) / \sqrt{c}, \qquad L L^\top = (1 - s)\, C / c + s I, \qquad
        c = \operatorname{tr}(C) / d

    where :math:`z_i` are the n rows of `z` and :math:`\bar{z}` is their mean, :math:`C` is their (d, d) covariance with
    n - 1 in the denominator, :math:`c` is the mean variance, :math:`s` is `shrinkage`, :math:`I` is the identity and
    :math:`L` is a lower triangular matrix, the Cholesky factor.

    The covariance of n rows has at most the rank n - 1. If n is d or less, as is usual on small sets, it has no
    Cholesky factor. With shrinkage it has one. The covariance is shrunk towards :math:`c I`, so that a common factor on
    the embeddings does not change the result. The authors' code shrinks towards :math:`I`, and by default not at all.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of two or more series.
    shrinkage : float, default=0.01
        Share of the scaled identity in the covariance, from 0 to 1. At 0 the output is exactly white, but there must be
        more rows than dimensions. At 1 the embeddings are only centred and scaled.

    Returns
    -------
    w : torch.Tensor of shape (n, d)
        White embeddings; float64 for float64 embeddings and float32 for all others. Identical embeddings become zeros.

    Raises
    ------
    ValueError
        If the batch holds fewer than two series, if `shrinkage` is outside 0 to 1, or if it is 0 while n is d or less.
    torch.linalg.LinAlgError
        If `shrinkage` is 0 and one dimension is a linear combination of the others.

    References
    ----------
    Siarohin, A., Sangineto, E. and Sebe, N. (2019). Whitening and coloring batch transform for GANs. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import whiten
    >>> z = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 20.0])
    >>> torch.allclose(whiten(z, shrinkage=0).T.cov(), torch.eye(3), atol=1e-5)
    True
    """
    check_matrix("z", z, n_rows=2)
    n, d = z.shape
    _check_shrinkage(shrinkage, n, d)
    centred = _scaled(z - z.mean(dim=0), z.abs().amax())  # (n, d)
    covariance = centred.T @ centred / (n - 1)  # (d, d)
    shrunk = (1 - shrinkage) * covariance + shrinkage * torch.eye(d, dtype=z.dtype, device=z.device)
    # Checking errors makes a GPU wait. With shrinkage only NaN could cause one, and the training loop reports NaN.
    factor, _ = torch.linalg.cholesky_ex(shrunk, check_errors=shrinkage == 0)  # (d, d)
    return torch.linalg.solve_triangular(factor, centred.T, upper=False).T  # (n, d)


def _scaled(centred: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    n, d = centred.shape
    variance = centred.square().sum() / ((n - 1) * d)
    rounding = torch.finfo(centred.dtype).eps * largest
    return centred / variance.masked_fill(variance <= rounding.square(), math.inf).sqrt()


def _check_shrinkage(shrinkage: float, n: int, d: int) -> None:
    check_share("shrinkage", shrinkage, "the default is 0.01")
    if shrinkage == 0 and n <= d:
        raise ValueError(
            f"`shrinkage` 0 needs more rows than dimensions in each group, got embeddings of the shape {(n, d)}; "
            "use a `shrinkage` above 0, a larger batch or a smaller width."
        )
