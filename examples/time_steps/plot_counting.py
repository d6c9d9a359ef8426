"""
Counting repetitions without labels
===================================

How often does a movement repeat? SimPer plays recordings at several speeds and learns
to order them by speed. What it learns can be read without a single count:
:meth:`~sklearn_ssl.SimPerTransformer.predict_frequency` returns how often its learnt
sequence repeats. The recordings are generated: noisy periodic movements, each with a
shape and a speed of its own.
"""

# %%
# Recordings and counts
# ---------------------
# Each recording has three channels and lasts 36 seconds at 25 Hz. It is cut into
# windows of twelve seconds. A window has as many repetitions as its recording has per
# second, times twelve. Eighty recordings are for training, and the counts of ten of
# them are known to those that need counts. The other forty are for the test.
import matplotlib.pyplot as plt
import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimPerTransformer
from sklearn_ssl.datasets import make_periodic
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import SeriesWise, aggregate_windows, window_recordings

SECONDS, RATE = 12, 25
recordings, per_second = make_periodic(
    n_cases=120,
    n_channels=3,
    n_timepoints=3 * SECONDS * RATE,
    sampling_rate=RATE,
    min_frequency=0.3,
    max_frequency=1.2,
    noise=0.7,
    random_state=0,
)
windows, counts, recording = window_recordings(
    recordings, per_second * SECONDS, length=f"{SECONDS}s", sampling_rate=RATE
)
windows = SeriesWise(StandardScaler()).fit_transform(windows)
counted, training, test = recording < 10, recording < 80, recording >= 80
print(
    f"{training.sum()} windows for training, {counted.sum()} of them with a count, "
    f"{test.sum()} for the test"
)

# %%
# Counting
# --------
# MiniRocket with a ridge regression learns from counts. The untrained encoder shows
# what SimPer's training adds. The spectrum of the windows themselves is the classical
# answer; it needs no learning at all where a movement is as clean as here.
encoder = ResNetEncoder(depth=1, width=16)
band = {"lowest": 0.25, "highest": 1.3}  # in repetitions per second
predicted = {"mean count": np.full(test.sum(), counts[counted].mean())}

rocket = make_pipeline(
    MiniRocket(random_state=0), StandardScaler(), RidgeCV(np.logspace(-3, 4, 15))
)
predicted["MiniRocket"] = rocket.fit(windows[counted], counts[counted]).predict(
    windows[test]
)

for name, steps in {
    "untrained": {"max_epochs": 0},
    "SimPer": {"max_steps": 60},
}.items():
    simper = SimPerTransformer(encoder=encoder, random_state=0, **steps).fit(
        windows[training]
    )
    predicted[name] = SECONDS * simper.predict_frequency(windows[test], RATE, **band)

frequencies = np.fft.rfftfreq(4096, 1 / RATE)
power = (np.abs(np.fft.rfft(windows[test], n=4096)) ** 2).sum(
    axis=1
)  # (n_windows, n_frequencies)
power[:, (frequencies < band["lowest"]) | (frequencies > band["highest"])] = 0
predicted["spectrum"] = SECONDS * frequencies[power.argmax(axis=1)]

# %%
# What came out
# -------------
# The mean absolute error in repetitions, for windows and for recordings, whose count is
# the mean of their windows.
for name, each in predicted.items():
    whole = mean_absolute_error(
        per_second[80:] * SECONDS, aggregate_windows(each, recording[test])
    )
    print(
        f"{name:>10}: {mean_absolute_error(counts[test], each):.3f} per window, "
        f"{whole:.3f} per recording"
    )

# %%
_, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
for place, case in enumerate(np.argsort(counts[:30])[[2, 14, 27]]):
    axis.plot(np.arange(windows.shape[2]) / RATE, windows[case, 0] + 8 * place, lw=0.8)
    axis.text(0, 8 * place + 3.6, f"{counts[case]:.1f} repetitions")
axis.set(
    xlabel="seconds", yticks=[], ylim=(-4, 22), title="One channel of three windows"
)

_, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
for name, marker in (("MiniRocket", "s"), ("SimPer", "o")):
    axis.plot(counts[test], predicted[name], marker, ms=3, alpha=0.6, label=name)
axis.axline((8, 8), slope=1, color="0.5", lw=1)
axis.set(xlabel="repetitions", ylabel="predicted", title="Windows of the test part")
axis.legend()
plt.show()
