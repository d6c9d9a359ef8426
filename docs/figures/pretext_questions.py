"""What the encoders of context tasks see of one series."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_ssl import JigsawTransformer
from sklearn_ssl.augmentations import NumberedTransformations

time = np.linspace(0, 1, 90)
beat = np.exp(-(((time - 0.35) / 0.03) ** 2)) - 0.4 * np.exp(-(((time - 0.42) / 0.04) ** 2))
first = beat + 0.5 * np.exp(-(((time - 0.7) / 0.07) ** 2))
series = np.stack([first, np.roll(-0.6 * first, 4)]).astype(np.float32)  # (C, L)

figure, axes = plt.subplots(3, 4, figsize=(10, 4.4), layout="constrained")
transformations = NumberedTransformations()
forms = transformations(torch.from_numpy(series).repeat(4, 1, 1), torch.arange(4))
for ax, form, name in zip(axes[0], forms, transformations.descriptions, strict=True):
    ax.plot(form.T)
    ax.set_title(name, fontsize="medium")

module = JigsawTransformer(n_segments=4, max_epochs=0, random_state=0).fit(np.stack([series, -series])).net_.module_
torch.manual_seed(0)
pieces, _ = module.pieces(torch.from_numpy(series)[None], None)  # (1, S, C, W)
order = module.permutations[5]
for ax, piece, place in zip(axes[1], module.shuffled(pieces, torch.tensor([5]))[0], order.tolist(), strict=True):
    ax.plot(piece.T)
    ax.set_title(f"piece {place}", fontsize="medium")

for ax, hidden in zip(axes[2], (0, 1, None), strict=False):
    seen = series.copy()
    if hidden is not None:
        ax.plot(series[hidden], color="0.6", linestyle=":")
        seen[hidden] = 0
    ax.plot(seen.T)
    ax.set_title("whole" if hidden is None else f"channel {hidden} is hidden", fontsize="medium")
axes[2, 3].axis("off")
for ax, name in zip(axes[:, 0], ("rotation", "jigsaw", "colorization"), strict=True):
    ax.set_ylabel(name)
for ax in axes.flat:
    ax.set_xticks([])
    ax.set_yticks([])
