"""Copies of a series at several speeds, a mixture of two series, and windows of a series."""

import matplotlib.pyplot as plt
import numpy as np

time = np.arange(200)


def beats(period, size=1.0):
    phase = (time / period) % 1
    return size * (np.exp(-(((phase - 0.3) / 0.06) ** 2)) + 0.3 * np.exp(-(((phase - 0.6) / 0.1) ** 2)))


figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
for row, speed in enumerate((0.6, 0.9, 1.2, 1.8)):
    axes[0].plot(beats(40 / speed)[:120] - 1.4 * row, color="black", linewidth=1)
    axes[0].text(-4, 0.1 - 1.4 * row, f"{speed} x", ha="right", fontsize="small")
axes[0].set_title("SimPer: speeds", fontsize="medium")
first, second = beats(40), np.sin(time / 9) / 2
for row, (series, name) in enumerate(
    [(first, "0.7 of this"), (second, "0.3 of this"), (0.7 * first + 0.3 * second, "")]
):
    axes[1].plot(series[:120] - 1.8 * row, color="black", linewidth=1)
    axes[1].text(0, 0.75 - 1.8 * row, name, fontsize="small")
axes[1].set_title("TimeMCL: a mixture", fontsize="medium")
axes[2].plot(first, color="0.7", linewidth=1)
for row, start in enumerate((10, 95, 40, 70)):
    axes[2].plot(time[start : start + 100], first[start : start + 100] - 1.4 * (row + 1), color="black", linewidth=1)
axes[2].set_title("EMP-SSL: windows", fontsize="medium")
for ax in axes:
    ax.set_yticks([])
    ax.set_xlabel("time step")
axes[0].set_xticks([0, 60, 120])
