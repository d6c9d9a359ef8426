"""Labels spread over a graph of neighbours, from few labelled series to the others."""

import dataclasses

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import splu
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

KEPT = 0.95  # share of a series' label that comes from its neighbours
SHARPNESS = 8  # power of the cosine that weighs a neighbour
LEAST = 1e-9  # of the weight of a neighbour
PENALTY = 0.1  # for features of length 1
UNSURE = 1e-3  # least weight of a series whose label is not known at all


@dataclasses.dataclass(frozen=True)
class Others:
    """Series without a label, to which labels are spread.

    Attributes
    ----------
    features : array of shape (n_others, F)
        Their features, as the head sees them.
    n_neighbors : int
        Nearest neighbours of each series in the graph.
    """

    features: np.ndarray
    n_neighbors: int


def spread_head(
    features: np.ndarray, codes: np.ndarray, weight: np.ndarray, others: Others
) -> tuple[np.ndarray, np.ndarray]:
    """Fit ridge to spread labels: weight (K, F) and bias (K,), from labelled features (n, F) and their classes (n,)."""
    rows = np.concatenate([features, others.features]).astype(np.float64)
    shares, sure = spread_labels(rows, codes, weight, others.n_neighbors)
    sure[: len(codes)] = weight / weight.mean()
    penalty = PENALTY * np.square(rows).sum(axis=1).mean()
    ridge = Ridge(alpha=penalty).fit(rows, 2 * shares - 1, sample_weight=sure)
    return ridge.coef_, ridge.intercept_


def spread_labels(
    rows: np.ndarray, codes: np.ndarray, weight: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each class in each row (N, K), and how sure it is (N,). The first rows have the labels."""
    given = np.zeros((len(rows), codes.max() + 1))
    given[np.arange(len(codes)), codes] = weight
    within = eye_array(len(rows)) - KEPT * _normalised(_graph(rows, n_neighbors))
    mass = splu(within.tocsc()).solve(given).clip(min=0)  # (N, K)
    mass /= mass.sum(axis=0)  # every class has the same mass
    total = mass.sum(axis=1, keepdims=True)
    shares = np.divide(mass, total, out=np.full_like(mass, 1 / mass.shape[1]), where=total > 0)
    entropy = -np.sum(shares * np.log(shares, out=np.zeros_like(shares), where=shares > 0), axis=1)
    return shares, (1 - entropy / np.log(mass.shape[1])).clip(min=0) + UNSURE


def _graph(rows: np.ndarray, n_neighbors: int) -> csr_array:
    """Return the symmetric graph of nearest neighbours, weighed by a power of their cosine."""
    n_neighbors = min(n_neighbors, len(rows) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(normalize(rows))
    distances, neighbours = search.kneighbors()
    cosines = (1 - distances**2 / 2).clip(min=0)
    places = (np.repeat(np.arange(len(rows)), n_neighbors), neighbours.ravel())
    graph = csr_array(((cosines**SHARPNESS + LEAST).ravel(), places), shape=(len(rows), len(rows)))
    return graph.maximum(graph.T)


def _normalised(graph: csr_array) -> csr_array:
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1)))
    return scale @ graph @ scale
