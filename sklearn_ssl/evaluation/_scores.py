"""Numbers that tell the quality of an embedding without labels: pure functions of arrays, computed in float64."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp

from sklearn_ssl._engine.random_streams import chosen_rows, draw_seed
from sklearn_ssl._numerics.vectors import (
    BLOCK_VALUES,
    blocks,
    mean_of,
    singular_values,
    smooth_rank,
    spread_of,
    without_torch,
)
from sklearn_ssl.evaluation._representation import checked_embedding


def spectrum(H: Any, *, center: bool = False) -> np.ndarray:
    r"""Singular values of an embedding, the largest first.

    Blocks of rows are reduced, so that it takes little memory: in float64 by QR decompositions to one triangular matrix
    with the same singular values; in single precision to the Gram matrix in float64, which is several times faster and
    whose eigenvalues, the squares, are more precise than H is. Values that rounding alone can make,
    :math:`10 \epsilon \|H\|_F` with :math:`\epsilon` the precision of H's dtype, are 0.

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
    H = checked_embedding(H)
    return singular_values(H, center=center)


def rankme(H: Any) -> float:
    r"""RankMe: how many directions an embedding fills, as the exponential of an entropy.

    .. math:: \exp\Bigl(-\sum_k p_k \log p_k\Bigr), \qquad p_k = \sigma_k / \sum_j \sigma_j

    with :math:`\sigma_k` the singular values of H, which is not centred, and :math:`0 \log 0 = 0`. The paper adds
    1e-7 to :math:`p_k` instead. The value lies between 1 and min(n_cases, n_features): compare only embeddings with
    the same number of rows. It is 0 for a matrix of zeros.

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
    r"""Effective rank of the centred embedding: `rankme` of the features less their means.

    It does not see a mean that all series share, at most min(n_cases - 1, n_features), and 0 if all rows are the same.

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

    It is minus the slope of :math:`\log \lambda_k` on :math:`\log k` by least squares over a range of ranks k, with
    :math:`\lambda_1 \ge \lambda_2 \ge \dots` the eigenvalues of the covariance of the features. Values near 1 went
    with good features in the paper: far below, noise fills the directions; far above, few directions hold everything.

    The paper's range is 11 to 50. With fewer than 100 positive eigenvalues, m of them, the range shrinks in proportion:
    from 1 + m // 10 to m // 2, and three ranks at least. All ranks weigh the same; code that the authors published
    later weighs rank k by 1 / k.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of four or more series.
    ranks : tuple of two int or None, default=None
        First and last rank, both included and counted from 1. None is the range described above.

    Returns
    -------
    float
        The exponent.

    Raises
    ------
    ValueError
        If there are fewer than three positive eigenvalues, or fewer than `ranks` asks for.

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

    with :math:`\Sigma_b` the covariance of the means :math:`\mu_i` of the views of each series, divided by n - 1, and
    :math:`\Sigma_w = \delta I + \frac{1}{n (V - 1)} \sum_i \sum_v (h_{iv} - \mu_i)(h_{iv} - \mu_i)^\top` for n series
    with V views each. :math:`0 \log 0 = 0`, where the paper adds a small constant to :math:`p_k`. The value lies
    between 1 and min(n - 1, n_features), and is 0 if all means are the same. It does not change under rotations; it
    changes with the scale of the embedding where variances within series are not large against :math:`\delta`.

    Parameters
    ----------
    views : array or torch.Tensor of shape (n_cases, n_views, n_features)
        The embeddings of two or more views of each of two or more series.
    delta : float, default=1e-4
        :math:`\delta`, variance that is added within series, above 0.

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
    views = _checked_views(views)
    _check_positive("delta", delta)
    means, within = _moments_within(views)
    variances, axes = np.linalg.eigh(within)
    whitening = axes / np.sqrt(variances.clip(min=0) + delta)  # (d, d)
    return smooth_rank(singular_values(means, center=True, dtype=views.dtype, transform=whitening) ** 2)


def alignment(views: Any) -> float:
    r"""Alignment: mean squared distance between views of the same series on the unit sphere.

    .. math::
        \frac{1}{n} \sum_i \frac{2}{V (V - 1)} \sum_{v < w} \|u_{iv} - u_{iw}\|^2, \qquad u_{iv} = h_{iv} / \|h_{iv}\|

    0 is best, 2 is the value of views that have nothing to do with each other and features of mean 0. A vector of zeros
    stays one: its squared distance to any other vector is 1.

    Parameters
    ----------
    views : array or torch.Tensor of shape (n_cases, n_views, n_features)
        The embeddings of two or more views of each series.

    Returns
    -------
    float
        The mean squared distance, from 0 to 4.

    Raises
    ------
    ValueError
        If `views` is not 3-D, not finite, or has one view only.

    References
    ----------
    Wang, T. and Isola, P. (2020). Understanding contrastive representation learning through alignment and uniformity
    on the hypersphere. ICML.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import alignment
    >>> alignment([[[1.0, 0.0], [0.0, 3.0]]])
    2.0
    """
    views = _checked_views(views, min_cases=1)
    n_cases, n_views, _ = views.shape
    total = 0.0
    for block in blocks(views):
        directions = _normalised(block)  # (b, V, d)
        total += np.square(directions - directions.mean(axis=1, keepdims=True)).sum()
    return float(2 * total / (n_views - 1) / n_cases)


def uniformity(H: Any, t: float = 2.0, max_cases: int = 5000, random_state: Any = 0) -> float:
    r"""Uniformity: how evenly the embedding covers the unit sphere.

    .. math:: \log \frac{2}{n (n - 1)} \sum_{i < j} \exp(-t \|u_i - u_j\|^2), \qquad u_i = h_i / \|h_i\|

    Lower is better: 0 if all directions are the same, about -2 t for many features without a preferred direction. A
    vector of zeros stays one. The time grows with the square of the number of rows, so that it is exact up to
    `max_cases` rows and computed on a random choice of so many rows beyond.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.
    t : float, default=2.0
        How fast the kernel falls with distance, above 0.
    max_cases : int, default=5000
        Most rows that are compared, at least 2.
    random_state : int, RandomState or None, default=0
        Seed of the choice of rows.

    Returns
    -------
    float
        The logarithm of the mean kernel, 0 or less.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only, or if `t` or `max_cases` is too small.

    References
    ----------
    Wang, T. and Isola, P. (2020). Understanding contrastive representation learning through alignment and uniformity
    on the hypersphere. ICML.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import uniformity
    >>> uniformity([[1.0, 0.0], [0.0, 5.0]])
    -4.0
    """
    H = checked_embedding(H)
    _check_positive("t", t)
    if not max_cases >= 2:
        raise ValueError(f"`max_cases` must be at least 2, since uniformity compares pairs, got {max_cases!r}.")
    directions = _normalised(H[chosen_rows(len(H), max_cases, draw_seed(random_state))].astype(np.float64))
    n_cases = len(directions)
    step = max(1, BLOCK_VALUES // n_cases)
    logarithms = [_log_kernel_sum(directions, start, start + step, t) for start in range(0, n_cases - 1, step)]
    return min(float(logsumexp(logarithms) - math.log(n_cases * (n_cases - 1) / 2)), 0.0)


def spread(H: Any) -> float:
    r"""Share of an embedding's variance in its mean square.

    .. math:: 1 - \Bigl\|\frac{1}{n} \sum_i h_i\Bigr\|^2 \Big/ \frac{1}{n} \sum_i \|h_i\|^2

    0 if all rows are the same, 1 if their mean is 0. It is 0 for a matrix of zeros.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.

    Returns
    -------
    float
        The share, from 0 to 1.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import spread
    >>> spread([[1.0, 1.0], [3.0, 1.0]])
    0.16666666666666666
    """
    return spread_of(checked_embedding(H))


def normalized_std(H: Any) -> float:
    r"""Mean over features of the standard deviation of the embedding on the unit sphere.

    It is :math:`1 / \sqrt{d}` for d features of mean 0 that all vary as much, the most that d features can have, and 0
    if all directions are the same. Features with a mean that is not 0, those of a ReLU for example, stay below. A
    vector of zeros stays one.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.

    Returns
    -------
    float
        The mean standard deviation, divided by n_cases and not n_cases - 1.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    References
    ----------
    Chen, X. and He, K. (2021). Exploring simple Siamese representation learning. CVPR.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import normalized_std
    >>> round(normalized_std([[2.0, 0.0], [-1.0, 0.0], [0.0, 5.0], [0.0, -3.0]]) ** 2, 6)  # 1 / 2 at best
    0.5
    """
    H = checked_embedding(H)
    mean = sum(_normalised(block).sum(axis=0) for block in blocks(H)) / len(H)  # (d,)
    variance = sum(np.square(_normalised(block) - mean).sum(axis=0) for block in blocks(H)) / len(H)  # (d,)
    return float(np.sqrt(variance).mean())


def n_dead(H: Any, tolerance: float = 1e-6) -> int:
    r"""Count the features that say nothing.

    A feature is dead if its standard deviation is not above `tolerance` times the largest one, or not above
    `tolerance` times its own root mean square, which is where the rounding of float32 begins.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.
    tolerance : float, default=1e-6
        Share below which a standard deviation is none.

    Returns
    -------
    int
        How many features are dead.

    Raises
    ------
    ValueError
        If the embedding is not 2-D, not finite, or has one row only.

    Examples
    --------
    >>> from sklearn_ssl.evaluation import n_dead
    >>> n_dead([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]])
    1
    """
    H = checked_embedding(H)
    mean = mean_of(H)
    deviation = np.sqrt(sum(np.square(block - mean).sum(axis=0) for block in blocks(H)) / len(H))  # (d,)
    return int(are_dead(mean, deviation, tolerance).sum())


def are_dead(mean: np.ndarray, deviation: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Tell which features are dead, as `n_dead` counts them, from their means and standard deviations (d,)."""
    root_mean_square = np.hypot(mean, deviation)
    return deviation <= tolerance * np.maximum(deviation.max(), root_mean_square)


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
    """Return the first and last rank that alpha-ReQ looks at."""
    m = min(n_positive, 100)
    first = 1 + m // 10
    return first, max(m // 2, first + 2)


def _checked_ranks(ranks: tuple[int, int], n_positive: int) -> tuple[int, int]:
    whole = isinstance(ranks, Sequence) and all(isinstance(rank, numbers.Integral) for rank in ranks)
    if not whole or len(ranks) != 2 or not 1 <= ranks[0] < ranks[1] <= n_positive:
        raise ValueError(
            f"`ranks` must be a first and a higher last rank between 1 and {n_positive}, the number of positive "
            f"eigenvalues, got {ranks!r}."
        )
    return ranks


def _moments_within(views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_cases, n_views, d = views.shape
    means, within, row = np.empty((n_cases, d)), np.zeros((d, d)), 0
    for block in blocks(views):
        mean = block.mean(axis=1)  # (b, d)
        deviations = (block - mean[:, None]).reshape(-1, d)  # (b V, d)
        within += deviations.T @ deviations
        means[row : row + len(block)] = mean
        row += len(block)
    return means, within / (n_cases * (n_views - 1))


def _log_kernel_sum(directions: np.ndarray, start: int, stop: int, t: float) -> float:
    """Return the log of the summed kernel of the rows from `start` to `stop`, each with all rows after it."""
    rows, others = directions[start:stop], directions[start + 1 :]
    squares = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * rows @ others.T
    after = np.arange(len(others)) >= np.arange(len(rows))[:, None]
    return float(logsumexp(-t * squares.clip(min=0)[after]))


def _normalised(h: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(h, axis=-1, keepdims=True)
    return h / np.where(norm > 0, norm, 1.0)


def _checked_views(views: Any, min_cases: int = 2) -> np.ndarray:
    views = np.asarray(without_torch(views))
    if views.ndim != 3 or views.shape[0] < min_cases or views.shape[1] < 2:
        raise ValueError(
            f"`views` must have the shape (n_cases, n_views, n_features) with {min_cases} or more series and two or "
            f"more views, got {views.shape}."
        )
    return checked_embedding(views.reshape(math.prod(views.shape[:2]), views.shape[2])).reshape(views.shape)


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, got {value!r}.")
