import math

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_positive, check_rows
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


@in_full_precision
def ntxent_loss(z1: torch.Tensor, z2: torch.Tensor, temperature: float = 0.5) -> torch.Tensor:
    r"""Normalised, temperature-scaled cross-entropy of SimCLR (NT-Xent).

    Each of the :math:`2n` views has to pick the other view of its series among the :math:`2n - 1` other views in the
    batch, by cosine similarity:

    .. math::
        \ell = \frac{1}{2n} \sum_{i=1}^{2n}
        -\log \frac{\exp(\cos(z_i, z_{p(i)}) / \tau)}{\sum_{k \neq i} \exp(\cos(z_i, z_k) / \tau)}

    where :math:`z_1, \dots, z_{2n}` are the rows of `z1` followed by the rows of `z2`, :math:`p(i)` is the other view
    of the same series and :math:`\tau` is `temperature`.

    Identical embeddings give :math:`\log(2n - 1)` at any temperature. This is chance level: if the loss stays near this
    value, the encoder does not tell the series apart.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of two views, row i of both from series i, for two or more series. A row of zeros has the similarity
        0 to every row.
    temperature : float, default=0.5
        Divides the similarities. A small temperature weights the most similar negatives most.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over all views; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ, if the batch holds fewer than two series, or if `temperature` is not above 0.

    References
    ----------
    Chen, T., Kornblith, S., Norouzi, M. and Hinton, G. (2020). A simple framework for contrastive learning of visual
    representations. ICML.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import ntxent_loss
    >>> collapsed = torch.ones(4, 8)
    >>> round(float(ntxent_loss(collapsed, collapsed)), 4), round(math.log(7), 4)
    (1.9459, 1.9459)
    """
    check_rows(n_rows=2, z1=z1, z2=z2)
    check_positive("temperature", temperature, "SimCLR uses 0.1 to 0.5")
    n_views = 2 * len(z1)
    z = unit_length(torch.cat([z1, z2]))  # (2n, d)
    itself = torch.eye(n_views, dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -math.inf)  # (2n, 2n)
    other_view = torch.arange(n_views, device=z.device).roll(len(z1))
    return F.cross_entropy(logits, other_view)
