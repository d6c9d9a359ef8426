"""Padding: the trailing steps of a series shorter than its batch."""

import torch


def observed_mask(lengths: torch.Tensor, n_timepoints: int) -> torch.Tensor:
    """Return a boolean (B, L) tensor, true at the first ``lengths`` steps of each series."""
    return torch.arange(n_timepoints, device=lengths.device) < lengths[:, None]
