"""The loss of CoST."""

import torch

from sklearn_ssl.losses._arguments import check_at_least, check_sequences
from sklearn_ssl.losses._momentum import queue_contrastive_loss
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._ts2vec import contrast_of_rows
from sklearn_ssl.losses._vectors import unit_length

NEGLIGIBLE = 1e-2  # amplitudes below this share of their root mean square have no phase worth comparing


@in_full_precision
def cost_loss(
    query: torch.Tensor,
    key: torch.Tensor,
    queue: torch.Tensor,
    season1: torch.Tensor,
    season2: torch.Tensor,
    temperature: float = 0.07,
    seasonal: float = 5e-4,
) -> torch.Tensor:
    r"""Contrast of trends at a time step, and of amplitudes and phases of seasons at each frequency (CoST).

    .. math::
        \ell = \ell^{\text{time}} + \frac{\alpha}{2} \bigl( \ell^{\text{amp}} + \ell^{\text{phase}} \bigr)

    The first term is `queue_contrastive_loss` of `query`, `key` and `queue`. For the others the features of each time
    step of `season1` and `season2` are divided by their length. The Fourier transforms over the m steps are
    :math:`c_{ik}` and :math:`c'_{ik}` for series i = 1, ..., n and frequency k = 0, ..., K - 1, complex vectors with
    one component for each of the d features. With :math:`u_{ik}` the absolute values of the components,

    .. math::
        \ell^{\text{amp}} = \frac{1}{2 n K} \sum_{v} \sum_{i, k} -\log
        \frac{\exp(u_{ik} \cdot u'_{ik})}{\sum_{j} \exp(u_{ik} \cdot u'_{jk})
        + \sum_{j \ne i} \exp(u_{ik} \cdot u_{jk})},

    where the sum over v also takes the two seasons with their roles exchanged. The term of the phases is the same with
    the real and imaginary parts of :math:`c / \sqrt{|c|^2 + \varepsilon^2}` in place of u, so that the product of two
    vectors is the sum of the cosines of the differences of their phases. :math:`\varepsilon` is a hundredth of the root
    mean square of all amplitudes, :math:`\varepsilon^2 = 10^{-4}\, m / d`. The authors multiply the phases themselves,
    from :math:`-\pi` to :math:`\pi`, for which two phases that are next to each other at the two ends are opposite.

    The products of amplitudes are sums over steps, as in the authors' code. They grow with the square of m. Inputs
    that are all the same give :math:`\log(K' + 1) + \alpha \log(2 n - 1)` with K' rows of `queue`.

    Parameters
    ----------
    query : torch.Tensor of shape (n, p)
        Projections of the trends of one view, at a time step.
    key : torch.Tensor of shape (n, p)
        The teacher's projections of the trends of another view, at the same step. They receive no gradient.
    queue : torch.Tensor of shape (K', p)
        Keys of earlier batches. They receive no gradient.
    season1, season2 : torch.Tensor of shape (n, d, m)
        The seasons of both views.
    temperature : float, default=0.07
        Divides the cosine similarities of the trends.
    seasonal : float, default=5e-4
        :math:`\alpha`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum; float64 for float64 inputs and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not go together, or if a parameter is outside its range.

    References
    ----------
    Woo, G., Liu, C., Sahoo, D., Kumar, A. and Hoi, S. (2022). CoST: contrastive learning of disentangled
    seasonal-trend representations for time series forecasting. ICLR.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import cost_loss
    >>> z, queue, season = torch.ones(4, 8), torch.ones(16, 8), torch.ones(4, 3, 10)
    >>> loss = cost_loss(z, z, queue, season, season, seasonal=1.0)
    >>> round(float(loss), 4), round(math.log(17) + math.log(7), 4)
    (4.7791, 4.7791)
    """
    check_sequences(season1=season1, season2=season2)
    if len(season1) != len(query):
        raise ValueError(
            f"`query` and `season1` must have a row for each series, got {tuple(query.shape)} and "
            f"{tuple(season1.shape)}."
        )
    check_at_least("seasonal", seasonal, 0, "CoST uses 5e-4")
    coefficients = [torch.fft.rfft(unit_length(one.transpose(1, 2)), dim=1) for one in (season1, season2)]  # (n, K, d)
    c1, c2 = (one.transpose(0, 1) for one in coefficients)  # (K, n, d)
    smallest = NEGLIGIBLE**2 * season1.shape[2] / season1.shape[1]
    amplitudes = contrast_of_rows(c1.abs(), c2.abs())
    phases = contrast_of_rows(_phases(c1, smallest), _phases(c2, smallest))
    return queue_contrastive_loss(query, key, queue, temperature) + seasonal / 2 * (amplitudes + phases)


def _phases(coefficients: torch.Tensor, smallest: float) -> torch.Tensor:
    """Return coefficients (K, n, d) of length 1, or nearly 0 where they are negligible: (K, n, 2d)."""
    parts = torch.view_as_real(coefficients)  # (K, n, d, 2)
    return (parts / (parts.square().sum(-1, keepdim=True) + smallest).sqrt()).flatten(2)
