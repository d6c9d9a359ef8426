"""Predictions of a masked autoencoder at hidden windows, before and after training."""

import matplotlib.pyplot as plt
import torch

from sklearn_ssl import MAETransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.plotting import ReconstructionDisplay

torch.set_num_threads(1)
X, _ = make_waves(n_cases=200, n_channels=1, random_state=0)
mae = MAETransformer(masking=RandomMasking(ratio=0.5), lr=2e-3, random_state=0)
figure, axes = plt.subplots(2, 1, figsize=(9, 3.6), sharex=True, layout="constrained")
for ax, (name, steps) in zip(axes, {"before training": 0, "after 300 steps": 300}.items(), strict=True):
    model = mae.set_params(max_steps=steps or None, max_epochs="auto" if steps else 0).fit(X)
    ReconstructionDisplay.from_estimator(model, X, case=4, random_state=1, ax=ax)
    ax.set_title(name, loc="left", fontsize="medium")
