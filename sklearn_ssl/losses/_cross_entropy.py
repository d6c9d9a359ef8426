"""Cross-entropies that several losses share."""

import torch


def crossed_cross_entropy(targets: torch.Tensor, scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Compare the softmax of the scores (V, n, K) of views with targets (T, n, K) for the first T of these views.

    The result is the mean cross-entropy over the n rows and over all pairs of a target and a view. A view is not
    compared with its own target.
    """
    n_targets, n_rows, _ = targets.shape
    n_views = len(scores)
    log_predictions = (scores / temperature).log_softmax(dim=2)  # (V, n, K)
    pairs = -torch.einsum("tnk, vnk -> tv", targets, log_predictions) / n_rows  # (T, V)
    itself = torch.eye(n_targets, n_views, dtype=torch.bool, device=scores.device)
    return pairs.masked_fill(itself, 0).sum() / (n_targets * (n_views - 1))
