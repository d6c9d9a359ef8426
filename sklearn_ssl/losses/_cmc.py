from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_positive, stacked_views
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length

ABSENT = -1e30  # a similarity that no softmax counts, and that is finite


@in_full_precision
def cmc_loss(
    z: torch.Tensor | Sequence[torch.Tensor], present: torch.Tensor, scale: torch.Tensor | float = 1 / 0.07
) -> torch.Tensor:
    r"""Contrastive loss across several views of the same series, such as sensors (contrastive multiview coding).

    For each pair of views every series has to pick its second view among those of all series, by cosine similarity, and
    the other way round:

    .. math::
        \ell = \frac{1}{N} \sum_{g < h} \sum_{i \in B_{gh}} -\frac{1}{2} \left(
        \log \frac{\exp(a^{gh}_{ii})}{\sum_{k \in B_{gh}} \exp(a^{gh}_{ik})}
        + \log \frac{\exp(a^{gh}_{ii})}{\sum_{k \in B_{gh}} \exp(a^{gh}_{ki})} \right),
        \qquad a^{gh}_{ik} = s \cos(z^g_i, z^h_k)

    where :math:`B_{gh}` are the series in which views g and h are present, N is the number of all terms and s is
    `scale`. Without terms the loss is 0. Embeddings that are all the same give :math:`\log n` if nothing is missing.

    Parameters
    ----------
    z : torch.Tensor of shape (G, n, d), or sequence of torch.Tensor of shape (n, d)
        Embeddings of G views of n series.
    present : bool torch.Tensor of shape (n, G)
        Which views each series has.
    scale : torch.Tensor of shape () or float, default=1 / 0.07
        The inverse of the temperature. A tensor can be learnt.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, or if a number as `scale` is not above 0.

    References
    ----------
    Tian, Y., Krishnan, D. and Isola, P. (2020). Contrastive multiview coding. ECCV.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import cmc_loss
    >>> same, present = torch.ones(3, 4, 8), torch.ones(4, 3, dtype=torch.bool)
    >>> round(float(cmc_loss(same, present)), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """
    z = stacked_views("z", z, n_views=2)  # (G, n, d)
    if present.shape != (z.shape[1], len(z)):
        raise ValueError(
            f"`present` must have the shape {(z.shape[1], len(z))}, a row per series, got {tuple(present.shape)}; "
            "transpose it, or tell of all views of `z`."
        )
    if not isinstance(scale, torch.Tensor):
        check_positive("scale", scale, "CLIP starts from 1 / 0.07")
    first, second = torch.triu_indices(len(z), len(z), offset=1, device=z.device)
    z = unit_length(z)
    logits = scale * z[first] @ z[second].transpose(1, 2)  # (pairs, n, n)
    both = (present[:, first] & present[:, second]).T  # (pairs, n)
    of_first = logits.masked_fill(~both[:, None], ABSENT).logsumexp(dim=2)
    of_second = logits.masked_fill(~both[:, :, None], ABSENT).logsumexp(dim=1)
    terms = (of_first + of_second) / 2 - logits.diagonal(dim1=1, dim2=2)  # (pairs, n)
    return torch.where(both, terms, 0).sum() / both.sum().clamp(min=1)
