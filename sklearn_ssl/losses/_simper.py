from collections.abc import Callable
from typing import Literal

import torch

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.losses._arguments import check_floating_point, check_positive
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length

KINDS = ("correlation", "spectrum_cosine", "spectrum_distance")


@in_full_precision
def periodic_similarity(
    first: torch.Tensor,
    second: torch.Tensor,
    kind: Literal["correlation", "spectrum_cosine", "spectrum_distance"] = "correlation",
    circular: bool = False,
    band: tuple[float, float] = (0.0, 0.5),
) -> torch.Tensor:
    r"""Similarity of sequences whatever their phase (SimPer).

    ``"correlation"`` is the largest normalised cross-correlation over all lags,

    .. math:: \max_u \sum_{t} \hat{f}_t\, \hat{g}_{t + u}

    where u is the lag, t runs over the L time steps, and :math:`\hat{f}` and :math:`\hat{g}` are the two sequences
    minus their means, divided by their lengths as vectors. Beyond its ends :math:`\hat{g}` is zero, or continues at the
    other end if `circular` is true.

    ``"spectrum_cosine"`` and ``"spectrum_distance"`` compare power spectra by their cosine and by their distance,

    .. math::
        p \cdot q \quad \text{and} \quad -\lVert p - q \rVert_2, \qquad
        p_k \propto \Bigl|\sum_t \hat{f}_t e^{-2 \pi \mathrm{i} k t / L}\Bigr|^2, \quad \frac{k}{L} \in \text{band}

    where :math:`p` is the power spectrum of the first sequence and :math:`q` the power spectrum of the second, both at
    unit length.

    A circular shift of a sequence changes neither the circular correlation nor the power spectrum. It changes the
    zero-padded correlation, because the part that is shifted past the end is lost. A lag of at most half a period
    undoes a shift, so for a whole number of periods of P steps the correlation falls by P / 2L at most.

    Parameters
    ----------
    first : torch.Tensor of shape (..., n, L)
        Sequences, each along the last dimension.
    second : torch.Tensor of shape (..., m, L)
        Sequences of the same length.
    kind : {"correlation", "spectrum_cosine", "spectrum_distance"}, default="correlation"
        How the sequences are compared.
    circular : bool, default=False
        Whether the lags of the correlation wrap around the end of the sequences.
    band : tuple of two floats, default=(0.0, 0.5)
        Lowest and highest frequency of the spectra, as fractions of the sampling frequency, from 0 to 0.5. The band
        from 0.5 to 3 Hz at 30 samples per second is ``(0.5 / 30, 3 / 30)``.

    Returns
    -------
    similarity : torch.Tensor of shape (..., n, m)
        Entry (i, j) compares sequence i of `first` with sequence j of `second`. It is at most 1 for the first two kinds
        and at most 0 for the distance. For the first two kinds a constant sequence has the similarity 0 to every
        sequence. float64 for float64 sequences and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if `kind` is unknown, or if `band` is not a range within 0 to 0.5 that contains a frequency
        k / L.

    References
    ----------
    Yang, Y., Liu, X., Wu, J., Borac, S., Katabi, D., Poh, M.-Z. and McDuff, D. (2023). SimPer: Simple self-supervised
    learning of periodic targets. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import periodic_similarity
    >>> time = torch.arange(60) / 60
    >>> waves = torch.stack([torch.sin(6.28318 * 3 * time), torch.sin(6.28318 * 5 * time)])
    >>> periodic_similarity(waves, waves.roll(7, dims=1), circular=True).round(decimals=2).abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    _check_sequences(first, second)
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(map(repr, KINDS))}, got {shown(kind)}.")
    first, second = _standardised(first), _standardised(second)
    if kind == "correlation":
        return _largest_correlation(first, second, circular)
    p, q = _power(first, band), _power(second, band)  # (..., n, K), (..., m, K)
    if kind == "spectrum_cosine":
        return p @ q.mT
    return -torch.linalg.vector_norm(p[..., :, None, :] - q[..., None, :, :], dim=-1)


@in_full_precision
def simper_loss(
    first: torch.Tensor,
    second: torch.Tensor,
    speeds: torch.Tensor,
    temperature: float = 1.0,
    label_temperature: float = 0.1,
    similarity: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = periodic_similarity,
) -> torch.Tensor:
    r"""Contrast between copies of one series at several speeds (SimPer).

    Each series is played at M speeds, and two views of each copy are made. The more similar the speeds of two copies,
    the more similar the copies have to be. The negatives of a copy are the copies of the same series at other speeds:

    .. math::
        \ell = \frac{1}{B M} \sum_{b=1}^{B} \sum_{i=1}^{M} \sum_{j=1}^{M}
        -q_{bij} \log \frac{\exp(S_{bij} / \tau)}{\sum_{k} \exp(S_{bik} / \tau)}, \qquad
        q_{bij} = \frac{\exp(-|s_{bi} - s_{bj}| / \tau_s)}{\sum_{k} \exp(-|s_{bi} - s_{bk}| / \tau_s)}

    where :math:`S_{bij}` is the `similarity` of the first view of copy i and the second view of copy j of series b, of
    B series. :math:`s_{bi}` are the `speeds`, :math:`\tau` is `temperature` and :math:`\tau_s` is `label_temperature`.

    The paper has no :math:`\tau`; the default of 1 does as the paper. Similarities from -1 to 1 then give a nearly flat
    softmax, which a lower temperature sharpens.

    Equal similarities give :math:`\log M`, which is chance level. The lowest possible value is the entropy of the
    targets :math:`q`, not 0.

    Parameters
    ----------
    first, second : torch.Tensor of shape (B, M, L)
        Feature sequences of two views of M copies of each series, copy i of both at the same speed.
    speeds : torch.Tensor of shape (B, M)
        Speed of each copy.
    temperature : float, default=1.0
        Divides the similarities.
    label_temperature : float, default=0.1
        Divides the differences of the speeds. With a small value only copies at the same speed count as similar.
    similarity : callable, default=periodic_similarity
        Function that takes two tensors of shape (B, M, L) and returns one of shape (B, M, M). Set the arguments of
        `periodic_similarity` with `functools.partial`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over copies and series; float64 for float64 sequences and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if there are fewer than two speeds, or if a temperature is not above 0.

    See Also
    --------
    periodic_similarity : The similarity of two sequences.

    References
    ----------
    Yang, Y., Liu, X., Wu, J., Borac, S., Katabi, D., Poh, M.-Z. and McDuff, D. (2023). SimPer: Simple self-supervised
    learning of periodic targets. ICLR.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import simper_loss
    >>> collapsed, speeds = torch.ones(1, 4, 50), torch.tensor([[0.5, 0.8, 1.2, 2.0]])
    >>> round(float(simper_loss(collapsed, collapsed, speeds)), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """
    _check_copies(first, second, speeds)
    check_positive("temperature", temperature, "SimPer uses 1")
    check_positive("label_temperature", label_temperature, "SimPer uses 0.1")
    differences = (speeds[:, :, None] - speeds[:, None, :]).abs()  # (B, M, M)
    targets = torch.softmax(-differences / label_temperature, dim=2)
    logits = similarity(first, second) / temperature  # (B, M, M)
    return -(targets * logits.log_softmax(dim=2)).sum(dim=2).mean()


def _standardised(sequences: torch.Tensor) -> torch.Tensor:
    # Without this a constant sequence would become the rounding error of its mean, at unit length.
    sequences = sequences - sequences[..., :1]
    return unit_length(sequences - sequences.mean(dim=-1, keepdim=True))


def _largest_correlation(first: torch.Tensor, second: torch.Tensor, circular: bool) -> torch.Tensor:
    n_steps = first.shape[-1]
    n_lags = n_steps if circular else 2 * n_steps
    f = torch.fft.rfft(first, n_lags)[..., :, None, :]  # (..., n, 1, K)
    g = torch.fft.rfft(second, n_lags)[..., None, :, :]  # (..., 1, m, K)
    return torch.fft.irfft(f.conj() * g, n_lags).amax(dim=-1)  # (..., n, m)


def _power(sequences: torch.Tensor, band: tuple[float, float]) -> torch.Tensor:
    n_steps = sequences.shape[-1]
    low, high = band
    inside = [k for k in range(n_steps) if low <= k / n_steps <= high]
    if not 0 <= low < high <= 0.5 or not inside:
        raise ValueError(
            f"`band` must be a range within 0 to 0.5 that holds a multiple of 1 / {n_steps}, one over the "
            f"length of the sequences, got {shown(band)}; divide frequencies in hertz by the sampling frequency."
        )
    spectrum = torch.fft.rfft(sequences)[..., inside[0] : inside[-1] + 1]  # (..., K)
    return unit_length(spectrum.real.square() + spectrum.imag.square())


def _check_sequences(first: torch.Tensor, second: torch.Tensor) -> None:
    check_floating_point("first", first)
    check_floating_point("second", second)
    fit = min(first.ndim, second.ndim) >= 2 and first.shape[-1] == second.shape[-1] >= 2
    if not fit or 0 in (*first.shape, *second.shape):
        raise ValueError(
            "`first` and `second` must have the shapes (..., n, L) and (..., m, L) with two or more time steps L, got "
            f"{tuple(first.shape)} and {tuple(second.shape)}; pass sequences of the same length."
        )


def _check_copies(first: torch.Tensor, second: torch.Tensor, speeds: torch.Tensor) -> None:
    for name, tensor in (("first", first), ("second", second), ("speeds", speeds)):
        check_floating_point(name, tensor)
    fit = first.shape == second.shape and first.ndim == 3 and first.shape[:2] == speeds.shape
    if not fit or 0 in first.shape or speeds.shape[1] < 2:
        raise ValueError(
            "`first` and `second` must have the shape (B, M, L) and `speeds` (B, M) with two or more speeds M, got "
            f"{tuple(first.shape)}, {tuple(second.shape)} and {tuple(speeds.shape)}; pass one sequence per speed."
        )
