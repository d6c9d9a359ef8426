import torch

from sklearn_ssl.losses._arguments import check_floating_point, check_matrix, check_rows, check_share
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length
from sklearn_ssl.losses._vicreg import vicreg_invariance_loss, vicreg_variance_loss


@in_full_precision
def tico_loss(z1: torch.Tensor, z2: torch.Tensor, covariance: torch.Tensor, rho: float = 8.0) -> torch.Tensor:
    r"""Contrast of transformation invariance and covariance (TiCo).

    The loss pulls the two views of a series together. It pushes each embedding away from the directions that
    embeddings have had so far:

    .. math:: \ell = -\frac{1}{n} \sum_{i=1}^{n} z_i^\top z'_i + \frac{\rho}{n} \sum_{i=1}^{n} z_i^\top C z_i

    where :math:`z_i` and :math:`z'_i` are the n rows of `z1` and `z2` at unit length, :math:`C` is `covariance` and
    :math:`\rho` is `rho`.

    Pass the covariance after its update with this batch, which is `updated_covariance` of `z1`. If it carries a
    gradient, the gradient flows.

    The formula in the paper adds a constant 1, and its pseudocode does not. This function does as the pseudocode, so
    the first term goes down to -1. Public implementations use 8 or 20 for `rho`.

    Parameters
    ----------
    z1 : torch.Tensor of shape (n, d)
        The trained network's embeddings of the first view, for two or more series.
    z2 : torch.Tensor of shape (n, d)
        Embeddings of the second view, row i of both from series i. In the paper a momentum encoder makes them.
    covariance : torch.Tensor of shape (d, d)
        Mean of the outer products of embeddings of unit length.
    rho : float, default=8.0
        Weight of the covariance term.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over series; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong or if the batch holds fewer than two series.

    See Also
    --------
    updated_covariance : Computes `covariance`.
    vicreg_tico_loss : VICReg with this covariance term.

    References
    ----------
    Zhu, J., Moraes, R. M., Karakulak, S., Sobol, V., Canziani, A. and LeCun, Y. (2022). TiCo: Transformation invariance
    and covariance contrast for self-supervised visual representation learning. arXiv:2206.10698.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import tico_loss, updated_covariance
    >>> history = torch.zeros(2, 2)
    >>> spread, collapsed = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> for z in (spread, collapsed):
    ...     print(round(float(tico_loss(z, z, updated_covariance(z, history, beta=0))), 4))
    3.0
    7.0
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    _check_covariance(covariance, z1.shape[1])
    z1, z2 = unit_length(z1), unit_length(z2)  # (n, d)
    agreement = (z1 * z2).sum(dim=1).mean()
    return rho * _taken_directions(z1, covariance) - agreement


@in_full_precision
def vicreg_tico_loss(
    z1: torch.Tensor,
    z2: torch.Tensor,
    covariance: torch.Tensor,
    invariance: float = 20.0,
    variance: float = 25.0,
    rho: float = 8.0,
) -> torch.Tensor:
    r"""VICReg with the covariance term of TiCo.

    .. math::
        \ell = \lambda\, s(Z, Z') + \mu\, \tfrac{1}{2} \bigl(v(Z) + v(Z')\bigr)
        + \rho\, \frac{1}{2n} \sum_{i=1}^{2n} u_i^\top C u_i

    where :math:`Z` and :math:`Z'` are `z1` and `z2`, :math:`s` and :math:`v` are `vicreg_invariance_loss` and
    `vicreg_variance_loss`, :math:`u_1, \dots, u_{2n}` are the rows of both views at unit length, :math:`C` is
    `covariance`, and :math:`\lambda`, :math:`\mu` and :math:`\rho` are the weights `invariance`, `variance` and `rho`.

    Only the last term uses embeddings of unit length. The loss treats the two views alike, as VICReg does. If
    `covariance` carries a gradient, the gradient flows.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series.
    covariance : torch.Tensor of shape (d, d)
        Mean of the outer products of embeddings of unit length: `updated_covariance` of the rows of both views.
    invariance : float, default=20.0
        Weight of the distance between the views.
    variance : float, default=25.0
        Weight of the mean variance term of the two views.
    rho : float, default=8.0
        Weight of the covariance term.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted sum; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong or if the batch holds fewer than two series.

    See Also
    --------
    vicreg_loss : The loss with VICReg's own covariance term.
    tico_loss : TiCo itself.
    updated_covariance : Computes `covariance`.

    References
    ----------
    Bardes, A., Ponce, J. and LeCun, Y. (2022). VICReg: Variance-invariance-covariance regularization for
    self-supervised learning. ICLR.

    Zhu, J., Moraes, R. M., Karakulak, S., Sobol, V., Canziani, A. and LeCun, Y. (2022). TiCo: Transformation invariance
    and covariance contrast for self-supervised visual representation learning. arXiv:2206.10698.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vicreg_tico_loss
    >>> collapsed = torch.ones(4, 8)
    >>> round(float(vicreg_tico_loss(collapsed, collapsed, torch.zeros(8, 8))), 2)
    24.75
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    _check_covariance(covariance, z1.shape[1])
    spread = (vicreg_variance_loss(z1) + vicreg_variance_loss(z2)) / 2
    redundancy = _taken_directions(unit_length(torch.cat([z1, z2])), covariance)
    return invariance * vicreg_invariance_loss(z1, z2) + variance * spread + rho * redundancy


@in_full_precision
def updated_covariance(z: torch.Tensor, covariance: torch.Tensor, beta: float = 0.9) -> torch.Tensor:
    r"""Update the moving average of the second moments of embeddings with one batch (TiCo).

    .. math:: C_t = \beta\, C_{t-1} + (1 - \beta) \frac{1}{n} \sum_{i=1}^{n} z_i z_i^\top

    where :math:`z_i` are the n rows of `z` at unit length, not centred, :math:`C_{t-1}` is `covariance` and
    :math:`\beta` is `beta`. TiCo starts from zeros.

    No gradient flows to the history :math:`C_{t-1}`. The part of the current batch carries the gradient of `z`. Some
    implementations let no gradient flow there either; pass ``z.detach()`` for that. Detach the result before you keep
    it for the next batch.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of two or more series.
    covariance : torch.Tensor of shape (d, d)
        The matrix after the previous batch. The function does not change it.
    beta : float, default=0.9
        Share of the history, from 0 to 1.

    Returns
    -------
    covariance : torch.Tensor of shape (d, d)
        The matrix after this batch. Its trace is at most 1 if the trace of the history is. float64 for float64
        embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if the batch holds fewer than two series, or if `beta` is outside 0 to 1.

    References
    ----------
    Zhu, J., Moraes, R. M., Karakulak, S., Sobol, V., Canziani, A. and LeCun, Y. (2022). TiCo: Transformation invariance
    and covariance contrast for self-supervised visual representation learning. arXiv:2206.10698.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import updated_covariance
    >>> updated_covariance(5 * torch.eye(2), torch.zeros(2, 2), beta=0.5)
    tensor([[0.2500, 0.0000],
            [0.0000, 0.2500]])
    """
    check_matrix("z", z, n_rows=2)
    _check_covariance(covariance, z.shape[1])
    check_share("beta", beta, "TiCo uses 0.9")
    z = unit_length(z)
    return beta * covariance.detach() + (1 - beta) * (z.T @ z) / len(z)


def _taken_directions(z: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    return (z @ covariance * z).sum(dim=1).mean()


def _check_covariance(covariance: torch.Tensor, d: int) -> None:
    check_floating_point("covariance", covariance)
    if covariance.shape != (d, d):
        raise ValueError(
            f"`covariance` must have the shape {(d, d)} for embeddings of width {d}, got {tuple(covariance.shape)}; "
            "start from zeros of that shape."
        )
