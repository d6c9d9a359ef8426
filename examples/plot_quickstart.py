"""
Quickstart: pretraining inside a Pipeline
=========================================

Fifty recordings of a hand that draws a gun or points with a finger (GunPoint, which ships with aeon) are scaled,
turned into features by VICReg without their labels, and classified by their nearest neighbour, all in one ordinary
:class:`~sklearn.pipeline.Pipeline`. Beside its accuracy stand two honest rows: the same encoder untrained, and
MiniRocket with a ridge classifier.
"""

# %%
# The data
# --------
# ``X`` has the shape (series, channels, time steps). No download is needed.
import warnings

import matplotlib.pyplot as plt
from aeon.datasets import load_gunpoint
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.callback import ProgressBar
from sklearn.linear_model import RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.plotting import EmbeddingDisplay
from sklearn_ssl.preprocessing import ChannelWise

X_train, y_train = load_gunpoint(split="train")
X_test, y_test = load_gunpoint(split="test")
print(f"{len(X_train)} training series, {len(X_test)} test series, {X_train.shape[1:]} (channels, time steps)")

# %%
# One Pipeline
# ------------
# The transformer trains on the training series alone and never sees a label. scikit-learn's progress bar shows the
# epochs; the classifier has none to show, and says so.
warnings.filterwarnings("ignore", message=".* does not support callbacks")


def pipeline(transformer):
    """Return scaling, features and nearest neighbour."""
    return Pipeline(
        [
            ("scale", ChannelWise(StandardScaler())),
            ("ssl", transformer),
            ("knn", KNeighborsClassifier(n_neighbors=1)),
        ]
    )


pretrained = pipeline(VICRegTransformer(random_state=0)).set_callbacks(ProgressBar()).fit(X_train, y_train)
untrained = pipeline(RandomEncoderTransformer(random_state=0)).fit(X_train, y_train)
rocket = make_pipeline(MiniRocket(random_state=0), StandardScaler(), RidgeClassifierCV()).fit(X_train, y_train)

# %%
# What came out
# -------------
for name, model in [
    ("VICReg + 1-NN", pretrained),
    ("untrained encoder + 1-NN", untrained),
    ("MiniRocket + ridge", rocket),
]:
    print(f"{name:<26}{model.score(X_test, y_test):.3f}")

# %%
# The embedding
# -------------
# The first two principal components of the test series' features, before and after training.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for axis, (title, model) in zip(axes, [("untrained", untrained), ("VICReg", pretrained)], strict=True):
    EmbeddingDisplay.from_estimator(model, X_test, y_test, ax=axis)
    axis.set_title(title)
figure.savefig("quickstart_embedding.png", dpi=150)
print("The picture of the embedding is in quickstart_embedding.png.")
