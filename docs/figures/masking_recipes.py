"""What the recipes of `sklearn_ssl.masking` hide of a series with two channels."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_ssl.datasets import make_waves
from sklearn_ssl.masking import BlockMasking, GeometricMasking, RandomMasking

X, _ = make_waves(n_cases=4, n_channels=2, random_state=2)
series = X[0]  # (C, L)
window = 8
recipes = {
    "RandomMasking(0.75)": (RandomMasking(ratio=0.75), window),
    "BlockMasking(0.5)": (BlockMasking(ratio=0.5, mean_length=4), window),
    "GeometricMasking(0.5)": (GeometricMasking(ratio=0.5), 1),
}
torch.manual_seed(1)
figure, axes = plt.subplots(2, 3, figsize=(10, 2.8), sharex=True, sharey="row", layout="constrained")
for column, (name, (masking, width)) in zip(axes.T, recipes.items(), strict=True):
    n_total = series.shape[1] // width
    hidden = masking.hidden(torch.tensor([n_total]), n_total, n_channels=2)[0]  # (1 or C, T)
    steps = np.broadcast_to(hidden.numpy().repeat(width, axis=1), series.shape)  # (C, L)
    for ax, values, covered in zip(column, series, steps, strict=True):
        ax.plot(values, color="0.75")
        ax.plot(np.where(covered, np.nan, values), color="black")
        ax.fill_between(range(len(values)), 0, 1, where=covered, transform=ax.get_xaxis_transform(), color="0.92")
        ax.set_yticks([])
        ax.margins(x=0)
    column[0].set_title(name, fontsize="medium")
    column[1].set_xlabel("time step")
for ax, label in zip(axes[:, 0], ("channel 0", "channel 1"), strict=True):
    ax.set_ylabel(label)
