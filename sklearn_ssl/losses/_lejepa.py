from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import (
    check_at_least,
    check_floating_point,
    check_positive,
    check_share,
    check_stack,
    stacked_views,
)
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


def lejepa_loss(
    views: torch.Tensor | Sequence[torch.Tensor],
    directions: torch.Tensor,
    weight: float = 0.05,
    knots: int = 17,
    limit: float = 3.0,
) -> torch.Tensor:
    r"""Pull the views of a series to their mean, and all embeddings to a normal distribution (LeJEPA).

    .. math::
        \ell = \frac{\lambda}{V} \sum_{v=1}^{V} T(Z_v)
        + \frac{1 - \lambda}{V n d} \sum_{v=1}^{V} \sum_{i=1}^{n} \lVert z_{vi} - \bar{z}_i \rVert^2

    where :math:`z_{vi}` is the embedding of view v of series i, with V views, n series and d dimensions,
    :math:`\bar{z}_i` is the mean over the views of series i, :math:`Z_v` is the (n, d) matrix of view v, :math:`T` is
    `sigreg_loss` and :math:`\lambda` is `weight`. The embeddings are not normalised, and the gradient flows through
    all of them.

    The squared distance is averaged over the dimensions, as in the authors' code. The formula in the paper sums over
    them. The mean is taken over all views. The paper takes it over the large crops only.

    Parameters
    ----------
    views : torch.Tensor of shape (V, n, d) or sequence of V tensors of shape (n, d)
        Embeddings of two or more views of two or more series, row i of every view from series i.
    directions : torch.Tensor of shape (K, d)
        See `sigreg_loss`.
    weight : float, default=0.05
        Weight of the normality, from 0 to 1. The distance to the mean has the weight 1 minus `weight`.
    knots : int, default=17
        See `sigreg_loss`.
    limit : float, default=3.0
        See `sigreg_loss`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The weighted sum; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not fit, if there are fewer than two views or series, or if `weight` is outside 0 to 1.

    See Also
    --------
    sigreg_loss : The distance from the normal distribution.

    References
    ----------
    Balestriero, R. and LeCun, Y. (2025). LeJEPA: Provable and scalable self-supervised learning without the heuristics.
    arXiv:2511.08544.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import lejepa_loss
    >>> generator = torch.Generator().manual_seed(0)
    >>> directions = torch.randn(64, 4, generator=generator)
    >>> normal = torch.randn(100, 4, generator=generator)
    >>> float(lejepa_loss(torch.stack([normal, normal]), directions)) < 0.1
    True
    >>> float(lejepa_loss(torch.zeros(2, 100, 4), directions)) > 1
    True
    """
    check_share("weight", weight, "LeJEPA uses 0.05")
    z = stacked_views("views", views, n_views=2, n_rows=2)  # (V, n, d)
    return weight * sigreg_loss(z, directions, knots, limit) + (1 - weight) * _distance_to_mean(z)


@in_full_precision
def sigreg_loss(z: torch.Tensor, directions: torch.Tensor, knots: int = 17, limit: float = 3.0) -> torch.Tensor:
    r"""Distance of embeddings from the standard normal distribution along directions (SIGReg).

    The embeddings are projected on each direction. Their characteristic function is then compared with the
    characteristic function of the standard normal distribution, as in the test of Epps and Pulley:

    .. math::
        T(Z) = \frac{1}{K} \sum_{k=1}^{K} n \int_{-a}^{a}
        \Bigl| \frac{1}{n} \sum_{i=1}^{n} e^{\mathrm{i} t\, u_k^\top z_i} - e^{-t^2 / 2} \Bigr|^2 e^{-t^2 / 2}\, dt

    where :math:`z_i` are the n rows of `z`, :math:`u_k` are the K rows of `directions` divided by their length, and
    :math:`a` is `limit`. The embeddings are neither centred nor scaled. The integrand is even, so the integral is twice
    the integral from 0 to a. It is computed by the trapezoidal rule on `knots` points at equal distances.

    The function does as the authors' code. The listing in their paper integrates over 17 points from -5 to 5. Some
    later work leaves out the factor n.

    The loss stays of order 1 for normally distributed embeddings and grows in proportion to n for all others.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d) or (..., n, d)
        Embeddings of two or more series. The statistics of several (n, d) matrices are averaged.
    directions : torch.Tensor of shape (K, d)
        Vectors of any length above 0. Draw them from a normal distribution again for each batch. The paper uses 1024.
    knots : int, default=17
        Number of points of the integration, 2 or more.
    limit : float, default=3.0
        End of the integration, above 0.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over directions; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not fit, if there are fewer than two series, or if `knots` or `limit` is out of range.

    References
    ----------
    Balestriero, R. and LeCun, Y. (2025). LeJEPA: Provable and scalable self-supervised learning without the heuristics.
    arXiv:2511.08544.

    Epps, T. W. and Pulley, L. B. (1983). A test for normality based on the empirical characteristic function.
    Biometrika 70 (3).

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import sigreg_loss
    >>> round(float(sigreg_loss(torch.zeros(10, 4), torch.eye(4))), 2)
    4.02
    """
    check_stack("z", z, n_rows=2)
    _check_directions(directions, z.shape[-1])
    check_at_least("knots", knots, 2, "LeJEPA uses 17")
    check_positive("limit", limit, "LeJEPA uses 3")
    t = torch.linspace(0, limit, knots, dtype=z.dtype, device=z.device)  # (T,)
    normal = torch.exp(-t.square() / 2)
    phases = (z @ unit_length(directions).T)[..., None] * t  # (..., n, K, T)
    gap = (phases.cos().mean(dim=-3) - normal).square() + phases.sin().mean(dim=-3).square()  # (..., K, T)
    return z.shape[-2] * 2 * torch.trapezoid(gap * normal, t).mean()


@in_full_precision
def _distance_to_mean(z: torch.Tensor) -> torch.Tensor:
    return (z - z.mean(dim=0)).square().mean()


def _check_directions(directions: torch.Tensor, d: int) -> None:
    check_floating_point("directions", directions)
    if directions.ndim != 2 or len(directions) == 0 or directions.shape[1] != d:
        raise ValueError(
            f"`directions` must have the shape (K, d) with d = {d} as the embeddings, got {tuple(directions.shape)}; "
            "draw K vectors of that width."
        )
