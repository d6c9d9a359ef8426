"""Padding: the trailing steps of a series shorter than its batch."""

import torch
from torch.nn import functional as F


def observed_mask(lengths: torch.Tensor, n_timepoints: int) -> torch.Tensor:
    """Return a boolean (B, L) tensor, true at the first ``lengths`` steps of each series."""
    return torch.arange(n_timepoints, device=lengths.device) < lengths[:, None]


def zero_padding(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Set the padded steps of h (B, D, L) to zero."""
    return h if mask is None else h * mask.unsqueeze(1)


def stride_of(n_steps: int, length: int) -> int | None:
    """Return the power of two s for which length = ceil(n_steps / s), or None if there is none."""
    stride = 1 << (-(-n_steps // length) - 1).bit_length()  # the smallest that is at least n_steps / length
    return stride if -(-n_steps // stride) == length else None


def resize_mask(mask: torch.Tensor, length: int) -> torch.Tensor:
    """Return the mask that belongs to a feature map with another number of steps.

    A coarse step counts as observed if any of its fine steps is. If a power of two s explains the new length,
    length = ceil(L / s), then a coarse step stands for s fine ones and the answer for a series does not depend on
    how long its batch is; no two powers of two explain the same length above one. Any other length divides the
    steps as evenly as possible.

    Parameters
    ----------
    mask : bool Tensor of shape (B, L)
        True at observed steps.
    length : int
        Number of steps of the feature map.

    Returns
    -------
    mask : bool Tensor of shape (B, length)
        True at observed steps of the feature map.
    """
    n_steps = mask.shape[1]
    if length == n_steps:
        return mask
    stride = stride_of(n_steps, length)
    steps = mask.unsqueeze(1).float()  # (B, 1, L)
    if stride is not None:
        steps = F.max_pool1d(F.pad(steps, (0, -n_steps % stride)), stride)  # (B, 1, length)
    else:
        steps = F.adaptive_max_pool1d(steps, length)  # (B, 1, length)
    return steps.squeeze(1) > 0
