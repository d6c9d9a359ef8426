"""Label-free scores that come from distances and variances: how far apart the rows of an embedding are."""

import math
from typing import Any

import numpy as np
from scipy.special import logsumexp

from sklearn_ssl._engine.random_streams import chosen_rows, draw_seed
from sklearn_ssl._numerics.vectors import BLOCK_VALUES, blocks, mean_of, spread_of
from sklearn_ssl._parameters.arguments import check_positive, check_whole_number
from sklearn_ssl.evaluation._checks import checked_embedding, checked_views


def alignment(views: Any) -> float:
    r"""Alignment: mean squared distance between views of the same series on the unit sphere.

    .. math::
        \frac{1}{n} \sum_i \frac{2}{V (V - 1)} \sum_{v < w} \|u_{iv} - u_{iw}\|^2, \qquad u_{iv} = h_{iv} / \|h_{iv}\|

    for n series with V views :math:`h_{iv}` each. 0 is best. Views that have nothing to do with each other have the
    value 2 if the features have mean 0. A vector of zeros stays zero: its squared distance to any other vector is 1.

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
    views = checked_views(views, min_cases=1)
    n_cases, n_views, _ = views.shape
    total = 0.0
    for block in blocks(views):
        directions = _normalised(block)  # (b, V, d)
        total += np.square(directions - directions.mean(axis=1, keepdims=True)).sum()
    return float(2 * total / (n_views - 1) / n_cases)


def uniformity(H: Any, t: float = 2.0, max_cases: int = 5000, random_state: Any = 0) -> float:
    r"""Uniformity: how evenly the embedding covers the unit sphere.

    .. math:: \log \frac{2}{n (n - 1)} \sum_{i < j} \exp(-t \|u_i - u_j\|^2), \qquad u_i = h_i / \|h_i\|

    for n rows :math:`h_i`. Lower is better. The value is 0 if all directions are the same, and about -2 t for many
    features without a preferred direction. A vector of zeros stays zero. The time grows with the square of the number
    of rows, so only `max_cases` rows, chosen at random, are compared where there are more.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.
    t : float, default=2.0
        How fast the kernel falls with distance, above 0.
    max_cases : int, default=5000
        Largest number of rows that are compared, at least 2.
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
    check_positive("t", t)
    check_whole_number("max_cases", max_cases, least=2)
    directions = _normalised(H[chosen_rows(len(H), max_cases, draw_seed(random_state))].astype(np.float64))
    n_cases = len(directions)
    step = max(1, BLOCK_VALUES // n_cases)
    logarithms = [_log_kernel_sum(directions, start, start + step, t) for start in range(0, n_cases - 1, step)]
    return min(float(logsumexp(logarithms) - math.log(n_cases * (n_cases - 1) / 2)), 0.0)


def spread(H: Any) -> float:
    r"""Share of an embedding's variance in its mean square.

    .. math:: 1 - \Bigl\|\frac{1}{n} \sum_i h_i\Bigr\|^2 \Big/ \frac{1}{n} \sum_i \|h_i\|^2

    for n rows :math:`h_i`. It is 0 if all rows are the same, and 1 if their mean is 0. It is 0 for a matrix of zeros.

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

    Its largest value for d features is :math:`1 / \sqrt{d}`, which needs features of mean 0 and equal variance. It is 0
    if all directions are the same. Features whose mean is not 0, such as the output of a ReLU, have smaller values. A
    vector of zeros stays zero.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.

    Returns
    -------
    float
        The mean standard deviation; variances have the divisor n_cases, not n_cases - 1.

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
    """Count the features that are constant up to rounding.

    A feature is dead if its standard deviation is at most `tolerance` times the largest standard deviation, or at most
    `tolerance` times its own root mean square. With the default tolerance, variation below the second limit may come
    from the rounding of float32.

    Parameters
    ----------
    H : array or torch.Tensor of shape (n_cases, n_features)
        The embedding of two or more series.
    tolerance : float, default=1e-6
        Largest share at which a standard deviation counts as zero.

    Returns
    -------
    int
        The number of dead features.

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
    """Tell which features `n_dead` counts, from their means and standard deviations (d,)."""
    root_mean_square = np.hypot(mean, deviation)
    return deviation <= tolerance * np.maximum(deviation.max(), root_mean_square)


def _log_kernel_sum(directions: np.ndarray, start: int, stop: int, t: float) -> float:
    """Return the log of the summed kernel of the rows from `start` to `stop`, each with all rows after it."""
    rows, others = directions[start:stop], directions[start + 1 :]
    squares = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * rows @ others.T
    after = np.arange(len(others)) >= np.arange(len(rows))[:, None]
    return float(logsumexp(-t * squares.clip(min=0)[after]))


def _normalised(h: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(h, axis=-1, keepdims=True)
    return h / np.where(norm > 0, norm, 1.0)
