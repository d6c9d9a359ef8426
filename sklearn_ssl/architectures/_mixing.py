"""Series and their mixtures."""

from typing import Any

import torch

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._siamese import SiameseArchitecture


class MixingArchitecture(SiameseArchitecture):
    r"""Every series, and its mixture with another series of the batch.

    Mixture i is :math:`\lambda_i x_i + (1 - \lambda_i) x_{\pi(i)}` with a random permutation :math:`\pi` of the batch
    and :math:`\lambda_i \sim \mathrm{Beta}(\alpha, \alpha)`. A series counts as zero after its end, and a mixture is
    as long as the longer of its two series.

    Parameters
    ----------
    alpha : float
        :math:`\alpha`, above 0.
    **siamese : dict
        Parameters of `SiameseArchitecture`. The augmentation changes the series before they are mixed.
    """

    def __init__(self, *, alpha: float, **siamese: Any) -> None:
        super().__init__(n_views=1, **siamese)
        self.alpha = alpha

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections of the first series of each mixture, of the second, and of the mixture, and the shares.

        The projections are (B, P) each. The shares (B,) are the shares of the first series.
        """
        x, lengths = self.views(batch.x, batch.lengths)
        partner = torch.randperm(len(x), device=x.device)
        share = self._shares(x)
        mixed = torch.lerp(x[partner], x, share[:, None, None])
        if lengths is not None:
            lengths = torch.cat([lengths, torch.maximum(lengths, lengths[partner])])
        z, z_mixed = self.projections(torch.cat([x, mixed]), lengths).chunk(2)  # (2B, P)
        return z, z[partner], z_mixed, share

    def _shares(self, x: torch.Tensor) -> torch.Tensor:
        alpha = torch.full((len(x),), float(self.alpha), device=x.device)
        # A check of the arguments would wait for the device.
        return torch.distributions.Beta(alpha, alpha, validate_args=False).sample()
