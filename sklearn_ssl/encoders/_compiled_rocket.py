"""The compiled kernels of aeon, which can replace those in PyTorch."""

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import torch

ONE_AT_A_TIME = threading.Lock()  # Numba's simplest threading layer ends the process when two threads enter it


def proportions(
    x: torch.Tensor, channels: list[np.ndarray], plan: list[tuple[int, int]], biases: torch.Tensor
) -> torch.Tensor:
    """Return the share of steps above each threshold, computed by aeon.

    Parameters
    ----------
    x : float Tensor of shape (B, C, L)
        Series on the CPU that are longer than every kernel.
    channels : list of int array
        The channels that each kernel sees, dilation after dilation.
    plan : list of (int, int)
        The dilations, each with its number of thresholds per kernel.
    biases : Tensor of shape (F,)
        The thresholds.

    Returns
    -------
    h : Tensor of shape (B, F)
        The features.
    """
    with _threads_kept():
        return _proportions(x, channels, plan, biases)


def _proportions(
    x: torch.Tensor, channels: list[np.ndarray], plan: list[tuple[int, int]], biases: torch.Tensor
) -> torch.Tensor:
    from aeon.transformations.collection.convolution_based import _minirocket  # slow to import

    dilations, numbers = np.array(plan, dtype=np.int32).T.copy()
    counts = np.array([len(one) for one in channels], dtype=np.int32)
    parameters = (counts, np.concatenate(channels, dtype=np.int32), dilations, numbers, biases.numpy())
    X, indices = x.detach().contiguous().numpy(), _minirocket.MiniRocket._indices
    if x.shape[1] == 1:
        return torch.from_numpy(_minirocket._static_transform_uni(X[:, 0], parameters, indices))
    return torch.from_numpy(_minirocket._static_transform_multi(X, parameters, indices))


@contextlib.contextmanager
def _threads_kept() -> Iterator[None]:
    """Let Numba use as many threads as PyTorch, then restore both numbers.

    Where both use OpenMP, each changes the number of the other. Even asking Numba for its number does that.
    """
    threads = torch.get_num_threads()
    import numba  # slow to import

    with ONE_AT_A_TIME:
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        try:
            yield
        finally:
            numba.set_num_threads(before)
            torch.set_num_threads(threads)
