import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_matrix, check_rows
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def vicreg_loss(
    z1: torch.Tensor, z2: torch.Tensor, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> torch.Tensor:
    r"""Variance-invariance-covariance loss (VICReg).

    The loss pulls the two views of a series together. It keeps the spread of every dimension and removes the
    covariance between dimensions, so that the embeddings do not collapse. It needs no negatives:

    .. math::
        \ell = \lambda\, s(Z, Z') + \mu\, \tfrac{1}{2} \bigl(v(Z) + v(Z')\bigr) + \nu\, \bigl(c(Z) + c(Z')\bigr)

    where :math:`Z` and :math:`Z'` are `z1` and `z2`, :math:`s`, :math:`v` and :math:`c` are `vicreg_invariance_loss`,
    `vicreg_variance_loss` and `vicreg_covariance_loss`, and :math:`\lambda`, :math:`\mu` and :math:`\nu` are the
    weights `invariance`, `variance` and `covariance`.

    The formula in the paper has no factor 1/2 before the variance term, and its authors' code has it. This function
    does as the code, because the published weights belong to the code.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series. They are not normalised.
    invariance : float, default=25.0
        Weight of the distance between the views.
    variance : float, default=25.0
        Weight of the mean variance term of the two views.
    covariance : float, default=1.0
        Weight of the summed covariance terms of the two views.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted sum; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or if the batch holds fewer than two series.

    See Also
    --------
    vicreg_invariance_loss : The distance between the views.
    vicreg_variance_loss : The missing spread of each dimension.
    vicreg_covariance_loss : The covariance between dimensions.

    References
    ----------
    Bardes, A., Ponce, J. and LeCun, Y. (2022). VICReg: Variance-invariance-covariance regularization for
    self-supervised learning. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vicreg_loss
    >>> collapsed = torch.ones(4, 8)
    >>> round(float(vicreg_loss(collapsed, collapsed)), 2)
    24.75
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    spread = (vicreg_variance_loss(z1) + vicreg_variance_loss(z2)) / 2
    redundancy = vicreg_covariance_loss(z1) + vicreg_covariance_loss(z2)
    return invariance * vicreg_invariance_loss(z1, z2) + variance * spread + covariance * redundancy


@in_full_precision
def vicreg_invariance_loss(z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    r"""Mean squared difference between two views: the invariance term of VICReg.

    .. math:: s(Z, Z') = \frac{1}{n d} \sum_{i=1}^{n} \sum_{j=1}^{d} (Z_{ij} - Z'_{ij})^2

    where :math:`Z` and :math:`Z'` are `z1` and `z2`, i runs over the n series and j over the d dimensions.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the series and the dimensions; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or if the batch holds fewer than two series.

    References
    ----------
    Bardes, A., Ponce, J. and LeCun, Y. (2022). VICReg: Variance-invariance-covariance regularization for
    self-supervised learning. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vicreg_invariance_loss
    >>> float(vicreg_invariance_loss(torch.zeros(4, 8), torch.full((4, 8), 2.0)))
    4.0
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    return F.mse_loss(z1, z2)


@in_full_precision
def vicreg_variance_loss(z: torch.Tensor) -> torch.Tensor:
    r"""Missing spread: how far the standard deviation of each dimension is below 1 (variance term of VICReg).

    .. math:: v(Z) = \frac{1}{d} \sum_{j=1}^{d} \max\bigl(0, 1 - \sqrt{\operatorname{Var}(Z_{\cdot j}) + 10^{-4}}\bigr)

    where :math:`Z` is `z`, j runs over its d dimensions, and Var is the variance over the batch with n - 1 in the
    denominator. The term is 0.99 for identical embeddings. It is 0 if every dimension has a standard deviation of 1 or
    more.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of two or more series.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the dimensions; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If `z` is not a matrix or if the batch holds fewer than two series.

    References
    ----------
    Bardes, A., Ponce, J. and LeCun, Y. (2022). VICReg: Variance-invariance-covariance regularization for
    self-supervised learning. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vicreg_variance_loss
    >>> round(float(vicreg_variance_loss(torch.ones(4, 8))), 2)
    0.99
    """
    check_matrix("z", z, n_rows=2)
    deviation = torch.sqrt(z.var(dim=0) + 1e-4)  # (d,)
    return F.relu(1 - deviation).mean()


@in_full_precision
def vicreg_covariance_loss(z: torch.Tensor) -> torch.Tensor:
    r"""Squared covariances between different dimensions: the covariance term of VICReg.

    .. math::
        c(Z) = \frac{1}{d} \sum_{j \neq k} C_{jk}^2, \qquad
        C = \frac{1}{n - 1} \sum_{i=1}^{n} (Z_i - \bar{Z})^\top (Z_i - \bar{Z})

    where :math:`Z_i` are the n rows of `z`, :math:`\bar{Z}` is their mean, and j and k run over the d dimensions.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of two or more series.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum over pairs of dimensions, divided by d; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If `z` is not a matrix or if the batch holds fewer than two series.

    References
    ----------
    Bardes, A., Ponce, J. and LeCun, Y. (2022). VICReg: Variance-invariance-covariance regularization for
    self-supervised learning. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vicreg_covariance_loss
    >>> float(vicreg_covariance_loss(torch.tensor([[1.0, 1.0], [-1.0, -1.0]])))
    4.0
    """
    check_matrix("z", z, n_rows=2)
    n, d = z.shape
    centred = z - z.mean(dim=0)  # (n, d)
    covariances = centred.T @ centred / (n - 1)  # (d, d)
    between = covariances - covariances.diagonal().diag()  # (d, d), zeros on the diagonal
    return between.square().sum() / d
