"""Cosine similarities, of which many losses take a softmax."""

import torch

from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._unit_length import unit_length


@in_full_precision
def cosine_logits(z: torch.Tensor, others: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the similarities of z (n, d) to others (N, d), divided by `temperature`: (n, N).

    A row of zeros has similarity 0 to all others. The result has single or double precision.
    """
    return unit_length(z) @ unit_length(others).T / temperature  # (n, N)


@in_full_precision
def paired_cosines(z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    """Return the similarity of row i of z1 (n, d) to row i of z2 (n, d): (n,)."""
    return (unit_length(z1) * unit_length(z2)).sum(dim=1)  # (n,)
