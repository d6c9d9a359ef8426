"""Vectors of length 1, and the cosine similarities of vectors."""

import torch

from sklearn_ssl.losses._precision import in_full_precision


def unit_length(z: torch.Tensor) -> torch.Tensor:
    """Divide each vector along the last dimension by its length; a vector of zeros stays a vector of zeros."""
    length = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    # Dividing zeros by a tiny constant instead would make their gradient overflow half precision.
    return z / torch.where(length > 0, length, 1.0)


@in_full_precision
def cosine_logits(z: torch.Tensor, others: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the cosine similarities of z (n, d) and others (N, d), divided by `temperature`: (n, N).

    A row of zeros has the similarity 0 to every row.
    """
    return unit_length(z) @ unit_length(others).T / temperature  # (n, N)


def paired_cosines(z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    """Return the cosine similarity of row i of z1 (n, d) and row i of z2 (n, d): (n,)."""
    return (unit_length(z1) * unit_length(z2)).sum(dim=1)  # (n,)
