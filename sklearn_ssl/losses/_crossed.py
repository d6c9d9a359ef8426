"""Predictions of one view from another, over several views."""

from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_rows
from sklearn_ssl.losses._precision import in_full_precision


def stacked_views(
    name: str, views: torch.Tensor | Sequence[torch.Tensor], n_views: int, n_rows: int = 1
) -> torch.Tensor:
    """Stack V views, each (n, K), to (V, n, K), unless they are stacked already.

    Raises
    ------
    ValueError
        If there are fewer than `n_views`, if their shapes differ, or if they have fewer than `n_rows` rows.
    """
    if len(views) < n_views:
        raise ValueError(f"`{name}` must hold {n_views} or more views, got {len(views)}; make more views of a series.")
    check_rows(n_rows, **{f"{name}[{number}]": view for number, view in enumerate(views)})
    return torch.stack(tuple(views))  # (V, n, K)


@in_full_precision
def crossed_cross_entropy(targets: torch.Tensor, scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Cross-entropy of the softmax of scores (V, n, K) to targets (T, n, K), where V is not less than T.

    View v is compared with each target but that of itself, target v. The result is the mean over these pairs and over
    the n rows.
    """
    n_targets, n_rows, _ = targets.shape
    n_views = len(scores)
    log_predictions = (scores / temperature).log_softmax(dim=2)  # (V, n, K)
    pairs = -torch.einsum("tnk, vnk -> tv", targets, log_predictions) / n_rows  # (T, V)
    itself = torch.eye(n_targets, n_views, dtype=torch.bool, device=scores.device)
    return pairs.masked_fill(itself, 0).sum() / (n_targets * (n_views - 1))
