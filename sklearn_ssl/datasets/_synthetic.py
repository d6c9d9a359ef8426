"""Synthetic series from a seed."""

from typing import Any

import numpy as np
import scipy

from sklearn_ssl._parameters.arguments import (
    check_flag,
    check_not_negative,
    check_positive,
    check_whole_number,
    checked_random_state,
)
from sklearn_ssl._parameters.shown import shown


def make_waves(
    n_cases: int = 120,
    n_channels: int = 3,
    n_timepoints: int = 128,
    n_classes: int = 4,
    noise: float = 0.1,
    unequal_length: bool = False,
    random_state: Any = None,
) -> tuple[np.ndarray | list[np.ndarray], np.ndarray]:
    """Make waves whose class determines their shape and their frequency.

    The classes take turns at the shapes of a sine, a triangle, a square and a saw-tooth wave. Class k has ``3 * (4/3)
    ** k`` cycles in `n_timepoints` steps, with a random deviation of up to 5 %. Phase and amplitude are drawn for each
    channel and do not depend on the class. So two series of one class differ much at most time steps.

    Parameters
    ----------
    n_cases : int, default=120
        Number of series. The classes have equally many series, or one more, in random order.
    n_channels : int, default=3
        Number of channels. All have the frequency of the series.
    n_timepoints : int, default=128
        Number of time steps, or with `unequal_length` the largest possible number. A cycle of the fastest class needs
        at least four steps.
    n_classes : int, default=4
        Number of classes.
    noise : float, default=0.1
        Standard deviation of the added Gaussian noise. The amplitude of a wave is between 0.5 and 1.5.
    unequal_length : bool, default=False
        Whether to cut each series at a random length, at least half of `n_timepoints`.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers.

    Returns
    -------
    X : ndarray of shape (n_cases, n_channels, n_timepoints), or list of ndarray of shape (n_channels, length)
        The series, float32.
    y : ndarray of shape (n_cases,)
        The classes, whole numbers from 0.

    Raises
    ------
    ValueError
        If a number is out of range, if there are fewer series than classes, or if the series are too short.

    Examples
    --------
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=12, random_state=0)
    >>> X.shape, y
    ((12, 3, 128), array([2, 3, 0, 2, 2, 0, 1, 3, 1, 3, 0, 1]))
    >>> X, y = make_waves(n_cases=3, n_classes=2, unequal_length=True, random_state=0)
    >>> [x.shape for x in X]
    [(3, 126), (3, 126), (3, 122)]
    """
    _check_counts(n_cases, n_channels, n_timepoints, n_classes)
    check_not_negative("noise", noise)
    check_flag("unequal_length", unequal_length)
    cycles = 3 * (4 / 3) ** np.arange(n_classes)
    _check_long_enough(n_timepoints, int(np.ceil(4 * 1.05 * cycles[-1])), f"{n_classes} classes of waves")
    random = checked_random_state(random_state)
    y = _balanced_classes(n_cases, n_classes, random)
    speed = cycles[y] * random.uniform(0.95, 1.05, n_cases) / n_timepoints  # cycles per time step
    phase = random.uniform(size=(n_cases, n_channels, 1))
    turn = (speed[:, None, None] * np.arange(n_timepoints) + phase) % 1  # (n_cases, n_channels, n_timepoints)
    shapes = [np.sin(2 * np.pi * turn), 1 - 4 * abs(turn - 0.5), np.sign(0.5 - turn), 2 * turn - 1]
    X = random.uniform(0.5, 1.5, phase.shape) * np.choose(y[:, None, None] % len(shapes), shapes)
    X = _with_noise(X, noise, random)
    if not unequal_length:
        return X, y
    lengths = random.randint((n_timepoints + 1) // 2, n_timepoints + 1, n_cases)
    return [x[:, :length].copy() for x, length in zip(X, lengths, strict=True)], y


def make_regimes(
    n_cases: int = 120,
    n_channels: int = 2,
    n_timepoints: int = 200,
    n_classes: int = 4,
    n_segments: int = 2,
    volatility: float = 2.0,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make series that switch between a smooth and a rough regime, in an order that depends on the class.

    The smooth regime is the autoregression ``x[t] = 0.9 x[t-1] + e[t]`` with standard deviation 1. The rough regime is
    ``x[t] = -0.3 x[t-1] + e[t]`` with standard deviation `volatility`. A series is a sequence of segments of about
    equal length, and the binary digits of the class say which segments are rough. With two segments, class 0 is smooth
    throughout, class 1 becomes rough, class 2 becomes smooth, and class 3 is rough throughout. Classes 1 and 2 have the
    same distribution of values and differ in the order only.

    Parameters
    ----------
    n_cases : int, default=120
        Number of series. The classes have equally many series, or one more, in random order.
    n_channels : int, default=2
        Number of channels. They switch together and are independent otherwise.
    n_timepoints : int, default=200
        Number of time steps, at least eight for each segment.
    n_classes : int, default=4
        Number of classes, at most ``2 ** n_segments``.
    n_segments : int, default=2
        Number of segments. A random shift moves each border between them by up to a quarter of a segment.
    volatility : float, default=2.0
        Standard deviation of the rough regime.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers.

    Returns
    -------
    X : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series, float32.
    y : ndarray of shape (n_cases,)
        The classes, whole numbers from 0.

    Raises
    ------
    ValueError
        If a number is out of range, if there are fewer series than classes or more classes than patterns, or if the
        series are too short.

    Examples
    --------
    >>> from sklearn_ssl.datasets import make_regimes
    >>> X, y = make_regimes(n_cases=40, random_state=0)
    >>> X.shape
    (40, 2, 200)
    >>> bool(X[y == 1][..., :75].std() < X[y == 1][..., 125:].std())
    True
    """
    _check_counts(n_cases, n_channels, n_timepoints, n_classes)
    check_whole_number("n_segments", n_segments, least=1)
    check_not_negative("volatility", volatility)
    _check_long_enough(n_timepoints, 8 * n_segments, f"{n_segments} segments")
    _check_few_classes(n_classes, 2**n_segments, "2 ** n_segments", "segments")
    random = checked_random_state(random_state)
    y = _balanced_classes(n_cases, n_classes, random)
    borders = np.arange(1, n_segments) + random.uniform(-0.25, 0.25, (n_cases, n_segments - 1))
    now = np.arange(n_timepoints) * n_segments / n_timepoints
    segment = (now[:, None] >= borders[:, None, :]).sum(axis=-1)  # (n_cases, n_timepoints)
    rough_now = (y[:, None] >> (n_segments - 1 - segment)) & 1
    shape = (n_cases, n_channels, n_timepoints)
    smooth, rough = _autoregression(0.9, shape, random), volatility * _autoregression(-0.3, shape, random)
    return np.where(rough_now[:, None, :], rough, smooth).astype(np.float32), y


def make_bursts(
    n_cases: int = 120,
    n_channels: int = 2,
    n_timepoints: int = 200,
    n_classes: int = 4,
    noise: float = 0.2,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make noise with short bursts, whose speed, channel and number depend on the class.

    A burst is an oscillation under a Gaussian window. Class k has slow bursts if k is even, and fast bursts if k is
    odd. They are in channel ``k // 2 % n_channels``, at random times. Their number is ``1 + k // (2 * n_channels)``: 1
    in the first ``2 * n_channels`` classes, 2 in the next, and at most 4. All other values are noise.

    Parameters
    ----------
    n_cases : int, default=120
        Number of series. The classes have equally many series, or one more, in random order.
    n_channels : int, default=2
        Number of channels.
    n_timepoints : int, default=200
        Number of time steps, at least 60. The window of a burst has the standard deviation ``n_timepoints / 24``.
    n_classes : int, default=4
        Number of classes, at most ``8 * n_channels``.
    noise : float, default=0.2
        Standard deviation of the added Gaussian noise. The amplitude of a burst is between 0.8 and 1.2.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers.

    Returns
    -------
    X : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series, float32.
    y : ndarray of shape (n_cases,)
        The classes, whole numbers from 0.

    Raises
    ------
    ValueError
        If a number is out of range, if there are fewer series than classes or more classes than ``8 * n_channels``, or
        if the series are too short.

    Examples
    --------
    >>> from sklearn_ssl.datasets import make_bursts
    >>> X, y = make_bursts(n_cases=40, noise=0, random_state=0)
    >>> X.shape
    (40, 2, 200)
    >>> bool((X[y == 0][:, 1] == 0).all()), bool((X[y == 2][:, 0] == 0).all())
    (True, True)
    """
    _check_counts(n_cases, n_channels, n_timepoints, n_classes)
    check_not_negative("noise", noise)
    _check_few_classes(n_classes, 8 * n_channels, "8 * n_channels", "channels")
    _check_long_enough(n_timepoints, 60, "bursts")
    random = checked_random_state(random_state)
    y = _balanced_classes(n_cases, n_classes, random)
    X = np.zeros((n_cases, n_channels, n_timepoints))
    X[np.arange(n_cases), y // 2 % n_channels] = _bursts(y % 2, 1 + y // (2 * n_channels), n_timepoints, random)
    return _with_noise(X, noise, random), y


def make_periodic(
    n_cases: int = 120,
    n_channels: int = 1,
    n_timepoints: int = 500,
    sampling_rate: float = 50.0,
    min_frequency: float = 0.5,
    max_frequency: float = 3.0,
    noise: float = 0.3,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make periodic series and their frequency, for regression.

    A series is a fundamental and two harmonics: the sum of ``a_k sin(2 pi k f t + phase_k)`` over k from 1 to 3, where
    t is the time in seconds. All channels of a series have its frequency f. The amplitudes ``a_k``, between ``0.5 /
    k**2`` and ``1.5 / k**2``, and the phases are drawn for each channel.

    Parameters
    ----------
    n_cases : int, default=120
        Number of series.
    n_channels : int, default=1
        Number of channels. All have the frequency of the series.
    n_timepoints : int, default=500
        Number of time steps. It must be enough for two cycles of the lowest frequency.
    sampling_rate : float, default=50.0
        Number of time steps per second. Half of it must be above the highest harmonic, ``3 * max_frequency``.
    min_frequency : float, default=0.5
        Lowest frequency in Hz. Frequencies are drawn uniformly.
    max_frequency : float, default=3.0
        Highest frequency in Hz.
    noise : float, default=0.3
        Standard deviation of the added Gaussian noise.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers.

    Returns
    -------
    X : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series, float32.
    y : ndarray of shape (n_cases,)
        The frequency of each series in Hz.

    Raises
    ------
    ValueError
        If a number is out of range, if the highest harmonic is not below half of the sampling rate, or if the series
        are too short.

    Examples
    --------
    >>> from sklearn_ssl.datasets import make_periodic
    >>> X, frequency = make_periodic(n_cases=4, random_state=0)
    >>> X.shape, frequency.round(2)
    ((4, 1, 500), array([1.87, 2.29, 2.01, 1.86]))
    """
    check_whole_number("n_cases", n_cases, least=1)
    check_whole_number("n_channels", n_channels, least=1)
    check_whole_number("n_timepoints", n_timepoints, least=1)
    check_not_negative("noise", noise)
    _check_frequencies(min_frequency, max_frequency, sampling_rate)
    two_cycles = np.ceil(2 * sampling_rate / min_frequency)
    _check_long_enough(n_timepoints, two_cycles, f"two cycles of {min_frequency:g} Hz at {sampling_rate:g} Hz")
    random = checked_random_state(random_state)
    frequency = random.uniform(min_frequency, max_frequency, n_cases)
    turns = frequency[:, None, None, None] * np.arange(n_timepoints) / sampling_rate
    harmonic = np.arange(1, 4)[:, None]
    amplitude = random.uniform(0.5, 1.5, (n_cases, n_channels, 3, 1)) / harmonic**2
    phase = random.uniform(0, 2 * np.pi, amplitude.shape)
    X = (amplitude * np.sin(2 * np.pi * harmonic * turns + phase)).sum(axis=2)  # (n_cases, n_channels, n_timepoints)
    return _with_noise(X, noise, random), frequency


def _balanced_classes(n_cases: int, n_classes: int, random: np.random.RandomState) -> np.ndarray:
    return random.permutation(np.arange(n_cases) % n_classes)


def _bursts(fast: np.ndarray, number: np.ndarray, n_timepoints: int, random: np.random.RandomState) -> np.ndarray:
    """Return series of bursts (n_cases, n_timepoints), each with as many slots of equal length as bursts."""
    width = n_timepoints / 24
    slot = np.arange(number.max())
    margin = number[:, None] / 12  # two widths, as a share of a slot
    place = slot + margin + (1 - 2 * margin) * random.uniform(size=(len(number), len(slot)))
    centre = place * n_timepoints / number[:, None]  # (n_cases, n_slots)
    amplitude = random.uniform(0.8, 1.2, centre.shape) * (slot < number[:, None])
    phase = random.uniform(0, 2 * np.pi, centre.shape)
    since = (np.arange(n_timepoints) - centre[..., None]) / width  # (n_cases, n_slots, n_timepoints)
    cycles_per_width = np.where(fast, 1 / 1.6, 1 / 4)[:, None, None]
    oscillation = np.cos(2 * np.pi * cycles_per_width * since + phase[..., None])
    return (amplitude[..., None] * np.exp(-(since**2) / 2) * oscillation).sum(axis=1)


def _with_noise(X: np.ndarray, noise: float, random: np.random.RandomState) -> np.ndarray:
    return (X + noise * random.standard_normal(X.shape)).astype(np.float32)


def _autoregression(coefficient: float, shape: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    # The first innovation has the standard deviation of the series, so that the series is stationary from the start.
    innovations = random.standard_normal(shape)
    innovations[..., 1:] *= np.sqrt(1 - coefficient**2)
    return scipy.signal.lfilter([1], [1, -coefficient], innovations)


def _check_counts(n_cases: int, n_channels: int, n_timepoints: int, n_classes: int) -> None:
    check_whole_number("n_cases", n_cases, least=1)
    check_whole_number("n_channels", n_channels, least=1)
    check_whole_number("n_timepoints", n_timepoints, least=1)
    check_whole_number("n_classes", n_classes, least=1)
    if n_cases < n_classes:
        raise ValueError(f"`n_cases` must be at least `n_classes`, {n_classes}, got {n_cases}.")


def _check_long_enough(n_timepoints: int, least: float, purpose: str) -> None:
    if n_timepoints < least:
        raise ValueError(f"`n_timepoints` must be at least {least:.0f} for {purpose}, got {n_timepoints}.")


def _check_few_classes(n_classes: int, most: int, formula: str, more: str) -> None:
    if n_classes > most:
        raise ValueError(f"`n_classes` must be at most {formula} = {most}, got {n_classes}. Use more {more}.")


def _check_frequencies(least: float, most: float, sampling_rate: float) -> None:
    for name, value in (("min_frequency", least), ("max_frequency", most), ("sampling_rate", sampling_rate)):
        check_positive(name, value)
    if least > most:
        raise ValueError(f"`min_frequency` must be at most `max_frequency`, got {shown(least)} and {shown(most)}.")
    if sampling_rate <= 6 * most:
        raise ValueError(
            f"`sampling_rate` must be above six times `max_frequency`, {6 * most:g} Hz, so that the third harmonic can "
            f"be sampled, got {shown(sampling_rate)}."
        )
