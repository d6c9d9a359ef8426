"""Two features of series and of disturbed copies: as they are, after WCCN, and after the hard version."""

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
n, n_views = 60, 4
label = np.arange(n) % 3
turn = np.array([[0.8, -0.6], [0.6, 0.8]])
B = (np.column_stack([1.2 * (label - 1), np.zeros(n)]) + rng.normal(size=(n, 2)) * [0.2, 1.0]) @ turn.T
B -= B.mean(axis=0)
D = rng.normal(size=(n, n_views, 2)) * [0.15, 0.9] @ turn.T  # augmentation changes the second direction
S_b, S_w = B.T @ B / n, np.einsum("nvi,nvj->ij", D, D) / (n * n_views)
r = 0.5 * np.linalg.eigvalsh(S_w).mean()
values, vectors = np.linalg.eigh(S_w)
M = vectors * np.sqrt(r / (values + r)) @ vectors.T
gamma, W = np.linalg.eigh(M @ S_b @ M)
hard = M @ W[:, ::-1]
hard /= np.sqrt(np.diag(hard.T @ S_b @ hard))
maps = {"features": np.eye(2), "WCCN": M, "closed-form VICReg": hard}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for ax, (name, map_) in zip(axes, maps.items(), strict=True):
    for row in range(n):
        for change in D[row]:
            ax.plot(*np.stack([B[row], B[row] + change], axis=1).T.dot(map_).T, color="0.88", linewidth=0.6, zorder=0)
    ax.scatter(*(B @ map_).T, c=label, cmap="viridis", s=16)
    ax.set_title(name, fontsize="medium")
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("first output" if name != "features" else "first feature")
axes[0].set_ylabel("second feature")
