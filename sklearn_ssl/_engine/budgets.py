"""The size of a batch and the number of epochs."""

import math

import numpy as np

LEAST_STEPS, MOST_STEPS, PASSES = 200, 500, 4  # of an automatic budget
LARGEST_BATCH = 64  # of an automatic one
MOST_LABELLED = 256  # series of an automatic batch of labelled series


def resolved_batch_size(batch_size: int | str, n_cases: int, most: int = LARGEST_BATCH) -> int:
    """Return the batch size; "auto" is the power of two nearest to a quarter of the series, from 8 to `most`."""
    if not isinstance(batch_size, str):
        return int(batch_size)
    return int(np.clip(2 ** round(math.log2(n_cases / 4)), 8, most))


def resolved_epochs(
    max_epochs: int | str, max_steps: int | None, steps_per_epoch: int, least: int = LEAST_STEPS
) -> int:
    """Return the passes over the series; a budget in steps goes before a number of epochs.

    "auto" is about `least` steps. Large sets get up to four passes, but no more than about 500 steps allow.
    """
    if max_steps is None and not isinstance(max_epochs, str):
        return int(max_epochs)
    if max_steps is not None:
        return math.ceil(max_steps / steps_per_epoch)
    return max(math.ceil(least / steps_per_epoch), min(PASSES, math.ceil(MOST_STEPS / steps_per_epoch)))


def steps_per_epoch(n_cases: int, batch_size: int) -> int:
    """Count the batches of one pass: as few as the batch size allows, with at least two series in each."""
    return max(1, min(math.ceil(n_cases / batch_size), n_cases // 2))
