"""Windows of a recording with a gap, and blocks of time for cross-validation."""

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
time = np.arange(240.0)
values = np.sin(time / 5) * (1 + (time > 120)) + 0.2 * rng.normal(size=240)
there = (time < 96) | (time >= 116)
values[~there] = np.nan
figure, ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
ax.plot(time, values, color="black", linewidth=1)
for first, last in ((0, 96), (116, 240)):
    for row, start in enumerate(range(first, last - 39, 20)):
        y = -3.6 - 0.5 * (row % 2)
        block = 0 if start < 96 else 1
        ax.plot([start, start + 39], [y, y], linewidth=5, color=f"C{block}", solid_capstyle="butt")
ax.text(98, 0, "gap", fontsize="small", va="center")
ax.text(-2, -3.85, "windows", ha="right", va="center", fontsize="small")
ax.set(xlabel="seconds", yticks=[], ylim=(-4.8, 2.9))
