"""Statistics of embeddings, one vector per series: in float64, block by block, without checks of the input."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.special import entr

BLOCK_VALUES = 1 << 20  # values that are converted to float64 at a time
ROUNDING = 10  # singular values below this many units of rounding of the whole matrix are rounding errors

# The limits of a collapse, for the warning during training and for the report after it.
LEAST_SPREAD = 1e-3
LEAST_SHARE_OF_RANK = 0.1


def without_torch(values: Any) -> Any:
    """Convert a tensor to an array, float64 if the tensor is and float32 otherwise; return other values as they are."""
    if not isinstance(values, torch.Tensor):
        return values
    values = values.detach().cpu()
    return (values if values.dtype == torch.float64 else values.float()).numpy()


def blocks(H: np.ndarray) -> Iterator[np.ndarray]:
    """Yield blocks of rows in float64, each with at least as many rows as features except the last."""
    rows = max(H.shape[-1], BLOCK_VALUES // math.prod(H.shape[1:]))
    for start in range(0, len(H), rows):
        yield H[start : start + rows].astype(np.float64)


def mean_of(H: np.ndarray) -> np.ndarray:
    """Return the mean of rows (n, d), which is exact for constant features."""
    mean = sum(block.sum(axis=0) for block in blocks(H)) / len(H)  # (d,)
    rounding = sum((block - mean).sum(axis=0) for block in blocks(H)) / len(H)  # the error of the long sum above
    return mean + rounding


def spread_of(H: np.ndarray) -> float:
    """Return the share of the variance of rows (n, d) in their mean square, or 0 if all values are 0."""
    mean = mean_of(H)
    variance = sum(np.square(block - mean).sum() for block in blocks(H))
    square = sum(np.square(block).sum() for block in blocks(H))
    return min(float(variance / square), 1.0) if square > 0 else 0.0


def smooth_rank(weights: np.ndarray) -> float:
    """Return the exponential of the entropy of the weights divided by their sum, or 0 if all weights are 0."""
    total = weights.sum()
    return float(np.exp(entr(weights / total).sum())) if total > 0 else 0.0


def singular_values(
    H: np.ndarray, *, center: bool, dtype: Any = None, transform: np.ndarray | None = None
) -> np.ndarray:
    """Return the singular values of H (n, d), or of H @ transform with transform (d, d), the largest first.

    Values that rounding to `dtype`, by default the dtype of H, could cause are 0.
    """
    mean = mean_of(H) if center else np.zeros(H.shape[1])
    precision = np.finfo(dtype or H.dtype)
    rounding = ROUNDING * precision.eps
    # The squares in a Gram matrix have half the digits of float64, more than float32 has.
    if transform is None and precision.bits < 64:
        values = _by_gram_matrix(H, mean)
    else:
        values = _by_triangle(H, mean, transform)
        mean = mean if transform is None else mean @ transform
    norm = math.sqrt(values @ values + len(H) * (mean @ mean))  # of the matrix before its mean was subtracted
    return np.where(values > rounding * norm, values, 0.0)


def _by_gram_matrix(H: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the singular values of H - mean by the eigenvalues of a Gram matrix: fast, but less precise."""
    if len(H) <= H.shape[1]:
        centred = H - mean
        gram = centred @ centred.T  # (n, n)
    else:
        gram = sum(centred.T @ centred for centred in (block - mean for block in blocks(H)))  # (d, d)
    squares = np.linalg.eigvalsh(gram)[::-1]
    return np.sqrt(np.maximum(squares, 0.0))


def _by_triangle(H: np.ndarray, mean: np.ndarray, transform: np.ndarray | None) -> np.ndarray:
    """Return the singular values of H - mean, or of (H - mean) @ transform, by a triangular matrix: precise."""
    triangle = np.empty((0, H.shape[1]))
    for block in blocks(H):
        triangle = _triangle(np.vstack([triangle, block - mean]))
    return np.linalg.svd(triangle if transform is None else triangle @ transform, compute_uv=False)


def _triangle(H: np.ndarray) -> np.ndarray:
    """Return a matrix (min(n, d), d) with the same singular values as H (n, d)."""
    triangle: Any = np.linalg.qr(H, mode="r")  # NumPy's annotation describes the results of the other modes only
    return triangle


def rank_bound(n_cases: int, n_features: int) -> int:
    """Return the largest possible effective rank of centred rows (n, d)."""
    return min(n_cases - 1, n_features)


def least_rank(bound: int, share: float = LEAST_SHARE_OF_RANK) -> float:
    """Return the effective rank below which the embeddings count as collapsed in dimension."""
    return 1 + share * (bound - 1)
