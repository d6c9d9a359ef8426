"""A place for every training series."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._siamese import SiameseArchitecture
from sklearn_ssl.losses._vectors import unit_length


class InstanceBankArchitecture(SiameseArchitecture):
    r"""One view of every series, and a bank with the latest projection of each training series.

    After a batch, row t(i) of the bank becomes :math:`\beta m_{t(i)} + (1 - \beta) z_i` at unit length, where
    :math:`m_{t(i)}` is the row before, and :math:`z_i` the projection of series t(i) at unit length.

    Parameters
    ----------
    bank_momentum : float
        :math:`\beta`, from 0 to below 1.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    bank : Tensor of shape (n_cases, P)
        Vectors of unit length. At the start they have random directions.

    Raises
    ------
    ValueError
        If a batch has a series that is not among the `n_cases` first ones.
    """

    bank: torch.Tensor
    keeps_instances = True

    def __init__(self, *, bank_momentum: float, **siamese: Any) -> None:
        super().__init__(n_views=1, **siamese)
        self.bank_momentum = bank_momentum
        self.register_buffer("bank", unit_length(torch.randn(self.n_cases, self.n_projections)))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections (B, P), the numbers of their rows in the bank (B,), and the bank before (N, P)."""
        index = known_instances(batch.index, self.n_cases)
        (z,) = super().forward(batch)
        bank = self.bank
        if self.training:
            self.remember(z, index)
        return z, index, bank

    @torch.no_grad()
    def remember(self, z: torch.Tensor, index: torch.Tensor) -> None:
        """Move the rows `index` (B,) of the bank towards projections z (B, P)."""
        z = unit_length(z.to(self.bank.dtype))
        moved = unit_length(torch.lerp(z, self.bank[index], self.bank_momentum))  # (B, P)
        self.bank = self.bank.index_copy(0, index, moved)  # a new tensor: the loss still reads the old


class InstanceClassifierArchitecture(SiameseArchitecture):
    """One view of every series, and a linear classifier that tells which series the view came from.

    Parameters
    ----------
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    classifier : torch.nn.Linear
        Maps projections (B, P) to logits (B, N), one for each of the N training series.

    Raises
    ------
    ValueError
        If a batch has a series that is not among the `n_cases` first ones.
    """

    keeps_instances = True

    def __init__(self, **siamese: Any) -> None:
        super().__init__(n_views=1, **siamese)
        self.classifier = nn.Linear(self.n_projections, self.n_cases)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return logits for all N training series (B, N), and the numbers of the series of the batch (B,)."""
        index = known_instances(batch.index, self.n_cases)
        (z,) = super().forward(batch)
        return self.classifier(z), index


def known_instances(index: torch.Tensor | None, n_cases: int) -> torch.Tensor:
    """Return the rows of a batch (B,) if all are among the series that training started with.

    Raises
    ------
    ValueError
        If a row is beyond them, or if the rows are unknown.
    """
    if index is None or int(index.max()) >= n_cases:
        got = "none" if index is None else f"row {int(index.max())}"
        raise ValueError(
            f"This method has a place for each of the {n_cases} series it started with, rows 0 to {n_cases - 1}, but "
            f"got {got}. Give `partial_fit` the same series in the same order, or call `fit`."
        )
    return index
