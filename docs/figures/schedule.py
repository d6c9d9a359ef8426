"""The learning rate of a fit and of `partial_fit` after it."""

import matplotlib.pyplot as plt
import numpy as np

steps = np.arange(200)
warmup = 20
rate = np.where(steps < warmup, (steps + 1) / warmup, (1 + np.cos(np.pi * (steps - warmup) / (200 - warmup))) / 2)
figure, ax = plt.subplots(figsize=(7, 2.4), layout="constrained")
ax.plot(steps, rate, color="black", label="fit")
ax.plot([200, 240], [1, 1], color="tab:orange", label="partial_fit")
ax.set(xlabel="step", ylabel="learning rate / lr", ylim=(0, 1.1))
ax.legend(loc="center right")
