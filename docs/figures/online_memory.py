"""What three buffers keep of a stream whose features are points on a circle, most of them in a quarter of it."""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_ssl.replay import FIFOBuffer, Memory, MinRedBuffer, ReservoirBuffer

rng = np.random.default_rng(1)
number = np.arange(400)
usual = rng.random(400) < 0.85
usual[120:180] = False  # for a while something else happens
angle = np.where(usual, rng.normal(90, 15, 400), rng.uniform(0, 360, 400))
Z = np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])

figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
for ax, buffer in zip(axes, (FIFOBuffer(size=40), ReservoirBuffer(size=40), MinRedBuffer(size=40)), strict=True):
    kept = np.empty(0, dtype=int)
    for piece in np.split(number, 50):
        there = np.append(kept, piece)
        if len(there) > buffer.size:
            memory = Memory(None, there, Z[there], np.ones(len(there), dtype=bool), piece[-1] + 1)
            there = there[np.sort(buffer.kept(memory, len(piece), rng))]
        kept = there
    ax.scatter(number, angle, s=8, color="0.8", label="gone")
    ax.scatter(kept, angle[kept], s=18, color="black", label="in memory")
    ax.set(title=type(buffer).__name__, xlabel="number of the series in the stream", yticks=[0, 90, 180, 270, 360])
axes[0].set_ylabel("direction of the feature (degrees)")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
