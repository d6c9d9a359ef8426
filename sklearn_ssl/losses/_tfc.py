"""The loss of TF-C."""

import torch

from sklearn_ssl.losses._arguments import check_at_least, check_positive, check_rows, check_share
from sklearn_ssl.losses._ntxent import ntxent_loss
from sklearn_ssl.losses._precision import in_full_precision


@in_full_precision
def tfc_loss(
    time: torch.Tensor,
    changed_time: torch.Tensor,
    spectrum: torch.Tensor,
    changed_spectrum: torch.Tensor,
    z_time: torch.Tensor,
    z_changed_time: torch.Tensor,
    z_spectrum: torch.Tensor,
    z_changed_spectrum: torch.Tensor,
    contrast: float = 0.2,
    margin: float = 1.0,
    temperature: float = 0.2,
) -> torch.Tensor:
    r"""Contrast within the time domain, within the frequency domain and across both (TF-C).

    With S the loss NT-Xent of two sets of vectors, see `ntxent_loss`,

    .. math::
        \ell = \lambda \bigl( S(h^T, \tilde h^T) + S(h^F, \tilde h^F) \bigr)
        + (1 - \lambda) \sum_{(a, b)} \max\bigl(0, S(z^T, z^F) - S(a, b) + \delta\bigr),

    where (a, b) runs over :math:`(z^T, \tilde z^F), (\tilde z^T, z^F), (\tilde z^T, \tilde z^F)`. So both domains of
    the series as it is agree better than with a changed view, by a margin. The paper has no maximum; without it the
    loss could fall without end. Equal vectors give :math:`2 \lambda \log(2n - 1) + 3 (1 - \lambda) \delta`.

    Parameters
    ----------
    time, changed_time : torch.Tensor of shape (n, d)
        :math:`h^T, \tilde h^T`: features in the time domain of n series, two or more, and of changed copies.
    spectrum, changed_spectrum : torch.Tensor of shape (n, m)
        :math:`h^F, \tilde h^F`: features in the frequency domain.
    z_time, z_changed_time, z_spectrum, z_changed_spectrum : torch.Tensor of shape (n, p)
        Projections of the four into one space.
    contrast : float, default=0.2
        :math:`\lambda`, from 0 to 1. The authors' code has 0.2.
    margin : float, default=1.0
        :math:`\delta`.
    temperature : float, default=0.2
        Divides the cosines in S.

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
    Zhang, X., Zhao, Z., Tsiligkaridis, T. and Zitnik, M. (2022). Self-supervised contrastive pre-training for time
    series via time-frequency consistency. NeurIPS.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import tfc_loss
    >>> z = torch.ones(4, 8)
    >>> round(float(tfc_loss(*[z] * 8)), 4), round(0.4 * math.log(7) + 0.8 * 3, 4)
    (3.1784, 3.1784)
    """
    check_rows(2, time=time, changed_time=changed_time)
    check_rows(2, spectrum=spectrum, changed_spectrum=changed_spectrum)
    projections = {"z_time": z_time, "z_changed_time": z_changed_time, "z_spectrum": z_spectrum}
    check_rows(2, **projections, z_changed_spectrum=z_changed_spectrum)
    if not len(time) == len(spectrum) == len(z_time):
        shapes = " and ".join(str(tuple(one.shape)) for one in (time, spectrum, z_time))
        raise ValueError(f"`time`, `spectrum` and `z_time` must have a row for each series, got {shapes}.")
    check_share("contrast", contrast, "TF-C uses 0.2")
    check_at_least("margin", margin, 0, "TF-C uses 1")
    check_positive("temperature", temperature, "TF-C uses 0.2")
    within = ntxent_loss(time, changed_time, temperature) + ntxent_loss(spectrum, changed_spectrum, temperature)
    both = ntxent_loss(z_time, z_spectrum, temperature)
    pairs = ((z_time, z_changed_spectrum), (z_changed_time, z_spectrum), (z_changed_time, z_changed_spectrum))
    excess = [(both - ntxent_loss(a, b, temperature) + margin).clamp(min=0) for a, b in pairs]
    return contrast * within + (1 - contrast) * torch.stack(excess).sum()
