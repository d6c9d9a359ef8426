"""An augmentation of one's own."""

from typing import final

import torch

from sklearn_ssl.augmentations import Augmentation
from sklearn_ssl.base import number


@final
class Offset(Augmentation):
    r"""Add a random constant to each channel.

    The result is :math:`x_{ict} + \sigma e_{ic}` with :math:`e_{ic} \sim N(0, 1)`.

    Parameters
    ----------
    sigma : float, default=0.1
        :math:`\sigma`, in the unit of the series. 0 changes nothing.
    """

    sigma: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"offset": torch.randn(x.shape[:2], device=x.device)}  # (B, C)

    def apply(
        self, x: torch.Tensor, lengths: torch.Tensor, draws: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        return x + self.sigma * draws["offset"][:, :, None]  # (B, C, L)
