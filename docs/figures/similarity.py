"""Cosine similarities of waves and texts, before and after training."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_ssl import CLIPTransformer
from sklearn_ssl.datasets import make_waves

torch.set_num_threads(1)
TEXTS = np.array(["slow sine wave", "slow triangle wave", "fast square wave", "fast saw-tooth wave"])
X, y = make_waves(n_cases=120, n_channels=1, random_state=0)
X_test, y_test = make_waves(n_cases=60, n_channels=1, random_state=1)
order = np.argsort(y_test, kind="stable")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, (name, steps) in zip(axes, {"before training": 0, "after 200 steps": 200}.items(), strict=True):
    clip = CLIPTransformer(max_steps=steps or None, max_epochs="auto" if steps else 0, random_state=0)
    clip.fit(X, TEXTS[y])
    cosines = clip.embed(X_test[order]) @ clip.embed_text(TEXTS).T  # (60, 4)
    image = ax.imshow(cosines, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_xticks(range(4), TEXTS, rotation=20, ha="right", fontsize="small")
    ax.set_title(name, loc="left", fontsize="medium")
axes[0].set_ylabel("test series, by class")
figure.colorbar(image, ax=axes, label="cosine similarity")
