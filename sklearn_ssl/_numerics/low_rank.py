"""Linear algebra for a few rows of many features: everything goes through Gram matrices of the rows."""

from typing import NamedTuple

import numpy as np
import torch

# Eigenvalues below this share of the largest are rounding errors of a Gram matrix in float32.
NEGLIGIBLE = 1e-6
SERIES_PER_DIRECTION = 4


class Directions(NamedTuple):
    """Linear maps of features, the most important first.

    Attributes
    ----------
    weights : Tensor of shape (P, F)
        One map a row.
    variances : Tensor of shape (P,)
        Variance of each mapped feature over the series.
    ratios : Tensor of shape (P,)
        Variance between series divided by variance within series plus shrinkage, infinite where nothing varies within.
    """

    weights: torch.Tensor
    variances: torch.Tensor
    ratios: torch.Tensor


def centred(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Subtract the mean of rows (N, F): return the deviations and the mean (F,).

    Equal rows give deviations of exactly zero, whatever rounding does to their mean.
    """
    deviations = rows - rows[0]
    shift = deviations.mean(0)
    return deviations - shift, rows[0] + shift


def compressed(rows: torch.Tensor, size: int) -> torch.Tensor:
    r"""Replace rows by fewer ones with nearly the same scatter :math:`A^\top A`.

    With :math:`A = \sum_i \sigma_i q_i v_i^\top`, the rows returned are :math:`\sigma_i v_i^\top` for the largest
    :math:`\sigma_i`: no other matrix with so few rows has a scatter that is closer. Nothing is lost if the rank of A is
    at most `size`.

    Parameters
    ----------
    rows : Tensor of shape (N, F)
        The matrix A.
    size : int
        Most rows of the result.

    Returns
    -------
    Tensor of shape (min(N, F, size), F)
        The largest first.
    """
    n_rows, n_features = rows.shape
    size = min(size, n_rows, n_features)
    if n_rows <= n_features:
        _, q = _eigh(rows @ rows.T)
        return q[:, -size:].flip(1).T @ rows
    values, v = _eigh(_exact(rows).T @ _exact(rows))
    return (values[-size:].clamp(min=0).sqrt() * v[:, -size:]).flip(1).T.to(rows.dtype)


def merged(
    deviations: torch.Tensor, mean: torch.Tensor, count: int, block: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Add rows to a centred scatter.

    For counts n, n' and means :math:`\mu, \mu'` of what was there and of the block, the scatter about the common mean
    is the sum of the two scatters and of :math:`\frac{n n'}{n + n'} (\mu - \mu')(\mu - \mu')^\top`.

    Parameters
    ----------
    deviations : Tensor of shape (k, F)
        Rows whose scatter is that of all rows so far about their mean.
    mean : Tensor of shape (F,)
        Mean so far.
    count : int
        Number of rows so far.
    block : Tensor of shape (n', F)
        New rows.

    Returns
    -------
    deviations : Tensor of shape (k + n' + 1, F)
        Rows whose scatter is that of all rows about the new mean; without the last one if there was nothing before.
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
    """The eigenvalues of S_w that are not zero, and how its eigenvectors U are made of the changes: U = D^T Q."""

    eigenvalues: torch.Tensor  # (k,)
    combinations: torch.Tensor  # Q, (m, k)

    @classmethod
    def of(cls, gram: torch.Tensor, count: int) -> "_Within":
        """Decompose S_w = D^T D / count, given D D^T."""
        values, q = _eigh(gram / count)
        kept = values > NEGLIGIBLE * values[-1].clamp(min=0)
        return cls(values[kept], q[:, kept] / (count * values[kept]).sqrt())

    def removed(self, shrinkage: float) -> torch.Tensor:
        """Return the share lambda / (lambda + r) of squared length that each eigenvector loses, (k,)."""
        return self.eigenvalues / (self.eigenvalues + self.ridge(shrinkage))

    def ridge(self, shrinkage: float) -> torch.Tensor:
        """Return r, a multiple of the mean of the eigenvalues; not a number where there are none."""
        return shrinkage * self.eigenvalues.mean()


class InvarianceMap(NamedTuple):
    r"""A symmetric map that shortens what changes within a series, :math:`M = \sqrt{r} (S_w + r I)^{-1/2}`.

    With :math:`S_w = U \Lambda U^\top` it is :math:`I - U (I - \sqrt{r} (\Lambda + r I)^{-1/2}) U^\top`, so that no
    matrix of F x F is made.

    Attributes
    ----------
    directions : Tensor of shape (F, k)
        U, the eigenvectors whose eigenvalues are not zero.
    lost : Tensor of shape (k,)
        By what share each of them is shortened.
    """

    directions: torch.Tensor
    lost: torch.Tensor

    @classmethod
    def of(cls, changes: torch.Tensor, shrinkage: float) -> "InvarianceMap":
        """Learn from changes (m, F); r is `shrinkage` times the mean of the non-zero eigenvalues of S_w."""
        inside = _Within.of(_exact(changes @ changes.T), len(changes))
        return cls(changes.T @ inside.combinations.to(changes), 1 - (1 - inside.removed(shrinkage)).sqrt().to(changes))

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Map rows (n, F)."""
        return rows - (rows @ self.directions * self.lost) @ self.directions.T


def discriminant_directions(
    deviations: torch.Tensor, n_series: int, changes: torch.Tensor, n_changes: int, shrinkage: float, n_components: int
) -> Directions:
    r"""Find the directions that differ most between series, relative to how much they change within series.

    With :math:`S_b = B^\top B / n` and :math:`S_w = D^\top D / m`, features are mapped by
    :math:`M = \sqrt{r} (S_w + r I)^{-1/2}` and then to their principal components. That solves
    :math:`S_b v = \gamma (S_w + r I) v`. No matrix of F x F is made: with :math:`S_w = U \Lambda U^\top`,

    .. math:: M^2 = I - U \Lambda (\Lambda + r I)^{-1} U^\top,

    and the non-zero eigenvalues of :math:`M S_b M` are those of :math:`B M^2 B^\top / n`.

    Parameters
    ----------
    deviations : Tensor of shape (k, F)
        B, rows with the centred scatter of the series.
    n_series : int
        n.
    changes : Tensor of shape (l, F)
        D, rows with the scatter of the differences between copies and originals.
    n_changes : int
        m.
    shrinkage : float
        r as a multiple of the mean of the non-zero eigenvalues of S_w. M is the identity if there are none.
    n_components : int
        Most directions. There are at most as many as the rank of B, and at least one.

    Returns
    -------
    Directions
        With `weights` scaled such that directions that never change within a series keep their length.
    """
    between, cross, within = (_exact(gram) for gram in _grams(deviations, changes))
    inside = _Within.of(within, n_changes)
    removed = inside.removed(shrinkage)  # (k',)
    along = cross @ inside.combinations  # (k, k'): B U
    values, q = _eigh((between - (along * removed) @ along.T) / n_series)
    kept = _leading(values, n_components)
    values, q = values[kept].flip(0).clamp(min=0), q[:, kept].flip(1)  # (P,), (k, P)
    q = q / (n_series * values).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    lost = inside.combinations @ (removed.unsqueeze(1) * (along.T @ q))  # (l, P)
    weights = q.T.to(deviations.dtype) @ deviations - lost.T.to(changes.dtype) @ changes  # (P, F)
    ratios = values / inside.ridge(shrinkage) if len(removed) else torch.full_like(values, torch.inf)
    return Directions(_with_fixed_signs(weights), values, ratios)


def retrieval_margins(originals: torch.Tensor, changes: torch.Tensor, shrinkages: torch.Tensor) -> torch.Tensor:
    r"""Measure for several shrinkages how much closer copies are to their own series than to any other.

    The series are divided in two. :math:`M` is learnt from the changes of one half and applied to the copies
    :math:`c` of the series :math:`x_i` in the other half, and the other way round. The margin of a copy is

    .. math:: \log \min_{j \ne i} \lVert M (c - x_j) \rVert^2 - \log \lVert M (c - x_i) \rVert^2 .

    Parameters
    ----------
    originals : Tensor of shape (n, F)
        Features of four or more series.
    changes : Tensor of shape (n, V, F)
        Features of V copies of each series less those of the series.
    shrinkages : Tensor of shape (G,)
        Multiples of the mean of the non-zero eigenvalues of S_w.

    Returns
    -------
    Tensor of shape (n, G)
        The mean margin of the copies of each series; a copy that equals some original counts as zero.
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
    """Return the margin of each copy of some series, (n' V, G), by what the changes of the others teach."""
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
    """Return the first place whose score is at most one standard error below the best, that of the best."""
    best = int(scores.argmax())
    return int((scores >= scores[best] - errors[best]).nonzero()[0])


def partially_whitened(
    directions: Directions, n_series: int, whitening: float = 0.0, rotated: bool = False
) -> torch.Tensor:
    r"""Make variances more alike, and rotate the outputs until all have the same.

    Parameters
    ----------
    directions : Directions
        Uncorrelated outputs with variances v_i.
    n_series : int
        Number of series; it changes nothing.
    whitening : float, default=0.0
        Variances become those of :math:`v_i^{1 - w}`, up to a factor that keeps their sum: 0 leaves them as they are, 1
        makes them equal.
    rotated : bool, default=False
        Whether to rotate, which changes no distance and no inner product.

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
    """Return an orthogonal matrix (P, P) after which uncorrelated features of given variances have equal ones.

    Plane rotations bring one feature after the other to the mean variance: the least and the most variable one are
    turned until the first has it. At most P - 1 of them are needed, the constructive proof of the Schur-Horn theorem.
    """
    covariance = np.diag(variances.detach().cpu().double().numpy())
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
    """Return the plane rotation that takes [[below, mixed], [mixed, above]] to one with 0 in the first place."""
    tangent = (np.sqrt(mixed**2 - below * above) - mixed) / above
    return np.array([[1, tangent], [-tangent, 1]]) / np.hypot(1, tangent)


def unit_variances(directions: Directions, n_series: int) -> torch.Tensor:
    """Return the maps (P', F) scaled to variance 1, at most one for every `SERIES_PER_DIRECTION` series."""
    n_kept = max(1, n_series // SERIES_PER_DIRECTION)
    scales = directions.variances[:n_kept].sqrt().unsqueeze(1).to(directions.weights.dtype)
    weights = directions.weights[:n_kept]
    return torch.where(scales > 0, weights / scales.where(scales > 0, 1), 0)


def _grams(deviations: torch.Tensor, changes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return B B^T, B D^T and D D^T."""
    return deviations @ deviations.T, deviations @ changes.T, changes @ changes.T


def _exact(values: torch.Tensor) -> torch.Tensor:
    """Convert to float64 where the device has it."""
    return values if values.device.type == "mps" else values.double()


def _eigh(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ascending eigenvalues and the eigenvectors of a symmetric matrix, on its device."""
    values, vectors = torch.linalg.eigh(matrix.cpu() if matrix.device.type == "mps" else matrix)
    return values.to(matrix.device), vectors.to(matrix.device)


def _leading(values: torch.Tensor, n_components: int) -> torch.Tensor:
    """Mark the largest of ascending eigenvalues that are not rounding errors; the last one in any case."""
    places = torch.arange(len(values), device=values.device)
    kept = (values > NEGLIGIBLE * values[-1]) & (places >= len(values) - n_components)
    return kept | (places == len(values) - 1)


def _with_fixed_signs(weights: torch.Tensor) -> torch.Tensor:
    """Make the largest weight of each row positive: eigenvectors have no sign of their own."""
    largest = weights.gather(1, weights.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -weights, weights)
