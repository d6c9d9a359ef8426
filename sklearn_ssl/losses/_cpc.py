"""The losses of methods that predict what comes later."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_at_least, check_floating_point, check_positive, check_rows
from sklearn_ssl.losses._ntxent import ntxent_loss
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def cpc_loss(predicted: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
    r"""Contrast of predictions with what came later in all series of the batch (CPC, InfoNCE).

    Each prediction has to pick the later features of its own series:

    .. math::
        \ell = \frac{1}{K n} \sum_{k=1}^{K} \sum_{i=1}^{n} -\log
        \frac{\exp(p_{ki} \cdot z_{ki})}{\sum_{j=1}^{n} \exp(p_{ki} \cdot z_{kj})}

    where :math:`p_{ki}` and :math:`z_{ki}` are the rows of ``predicted[k]`` and ``later[k]``. The softmax runs over the
    candidates :math:`z_{kj}` for one prediction, as in the paper. Equal features give :math:`\log n`.

    Parameters
    ----------
    predicted : torch.Tensor of shape (K, n, d)
        For each of K distances into the future, the predictions for n series, two or more.
    later : torch.Tensor of shape (K, n, d)
        The features that were predicted.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over distances and series; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ, or if there are fewer than two series.

    References
    ----------
    van den Oord, A., Li, Y. and Vinyals, O. (2018). Representation learning with contrastive predictive coding.
    arXiv:1807.03748.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import cpc_loss
    >>> z = torch.ones(2, 4, 8)
    >>> round(float(cpc_loss(z, z)), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """
    _check_pair("predicted", predicted, "later", later)
    logits = predicted @ later.transpose(1, 2)  # (K, n, n): predictions x candidates
    own = torch.arange(logits.shape[1], device=logits.device)
    return F.cross_entropy(logits.flatten(0, 1), own.repeat(len(logits)))


@in_full_precision
def tstcc_loss(
    weak_context: torch.Tensor,
    strong_context: torch.Tensor,
    strong_predicted: torch.Tensor,
    strong_later: torch.Tensor,
    weak_predicted: torch.Tensor,
    weak_later: torch.Tensor,
    temporal: float = 1.0,
    contextual: float = 0.7,
    temperature: float = 0.2,
) -> torch.Tensor:
    r"""Predictions across two views, and agreement of their contexts (TS-TCC).

    .. math::
        \ell = \lambda_1 \bigl( \ell_{\text{CPC}}(P^s, Z^s) + \ell_{\text{CPC}}(P^w, Z^w) \bigr)
        + \lambda_2 \, \ell_{\text{NT-Xent}}(C^w, C^s)

    where :math:`P^s` is predicted from the weak view and compared with the strong view, and :math:`P^w` the other way
    round; see `cpc_loss` and `ntxent_loss`. Equal features give
    :math:`2 \lambda_1 \log n + \lambda_2 \log(2n - 1)`.

    Parameters
    ----------
    weak_context, strong_context : torch.Tensor of shape (n, d)
        Projections of the contexts of both views, for two or more series.
    strong_predicted : torch.Tensor of shape (K, n, m)
        Predictions of the strong view from the context of the weak one.
    strong_later : torch.Tensor of shape (K, n, m)
        The features of the strong view that they predict.
    weak_predicted, weak_later : torch.Tensor of shape (K, n, m)
        The same with the views exchanged.
    temporal : float, default=1.0
        :math:`\lambda_1`.
    contextual : float, default=0.7
        :math:`\lambda_2`.
    temperature : float, default=0.2
        Divides the cosines of the contexts.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not go together, or if a parameter is outside its range.

    References
    ----------
    Eldele, E., Ragab, M., Chen, Z., Wu, M., Kwoh, C. K., Li, X. and Guan, C. (2021). Time-series representation
    learning via temporal and contextual contrasting. IJCAI.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import tstcc_loss
    >>> c, z = torch.ones(4, 8), torch.ones(2, 4, 6)
    >>> round(float(tstcc_loss(c, c, z, z, z, z)), 4), round(2 * math.log(4) + 0.7 * math.log(7), 4)
    (4.1347, 4.1347)
    """
    check_at_least("temporal", temporal, 0, "TS-TCC uses 1")
    check_at_least("contextual", contextual, 0, "TS-TCC uses 0.7")
    check_positive("temperature", temperature, "TS-TCC uses 0.2")
    check_rows(2, weak_context=weak_context, strong_context=strong_context)
    _check_pair("strong_predicted", strong_predicted, "strong_later", strong_later, n_rows=len(weak_context))
    _check_pair("strong_predicted", strong_predicted, "weak_predicted", weak_predicted)
    _check_pair("weak_predicted", weak_predicted, "weak_later", weak_later)
    later = cpc_loss(strong_predicted, strong_later) + cpc_loss(weak_predicted, weak_later)
    return temporal * later + contextual * ntxent_loss(weak_context, strong_context, temperature)


def _check_pair(name: str, z: torch.Tensor, other_name: str, other: torch.Tensor, n_rows: int | None = None) -> None:
    for one_name, one in ((name, z), (other_name, other)):
        check_floating_point(one_name, one)
    shape = tuple(z.shape)
    if z.ndim != 3 or z.numel() == 0 or shape[1] < 2 or shape != tuple(other.shape) or shape[1] != (n_rows or shape[1]):
        raise ValueError(
            f"`{name}` and `{other_name}` must have one shape (K, n, d), with n of 2 or more series as everywhere, got "
            f"{shape} and {tuple(other.shape)}."
        )
