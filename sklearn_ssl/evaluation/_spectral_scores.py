"""Label-free scores that come from singular values: how many directions an embedding fills, and how evenly."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_ssl._numerics.vectors import blocks, singular_values, smooth_rank
from sklearn_ssl._parameters.arguments import check_positive
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._checks import checked_embedding, checked_views


def spectrum(H: Any, *, center: bool = False) -> np.ndarray:
    r"""Singular values of an embedding, the largest first.

    The embedding is read in blocks of rows, which takes little memory. Blocks in float64 are reduced by QR
    decompositions to one triangular matrix with the same singular values. Blocks in single precision are reduced to the
    Gram matrix in float64: this is several times faster, and its eigenvalues, the squares of the singular values, are
    still more precise than H. Values below :math:`10 \epsilon \|H\|_F` may come from rounding alone and are set to 0.
    Here :math:`\epsilon` is the precision of H's dtype.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.
    center : bool, default=False
        Whether to subtract the mean of every feature.

    Returns
    -------
    ndarray of shape (min(n_cases, n_features),)
        The singular values, float64.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import spectrum
    >>> spectrum([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    array([4., 3.])
    """
    return singular_values(checked_embedding(H), center=center)


def rankme(H: Any) -> float:
    r"""RankMe: how many directions an embedding fills, as the exponential of an entropy.

    .. math:: \exp\Bigl(-\sum_k p_k \log p_k\Bigr), \qquad p_k = \sigma_k / \sum_j \sigma_j

    with :math:`\sigma_k` the singular values of H, which is not centred. Terms with :math:`p_k = 0` count as 0; the
    paper adds 1e-7 to each :math:`p_k` for the same purpose. The value lies between 1 and min(n_cases, n_features), so
    compare only embeddings with the same number of rows. It is 0 for a matrix of zeros.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.

    Returns
    -------
    float
        The smooth rank.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    See Also
    --------
    effective_rank : The same for centred features.

    References
    ----------
    Garrido, Q., Balestriero, R., Najman, L. and LeCun, Y. (2023). RankMe: Assessing the downstream performance of
    pretrained self-supervised representations by their rank. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import rankme
    >>> round(rankme(np.eye(5)), 6)
    5.0
    """
    return smooth_rank(spectrum(H))


def effective_rank(H: Any) -> float:
    r"""Effective rank of the centred embedding: `rankme` of the features minus their means.

    A mean that all series share does not change it. It is at most min(n_cases - 1, n_features), and 0 if all rows are
    the same.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.

    Returns
    -------
    float
        The effective rank.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    References
    ----------
    Roy, O. and Vetterli, M. (2007). The effective rank: a measure of effective dimensionality. EUSIPCO.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import effective_rank
    >>> effective_rank([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]])
    1.0
    """
    return smooth_rank(spectrum(H, center=True))


def alpha_req(H: Any, ranks: tuple[int, int] | None = None) -> float:
    r"""alpha-ReQ: the exponent of the power law that the eigenvalues of the covariance follow.

    Let :math:`\lambda_1 \ge \lambda_2 \ge \dots` be the eigenvalues of the covariance of the features. The exponent is
    minus the slope of the least-squares line through the points :math:`(\log k, \log \lambda_k)` over a range of ranks
    k. In the paper, good features had values near 1. Far below 1, noise fills the directions; far above 1, few
    directions have nearly all of the variance.

    The paper's range of ranks is 11 to 50. If only m < 100 eigenvalues are positive, the range shrinks in proportion:
    it goes from 1 + m // 10 to m // 2, and has at least three ranks. All ranks have the same weight. (The code that the
    authors published later gives rank k the weight 1 / k.)

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of four or more series.
    ranks : tuple of two int or None, default=None
        First and last rank, both included and counted from 1. None takes the range described above.

    Returns
    -------
    float
        The exponent.

    Raises
    ------
    ValueError
        If there are fewer than three positive eigenvalues, or fewer than `ranks` needs.

    References
    ----------
    Agrawal, K. K., Mondal, A. K., Ghosh, A. and Richards, B. (2022). alpha-ReQ: Assessing representation quality in
    self-supervised learning by measuring eigenspectrum decay. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import alpha_req
    >>> deviations = np.arange(1, 41) ** -0.5  # standard deviations, so that variances are 1 / k
    >>> H = np.vstack([np.diag(deviations), -np.diag(deviations)])
    >>> round(alpha_req(H), 6)
    1.0
    """
    eigenvalues = covariance_eigenvalues(H)
    if len(eigenvalues) < 3:
        raise ValueError(
            f"alpha-ReQ fits a line to three or more positive eigenvalues, got {len(eigenvalues)}. Give more series "
            "and features; features that are constant or copies of each other add none."
        )
    first, last = default_ranks(len(eigenvalues)) if ranks is None else _checked_ranks(ranks, len(eigenvalues))
    return decay_exponent(eigenvalues, first, last)


def lidar(views: Any, delta: float = 1e-4) -> float:
    r"""LiDAR: how many directions tell series apart better than views of the same series differ.

    .. math::
        \exp\Bigl(-\sum_k p_k \log p_k\Bigr), \quad p_k = \lambda_k / \sum_j \lambda_j, \quad
        \lambda = \operatorname{eig}\bigl(\Sigma_w^{-1/2}\, \Sigma_b\, \Sigma_w^{-1/2}\bigr)

    for n series with V views :math:`h_{iv}` each. :math:`\Sigma_b` is the covariance between series: of the means
    :math:`\mu_i` of the views of each series, with the divisor n - 1. The covariance within series is
    :math:`\Sigma_w = \delta I + \frac{1}{n (V - 1)} \sum_i \sum_v (h_{iv} - \mu_i)(h_{iv} - \mu_i)^\top`. Terms with
    :math:`p_k = 0` count as 0; the paper adds a small constant to each :math:`p_k` for the same purpose.

    The value lies between 1 and min(n - 1, n_features), and is 0 if all means are the same. Rotations of the embedding
    do not change it. Its scale does, unless the variances within series are much larger than :math:`\delta`.

    Parameters
    ----------
    views : array or torch.Tensor of shape (n_cases, n_views, n_features)
        The embeddings of two or more views of each of two or more series.
    delta : float, default=1e-4
        :math:`\delta`, the variance that is added within series; above 0.

    Returns
    -------
    float
        The smooth rank of the LiDAR matrix.

    Raises
    ------
    ValueError
        If `views` is not 3-D, not finite or too small, or `delta` is not above 0.

    References
    ----------
    Thilak, V., Huang, C., Saremi, O., Dinh, L., Goh, H., Nakkiran, P., Susskind, J. M. and Littwin, E. (2024). LiDAR:
    Sensing linear probing performance in joint embedding SSL architectures. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import lidar
    >>> rng = np.random.RandomState(0)
    >>> series = rng.normal(size=(500, 1, 8)) * [1, 1, 1, 1, 0, 0, 0, 0]  # four features tell series apart
    >>> round(lidar(series + 0.01 * rng.normal(size=(500, 5, 8))), 1)
    4.0
    """
    views = checked_views(views)
    check_positive("delta", delta)
    means, within = _moments_within(views)
    variances, axes = np.linalg.eigh(within)
    whitening = axes / np.sqrt(variances.clip(min=0) + delta)  # (d, d)
    return smooth_rank(singular_values(means, center=True, dtype=views.dtype, transform=whitening) ** 2)


def covariance_eigenvalues(H: Any) -> np.ndarray:
    """Return the positive eigenvalues of the covariance of the features, the largest first."""
    values = spectrum(H, center=True)
    return values[values > 0] ** 2 / (len(H) - 1)


def decay_exponent(eigenvalues: np.ndarray, first: int, last: int) -> float:
    """Return minus the slope of log eigenvalue on log rank, over the ranks `first` to `last`."""
    log_ranks = np.log(np.arange(first, last + 1))
    centred = log_ranks - log_ranks.mean()
    return float(-(centred @ np.log(eigenvalues[first - 1 : last])) / (centred @ centred))


def default_ranks(n_positive: int) -> tuple[int, int]:
    """Return the first and last rank of the fit of alpha-ReQ."""
    m = min(n_positive, 100)
    first = 1 + m // 10
    return first, max(m // 2, first + 2)


def _checked_ranks(ranks: tuple[int, int], n_positive: int) -> tuple[int, int]:
    whole = isinstance(ranks, Sequence) and all(isinstance(rank, numbers.Integral) for rank in ranks)
    if not whole or len(ranks) != 2 or not 1 <= ranks[0] < ranks[1] <= n_positive:
        raise ValueError(
            f"`ranks` must be a first and a higher last rank between 1 and {n_positive}, the number of positive "
            f"eigenvalues, got {shown(ranks)}."
        )
    return ranks


def _moments_within(views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the views of each series (n, d), and the covariance of views about it (d, d)."""
    n_cases, n_views, d = views.shape
    means, within, row = np.empty((n_cases, d)), np.zeros((d, d)), 0
    for block in blocks(views):
        mean = block.mean(axis=1)  # (b, d)
        deviations = (block - mean[:, None]).reshape(-1, d)  # (b V, d)
        within += deviations.T @ deviations
        means[row : row + len(block)] = mean
        row += len(block)
    return means, within / (n_cases * (n_views - 1))
