"""A moving average of the second moments of projections."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._momentum import MomentumArchitecture
from sklearn_ssl.architectures._siamese import SiameseArchitecture
from sklearn_ssl.losses import updated_covariance


class RunningCovariance(nn.Module):
    r"""Moving average C of the second moments M of projections at unit length.

    .. math:: C \leftarrow \beta\, C + (1 - \beta)\, M.

    Parameters
    ----------
    n_projections : int
        Width P of the projections.
    beta : float
        :math:`\beta`, from 0 to 1.

    Attributes
    ----------
    covariance : Tensor of shape (P, P)
        C, zeros at the start. It carries no gradient.
    """

    covariance: torch.Tensor

    def __init__(self, n_projections: int, beta: float) -> None:
        super().__init__()
        self.beta = beta
        self.register_buffer("covariance", torch.zeros(n_projections, n_projections))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return C after z (B, P), with the gradient of z, and keep it in training mode."""
        covariance = updated_covariance(z, self.covariance, self.beta)  # (P, P)
        if self.training:
            self.covariance = covariance.detach()
        return covariance


class CovarianceArchitecture(SiameseArchitecture):
    """Two views of every series, and the running covariance of both.

    Parameters
    ----------
    beta : float
        Share of the history in the covariance, from 0 to 1.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    covariance : torch.nn.Module
        Maps projections (B, P) to the covariance (P, P) after them.
    """

    def __init__(self, *, beta: float, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.covariance = RunningCovariance(self.n_projections, beta)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections z1, z2 of two views, each (B, P), and the covariance after both (P, P)."""
        z1, z2 = super().forward(batch)
        return z1, z2, self.covariance(torch.cat([z1, z2]))


class MomentumCovarianceArchitecture(MomentumArchitecture):
    """One view through the encoder, another through the teacher, and the running covariance of the first.

    Parameters
    ----------
    beta : float
        Share of the history in the covariance, from 0 to 1.
    **momentum : dict
        Parameters of `MomentumArchitecture`.

    Attributes
    ----------
    covariance : torch.nn.Module
        Maps projections (B, P) to the covariance (P, P) after them.
    """

    def __init__(self, *, beta: float, **momentum: Any) -> None:
        super().__init__(**momentum)
        self.covariance = RunningCovariance(self.n_projections, beta)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections of one view, the teacher's of another, each (B, P), and the covariance after (P, P)."""
        z1, z2 = super().forward(batch)
        return z1, z2, self.covariance(z1)
