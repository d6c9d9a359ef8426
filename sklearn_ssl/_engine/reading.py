"""Series that are read from a disk: in which order, ahead of their use, and checked."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from sklearn_ssl._input.on_disk import OnDisk, is_on_disk


def in_random_order(rows: torch.Tensor, values: Any) -> torch.Tensor:
    """Return rows (n,) in random order.

    Rows of a file that is read in blocks are shuffled in windows: the blocks are drawn in random order, some of them
    make a window, and rows are drawn at random from one window after the other. So each block is read once per epoch.
    If a single window has all blocks, the order is that of series in memory.
    """
    drawn = rows[torch.randperm(len(rows))]
    if not isinstance(values, OnDisk):
        return drawn
    blocks, per_window = values.windows_of_blocks(drawn.numpy())
    numbers, block_of = np.unique(blocks, return_inverse=True)
    if len(numbers) <= per_window:
        return drawn
    window = torch.randperm(len(numbers))[torch.from_numpy(block_of)] // per_window  # (n,)
    return drawn[window.argsort(stable=True)]


def one_ahead(read: Callable[[Any], Any], keys: Iterable[Any]) -> Iterator[Any]:
    """Yield ``read(key)`` for each key. A thread reads the next one while the caller uses the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="sklearn_ssl_reads") as thread:
        following: Future | None = None
        for key in keys:
            previous, following = following, thread.submit(read, key)
            if previous is not None:
                yield previous.result()
        if following is not None:
            yield following.result()


def read_rows(values: Any, rows: np.ndarray, n_timepoints: int, lengths: np.ndarray | None) -> np.ndarray:
    """Return the first steps of some series (n, C, n_timepoints) in float32.

    Raises
    ------
    ValueError
        If a value on disk is missing or infinite that was not so before.
    """
    found = values.read(rows)[:, :, :n_timepoints] if isinstance(values, OnDisk) else values[rows, :, :n_timepoints]
    with np.errstate(over="ignore"):  # values that overflow are reported as infinite
        batch = np.asarray(found, dtype=np.float32)
    if is_on_disk(values) and not np.isfinite(batch).all():
        _check_unchanged(batch, rows, n_timepoints if lengths is None else lengths[rows])
    return batch


def _check_unchanged(batch: np.ndarray, rows: np.ndarray, lengths: np.ndarray | int) -> None:
    observed = np.arange(batch.shape[2]) < np.atleast_1d(lengths)[:, None]  # (n or 1, L)
    lost = (~np.isfinite(batch) & observed[:, None]).any(axis=(1, 2))
    if lost.any():
        raise ValueError(
            f"Series {rows[np.argmax(lost)]} of X has missing or infinite values that it did not have when `fit` or "
            "`transform` began: its file was changed meanwhile. Write to another file, and start again."
        )
