"""A series with a gap, spikes and an offset, after each step of a Pipeline."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, FillMissing

rng = np.random.default_rng(0)
time = np.arange(150)
X = 1000 + 40 * np.sin(time / 8 + rng.uniform(0, 6, (30, 1, 1))) + rng.normal(size=(30, 1, 150))
X[0, 0, 55:75] = np.nan
X[0, 0, [20, 110]] = [1500, 400]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.3), layout="constrained")
steps = {
    "as it is": None,
    "ClipOutliers": ClipOutliers(action="nan"),
    "FillMissing": FillMissing(method="linear"),
    "ChannelWise(StandardScaler())": ChannelWise(StandardScaler()),
}
for ax, (name, step) in zip(axes, steps.items(), strict=True):
    X = step.fit_transform(X) if step else X
    ax.plot(time, X[0, 0], color="black", linewidth=1)
    ax.set_title(name, fontsize="small")
    ax.set_xlabel("time step")
