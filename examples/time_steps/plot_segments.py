"""
Segmentation and change points
==============================

A machine runs in one of three states and changes between them. Nobody has marked when.
TS2Vec gives features for every time step of the recording. Clusters of these features
are the states, and jumps of the features are the change points. The raw values, values
with differences, and the untrained encoder stand next to it.
"""

# %%
# The recording
# -------------
# Two channels, 6,000 steps. The three states have the same mean and the same variance.
# They differ in how fast the first channel oscillates, and in whether the second
# channel follows the first. So single values say little.
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.signal import find_peaks
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, TS2VecTransformer
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.preprocessing import window_recordings

torch.set_num_threads(1)
rng = np.random.default_rng(0)
SPEEDS, DELAYS = (0.15, 0.15, 0.22), (0.0, np.pi / 2, 0.0)  # of the three states
states = rng.permutation(np.resize([0, 1, 2], 15))
lengths = rng.multinomial(6000 - 15 * 200, np.full(15, 1 / 15)) + 200
state = np.repeat(states, lengths)  # (6000,)
phase = np.cumsum(np.asarray(SPEEDS)[state] * (1 + 0.2 * rng.normal(size=len(state))))
recording = np.stack(
    [np.sin(phase), np.sin(phase + np.asarray(DELAYS)[state])]
) + 0.3 * rng.normal(size=(2, 6000))
recording = (recording - recording.mean(1, keepdims=True)) / recording.std(
    1, keepdims=True
)  # (2, 6000)
true_changes = np.flatnonzero(np.diff(state)) + 1
print(f"{len(true_changes)} changes of state")

# %%
# Features per step
# -----------------
# The encoder learns from windows of the recording, without any label. Then it encodes
# the recording as a whole: one vector for every step. The features follow each
# oscillation. Their maxima over 129 steps, about three periods, do not; `transform`
# takes maxima over time too.
encoder = TCNEncoder(depth=6, width=32, n_features=64, latent_mask=0.5)
windows, _, _ = window_recordings(recording[None], length=250, step=125)
ts2vec = TS2VecTransformer(encoder=encoder, max_steps=200, random_state=0).fit(windows)
untrained = RandomEncoderTransformer(encoder=encoder, random_state=0).fit(windows)


def largest(features, width=129):
    """Return maxima over `width` steps around each step, (n_steps, n_features)."""
    padded = np.pad(features, ((0, 0), (width // 2, width // 2)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=1).max(2).T


FEATURES = {
    "raw values": largest(recording),
    "values and differences": largest(
        np.concatenate([recording, np.diff(recording, prepend=0)])
    ),
    "untrained encoder": largest(untrained.encode(recording[None])[0]),
    "TS2Vec": largest(ts2vec.encode(recording[None])[0]),
}

# %%
# Clusters, or a classifier with few labels
# -----------------------------------------
# KMeans gets no label. The classifier gets the labels of thirty steps. The adjusted
# Rand index is 1 for the true states and 0 for chance.
few = rng.choice(len(state), 30, replace=False)
print(f"{'features per step':<24}{'clusters, ARI':>14}{'30 labels, accuracy':>21}")
clusters = {}
for name, features in FEATURES.items():
    scaled = StandardScaler().fit_transform(features)
    clusters[name] = KMeans(3, n_init=5, random_state=0).fit_predict(scaled)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
        features[few], state[few]
    )
    agreement, accuracy = (
        adjusted_rand_score(state, clusters[name]),
        classifier.score(features, state),
    )
    print(f"{name:<24}{agreement:>14.2f}{accuracy:>21.2f}")

# %%
# Change points
# -------------
# At every step: how far apart are the mean features of the hundred steps before and
# after? Peaks are change points. A true change counts as found if there is a peak
# within fifty steps.


def jumps(features, width=100):
    """Return the distance of the means before and after each step, 0 near the ends."""
    scaled = StandardScaler().fit_transform(features)
    sums = np.concatenate([np.zeros((1, scaled.shape[1])), scaled.cumsum(0)])
    at = np.arange(width, len(features) - width)
    before, after = sums[at] - sums[at - width], sums[at + width] - sums[at]
    distance = np.linalg.norm(after - before, axis=1) / width
    return np.pad(distance, width)


print(f"{'features per step':<24}{'found':>8}{'false':>8}")
curves = {}
for name, features in FEATURES.items():
    curves[name] = jumps(features)
    peaks, _ = find_peaks(
        curves[name], distance=100, prominence=0.3 * curves[name].max()
    )
    apart = np.abs(peaks[:, None] - true_changes)
    found, false = (apart.min(0) <= 50).sum(), (apart.min(1) > 50).sum()
    print(f"{name:<24}{found:>5}/{len(true_changes)}{false:>8}")

# %%
# The picture
# -----------
# Above, a part of the first channel. Below it the true states and the clusters. The
# colours of clusters have no order. At the bottom, the jumps of the features, with true
# changes as dotted lines.
shown = slice(0, 3000)
figure, axes = plt.subplots(
    4,
    1,
    figsize=(6.5, 5),
    sharex=True,
    layout="constrained",
    height_ratios=(1.5, 0.4, 1.6, 1.5),
)
axes[0].plot(recording[0, shown], color="black", linewidth=0.6)
axes[0].set_ylabel("channel 0")
axes[1].imshow(
    state[None, shown],
    aspect="auto",
    cmap="Set2",
    interpolation="nearest",
    vmin=0,
    vmax=7,
)
axes[1].set_yticks([0], ["true state"])
rows = np.stack([clusters[name][shown] for name in FEATURES])
axes[2].imshow(
    rows, aspect="auto", cmap="Set3", interpolation="nearest", vmin=0, vmax=11
)
axes[2].set_yticks(range(len(FEATURES)), list(FEATURES))
axes[3].plot(curves["TS2Vec"][shown], color="black", label="TS2Vec")
axes[3].plot(curves["raw values"][shown], color="0.6", label="raw values")
for change in true_changes[true_changes < 3000]:
    axes[3].axvline(change, color="tab:red", linestyle=":", linewidth=1)
axes[3].set(ylabel="jump of features", xlabel="time step")
figure.legend(loc="outside lower center", ncols=2)
figure.savefig("segments.png", dpi=150)
print("The picture of the segments is in segments.png.")
