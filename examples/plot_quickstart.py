"""
Quickstart: few labels, many series
===================================

Outlines of arrowheads and recordings of a hand that draws a gun or points with a finger (ArrowHead and GunPoint, which
ship with aeon) become features without a label. A linear classifier then learns from all labels, or from three of each
class. :class:`~sklearn_ssl.WCCNTransformer` is compared with MiniRocket and with an encoder that is not trained.
"""

# %%
# The data
# --------
# ``X`` has the shape (series, channels, time steps). No download is needed.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_arrow_head, load_gunpoint
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, WCCNTransformer
from sklearn_ssl.plotting import EmbeddingDisplay

SETS = {
    load.__name__.removeprefix("load_"): (load(split="train"), load(split="test"))
    for load in (load_arrow_head, load_gunpoint)
}
for name, ((X, _), (X_test, _)) in SETS.items():
    print(f"{name}: {len(X)} training series, {len(X_test)} test series, {X.shape[1:]} (channels, time steps)")

# %%
# Features without labels, a classifier with few
# ----------------------------------------------
# Every transformer learns from all training series. The classifier behind it sees all labels, or the first three of
# each class.
TRANSFORMERS = [
    WCCNTransformer(random_state=0),
    MiniRocket(random_state=0),
    RandomEncoderTransformer(random_state=0),
]


def first_of_each_class(y, n):
    """Return the first n rows of each class."""
    return np.concatenate([np.flatnonzero(y == label)[:n] for label in np.unique(y)])


embeddings = {}
for name, ((X, y), (X_test, y_test)) in SETS.items():
    for transformer in TRANSFORMERS:
        features = make_pipeline(transformer, StandardScaler())
        H, H_test = features.fit_transform(X), features.transform(X_test)  # (series, features)
        for rows in (np.arange(len(y)), first_of_each_class(y, 3)):
            classifier = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)).fit(H[rows], y[rows])
            accuracy = classifier.score(H_test, y_test)
            print(f"{name:<11} {type(transformer).__name__:<25} {len(rows):>2} labels  {accuracy:.3f}")
        embeddings[name, type(transformer).__name__] = H_test

# %%
# The embedding
# -------------
# The first two principal components of the test series' features, for the encoder that is not trained and for WCCN.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for axis, transformer in zip(axes, ("RandomEncoderTransformer", "WCCNTransformer"), strict=True):
    EmbeddingDisplay.from_embedding(embeddings["arrow_head", transformer], SETS["arrow_head"][1][1], ax=axis)
    axis.set_title(transformer)
figure.savefig("quickstart_embedding.png", dpi=150)
print("The picture of the embedding is in quickstart_embedding.png.")
