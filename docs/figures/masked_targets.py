"""What masked methods predict at hidden windows: values, features of a teacher, codes."""

import matplotlib.pyplot as plt
import numpy as np

window, n_windows = 8, 12
time = np.arange(window * n_windows)
series = np.sin(time / 7) + 0.4 * np.sin(time / 2.2) * (time > 45)
hidden = np.isin(np.arange(n_windows), [2, 5, 6, 9])
windows = series.reshape(n_windows, window)
features = np.stack([windows.mean(1), windows.std(1), windows[:, -1] - windows[:, 0], np.abs(np.diff(windows)).sum(1)])
codes = np.array([3, 7, 1, 5, 3, 0, 4, 2, 4, 6, 0, 2])
figure, axes = plt.subplots(3, 1, figsize=(9, 3.6), sharex=True, layout="constrained", height_ratios=(2, 1, 0.6))
axes[0].plot(time, series, color="black", linewidth=1)
axes[0].set_ylabel("values")
scaled = (features - features.mean(1, keepdims=True)) / features.std(1, keepdims=True)
axes[1].imshow(scaled, aspect="auto", cmap="RdBu_r", extent=(0, len(time), 0, 4), interpolation="nearest")
axes[1].set_ylabel("features")
for place, code in enumerate(codes):
    axes[2].text((place + 0.5) * window, 0.5, code, ha="center", va="center")
axes[2].set_ylabel("codes")
axes[2].set_xlabel("time step")
for ax in axes:
    ax.set_yticks([])
    for place in np.flatnonzero(hidden):
        ax.axvspan(place * window, (place + 1) * window, color="0.6", alpha=0.4)
