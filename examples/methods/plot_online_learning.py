"""
Online learning from a stream (MinRed)
======================================

Series come one class after the other and do not come again. Three encoders learn from
the stream, with 96 series in memory at most. Here is how much each of them knows along
the way, and whether it forgets the classes of the beginning. The untrained encoder and
MiniRocket stand next to them.
"""

# %%
# A stream
# --------
# Short bursts in noise: two channels, 100 time steps, and the class is the kind of
# burst. Each class comes as a whole before the next one. The series are generated, with
# about the same scale in both channels. Real series have to be scaled first, by a
# scaler that was fitted to the first series of the stream or to older ones.

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.frozen import FrozenEstimator

from sklearn_ssl import (
    ContrastiveEMPSSLTransformer,
    RandomEncoderTransformer,
    ReplayTransformer,
    SimSiamTransformer,
    SSLClassifier,
)
from sklearn_ssl.datasets import make_bursts
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import knn_probe, sequential_order, stream_report
from sklearn_ssl.plotting import StreamDisplay
from sklearn_ssl.replay import FIFOBuffer, MinRedBuffer

X, y = make_bursts(n_cases=480, n_timepoints=100, random_state=0)
X_test, y_test = make_bursts(n_cases=300, n_timepoints=100, random_state=1)
rows = sequential_order(y, random_state=0)

# %%
# Three ways to learn from it
# ---------------------------
# A piece of the stream has 20 series. After each piece an encoder takes 4 steps on
# batches of 32 series from memory. MinRed is SimSiam with a buffer that removes series
# which are like others. Next to it are the same method with the latest series, and
# another method with the buffer of MinRed.
encoder = ResNetEncoder(depth=2, width=16)
simsiam = SimSiamTransformer(encoder=encoder, batch_size=32)
contrastive = ContrastiveEMPSSLTransformer(encoder=encoder, batch_size=32)
stream = {"stream_batch_size": 20, "random_state": 0}
learners = {
    "MinRed": ReplayTransformer(simsiam, buffer=MinRedBuffer(size=96), **stream),
    "SimSiam, latest series": ReplayTransformer(
        simsiam, buffer=FIFOBuffer(size=96), **stream
    ),
    "contrastive EMP-SSL": ReplayTransformer(
        contrastive, buffer=MinRedBuffer(size=96), **stream
    ),
    "untrained": RandomEncoderTransformer(encoder=encoder, random_state=0),
}

# %%
# What they know along the way
# ----------------------------
# Whenever a sixth of the stream has passed, nearest neighbours with the labels of all
# training series are judged on the test series. They have the labels of classes that
# have not come yet, so the curves judge the encoders.
test = {"X_test": X_test, "y_test": y_test, "n_neighbors": 5}
reports = {
    name: stream_report(learner, X, y, **test, order=rows, every=1 / 6, piece=20)
    for name, learner in learners.items()
}
for name, report in reports.items():
    print(
        f"{name:24s} end {report.final:.3f}  mean {report.mean_over_stream:.3f}  "
        f"forgetting {report.forgetting:.3f}"
    )
rocket = MiniRocket(random_state=0).fit(X)
print(
    f"{'MiniRocket':24s} end "
    f"{knn_probe(rocket, X, y, **test, metric='cosine').score:.3f}"
)

# %%
_, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
display = StreamDisplay.from_results(reports, ax=axis)

# %%
# Class by class
# --------------
# The same for each class. Forgetting is the best accuracy along the stream minus the
# last one.
_, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
by_class = StreamDisplay.from_results(reports["MinRed"], of="tasks", ax=axis)

# %%
# What is left in memory
# ----------------------
# How many series of each class are in memory at the end, in the order in which the
# classes came. A buffer does not know classes. The buffer of MinRed keeps what differs
# in the projections of its method: those of contrastive EMP-SSL spread all classes,
# those of SimSiam much less. The features do not forget the first classes in either
# case.
classes = list(dict.fromkeys(y[rows]))
for name in ("MinRed", "SimSiam, latest series", "contrastive EMP-SSL"):
    kept = y[rows[reports[name].transformer.buffer_.arrival]]
    print(f"{name:24s}", *(f"{np.count_nonzero(kept == one):3d}" for one in classes))

# %%
# After the stream
# ----------------
# Take the transformer out of the stream to fine-tune it: here with three labels of each
# class.
three = np.concatenate([np.flatnonzero(y == one)[:3] for one in classes])
starts = {
    name: reports[name].transformer.transformer_
    for name in ("MinRed", "contrastive EMP-SSL")
}
for name, start in {**starts, "untrained": reports["untrained"].transformer}.items():
    classifier = SSLClassifier(
        FrozenEstimator(start), max_steps=100, random_state=0
    ).fit(X[three], y[three])
    print(f"{name:24s} {classifier.score(X_test, y_test):.3f}")

plt.show()
