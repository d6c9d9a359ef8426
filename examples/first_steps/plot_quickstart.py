"""
Quickstart: few labels, many series
===================================

Outlines of 36 arrowheads, which ship with aeon, tell from where they are. An
archaeologist has named the class of one, three or eight of each.
:class:`~sklearn_ssl.SSLClassifier` learns from all outlines, named or not. It is
compared with the same classifier on an encoder that is not trained, and with
MiniRocket, which cannot use series without a label.
"""

# %%
# The data
# --------
# ``X`` has the shape (series, channels, time steps). No download is needed.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_arrow_head
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, WCCNTransformer
from sklearn_ssl.plotting import EmbeddingDisplay

X, y = load_arrow_head(split="train")
X_test, y_test = load_arrow_head(split="test")
print(f"{len(X)} training series, {len(X_test)} test series, {X.shape[1:]} each")

# %%
# Three classifiers
# -----------------
# ``SSLClassifier(unlabelled="?")`` alone would do: it fits
# :class:`~sklearn_ssl.WCCNTransformer` itself. Here the features are learnt once, for
# all draws of labels.
learnt = WCCNTransformer(random_state=0).fit(X)
untrained = RandomEncoderTransformer(random_state=0).fit(X)
rocket = make_pipeline(
    MiniRocket(random_state=0),
    StandardScaler(),
    RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)),
)
models = {
    "SSLClassifier": SSLClassifier(
        FrozenEstimator(learnt), unlabelled="?", random_state=0
    ),
    "untrained": SSLClassifier(
        FrozenEstimator(untrained), mode="probe", unlabelled="?", random_state=0
    ),
    "MiniRocket": rocket,
}

# %%
# One, three or eight labels of each class
# ----------------------------------------
# Which series have a label is drawn three times.
numbers = (1, 3, 8)
scores = {name: np.zeros((len(numbers), 3)) for name in models}
for row, number in enumerate(numbers):
    for draw in range(3):
        rng = np.random.default_rng(draw)
        of_class = [rng.permutation(np.flatnonzero(y == name)) for name in np.unique(y)]
        labelled = np.concatenate([rows[:number] for rows in of_class])
        y_known = np.where(np.isin(np.arange(len(y)), labelled), y, "?")
        for name, model in models.items():
            rows = labelled if name == "MiniRocket" else slice(None)
            model.fit(X[rows], y_known[rows])
            scores[name][row, draw] = model.score(X_test, y_test)
    means = (f"{name} {values[row].mean():.3f}" for name, values in scores.items())
    print(f"{number} of each class:", *means, sep="  ")

# %%
# Accuracy against labels
# -----------------------
# Points are draws, lines are their means.
figure, axis = plt.subplots(figsize=(4.5, 3.3), layout="constrained")
for name, values in scores.items():
    (line,) = axis.plot(numbers, values.mean(axis=1), label=name)
    axis.plot(numbers, values, ".", color=line.get_color())
axis.set(xlabel="labels of each class", ylabel="accuracy", xticks=numbers)
axis.legend()
figure.savefig("quickstart.png", dpi=150)

# %%
# The embedding
# -------------
# The first two principal components of the test series' features, which no label has
# shaped.
figure, axis = plt.subplots(figsize=(4.5, 3.3), layout="constrained")
EmbeddingDisplay.from_embedding(learnt.transform(X_test), y_test, ax=axis)
axis.set_title("WCCNTransformer")
figure.savefig("quickstart_embedding.png", dpi=150)
print("The pictures are in quickstart.png and quickstart_embedding.png.")
