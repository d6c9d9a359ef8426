"""
Gesture recognition: SimCLR, VICReg
===================================

VICReg and SimCLR learn from the training series without labels. A nearest-neighbour
classifier and a ridge classifier on their features are compared with the same encoder
untrained and with MiniRocket.

Without a folder this runs on PickupGestureWiimoteZ, which ships with aeon: 50 training
and 50 test recordings of ten gestures with a game controller, one axis. They are
stretched to 100 time steps, because MiniRocket takes equal lengths only. Name a folder
that holds UWaveGestureLibrary in aeon's form to run on that: 120 training and 320 test
recordings of eight gestures, three axes, 315 time steps::

    python examples/first_steps/plot_uwave_gesture.py --data FOLDER
    SKLEARN_SSL_DATA=FOLDER python examples/first_steps/plot_uwave_gesture.py
"""

# %%
# The data
# --------
import argparse
import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.plotting import TrainingCurveDisplay
from sklearn_ssl.preprocessing import ChannelWise

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data",
    default=os.environ.get("SKLEARN_SSL_DATA"),
    help="folder with archives in aeon's form",
)
parser.add_argument(
    "--seeds", type=int, default=1, help="how many seeds to average over"
)
options, _ = parser.parse_known_args()


def stretched(series):
    """Return a series of one channel with 100 time steps."""
    return np.interp(
        np.linspace(0, 1, 100), np.linspace(0, 1, series.shape[1]), series[0]
    )[None]


def load(split):
    """Return one part of UWaveGestureLibrary from the folder, or of
    PickupGestureWiimoteZ, which aeon ships.
    """
    if options.data is None:
        X, y = load_classification("PickupGestureWiimoteZ", split=split)
        return np.stack([stretched(series) for series in X]), y
    try:
        return load_classification(
            "UWaveGestureLibrary", split=split, extract_path=options.data
        )
    except Exception as error:
        raise SystemExit(
            f"UWaveGestureLibrary could not be read or downloaded ({error}). Give "
            f"the folder that holds "
            "UWaveGestureLibrary/UWaveGestureLibrary_TRAIN.ts by --data or "
            "SKLEARN_SSL_DATA."
        ) from error


X_train, y_train = load("train")
X_test, y_test = load("test")
print(
    f"{X_train.shape} training series, {X_test.shape} test series, "
    f"{len(set(y_train))} classes"
)

# %%
# The same probes for every row
# -----------------------------
# Each transformer is fitted once per seed on the training series; the probes are fitted
# on its features.
PROBES = {
    "1-NN": lambda: make_pipeline(
        StandardScaler(), KNeighborsClassifier(n_neighbors=1)
    ),
    "ridge": lambda: make_pipeline(
        StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 13))
    ),
}
TRANSFORMERS = {
    "untrained": lambda seed: RandomEncoderTransformer(random_state=seed),
    "VICReg": lambda seed: VICRegTransformer(random_state=seed),
    "SimCLR": lambda seed: SimCLRTransformer(random_state=seed),
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
}


def evaluate(make_transformer, seed):
    """Return the accuracy of every probe, the seconds of the fit and the fitted
    steps.
    """
    steps = Pipeline(
        [("scale", ChannelWise(StandardScaler())), ("features", make_transformer(seed))]
    )
    start = time.perf_counter()
    features = steps.fit(X_train).transform(X_train)
    seconds = time.perf_counter() - start
    unseen = steps.transform(X_test)
    scores = [
        probe().fit(features, y_train).score(unseen, y_test)
        for probe in PROBES.values()
    ]
    return scores, seconds, steps


# %%
# What came out
# -------------
fitted, table = {}, {}
print(
    f"{'features':<12}"
    + "".join(f"{name:>16}" for name in PROBES)
    + f"{'fit seconds':>14}"
)
for name, make_transformer in TRANSFORMERS.items():
    runs = [evaluate(make_transformer, seed) for seed in range(options.seeds)]
    table[name] = np.array([scores for scores, _, _ in runs])
    fitted[name] = runs[0][2]
    spread = [
        f" ± {std:.3f}" if options.seeds > 1 else "" for std in table[name].std(0)
    ]
    cells = [
        f"{mean:.3f}{std}"
        for mean, std in zip(table[name].mean(0), spread, strict=True)
    ]
    print(
        f"{name:<12}"
        + "".join(f"{cell:>16}" for cell in cells)
        + f"{np.mean([s for _, s, _ in runs]):>14.1f}"
    )

# %%
means = pd.DataFrame({name: scores.mean(0) for name, scores in table.items()}).T
figure, axis = plt.subplots(figsize=(4.5, 3.3), layout="constrained")
means.set_axis(list(PROBES), axis=1).plot.barh(ax=axis, legend=False)
axis.set(xlabel="accuracy", xlim=(0, 1))
axis.invert_yaxis()
figure.legend(loc="outside upper center", ncols=2)
figure.savefig("gestures.png", dpi=150)

# %%
# How the losses went
# -------------------
# The dashed line is the loss of projections that are all the same, for SimCLR chance
# level: an encoder whose loss stays there tells nothing apart.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for axis, name in zip(axes, ("VICReg", "SimCLR"), strict=True):
    TrainingCurveDisplay.from_estimator(fitted[name], ax=axis)
    axis.set_title(name)
figure.savefig("gesture_losses.png", dpi=150)
print("The pictures are in gestures.png and gesture_losses.png.")
