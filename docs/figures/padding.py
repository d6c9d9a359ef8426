"""Series of unequal length: as a list, and as an array with padding. A NaN before the end is a gap."""

import matplotlib.pyplot as plt
import numpy as np

lengths = (60, 45, 30)
time = np.arange(60)
series = [np.sin(time[:length] / (4 + case)) for case, length in enumerate(lengths)]
gap = series[0].copy()
gap[20:28] = np.nan
figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), sharex=True, sharey=True, layout="constrained")
for ax, title in zip(axes, ("a list", "an array with padding", "a missing value: fill it"), strict=True):
    ax.set_title(title, fontsize="medium")
    ax.set_yticks([])
    ax.set_xlabel("time step")
for case, one in enumerate(series):
    for ax in axes[:2]:
        ax.plot(one - 2.5 * case, color="black", linewidth=1)
    if len(one) < 60:
        axes[1].fill_between([len(one), 60], -2.5 * case - 1, -2.5 * case + 1, color="0.88")
        axes[1].text((len(one) + 60) / 2, -2.5 * case, "NaN", ha="center", va="center", fontsize="small", color="0.4")
axes[2].plot(gap, color="black", linewidth=1)
axes[2].fill_between([20, 27], -1, 1, color="tab:orange", alpha=0.3)
axes[2].text(23.5, 0, "NaN", ha="center", va="center", fontsize="small")
