from collections.abc import Callable
from typing import Literal

import torch

from sklearn_ssl.losses._arguments import check_positive
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
    r"""Similarity of sequences that does not ask for the same phase.

    ``"correlation"`` is the largest normalised cross-correlation over all lags,

    .. math:: \max_\tau \sum_{t} \hat{f}_t\, \hat{g}_{t + \tau}

    where :math:`\hat{f}` and :math:`\hat{g}` are the sequences minus their means and at unit length. Beyond its ends
    :math:`\hat{g}` is zero, or goes on from the other end if `circular`.

    ``"spectrum_cosine"`` and ``"spectrum_distance"`` compare power spectra,

    .. math::
        p \cdot q \quad \text{and} \quad -\lVert p - q \rVert_2, \qquad
        p_k \propto \Bigl|\sum_t \hat{f}_t e^{-2 \pi \mathrm{i} k t / L}\Bigr|^2, \quad \frac{k}{L} \in \text{band}

    with the power :math:`p` of the first and :math:`q` of the second sequence at unit length.

    A circular shift of a sequence changes neither the circular correlation nor the power spectrum. The zero-padded
    correlation loses what is shifted past the end. No lag beyond half a period is needed to undo a shift, so for a
    whole number of periods P it falls by P / 2L at most.

    Parameters
    ----------
    first : torch.Tensor of shape (..., n, L)
        Sequences, each along the last dimension.
    second : torch.Tensor of shape (..., m, L)
        Sequences of the same length.
    kind : {"correlation", "spectrum_cosine", "spectrum_distance"}, default="correlation"
        What is compared.
    circular : bool, default=False
        Whether the lags of the correlation go around the end.
    band : tuple of two floats, default=(0.0, 0.5)
        Lowest and highest frequency of the spectra that count, as fractions of the sampling frequency, so within 0 to
        0.5. From 0.5 to 3 Hz at 30 samples a second is ``(0.5 / 30, 3 / 30)``.

    Returns
    -------
    similarity : torch.Tensor of shape (..., n, m)
        Entry (i, j) compares sequence i of `first` with sequence j of `second`: up to 1 for the first two kinds, up to
        0 for the distance. A constant sequence has similarity 0 to all others by the first two. float64 for float64
        sequences and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not fit, if `kind` is unknown, or if `band` is not a range within 0 to 0.5 with a frequency
        k / L in it.

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
        raise ValueError(f"`kind` must be one of {', '.join(map(repr, KINDS))}, got {kind!r}.")
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
    r"""Contrast between speeds of one series (SimPer).

    A series is played at M speeds, and each copy is seen in two views. The similarity of the copies has to follow the
    closeness of their speeds; the negatives of a copy are the other speeds of the same series:

    .. math::
        \ell = \frac{1}{B M} \sum_{b=1}^{B} \sum_{i=1}^{M} \sum_{j=1}^{M}
        -q_{bij} \log \frac{\exp(S_{bij} / \tau)}{\sum_{k} \exp(S_{bik} / \tau)}, \qquad
        q_{bij} = \frac{\exp(-|s_{bi} - s_{bj}| / \tau_s)}{\sum_{k} \exp(-|s_{bi} - s_{bk}| / \tau_s)}

    where :math:`S_{bij}` is the `similarity` of the first view of copy i and the second view of copy j of series b,
    :math:`s_{bi}` are the `speeds`, :math:`\tau` is `temperature` and :math:`\tau_s` is `label_temperature`.

    The paper has no :math:`\tau`, which is a `temperature` of 1. Similarities from -1 to 1 then make a nearly flat
    softmax; a lower temperature is a deviation that sharpens it.

    Similarities that are all equal give :math:`\log M`, chance level. The lowest possible value is the entropy of the
    targets, not 0.

    Parameters
    ----------
    first, second : torch.Tensor of shape (B, M, L)
        Feature sequences of two views of M copies of each series, copy i of both at the same speed.
    speeds : torch.Tensor of shape (B, M)
        Speed of each copy.
    temperature : float, default=1.0
        Divides the similarities.
    label_temperature : float, default=0.1
        Divides the differences of the speeds. A small one asks for the very same speed.
    similarity : callable, default=periodic_similarity
        From tensors of shape (B, M, L) and (B, M, L) to one of shape (B, M, M). Arguments of `periodic_similarity` are
        set by ``functools.partial``.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over copies and series; float64 for float64 sequences and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes do not fit, if there are fewer than two speeds, or if a temperature is not above 0.

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
    sequences = sequences - sequences[..., :1].detach()  # else the mean's rounding were all there is of a constant
    return unit_length(sequences - sequences.mean(dim=-1, keepdim=True))


def _largest_correlation(first: torch.Tensor, second: torch.Tensor, circular: bool) -> torch.Tensor:
    n_steps = first.shape[-1]
    n_lags = n_steps if circular else 2 * n_steps
    f = torch.fft.rfft(first, n_lags)[..., :, None, :]  # (..., n, 1, K)
    g = torch.fft.rfft(second, n_lags)[..., None, :, :]  # (..., 1, m, K)
    return torch.fft.irfft(f.conj() * g, n_lags).amax(dim=-1)  # (..., n, m)


def _power(sequences: torch.Tensor, band: tuple[float, float]) -> torch.Tensor:
    low, high = band
    frequencies = [k / sequences.shape[-1] for k in range(sequences.shape[-1] // 2 + 1)]
    inside = [k for k, frequency in enumerate(frequencies) if low <= frequency <= high]
    if not 0 <= low < high <= 0.5 or not inside:
        raise ValueError(
            f"`band` must be a range within 0 to 0.5 that holds a multiple of 1 / {sequences.shape[-1]}, one over the "
            f"length of the sequences, got {band!r}; divide frequencies in hertz by the sampling frequency."
        )
    spectrum = torch.fft.rfft(sequences)[..., inside[0] : inside[-1] + 1]  # (..., K)
    return unit_length(spectrum.real.square() + spectrum.imag.square())


def _check_sequences(first: torch.Tensor, second: torch.Tensor) -> None:
    if min(first.ndim, second.ndim) < 2 or first.shape[-1] != second.shape[-1] or first.shape[-1] < 2:
        raise ValueError(
            "`first` and `second` must have the shapes (..., n, L) and (..., m, L) with two or more time steps L, got "
            f"{tuple(first.shape)} and {tuple(second.shape)}."
        )


def _check_copies(first: torch.Tensor, second: torch.Tensor, speeds: torch.Tensor) -> None:
    if first.shape != second.shape or first.ndim != 3 or first.shape[:2] != speeds.shape or speeds.shape[1] < 2:
        raise ValueError(
            "`first` and `second` must have the shape (B, M, L) and `speeds` (B, M) for two or more speeds M, got "
            f"{tuple(first.shape)}, {tuple(second.shape)} and {tuple(speeds.shape)}."
        )
