"""Linear algebra for few rows of many features: all functions work on Gram matrices of the rows."""

from typing import NamedTuple

import numpy as np
import torch

# Eigenvalues below this share of the largest eigenvalue are rounding errors of a Gram matrix in float32.
NEGLIGIBLE = 1e-6
# Fewer series per direction make the variances of the directions too uncertain to divide by them.
SERIES_PER_DIRECTION = 4
GRAM_BLOCK = 256  # rows of a Gram matrix that are computed at once


class Directions(NamedTuple):
    """Linear maps of features, the most important map first.

    Attributes
    ----------
    weights : Tensor of shape (P, F)
        One map per row.
    variances : Tensor of shape (P,)
        Variance of each mapped feature over the series.
    ratios : Tensor of shape (P,)
        Variance between series divided by the sum of the variance within series and the shrinkage. Infinite if nothing
        varies within series.
    """

    weights: torch.Tensor
    variances: torch.Tensor
    ratios: torch.Tensor


def centred(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the deviations (N, F) of rows (N, F) from their mean, and the mean (F,).

    The deviations of equal rows are exactly zero, because the first row is subtracted before the mean is computed.
    """
    deviations = rows - rows[0]
    shift = deviations.mean(0)
    return deviations - shift, rows[0] + shift


def compressed(rows: torch.Tensor, size: int) -> torch.Tensor:
    r"""Replace rows by fewer rows with nearly the same scatter :math:`A^\top A`.

    With the singular value decomposition :math:`A = \sum_i \sigma_i q_i v_i^\top`, the result has the rows
    :math:`\sigma_i v_i^\top` for the largest :math:`\sigma_i`. No other matrix with so few rows has a closer scatter.
    The scatter stays the same if the rank of A is at most `size`.

    Parameters
    ----------
    rows : Tensor of shape (N, F)
        The matrix A.
    size : int
        Largest number of rows of the result.

    Returns
    -------
    Tensor of shape (min(N, F, size), F)
        The new rows, the longest first.
    """
    if len(rows) <= rows.shape[1]:
        _, q = _eigh(_gram(rows))
        return q[:, -size:].flip(1).T @ rows
    values, v = _eigh(_exact(rows).T @ _exact(rows))
    return (values[-size:].clamp(min=0).sqrt() * v[:, -size:]).flip(1).T.to(rows.dtype)


def merged(
    deviations: torch.Tensor, mean: torch.Tensor, count: int, block: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Add a block of rows to a centred scatter.

    Let n be the number of rows so far and :math:`\mu` their mean, n' the number of rows in the block and :math:`\mu'`
    their mean. The scatter about the common mean is the sum of the two scatters and of
    :math:`\frac{n n'}{n + n'} (\mu - \mu')(\mu - \mu')^\top`.

    Parameters
    ----------
    deviations : Tensor of shape (k, F)
        Rows with the same scatter as all rows so far about their mean.
    mean : Tensor of shape (F,)
        Mean of all rows so far.
    count : int
        Number of rows so far.
    block : Tensor of shape (n', F)
        New rows.

    Returns
    -------
    deviations : Tensor of shape (k + n' + 1, F)
        Rows with the same scatter as all rows about the new mean. If `count` is 0, there are n' of them.
    mean : Tensor of shape (F,)
        The new mean.
    """
    new, new_mean = centred(block)
    if count == 0:
        return new, new_mean
    total = count + len(block)
    distance = new_mean - mean
    correction = (count * len(block) / total) ** 0.5 * distance
    return torch.cat([deviations, new, correction.unsqueeze(0)]), mean + len(block) / total * distance


class _Within(NamedTuple):
    """The non-zero eigenvalues of S_w, and Q, which combines the changes D to its eigenvectors U = D^T Q."""

    eigenvalues: torch.Tensor  # (k,)
    combinations: torch.Tensor  # Q, (m, k)

    @classmethod
    def of(cls, gram: torch.Tensor, count: int) -> "_Within":
        """Decompose S_w = D^T D / count, given D D^T."""
        values, q = _eigh(gram / count)
        kept = values > NEGLIGIBLE * values[-1]
        return cls(values[kept], q[:, kept] / (count * values[kept]).sqrt())

    def removed(self, shrinkage: float) -> torch.Tensor:
        """Return the share lambda / (lambda + r) of its squared length that each eigenvector loses, (k,)."""
        return self.eigenvalues / (self.eigenvalues + self.ridge(shrinkage))

    def ridge(self, shrinkage: float) -> torch.Tensor:
        """Return r, a multiple of the mean of the eigenvalues, or NaN if there are none."""
        return shrinkage * self.eigenvalues.mean()


class InvarianceMap(NamedTuple):
    r"""A symmetric map that shortens the directions of change within a series.

    The map is :math:`M = \sqrt{r} (S_w + r I)^{-1/2}`, where :math:`S_w` is the mean of the outer products of the
    changes. With :math:`S_w = U \Lambda U^\top` it equals :math:`I - U (I - \sqrt{r} (\Lambda + r I)^{-1/2}) U^\top`,
    so an F x F matrix is never computed.

    Attributes
    ----------
    directions : Tensor of shape (F, k)
        U, the eigenvectors with non-zero eigenvalues.
    lost : Tensor of shape (k,)
        Share of its length that each of them loses.
    """

    directions: torch.Tensor
    lost: torch.Tensor

    @classmethod
    def of(cls, changes: torch.Tensor, shrinkage: float) -> "InvarianceMap":
        """Learn the map from changes (m, F); r is `shrinkage` times the mean of the non-zero eigenvalues of S_w."""
        inside = _Within.of(_exact(_gram(changes)), len(changes))
        return cls(changes.T @ inside.combinations.to(changes), 1 - (1 - inside.removed(shrinkage)).sqrt().to(changes))

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Map rows (n, F) to rows (n, F)."""
        return rows - (rows @ self.directions * self.lost) @ self.directions.T


def discriminant_directions(
    deviations: torch.Tensor, n_series: int, changes: torch.Tensor, n_changes: int, shrinkage: float, n_components: int
) -> Directions:
    r"""Find the directions with the largest ratio of the variance between series to the variance within series.

    With :math:`S_b = B^\top B / n` and :math:`S_w = D^\top D / m`, features are mapped by
    :math:`M = \sqrt{r} (S_w + r I)^{-1/2}` and then to their principal components. This solves
    :math:`S_b v = \gamma (S_w + r I) v`. An F x F matrix is never computed. With :math:`S_w = U \Lambda U^\top`,

    .. math:: M^2 = I - U \Lambda (\Lambda + r I)^{-1} U^\top,

    and :math:`M S_b M` has the same non-zero eigenvalues as :math:`B M^2 B^\top / n`.

    Parameters
    ----------
    deviations : Tensor of shape (k, F)
        B, rows with the centred scatter of the series.
    n_series : int
        Number n of series.
    changes : Tensor of shape (l, F)
        D, rows with the scatter of the differences between copies and originals.
    n_changes : int
        Number m of differences.
    shrinkage : float
        r as a multiple of the mean of the non-zero eigenvalues of S_w. M is the identity if there are none.
    n_components : int
        Largest number of directions. There are at most as many as the rank of B, and at least one.

    Returns
    -------
    Directions
        A direction that never changes within a series has weights of length 1.
    """
    between, cross, within = (_exact(gram) for gram in _grams(deviations, changes))
    inside = _Within.of(within, n_changes)
    removed = inside.removed(shrinkage)  # (k',)
    along = cross @ inside.combinations  # (k, k'): B U
    values, q = _eigh((between - (along * removed) @ along.T) / n_series)
    kept = _leading(values, n_components)
    values, q = values[kept].flip(0).clamp(min=0), q[:, kept].flip(1)  # (P,), (k, P)
    lengths = (n_series * values).sqrt()
    q = torch.where(lengths > 0, q / lengths.clamp(min=torch.finfo(torch.float32).tiny), 0.0)  # no variance, no weight
    lost = inside.combinations @ (removed.unsqueeze(1) * (along.T @ q))  # (l, P)
    weights = q.T.to(deviations.dtype) @ deviations - lost.T.to(changes.dtype) @ changes  # (P, F)
    ratios = values / inside.ridge(shrinkage) if len(removed) else torch.full_like(values, torch.inf)
    return Directions(_with_fixed_signs(weights), values, ratios)


def retrieval_margins(originals: torch.Tensor, changes: torch.Tensor, shrinkages: torch.Tensor) -> torch.Tensor:
    r"""Measure for several shrinkages how much closer copies are to their own series than to any other series.

    The series are split into two halves. :math:`M`, see `InvarianceMap`, is learnt from the changes of one half and
    applied to the copies of the other half, and the other way round. The margin of a copy :math:`c` of the series
    :math:`x_i` is

    .. math:: \log \min_{j \ne i} \lVert M (c - x_j) \rVert^2 - \log \lVert M (c - x_i) \rVert^2

    where j runs over all series.

    Parameters
    ----------
    originals : Tensor of shape (n, F)
        Features of four or more series.
    changes : Tensor of shape (n, V, F)
        Features of V copies of each series minus the features of the series.
    shrinkages : Tensor of shape (G,)
        Multiples of the mean of the non-zero eigenvalues of S_w.

    Returns
    -------
    Tensor of shape (n, G)
        The mean margin of the copies of each series. A copy that equals an original has the margin 0.
    """
    n_series, n_views, _ = changes.shape
    grams = [_exact(gram) for gram in _grams(originals, changes.flatten(0, 1))]
    halves = torch.arange(n_series, device=originals.device).tensor_split(2)
    margins = [
        _margins_of(held_out, learnt, n_views, shrinkages, *grams) for held_out, learnt in (halves, halves[::-1])
    ]
    return torch.cat(margins).view(n_series, n_views, len(shrinkages)).mean(1)


def _margins_of(
    held_out: torch.Tensor,
    learnt: torch.Tensor,
    n_views: int,
    shrinkages: torch.Tensor,
    originals: torch.Tensor,
    cross: torch.Tensor,
    changes: torch.Tensor,
) -> torch.Tensor:
    """Return the margin of each copy of held-out series, (n' V, G), under maps learnt from the changes of others."""
    copies, known = (
        (rows[:, None] * n_views + torch.arange(n_views, device=rows.device)).flatten() for rows in (held_out, learnt)
    )
    own = held_out.repeat_interleave(n_views).unsqueeze(1)  # (n' V, 1)
    inside = _Within.of(changes[known][:, known], len(known))
    x = cross[:, known] @ inside.combinations  # (n, k)
    d = changes[copies][:, known] @ inside.combinations  # (n' V, k)
    margins = []
    for shrinkage in shrinkages.tolist():
        removed = inside.removed(shrinkage)
        products = originals - (x * removed) @ x.T  # (n, n): x_i M^2 x_j
        changed = cross[:, copies].T - (d * removed) @ x.T  # (n' V, n): (c - x_i) M^2 x_j
        size = changes.diagonal()[copies] - (d.square() * removed).sum(1)  # (n' V,): |M (c - x_i)|^2
        lengths = products.diagonal()
        apart = lengths[own] + lengths - 2 * products[own.squeeze(1)]  # (n' V, n): |M (x_i - x_j)|^2
        distances = apart + 2 * (changed.gather(1, own) - changed) + size.unsqueeze(1)  # |M (c - x_j)|^2
        nearest = distances.scatter(1, own, torch.inf).amin(1)
        margins.append((nearest / size).log().nan_to_num(0, 0, 0))
    return torch.stack(margins, 1)


def strongest_within_one_error(scores: torch.Tensor, errors: torch.Tensor) -> int:
    """Return the first place with a score that is at most one standard error of the best score below it."""
    best = int(scores.argmax())
    return int((scores >= scores[best] - errors[best]).nonzero()[0])


def partially_whitened(
    directions: Directions, n_series: int, whitening: float = 0.0, rotated: bool = False
) -> torch.Tensor:
    r"""Make the variances of the outputs more alike, and rotate the outputs until all variances are equal.

    With the variances :math:`v_i` of the directions and :math:`w` = `whitening`, the variances become
    :math:`c\, v_i^{1 - w}`. The factor :math:`c` keeps their sum.

    Parameters
    ----------
    directions : Directions
        Uncorrelated outputs.
    n_series : int
        Ignored. Every scaling of directions has this argument.
    whitening : float, default=0.0
        At 0 the variances stay as they are, at 1 they become equal.
    rotated : bool, default=False
        Whether to rotate the outputs. A rotation changes no distance and no inner product.

    Returns
    -------
    Tensor of shape (P, F)
        The maps.
    """
    variances = directions.variances
    scales = torch.where(variances > 0, variances, 1) ** (-whitening / 2) * (variances > 0)
    total = (variances * scales.square()).sum()
    scales = scales * (variances.sum() / total).sqrt() if total > 0 else scales
    weights = scales.unsqueeze(1).to(directions.weights.dtype) * directions.weights  # (P, F)
    if not rotated:
        return weights
    rotation = equalising_rotation(variances * scales.square())
    return rotation.to(weights) @ weights


def equalising_rotation(variances: torch.Tensor) -> torch.Tensor:
    """Return a rotation (P, P) that gives uncorrelated features with the given variances (P,) equal variances.

    Each step rotates the features with the smallest and the largest variance in their plane, until the first has the
    mean variance. At most P - 1 steps are needed: this is the constructive proof of the Schur-Horn theorem.
    """
    covariance = np.diag(variances.cpu().double().numpy())
    n_features, mean = len(covariance), np.trace(covariance) / max(len(covariance), 1)
    rotation = np.eye(n_features)
    for _ in range(n_features - 1):
        diagonal = np.diag(covariance)
        pair = [int(diagonal.argmin()), int(diagonal.argmax())]
        below, above = diagonal[pair] - mean
        if min(-below, above) <= 1e-12 * mean:
            break
        turn = _turn(below, above, covariance[pair[0], pair[1]])
        covariance[pair] = turn @ covariance[pair]
        covariance[:, pair] = covariance[:, pair] @ turn.T
        rotation[pair] = turn @ rotation[pair]
    return torch.from_numpy(rotation)


def _turn(below: float, above: float, mixed: float) -> np.ndarray:
    """Return the rotation T in the plane for which T [[below, mixed], [mixed, above]] T^T starts with 0."""
    tangent = (np.sqrt(mixed**2 - below * above) - mixed) / above
    return np.array([[1, tangent], [-tangent, 1]]) / np.hypot(1, tangent)


def unit_variances(directions: Directions, n_series: int) -> torch.Tensor:
    """Return the maps (P', F) scaled to the variance 1, at most one map per `SERIES_PER_DIRECTION` series."""
    n_kept = max(1, n_series // SERIES_PER_DIRECTION)
    scales = directions.variances[:n_kept].sqrt().unsqueeze(1).to(directions.weights.dtype)
    weights = directions.weights[:n_kept]
    return torch.where(scales > 0, weights / scales.where(scales > 0, 1), 0)


def _grams(deviations: torch.Tensor, changes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return B B^T, B D^T and D D^T."""
    return _gram(deviations), deviations @ changes.T, _gram(changes)


def _gram(rows: torch.Tensor) -> torch.Tensor:
    """Return A A^T. It is symmetric, so blocks on one side of the diagonal are copies."""
    gram = rows.new_empty(len(rows), len(rows))
    for start in range(0, len(rows), GRAM_BLOCK):
        block = slice(start, start + GRAM_BLOCK)
        gram[block, : block.stop] = rows[block] @ rows[: block.stop].T
        gram[:start, block] = gram[block, :start].T
    return gram


def _exact(values: torch.Tensor) -> torch.Tensor:
    """Convert to float64, unless the device has no float64."""
    return values if values.device.type == "mps" else values.double()


def _eigh(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ascending eigenvalues and the eigenvectors of a symmetric matrix, on its device."""
    values, vectors = torch.linalg.eigh(matrix.cpu() if matrix.device.type == "mps" else matrix)
    return values.to(matrix.device), vectors.to(matrix.device)


def _leading(values: torch.Tensor, n_components: int) -> torch.Tensor:
    """Mark the largest of the ascending eigenvalues that are not rounding errors, and the last one in any case."""
    places = torch.arange(len(values), device=values.device)
    kept = (values > NEGLIGIBLE * values[-1]) & (places >= len(values) - n_components)
    return kept | (places == len(values) - 1)


def _with_fixed_signs(weights: torch.Tensor) -> torch.Tensor:
    """Make the largest weight of each row positive, because eigenvectors have no sign of their own."""
    largest = weights.gather(1, weights.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -weights, weights)
