"""Projections of twelve series in two dimensions under one, two and three terms of VICReg."""

import matplotlib.pyplot as plt
import torch

from sklearn_ssl.losses import vicreg_loss

torch.manual_seed(0)
start = 0.6 * torch.randn(12, 1).expand(12, 2)  # both dimensions say the same
views = start + 0.2 * torch.randn(2, 12, 2)  # (2, B, P)
terms = {
    "before training": None,
    "invariance": {"variance": 0.0, "covariance": 0.0},
    "+ variance": {"variance": 25.0, "covariance": 0.0},
    "+ covariance": {"variance": 25.0, "covariance": 10.0},
}
figure, axes = plt.subplots(1, 4, figsize=(10, 3.2), sharex=True, sharey=True, layout="constrained")
for ax, (name, weights) in zip(axes, terms.items(), strict=True):
    z = views.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.05)
    for _ in range(200 if weights else 0):
        optimizer.zero_grad()
        vicreg_loss(z[0], z[1], invariance=25.0, **weights).backward()
        optimizer.step()
    first, second = z.detach().numpy()
    for a, b in zip(first, second, strict=True):
        ax.plot([a[0], b[0]], [a[1], b[1]], color="0.6", linewidth=1)
    ax.scatter(*first.T, s=14, color="black")
    ax.scatter(*second.T, s=14, facecolor="white", edgecolor="black")
    ax.set_title(name, fontsize="medium")
    ax.set_box_aspect(1)
    ax.set_xlabel("dimension 1")
axes[0].set_ylabel("dimension 2")
