"""A method of one's own: alignment and uniformity."""

from functools import partial
from typing import final

import torch
from torch.nn import functional as F

from sklearn_ssl.base import JointEmbeddingTransformer, number


def align_uniform_loss(
    z1: torch.Tensor, z2: torch.Tensor, uniformity: float = 1.0
) -> torch.Tensor:
    """Distance between views, plus how little unit vectors spread over the sphere."""
    z1, z2 = F.normalize(z1.float()), F.normalize(z2.float())  # (n, d)
    alignment = (z1 - z2).square().sum(dim=1).mean()
    crowding = (
        sum(torch.pdist(z).square().mul(-2).exp().mean().log() for z in (z1, z2)) / 2
    )
    return alignment + uniformity * crowding


@final
class AlignUniformTransformer(JointEmbeddingTransformer):
    r"""Alignment and uniformity: views agree, and series spread over the sphere.

    Minimises, for projections z and z' of unit length,

    .. math::

        \mathrm{E} \|z_i - z'_i\|^2
        + w \log \mathrm{E}_{i \ne j} \exp(-2 \|z_i - z_j\|^2),

    the second term averaged over the two views.

    Parameters
    ----------
    uniformity : float, default=1.0
        w, the weight of the second term.

    References
    ----------
    Wang and Isola, "Understanding contrastive representation learning through alignment
    and uniformity on the hypersphere", ICML 2020.
    """

    uniformity: float = number(default=1.0, least=0)

    def _loss(self):
        return partial(align_uniform_loss, uniformity=self.uniformity)
