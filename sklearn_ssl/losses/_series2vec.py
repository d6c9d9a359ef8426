"""The loss of Series2Vec."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_floating_point, check_rows
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def series2vec_loss(
    z_time: torch.Tensor,
    z_spectrum: torch.Tensor,
    time_distances: torch.Tensor,
    spectral_distances: torch.Tensor,
) -> torch.Tensor:
    r"""Let the distances of projections follow given distances, in the time and in the frequency domain (Series2Vec).

    With :math:`z_i` the rows of `z_time` and :math:`D_{ij}` the entries of `time_distances`,

    .. math::
        \ell^{\text{time}} = \frac{1}{n (n - 1)} \sum_{i < j}
        \bigl( \operatorname{u}(\lVert z_i - z_j \rVert) - \operatorname{u}(D_{ij}) \bigr)^2, \qquad
        \operatorname{u}(d_{ij}) = \frac{d_{ij} - \min d}{\max d - \min d},

    where minimum and maximum are taken over all pairs of the batch. The loss is the sum of this and of the same with
    `z_spectrum` and `spectral_distances`. A factor of all projections changes nothing. It is the mean over pairs of the
    authors' smooth L1 loss, which is half of the square because no difference is above 1. Distances that are all the
    same count as 0; the authors' code divides 0 by 0.

    Parameters
    ----------
    z_time, z_spectrum : torch.Tensor of shape (n, d)
        Projections of n series, two or more, and of their spectra. Two series have a single distance, from which
        nothing can be learnt.
    time_distances, spectral_distances : torch.Tensor of shape (n, n)
        Distances of the series. Those above the diagonal are used. They receive no gradient.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum; float64 for float64 projections and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not go together.

    References
    ----------
    Foumani, N. M., Tan, C. W., Webb, G. I., Rezatofighi, H. and Salehi, M. (2024). Series2Vec: similarity-based
    self-supervised representation learning for time series classification. Data Mining and Knowledge Discovery.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import series2vec_loss
    >>> z = torch.tensor([[0.0], [1.0], [3.0]])
    >>> distances = 10 + torch.cdist(z, z)
    >>> float(series2vec_loss(z, z, distances, distances))
    0.0
    """
    check_rows(2, z_time=z_time, z_spectrum=z_spectrum)
    return _apart(z_time, "time_distances", time_distances) + _apart(
        z_spectrum, "spectral_distances", spectral_distances
    )


def _apart(z: torch.Tensor, name: str, distances: torch.Tensor) -> torch.Tensor:
    """Compare the distances of all pairs of rows of z (n, d) with those that are wanted, (n, n)."""
    check_floating_point(name, distances)
    if distances.shape != (len(z), len(z)):
        raise ValueError(
            f"`{name}` must have the shape (n, n) = {(len(z),) * 2}, one number for each pair of series, got "
            f"{tuple(distances.shape)}."
        )
    first, second = torch.triu_indices(len(z), len(z), 1, device=z.device)
    wanted = distances.detach()[first, second].to(z.dtype)
    return F.mse_loss(_from_0_to_1(F.pdist(z)), _from_0_to_1(wanted)) / 2


def _from_0_to_1(values: torch.Tensor) -> torch.Tensor:
    smallest = values.amin()
    spread = values.amax() - smallest
    return (values - smallest) / torch.where(spread > 0, spread, 1.0)
