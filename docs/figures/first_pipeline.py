"""Gestures of GunPoint, and their features."""

import matplotlib.pyplot as plt
import torch
from aeon.datasets import load_gunpoint
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import VICRegTransformer
from sklearn_ssl.plotting import EmbeddingDisplay
from sklearn_ssl.preprocessing import ChannelWise

torch.set_num_threads(1)
X, y = load_gunpoint(split="train")
X_test, y_test = load_gunpoint(split="test")
scale = ChannelWise(StandardScaler()).fit(X)
vicreg = VICRegTransformer(max_steps=40, random_state=0).fit(scale.transform(X))
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for name, color in (("1", "black"), ("2", "tab:orange")):
    axes[0].plot(X[y == name][:6, 0].T, color=color, linewidth=0.8)
axes[0].set(xlabel="time step", ylabel="place of the hand")
EmbeddingDisplay.from_estimator(vicreg, scale.transform(X_test), y_test, ax=axes[1])
