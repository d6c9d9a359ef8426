"""
Hyper-parameter search in a Pipeline
====================================

Encoder, views and method are parameters like any other: a `GridSearchCV` over a
Pipeline searches them, nested names and all. Pretraining happens inside each fold, so
no validation series is ever seen by the encoder.
"""

# %%
# A Pipeline
# ----------
# Four classes of waves, generated; nothing is downloaded. The budget in optimiser steps
# keeps the example short.
import matplotlib.pyplot as plt
import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.preprocessing import ChannelWise

X, y = make_waves(n_cases=96, n_channels=2, n_timepoints=64, noise=0.8, random_state=0)

model = Pipeline(
    [
        ("scale", ChannelWise(StandardScaler())),
        (
            "ssl",
            SimCLRTransformer(
                encoder=InceptionEncoder(depth=3, width=8),
                max_steps=40,
                device="cpu",
                random_state=0,
            ),
        ),
        ("knn", KNeighborsClassifier(n_neighbors=3)),
    ]
)

# %%
# The grid
# --------
# ``ssl__encoder__depth`` reaches into the encoder's recipe,
# ``ssl__augmentation__jitter__sigma`` into one step of the default views, ``ssl``
# replaces the method itself: here by the same encoder untrained, and by MiniRocket.
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
grid = [
    {
        "ssl__encoder__depth": [1, 3],
        "ssl__augmentation__jitter__sigma": [0.05, 0.5],
        "ssl__temperature": [0.1, 0.5],
    },
    {
        "ssl": [
            RandomEncoderTransformer(
                encoder=InceptionEncoder(depth=3, width=8), device="cpu", random_state=0
            ),
            MiniRocket(random_state=0),
        ]
    },
]
search = GridSearchCV(model, grid, cv=folds, n_jobs=2).fit(X, y)

results = search.cv_results_


def label(parameters):
    """Return a setting in words."""
    if "ssl" in parameters:
        return (
            "untrained"
            if isinstance(parameters["ssl"], RandomEncoderTransformer)
            else "MiniRocket"
        )
    return ", ".join(
        f"{name.split('__')[-1]} {value}" for name, value in parameters.items()
    )


for rank in np.argsort(results["rank_test_score"]):
    mean, std = results["mean_test_score"][rank], results["std_test_score"][rank]
    print(f"{mean:.3f} ± {std:.3f}  {label(results['params'][rank])}")

# %%
# Reading it
# ----------
# Compare the spread over the folds with the differences between settings: it tells how
# much such a search can decide.
labels = [label(parameters) for parameters in results["params"]]
order = np.argsort(results["mean_test_score"])
figure, axis = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
bars = axis.barh(
    range(len(order)),
    results["mean_test_score"][order],
    xerr=results["std_test_score"][order],
    color=[
        "darkorange" if "ssl" in results["params"][i] else "steelblue" for i in order
    ],
    capsize=3,
)
for place, i in enumerate(order):
    axis.text(0.02, place, labels[i], va="center", color="white", fontsize=8)
axis.set(xlabel="accuracy, mean and deviation over folds", xlim=(0, 1), yticks=[])
figure.savefig("grid_search.png", dpi=150)
print("The picture of the search is in grid_search.png.")
