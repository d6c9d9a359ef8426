"""From a series to its vector: feature maps of an untrained encoder, and statistics of them."""

import matplotlib.pyplot as plt
import torch

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import make_bursts
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.pooling import Pooling

torch.set_num_threads(1)
X, _ = make_bursts(n_cases=20, n_timepoints=120, random_state=3)
statistics = ("mean", "max", "std")
pooling = Pooling(statistics=statistics, layers="last")
encoder = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), pooling=pooling, random_state=0).fit(X)
maps, vector = encoder.encode(X[:1])[0], encoder.transform(X[:1]).reshape(len(statistics), -1)
figure, axes = plt.subplots(
    2, 2, figsize=(9, 3.8), layout="constrained", width_ratios=(5, 1.4), height_ratios=(1, 1.6), sharex="col"
)
axes[0, 0].plot(X[0].T, linewidth=0.8)
axes[0, 0].set_ylabel("series")
axes[0, 1].axis("off")
axes[1, 0].imshow(maps, aspect="auto", cmap="Greys", interpolation="nearest")
axes[1, 0].set(xlabel="time step", ylabel="feature")
axes[1, 1].imshow(vector.T, aspect="auto", cmap="Greys", interpolation="nearest")
axes[1, 1].set_xticks(range(len(statistics)), statistics)
axes[1, 1].set(xlabel="pooled", yticks=[])
