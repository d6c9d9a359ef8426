import torch

from sklearn_ssl.losses._arguments import check_one_per_row, check_positive, check_rows, check_share
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import cosine_logits


@in_full_precision
def timemcl_loss(
    z1: torch.Tensor, z2: torch.Tensor, z_mixed: torch.Tensor, weight: torch.Tensor | float, temperature: float = 0.5
) -> torch.Tensor:
    r"""Prediction of the shares of two series in their mixture (mixing-up contrastive learning, TimeMCL).

    Series are mixed in pairs, :math:`\tilde{x}_i = \lambda_i x_i + (1 - \lambda_i) x'_i`. The softmax of the cosine
    similarities of a mixture with all 2n series has to give :math:`\lambda_i` to the first of its two series and
    :math:`1 - \lambda_i` to the second. The authors call this loss MNT-Xent:

    .. math::
        \ell = \frac{1}{n} \sum_{i=1}^{n} -\lambda_i \log P_{i,i} - (1 - \lambda_i) \log P_{i,n+i}, \qquad
        P_{ij} = \frac{\exp(\cos(\tilde{z}_i, z_j) / \tau)}{\sum_{k=1}^{2n} \exp(\cos(\tilde{z}_i, z_k) / \tau)}

    where :math:`\tilde{z}_i` is row i of `z_mixed`, :math:`z_1, \dots, z_{2n}` are the rows of `z1` followed by the
    rows of `z2`, :math:`\lambda_i` is `weight` and :math:`\tau` is `temperature`. All embeddings receive a gradient.
    Identical embeddings give :math:`\log 2n` at any temperature.

    The authors mix a batch with a permutation of itself, with one share for the whole batch. Each series is then a row
    of `z1` and a row of `z2`. The second of these rows counts as a negative, as in the authors' code.

    Parameters
    ----------
    z1, z2 : torch.Tensor of shape (n, d)
        Embeddings of the series that were mixed, row i of both in mixture i.
    z_mixed : torch.Tensor of shape (n, d)
        Embeddings of the mixtures.
    weight : float or torch.Tensor of shape () or (n,)
        Share :math:`\lambda` of the first series, from 0 to 1: one number for all mixtures or one per mixture.
    temperature : float, default=0.5
        Divides the similarities.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the mixtures; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if `weight` is a number outside 0 to 1, or if `temperature` is not above 0. The values of a
        tensor are not checked.

    References
    ----------
    Wickstrøm, K., Kampffmeyer, M., Mikalsen, K. Ø. and Jenssen, R. (2022). Mixing up contrastive learning:
    Self-supervised representation learning for time series. Pattern Recognition Letters 155.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import timemcl_loss
    >>> collapsed = torch.ones(4, 8)
    >>> round(float(timemcl_loss(collapsed, collapsed, collapsed, weight=0.3)), 4), round(math.log(8), 4)
    (2.0794, 2.0794)
    """
    check_rows(z1=z1, z2=z2, z_mixed=z_mixed)
    _check_weight(weight, len(z_mixed))
    check_positive("temperature", temperature, "the authors use 0.5")
    n = len(z_mixed)
    log_shares = cosine_logits(z_mixed, torch.cat([z1, z2]), temperature).log_softmax(dim=1)  # (n, 2n)
    first = log_shares.diagonal()  # (n,)
    second = log_shares.diagonal(offset=n)  # (n,)
    return -(weight * first + (1 - weight) * second).mean()


def _check_weight(weight: torch.Tensor | float, n_rows: int) -> None:
    remedy = "pass the share of the first series in each mixture"
    if not isinstance(weight, torch.Tensor):
        check_share("weight", weight, remedy)
    elif weight.ndim > 0:
        check_one_per_row("weight", weight, n_rows, remedy)
