"""Which device and which arithmetic "auto" means."""

import os
from typing import Any

import torch

from sklearn_ssl._parameters.shown import on_one_line, shown
from sklearn_ssl._processes.team import current_team


def resolved_device(device: Any) -> torch.device:
    """Return the device to compute on.

    Raises
    ------
    ValueError
        If the device is unknown or not on this machine.
    """
    if isinstance(device, str) and device == "auto":
        has_mps = torch.mps.is_available() and current_team() is None
        device = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved).cpu()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f'`device` must be "auto", "cpu" or an accelerator of this machine, such as "cuda" or "mps", '
            f'got {shown(device)}. Set device="auto" to take what is there. PyTorch says: {on_one_line(error)}'
        ) from error
    return resolved if current_team() is None else _of_process(resolved)


def put(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor of the CPU on a device. The host does not wait until a GPU has done what it was given before."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def _of_process(device: torch.device) -> torch.device:
    """Return the device of one of several processes: each has a GPU of its own."""
    if device.type not in ("cpu", "cuda"):
        raise ValueError(
            f'`device` must be "auto", "cpu" or "cuda" if `distributed` is True, got "{device}": processes cannot '
            "exchange tensors of other devices."
        )
    if device.type == "cpu" or device.index is not None:
        return device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())


def resolved_precision(precision: str, device: torch.device) -> str:
    """Return "float32" or "bf16"; "auto" is bf16 on CUDA devices that have it."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
