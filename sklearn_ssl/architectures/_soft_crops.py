"""Two crops of every series, and how similar the series are."""

from typing import Any

import torch

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._crops import CroppedArchitecture
from sklearn_ssl.architectures._windows import observed_steps
from sklearn_ssl.augmentations._time import interpolated

N_POINTS = 64


class SoftCroppedArchitecture(CroppedArchitecture):
    r"""The crops of `CroppedArchitecture`, with weights that tell how similar the series of a batch are.

    Each channel of a series is interpolated to 64 points from its first to its last step, and standardised. With
    :math:`d_{ij}` the Euclidean distance of two series, divided by the largest distance among at most 512 training
    series, and at most 1,

    .. math:: w_{ij} = 2 \alpha \, \sigma(-\tau d_{ij}) \text{ for } i \ne j, \qquad w_{ii} = 1.

    Parameters
    ----------
    similar : float
        :math:`\alpha`, half of the weight of a series that is the same.
    instance_sharpness : float
        :math:`\tau`.
    **cropped : dict
        Parameters of `CroppedArchitecture`.

    Attributes
    ----------
    largest : Tensor of shape ()
        The largest distance.
    """

    largest: torch.Tensor

    def __init__(self, *, similar: float, instance_sharpness: float, **cropped: Any) -> None:
        super().__init__(**cropped)
        self.similar = similar
        self.instance_sharpness = instance_sharpness
        self.register_buffer("largest", torch.ones(()))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Set what the encoder does not learn, and the largest distance, from series x (N, C, L)."""
        super().adapt(x, lengths)
        largest = _distances(x, lengths).max()
        self.largest = torch.where(largest > 0, largest, 1.0)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the features of the common steps in both crops, each (B, D, o), and the weights (B, B)."""
        return *super().forward(batch), self.similarity(batch.x, batch.lengths)

    @torch.no_grad()
    def similarity(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return how similar series x (B, C, L) are: (B, B)."""
        distances = (_distances(x, lengths) / self.largest).clamp(max=1)
        weights = 2 * self.similar * torch.sigmoid(-self.instance_sharpness * distances)
        return weights.fill_diagonal_(1)


def _distances(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """Return the Euclidean distances of standardised series of one length: x (B, C, L) to (B, B)."""
    observed = observed_steps(x, lengths)
    share = torch.linspace(0, 1, N_POINTS, device=x.device)
    points = interpolated(x, share * (observed[:, None] - 1), observed)  # (B, C, 64)
    points = points - points.mean(2, keepdim=True)
    spread = points.square().mean(2, keepdim=True).sqrt()
    points = torch.where(spread > 0, points / torch.where(spread > 0, spread, 1), 0.0)
    return torch.cdist(points.flatten(1), points.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
