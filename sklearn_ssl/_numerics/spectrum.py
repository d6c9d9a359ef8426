"""The dominant frequency of a sequence."""

import numpy as np

from sklearn_ssl._input.padding import stride_of
from sklearn_ssl._parameters.shown import shown

BINS_PER_CYCLE = 8


def dominant_frequency(
    sequences: np.ndarray, sampling_rate: float, lowest: float = 0.0, highest: float | None = None
) -> np.ndarray:
    """Return the frequency with the most power for each sequence.

    The mean of a sequence is subtracted, a Hann window is applied, and the power spectrum is computed with eight bins
    per cycle that fits into the sequence. A parabola through the logarithms of the highest bin and its two neighbours
    then refines the position of the peak.

    Parameters
    ----------
    sequences : ndarray of shape (n, L)
        Sequences, NaN after their end.
    sampling_rate : float
        Steps per second.
    lowest : float, default=0.0
        Lowest frequency in Hz. Frequencies of less than one cycle per sequence never count.
    highest : float or None, default=None
        Highest frequency in Hz. None is half the sampling rate.

    Returns
    -------
    ndarray of shape (n,)
        Frequencies in Hz, NaN for sequences without a frequency in the band: constant and very short ones.

    Raises
    ------
    ValueError
        If `sampling_rate` is not above 0, or if the band is not a range within 0 to half the sampling rate.
    """
    if not 0 < sampling_rate < np.inf:
        raise ValueError(
            f"`sampling_rate` must be a finite number above 0, got {shown(sampling_rate)}; pass the steps per second."
        )
    highest = sampling_rate / 2 if highest is None else highest
    if not 0 <= lowest < highest <= sampling_rate / 2:
        raise ValueError(
            f"`lowest` and `highest` must be a range within 0 to {sampling_rate / 2}, half the sampling rate of the "
            f"sequence, got {shown(lowest)} and {shown(highest)}; pass frequencies in hertz."
        )
    return np.array([_peak(row[~np.isnan(row)], sampling_rate, lowest, highest) for row in sequences])


def thinned_rate(sampling_rate: float, n_steps: int, length: int) -> float:
    """Return the sampling rate of the sequence of `length` steps that an encoder makes of `n_steps` time steps."""
    return sampling_rate / (stride_of(n_steps, length) or n_steps / length)


def _peak(sequence: np.ndarray, rate: float, lowest: float, highest: float) -> float:
    n_steps = len(sequence)
    sequence = sequence - sequence[:1]  # a constant becomes exactly zero, which its rounded mean would not ensure
    centred = (sequence - sequence.mean()) * np.hanning(n_steps + 2)[1:-1]
    n_bins = BINS_PER_CYCLE * n_steps
    power = np.square(np.abs(np.fft.rfft(centred, n_bins)))
    first = max(BINS_PER_CYCLE, int(np.ceil(lowest / rate * n_bins)))
    inside = power[first : int(np.floor(highest / rate * n_bins)) + 1]
    if n_steps < 3 or not inside.max(initial=0.0) > 0:
        return np.nan
    peak = first + inside.argmax()
    return np.clip((peak + _offset(power, peak)) * rate / n_bins, lowest, highest)


def _offset(power: np.ndarray, peak: int) -> float:
    if peak == len(power) - 1:
        return 0.0
    before, here, after = np.log(power[peak - 1 : peak + 2] + np.finfo(float).tiny)
    curvature = before - 2 * here + after
    return np.clip((before - after) / (2 * curvature), -0.5, 0.5) if curvature < 0 else 0.0
