"""Series that a user gives as a tensor."""

from typing import Any

import torch


def check_series(x: Any) -> None:
    """Raise unless x is a floating-point tensor of shape (B, C, L)."""
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise TypeError(
            f"`x` must be a floating-point torch.Tensor, got {kind}. Convert it by torch.as_tensor(x).float()."
        )
    if x.dim() != 3:
        raise ValueError(f"`x` must have shape (B, C, L), got {tuple(x.shape)}. Series of one channel need x[:, None].")
