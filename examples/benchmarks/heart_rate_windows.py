"""Pulse waves of IEEEPPG without the motion in them, and what pretraining needs of the recordings they come from."""

import functools
import math
from functools import partial
from typing import Any, final

import numpy as np
from scipy.signal import butter, periodogram, sosfiltfilt
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.architectures import WindowArchitecture
from sklearn_ssl.augmentations import Compose, Jitter, Scaling, TimeReversal
from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.datasets import load_ieeeppg
from sklearn_ssl.losses import ntxent_loss
from sklearn_ssl.preprocessing import SeriesWise

RATE = 25.0  # Hz
PULSE = 0.9, 3.1  # Hz
NEIGHBOURS = 3  # time steps before and after
PENALTY = 0.1  # per time step, for accelerations of standard deviation 1


@functools.cache
def load(folder, split):
    """Read one part of the set."""
    return load_ieeeppg(folder, split=split)


def windows(folder, split):
    """Return the cleaned pulse waves of every second window (n, 2, 200), the heart rates and the recordings."""
    data = load(folder, split)
    return cleaned(data.X[::2], data.sampling_rate), data.y[::2], data.groups[::2]


def pieces(folder):
    """Return pieces of training recordings, 16 seconds each (n, 2, 400), and the two rows of `windows` in each.

    A window begins two seconds after the one before it, so that the fourth one after a window goes on where it ends.
    """
    data = load(folder, "train")
    first = np.arange(0, len(data.X) - 4, 2)
    first = first[data.groups[first] == data.groups[first + 4]]
    joined = np.concatenate([data.X[first], data.X[first + 4]], axis=2)
    return cleaned(joined, data.sampling_rate), np.stack([first, first + 4], axis=1) // 2


def cleaned(X, sampling_rate):
    """Return pulse waves (n, 2, L) of 25 Hz between 0.5 and 4.5 Hz, less what the accelerations explain of them."""
    band = butter(4, [0.5, 4.5], btype="bandpass", fs=sampling_rate, output="sos")
    waves = sosfiltfilt(band, X)[:, :, :: round(sampling_rate / RATE)]  # (n, 5, L)
    return without_motion(waves[:, :2], waves[:, 2:]).astype(np.float32)


def without_motion(pulse, acceleration):
    """Subtract from pulse waves (n, 2, L) what neighbouring values of accelerations (n, 3, L) explain of them."""
    acceleration = SeriesWise(StandardScaler()).fit_transform(acceleration)
    padded = np.pad(acceleration, ((0, 0), (0, 0), (NEIGHBOURS, NEIGHBOURS)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1, axis=2)  # (n, 3, L, 7)
    near = near.swapaxes(1, 2).reshape(len(near), near.shape[2], -1)  # (n, L, 21)
    ridge = Ridge(alpha=PENALTY * near.shape[1])
    explained = [ridge.fit(moves, waves.T).predict(moves).T for moves, waves in zip(near, pulse, strict=True)]
    return pulse - np.stack(explained)


def frequencies(waves, rate):
    """Return in Hz where the mean spectrum over the channels of sequences (n, C, L) has its peak."""
    grid, power = periodogram(waves, fs=rate, window="hann", nfft=round(64 * rate))  # (n, C, F)
    pulse = (grid >= PULSE[0]) & (grid <= PULSE[1])
    shares = power[:, :, pulse] / (power[:, :, pulse].sum(axis=2, keepdims=True) + 1e-30)
    return grid[pulse][shares.mean(axis=1).argmax(axis=1)]


def views():
    """Return changes that leave all frequencies as they are, those of SimPer."""
    return Compose(reversal=TimeReversal(), scaling=Scaling(), jitter=Jitter())


def two_windows_loss(z, *, temperature):
    """Contrast the projections (2, B, P) of two windows of each series."""
    return ntxent_loss(*z, temperature=temperature)


@final
class WindowContrastTransformer(JointEmbeddingTransformer):
    """CVRL for series: two windows of a recording are alike, and different from those of other pieces.

    `fit` takes pieces of recordings. Each window covers half of a piece.

    Parameters
    ----------
    temperature : float, default=0.1
        A lower one puts more weight on the hardest negatives.
    augmentation : Augmentation, default=None
        How windows are changed further. None is that of SimPer.

    References
    ----------
    Qian, Meng, Gong and others, "Spatiotemporal contrastive video representation learning", CVPR 2021.
    """

    temperature: float = number(default=0.1, above=0)
    augmentation: Any = recipe(default_factory=views, needs="__call__")

    def _architecture(self):
        return self._with_views(WindowArchitecture, n_views=2, window_ratio=0.5)

    def _loss(self):
        return partial(two_windows_loss, temperature=self.temperature)

    def _collapsed_loss(self, n_cases, n_projections):
        return math.log(2 * n_cases - 1)
