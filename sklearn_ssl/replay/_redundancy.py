"""Which rows are most like another one."""

import numpy as np

ROWS = 1024  # of similarities at once: those of all rows would take memory that grows with the square of their number


def most_redundant(features: np.ndarray, n_out: int) -> np.ndarray:
    """Choose rows one after the other: the one whose nearest other row is nearest, and of equal ones the first.

    Parameters
    ----------
    features : ndarray of shape (n, P)
        The rows. Their inner products are the similarities.
    n_out : int
        How many rows to choose.

    Returns
    -------
    places : int ndarray of shape (n_out,)
        The rows in the order in which they are chosen. A row that was chosen is no neighbour of others any more.
    """
    # Backwards, so that `argmax` points at the last of several nearest rows. The first of them goes, so a pointer
    # stays right, and few rows have to look again.
    Z = np.ascontiguousarray(features[::-1])
    there = np.ones(len(Z), dtype=bool)
    nearest, similarity = _nearest(Z, np.arange(len(Z)), there)
    chosen = np.empty(n_out, dtype=np.int64)
    for turn in range(n_out):
        out = len(Z) - 1 - int(similarity[::-1].argmax())
        chosen[turn] = out
        there[out] = False
        similarity[out] = -np.inf
        orphans = np.flatnonzero((nearest == out) & there)
        nearest[orphans], similarity[orphans] = _nearest(Z, orphans, there)
    return len(Z) - 1 - chosen


def _nearest(Z: np.ndarray, rows: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for some rows which other row is nearest, and its similarity."""
    nearest, similarity = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=Z.dtype)
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        S = Z[some] @ Z.T  # (r, n)
        S[:, ~there] = -np.inf
        S[np.arange(len(some)), some] = -np.inf
        nearest[start : start + ROWS] = S.argmax(axis=1)
        similarity[start : start + ROWS] = S.max(axis=1)
    return nearest, similarity
