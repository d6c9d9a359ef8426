"""Checks of shapes; none looks at values, which would make a GPU wait."""

import torch


def check_batch(z: torch.Tensor) -> None:
    """Raise a ValueError unless `z` is a batch of two or more embeddings."""
    if z.ndim != 2 or z.shape[1] == 0:
        raise ValueError(f"Embeddings must have the shape (n, d), got {tuple(z.shape)}; pool or flatten them first.")
    if len(z) < 2:
        raise ValueError(
            f"The loss compares the series of a batch and needs two or more, got embeddings of shape {tuple(z.shape)}; "
            "use a larger batch and drop an incomplete last one."
        )


def check_views(z1: torch.Tensor, z2: torch.Tensor) -> None:
    """Raise a ValueError unless `z1` and `z2` are embeddings of two views of one batch."""
    if z1.shape != z2.shape:
        raise ValueError(
            f"z1 and z2 must have one shape, got {tuple(z1.shape)} and {tuple(z2.shape)}; "
            "row i of both must embed a view of series i."
        )
    check_batch(z1)
