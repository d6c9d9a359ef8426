"""How many series a step takes, and how many steps a fit."""

import math

import numpy as np

LEAST_STEPS, MOST_STEPS, PASSES = 200, 500, 4  # of an automatic budget
LARGEST_BATCH = 64  # of an automatic one


def resolved_batch_size(batch_size: int | str, n_cases: int, most: int = LARGEST_BATCH) -> int:
    """Return the batch size; "auto" is the power of two next to a quarter of the series, from 8 to `most`."""
    if not isinstance(batch_size, str):
        return int(batch_size)
    return int(np.clip(2 ** round(math.log2(n_cases / 4)), 8, most))


def resolved_epochs(max_epochs: int | str, max_steps: int | None, steps_per_epoch: int) -> int:
    """Return the passes over the series, which a budget in steps replaces.

    "auto" is as many as 200 steps take, or else four, or as many below four as 500 steps take.
    """
    if max_steps is None and not isinstance(max_epochs, str):
        return int(max_epochs)
    if max_steps is not None:
        return math.ceil(max_steps / steps_per_epoch)
    return max(math.ceil(LEAST_STEPS / steps_per_epoch), min(PASSES, math.ceil(MOST_STEPS / steps_per_epoch)))


def steps_per_epoch(n_cases: int, batch_size: int) -> int:
    """Count the batches of one pass; a rest of one row makes no batch of its own."""
    return max(1, (n_cases + batch_size - 1 - (n_cases % batch_size == 1)) // batch_size)
