"""A codebook of unit vectors that follow what is assigned to them."""

import torch
from torch import nn

from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length

ROUNDS = 10  # of k-means
LEAST_USAGE = 0.01  # windows per step


class Codebook(nn.Module):
    r"""K unit vectors. A window has the code of the vector that is nearest to it.

    In training each vector moves towards the mean direction of the windows that have its code:

    .. math:: c_k \leftarrow u\bigl(m c_k + (1 - m)\, u(\textstyle\sum_{q_t = k} z_t)\bigr),

    where u divides a vector by its length. A vector without a window in the batch stays. One that had next to no window
    for a while becomes a random window of the batch.

    Parameters
    ----------
    n_codes : int
        Number of codes K.
    width : int
        Number of values d of a vector.
    decay : float
        The share m of a vector that stays in each step, from 0 to 1.

    Attributes
    ----------
    vectors : Tensor of shape (K, d)
        The vectors.
    usage : Tensor of shape (K,)
        Moving average of the number of windows that a code has in a step.
    """

    vectors: torch.Tensor
    usage: torch.Tensor

    def __init__(self, n_codes: int, width: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("vectors", unit_length(torch.randn(n_codes, width)))
        self.register_buffer("usage", torch.ones(n_codes))

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, z: torch.Tensor) -> torch.Tensor:
        """Return the codes of unit vectors z (..., d): (...)."""
        return cosines(z, self.vectors).argmax(-1)

    @torch.no_grad()
    def start(self, z: torch.Tensor) -> None:
        """Set the vectors by k-means on the sphere, from the unit vectors z (N, d) of some windows."""
        few = len(z) < len(self)
        rows = torch.randint(len(z), (len(self),)) if few else torch.randperm(len(z))[: len(self)]
        self.vectors = z[rows.to(z.device)]
        everywhere = torch.ones_like(z[:, 0], dtype=torch.bool)
        for _ in range(ROUNDS):
            means, counts = self._means(z, self.nearest(z), everywhere)
            self.vectors = torch.where(counts[:, None] > 0, means, self.vectors)

    @torch.no_grad()
    def follow(self, z: torch.Tensor, codes: torch.Tensor, seen: torch.Tensor) -> None:
        """Move the vectors towards the windows of a batch.

        Parameters
        ----------
        z : Tensor of shape (B, T, d)
            Unit vectors of the windows.
        codes : int Tensor of shape (B, T)
            Their codes.
        seen : bool Tensor of shape (B, T)
            True at windows that have an observed step. Others take no part.
        """
        z, codes, seen = z.flatten(0, 1), codes.flatten(), seen.flatten()
        means, counts = self._means(z, codes, seen)
        moved = unit_length(torch.lerp(means, self.vectors, self.decay))
        vectors = torch.where(counts[:, None] > 0, moved, self.vectors)
        usage = torch.lerp(counts, self.usage, self.decay)
        dead = usage < LEAST_USAGE  # (K,)
        order = (torch.rand(len(z), device=z.device) + (~seen).to(z.dtype)).argsort()  # those that are seen come first
        chosen = order[(dead.cumsum(0) - 1).clamp(min=0) % seen.sum()]  # (K,), another window for each dead code
        self.vectors = torch.where(dead[:, None], z[chosen], vectors)
        self.usage = torch.where(dead, 1, usage)

    def _means(self, z: torch.Tensor, codes: torch.Tensor, counted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean direction (K, d) and the number (K,) of the vectors z (N, d) with each code."""
        weight = counted.to(z.dtype)
        sums = torch.zeros_like(self.vectors).index_add_(0, codes, z * weight[:, None])
        return unit_length(sums), torch.zeros_like(self.usage).index_add_(0, codes, weight)


@in_full_precision
def cosines(z: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return the products of z (..., d) with all vectors (K, d): (..., K)."""
    return z @ vectors.T
