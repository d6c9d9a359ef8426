"""Vectors of length one."""

import torch


def unit_length(z: torch.Tensor) -> torch.Tensor:
    """Divide each vector along the last dimension by its length; a vector of zeros stays one."""
    length = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    # Dividing zeros by a tiny constant instead would make their gradient overflow half precision.
    return z / torch.where(length > 0, length, 1.0)
