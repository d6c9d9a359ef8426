"""Which device and which arithmetic "auto" means."""

from typing import Any

import torch

from sklearn_ssl._parameters.shown import shown


def resolved_device(device: Any) -> torch.device:
    """Return the device to compute on.

    Raises
    ------
    ValueError
        If the device is unknown or not on this machine.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved).cpu()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f'`device` must be "auto", "cpu" or an accelerator of this machine, such as "cuda" or "mps", '
            f"got {shown(device)} ({shown(error)})."
        ) from error
    return resolved


def resolved_precision(precision: str, device: torch.device) -> str:
    """Return "float32" or "bf16"; "auto" is bf16 on CUDA devices that have it."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
