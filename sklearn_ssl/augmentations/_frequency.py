"""Augmentations that change the spectrum of a series."""

import math
from typing import final

import torch
from scipy.fft import next_fast_len

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl.augmentations._base import Augmentation, Draws


@final
class FrequencyMask(Augmentation):
    r"""Remove random frequencies.

    .. math:: y_{ct} = \frac{1}{n} \sum_k m_{ck} \hat x_{ck} e^{2 \pi i k t / n}, \quad
        \hat x_{ck} = \sum_t x_{ct} e^{-2 \pi i k t / n}

    over the n observed steps. For each frequency k = 1, ..., n / 2 of each channel, :math:`m_{ck}` is 0 with
    probability r and 1 otherwise. A negative frequency shares the draw of its positive one. The mean does not change.

    Parameters
    ----------
    ratio : float, default=0.1
        Probability r that a frequency is removed. 0 changes nothing.

    References
    ----------
    Zhang et al., "Self-supervised contrastive pre-training for time series via time-frequency consistency",
    Advances in Neural Information Processing Systems, 2022.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import FrequencyMask
    >>> y = FrequencyMask(ratio=1.0)(torch.tensor([[[1.0, 2.0, 3.0, 6.0]]]))
    >>> torch.allclose(y, torch.full((1, 1, 4), 3.0), atol=1e-5)
    True
    """

    ratio: float = number(default=0.1, least=0, most=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``removed`` (B, C, L // 2 + 1), true where a frequency is removed."""
        return {"removed": torch.rand(_spectrum_shape(x), device=x.device) < self.ratio}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Remove the frequencies that are ``removed``."""
        return _add_to_spectrum(x, lengths, -draws["removed"].to(x.dtype))


@final
class FrequencyPerturbation(Augmentation):
    r"""Perturb the amplitude and the phase of every frequency.

    .. math:: \hat y_{ck} = \hat x_{ck} (1 + \sigma_a \varepsilon_{ck}) e^{i \sigma_p \eta_{ck}}, \quad
        \varepsilon_{ck}, \eta_{ck} \sim N(0, 1)

    for the frequencies k = 1, ..., n / 2 of the discrete Fourier transform over the n observed steps. y is the real
    series with this spectrum. The mean does not change.

    Parameters
    ----------
    amplitude : float, default=0.1
        Standard deviation :math:`\sigma_a` of the relative change of amplitudes. 0 changes none.
    phase : float, default=0.1
        Standard deviation :math:`\sigma_p` of the change of phases, in radians. 0 changes none.

    References
    ----------
    Zhang et al., "Self-supervised contrastive pre-training for time series via time-frequency consistency",
    Advances in Neural Information Processing Systems, 2022 (amplitudes). Iwana and Uchida, "An empirical survey of
    data augmentation for time series classification with neural networks", PLoS ONE 16(7), 2021 (both).

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import FrequencyPerturbation
    >>> x = torch.randn(8, 2, 50)
    >>> y = FrequencyPerturbation()(x)
    >>> torch.allclose(y.mean(2), x.mean(2), atol=1e-4)
    True
    """

    amplitude: float = number(default=0.1, least=0)
    phase: float = number(default=0.1, least=0)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``amplitude`` and ``phase`` (B, C, L // 2 + 1), standard normal."""
        shape = _spectrum_shape(x)
        return {"amplitude": torch.randn(shape, device=x.device), "phase": torch.randn(shape, device=x.device)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Multiply the spectrum by the given factors."""
        gain = torch.polar(1 + self.amplitude * draws["amplitude"], self.phase * draws["phase"])
        return _add_to_spectrum(x, lengths, gain - 1)


def _spectrum_shape(x: torch.Tensor) -> tuple[int, int, int]:
    return x.shape[0], x.shape[1], x.shape[2] // 2 + 1


def _add_to_spectrum(x: torch.Tensor, lengths: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """Multiply the spectrum of each series by 1 + `change`, (B, C, L // 2 + 1). A change of 0 does not alter x."""
    n_steps = x.shape[2]
    frequency, count = torch.arange(change.shape[2], device=x.device), lengths[:, None]
    # A frequency between 0 and n / 2 counts twice, for its negative one too. 0 is the mean. None is above n / 2.
    multiplicity = (frequency > 0) * ((2 * frequency < count) + 1.0 * (2 * frequency <= count))  # (B, K)
    weight = multiplicity / count.clamp(min=1)
    observed = torch.where(observed_mask(lengths, n_steps)[:, None], x, 0)
    spectrum = _fourier(observed, lengths, change.shape[2])  # (B, C, K)
    added = weight[:, None] * change * spectrum
    return x + _fourier(added.conj(), lengths, n_steps).real  # the real part does not see the conjugation


def _fourier(values: torch.Tensor, lengths: torch.Tensor, n_outputs: int) -> torch.Tensor:
    r"""Return :math:`\sum_j v_j \exp(-2 \pi i j k / n)` for k < `n_outputs`, with n the length of each series.

    By :math:`2 j k = j^2 + k^2 - (k - j)^2` (Bluestein, 1970) the sum is a convolution with the chirp
    :math:`\exp(\pi i j^2 / n)`. A fast Fourier transform of one common size computes it for all lengths at once.
    """
    n_inputs = values.shape[2]
    size = next_fast_len(n_inputs + n_outputs - 1)
    lags = torch.arange(size, device=values.device)
    chirp = _chirp(torch.where(lags < n_outputs, lags, size - lags), lengths, values)  # (B, 1, M), lags k - j
    modulated = values * _chirp(lags[:n_inputs], lengths, values).conj()
    convolved = torch.fft.ifft(torch.fft.fft(modulated, n=size) * torch.fft.fft(chirp))[..., :n_outputs]
    return convolved * chirp[..., :n_outputs].conj()  # (B, C, n_outputs)


def _chirp(steps: torch.Tensor, lengths: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    count = lengths.clamp(min=1)[:, None]
    angle = (steps.square() % (2 * count)) * (math.pi / count.to(like.real.dtype))  # whole turns dropped while exact
    return torch.polar(torch.ones_like(angle), angle)[:, None]  # (B, 1, M)
