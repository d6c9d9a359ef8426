"""A recording with three kinds of motion, and clusters of its features per time step."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import TS2VecTransformer
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.preprocessing import window_recordings

torch.set_num_threads(1)
rng = np.random.default_rng(1)
kind = np.repeat([0, 1, 2, 0, 2, 1], [300, 250, 350, 200, 250, 250])  # of 1,600 steps
phase = np.cumsum(np.asarray([0.25, 0.6, 0.25])[kind])
recording = np.where(kind == 2, np.sign(np.sin(phase)), 1.4 * np.sin(phase)) + 0.2 * rng.normal(size=len(kind))
windows, _, _ = window_recordings(recording[None, None], length=200, step=50)
encoder = TCNEncoder(depth=5, width=16, n_features=32, latent_mask=0.5)
ts2vec = TS2VecTransformer(encoder=encoder, max_steps=150, random_state=0).fit(windows)
features = ts2vec.encode(recording[None, None])[0]  # (32, 1600)
padded = np.pad(features, ((0, 0), (40, 40)), mode="edge")
largest = np.lib.stride_tricks.sliding_window_view(padded, 81, axis=1).max(2)  # (32, 1600)
# Features follow each oscillation. Their maxima over three periods do not, and `transform` takes maxima too.
scaled = StandardScaler().fit_transform(largest.T)
cluster = KMeans(3, n_init=5, random_state=0).fit_predict(scaled)
figure, axes = plt.subplots(3, 1, figsize=(9, 3.6), sharex=True, layout="constrained", height_ratios=(1.2, 1.5, 0.5))
axes[0].plot(recording, color="black", linewidth=0.6)
axes[0].set_ylabel("recording")
axes[1].imshow(scaled.T, aspect="auto", cmap="RdBu_r", vmin=-2.5, vmax=2.5, interpolation="nearest")
axes[1].set_ylabel("features")
axes[2].imshow([kind, cluster], aspect="auto", cmap="Set2", vmin=0, vmax=7, interpolation="nearest")
axes[2].set_yticks([0, 1], ["true", "clusters"])
axes[2].set_xlabel("time step")
