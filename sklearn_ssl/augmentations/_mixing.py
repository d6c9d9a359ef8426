"""Augmentations that mix the series of a batch with each other."""

from typing import final

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl.augmentations._base import Augmentation, Draws


@final
class Mixup(Augmentation):
    r"""Mix each series with another one of the batch.

    .. math:: y_i = w_i x_i + (1 - w_i) x_{\pi(i)}, \quad w_i = \max(b_i, 1 - b_i), \quad
        b_i \sim \mathrm{Beta}(\alpha, \alpha)

    where :math:`\pi` is a random permutation of the batch. A series counts as zero beyond its own length. The weight
    is at least one half, so that the result remains a view of series i. The paper also mixes labels, and takes
    :math:`w_i = b_i`.

    Parameters
    ----------
    alpha : float, default=0.2
        Parameter :math:`\alpha` of the distribution. Larger values bring the weights closer to one half. 0 changes
        nothing.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", International Conference on
    Learning Representations, 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Mixup
    >>> y = Mixup()(torch.tensor([[[0.0]], [[1.0]]]))
    >>> bool(y[0] <= 0.5), bool(y[1] >= 0.5)
    (True, True)
    """

    alpha: float = number(default=0.2, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``partner`` (B,), a permutation, and ``weight`` (B,), from one half to one."""
        return {"partner": torch.randperm(len(x), device=x.device), "weight": self._weights(x)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Mix each series with its ``partner``. ``weight`` is the weight of the series itself."""
        known = torch.where(observed_mask(lengths, x.shape[2])[:, None], x, 0)
        return x + (1 - draws["weight"])[:, None, None] * (known[draws["partner"]] - x)

    def _weights(self, x: torch.Tensor) -> torch.Tensor:
        if self.alpha == 0:
            return torch.ones(len(x), device=x.device)
        alpha = torch.full((len(x),), float(self.alpha), device=x.device)
        # Checking the arguments would wait for the device.
        share = torch.distributions.Beta(alpha, alpha, validate_args=False).sample()
        return torch.maximum(share, 1 - share)
