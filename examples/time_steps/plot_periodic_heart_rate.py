"""
Heart rate from the wrist (PPG)
===============================

A photoplethysmogram at the wrist shows every heartbeat as a wave, and every step of a
runner as a disturbance. SimPer learns from windows of such recordings without heart
rates: windows of a recording that are played at like speeds should look alike. Then
:meth:`~sklearn_ssl.SimPerTransformer.predict_frequency` reads a heart rate off its
learnt sequence.

Without a folder the recordings are generated. With a folder they are those of IEEEPPG,
of the time series extrinsic regression archive or of the IEEE Signal Processing Cup
2015 (see `load_ieeeppg`)::

    python examples/time_steps/plot_periodic_heart_rate.py
    python examples/time_steps/plot_periodic_heart_rate.py --data FOLDER --steps 300
    SKLEARN_SSL_DATA=FOLDER python examples/time_steps/plot_periodic_heart_rate.py

:ref:`record_heart_rate` compares SimPer with other methods on IEEEPPG.
"""

# %%
# The data
# --------
# A window has two pulse waves and the acceleration along three axes, for 8 seconds at
# 125 Hz. The generated runners start slowly and get faster, so that heart rate and
# steps grow, each in its own way.

# sphinx_gallery_thumbnail_number = 2

import argparse
import os

import matplotlib.pyplot as plt
import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from scipy.signal import butter, periodogram, sosfiltfilt
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimPerTransformer
from sklearn_ssl.datasets import load_ieeeppg
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.preprocessing import SeriesWise, window_recordings

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with IEEEPPG"
)
parser.add_argument(
    "--steps", type=int, default=60, help="optimiser steps of the pretraining"
)
options, _ = parser.parse_known_args()

MEASURED, RATE = 125, 25  # Hz, of the recordings and of what the encoder gets


def runner(rng, seconds=120):
    """Return a generated recording (6, time): two pulse waves, three accelerations and
    the heart rate.
    """
    moments = np.arange(seconds * MEASURED) / MEASURED
    effort = np.interp(moments, [0, seconds], [0, 1]) ** rng.uniform(0.5, 2)
    heart_rate = rng.uniform(70, 110) + rng.uniform(30, 60) * effort  # beats per minute
    cadence = rng.uniform(1.2, 1.4) + rng.uniform(0.8, 1.4) * effort  # steps per second
    beat, step = (
        2 * np.pi * np.cumsum(each) / MEASURED for each in (heart_rate / 60, cadence)
    )
    axes = np.arange(3)[:, None]
    acceleration = (
        np.sin(step + axes)
        + 0.5 * np.sin(2 * step - axes)
        + rng.normal(scale=0.2, size=(3, len(moments)))
    )
    pulse = (
        np.sin(beat)
        + 0.4 * np.sin(2 * beat + 1)
        + rng.normal(scale=0.7, size=(2, len(moments)))
    )
    disturbed = pulse + rng.uniform(0.5, 1.5, (2, 3)) @ acceleration
    return np.concatenate([disturbed, acceleration, heart_rate[None]])


def load(split):
    """Return windows (n, 5, 1000), heart rates and recordings."""
    if options.data:
        data = load_ieeeppg(options.data, split=split)
        return (
            data.X[::2],
            data.y[::2],
            data.groups[::2],
        )  # neighbouring windows share six of eight seconds
    rng = np.random.default_rng(["train", "test"].index(split))
    windows, _, recordings = window_recordings(
        [runner(rng) for _ in range(8)], length="8s", step="4s", sampling_rate=MEASURED
    )
    return windows[:, :5], windows[:, 5].mean(axis=1), recordings


# %%
# Pulse waves without steps
# -------------------------
# A pulse lies between 0.5 and 4.5 Hz: the rest is filtered away. SimPer follows
# whatever repeats, so the steps have to go as well. A ridge regression on seven
# neighbouring values of each acceleration explains them, and what it explains is
# subtracted. What is left of each window gets mean 0 and standard deviation 1.


def pulse_waves(windows):
    """Return the pulse waves (n, 2, 200) of windows, less what the accelerations
    explain of them.
    """
    band = butter(4, [0.5, 4.5], btype="bandpass", fs=MEASURED, output="sos")
    filtered = sosfiltfilt(band, windows)[:, :, :: MEASURED // RATE]  # (n, 5, 200)
    moves = np.pad(
        SeriesWise(StandardScaler()).fit_transform(filtered[:, 2:]),
        ((0, 0), (0, 0), (3, 3)),
    )
    near = np.lib.stride_tricks.sliding_window_view(moves, 7, axis=2).swapaxes(
        1, 2
    )  # (n, 200, 3, 7)
    near = near.reshape(*near.shape[:2], -1)  # (n, 200, 21)
    ridge = Ridge(alpha=0.1 * near.shape[1])
    explained = [
        ridge.fit(a, waves.T).predict(a).T
        for a, waves in zip(near, filtered[:, :2], strict=True)
    ]
    return SeriesWise(StandardScaler()).fit_transform(
        filtered[:, :2] - np.stack(explained)
    )


windows, y, recordings = load("train")
windows_test, y_test, recordings_test = load("test")
X, X_test = pulse_waves(windows), pulse_waves(windows_test)
for part, rates, names in (
    ("training", y, recordings),
    ("test", y_test, recordings_test),
):
    print(
        f"{part}: {len(rates)} windows of {len(set(names))} recordings, "
        f"{rates.min():.0f} to {rates.max():.0f} bpm"
    )

# %%
# Heart rates with and without labels
# -----------------------------------
# Three rows take no label: the peak in the spectrum of the raw waves, the same without
# the steps, and SimPer. MiniRocket and a ridge regression learn from heart rates, once
# from those of all training recordings and once from those of a single recording. A
# label takes an electrocardiogram, which is worn for a whole run.
LOWEST, HIGHEST = 0.9, 3.1  # Hz


def spectrum_peak(waves, rate):
    """Return where the mean spectrum of sequences (n, C, L) has its peak, in beats per
    minute.
    """
    frequencies, power = periodogram(
        waves, fs=rate, window="hann", nfft=64 * rate
    )  # (n, C, F)
    power[:, :, (frequencies < LOWEST) | (frequencies > HIGHEST)] = 0
    return 60 * frequencies[power.mean(axis=1).argmax(axis=1)]


simper = SimPerTransformer(
    encoder=InceptionEncoder(depth=2, width=8, bottleneck=8),
    n_speeds=5,
    batch_size=16,
    max_steps=options.steps,
    random_state=0,
).fit(X)
predicted = {
    "raw waves, read": spectrum_peak(windows_test[:, :2], MEASURED),
    "without steps, read": spectrum_peak(X_test, RATE),
    "SimPer, read": 60
    * simper.predict_frequency(X_test, RATE, lowest=LOWEST, highest=HIGHEST),
}
for name, labelled in {
    "all labels": np.full(len(y), True),
    "one recording": recordings == recordings[0],
}.items():
    rocket = make_pipeline(
        MiniRocket(random_state=0), StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))
    )
    predicted[f"MiniRocket, {name}"] = rocket.fit(X[labelled], y[labelled]).predict(
        X_test
    )

# %%
# What came out
# -------------
# Mean absolute error in beats per minute, and in per cent of the heart rate.
for name, rates in predicted.items():
    mae, mape = (
        mean_absolute_error(y_test, rates),
        mean_absolute_percentage_error(y_test, rates),
    )
    print(f"{name:<25} MAE {mae:5.1f}   MAPE {mape:6.1%}")

# %%
figure, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
seconds = np.arange(X.shape[2]) / RATE
for place, waves in enumerate((windows_test[0, 0, :: MEASURED // RATE], X_test[0, 0])):
    axis.plot(seconds, (waves - waves.mean()) / waves.std() - 6 * place, lw=0.9)
axis.set(
    xlabel="seconds",
    yticks=[0, -6],
    yticklabels=["raw", "no steps"],
    title=f"A window with {y_test[0]:.0f} bpm",
)
figure.savefig("heart_rate_window.png", dpi=150)

figure, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
for name, marker in (("without steps, read", "x"), ("SimPer, read", "o")):
    axis.plot(y_test, predicted[name], marker, ms=4, alpha=0.6, label=name)
axis.axline((100, 100), slope=1, color="0.5", lw=1)
axis.set(xlabel="heart rate (bpm)", ylabel="predicted (bpm)", title="Test windows")
axis.legend()
figure.savefig("heart_rate.png", dpi=150)
print("The pictures are in heart_rate_window.png and heart_rate.png.")
