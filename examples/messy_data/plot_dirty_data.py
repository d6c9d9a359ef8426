"""
Dirty data: gaps, spikes, outliers
==================================

Published series are clean. Here they get what recordings outside of archives have: byte
strings for labels, axes in different units, gaps, spikes, and broken recordings in the
training part. One Pipeline reads, fills, clips, scales, pretrains and classifies. How
much of the lost accuracy it recovers, and what each step is worth, is measured with
VICReg, with the same encoder untrained, and with MiniRocket and a ridge classifier.

Without a folder this is a short run on the accelerometer of BasicMotions, which ships
with aeon. Name a folder that holds UWaveGestureLibrary in aeon's form for the long run,
whose results are at the end::

    python examples/messy_data/plot_dirty_data.py --data FOLDER
    SKLEARN_SSL_DATA=FOLDER python examples/messy_data/plot_dirty_data.py
"""

# %%
# The data
# --------
# Three axes of 100 or 105 time steps. In UWaveGestureLibrary every third step is enough
# to tell the eight gestures apart.
import argparse
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from aeon.datasets import load_basic_motions, load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.preprocessing import (
    AsCollection,
    ChannelWise,
    ClipOutliers,
    FillMissing,
    OutlierFiltered,
    as_labels,
)

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data",
    default=os.environ.get("SKLEARN_SSL_DATA"),
    help="folder with archives in aeon's form",
)
parser.add_argument(
    "--seeds",
    type=int,
    help="how many seeds to average over, 3 with a folder and 1 without",
)
options, _ = parser.parse_known_args()
SEEDS = range(options.seeds or (3 if options.data else 1))
MAX_STEPS = 100 if options.data else 10  # of VICReg


def load(split):
    """Return one part of UWaveGestureLibrary from the folder, or of BasicMotions, which
    aeon ships.
    """
    if options.data is None:
        X, y = load_basic_motions(split=split)
        return X[:, :3], y
    try:
        X, y = load_classification(
            "UWaveGestureLibrary", split=split, extract_path=options.data
        )
    except Exception as error:
        raise SystemExit(
            f"UWaveGestureLibrary could not be read or downloaded ({error}). Give "
            f"the folder that holds "
            "UWaveGestureLibrary/UWaveGestureLibrary_TRAIN.ts by --data or "
            "SKLEARN_SSL_DATA."
        ) from error
    return X[:, :, ::3], y


X_train, y_train = load("train")
X_test, y_test = load("test")
print(
    f"{X_train.shape} training series, {X_test.shape} test series, "
    f"{len(set(y_train))} classes"
)

# %%
# The dirt
# --------
# The published series have a standard deviation of 1. Three in ten training recordings
# are broken but keep their labels: a third of them has the wrong gain, a third drifts,
# and of a third only noise is left. Then, in both parts, one value in fifty becomes a
# spike, every axis gets two gaps of 5 to 15 steps, and each axis has its own unit.
UNITS = np.array([[1.0], [9.81], [1000.0]])


def with_broken_recordings(X, rng):
    """Return the series with three in ten of them broken, and which."""
    X, broken = X.copy(), rng.choice(len(X), size=round(0.3 * len(X)), replace=False)
    wrong_gain, drifting, loose = np.array_split(broken, 3)
    X[wrong_gain] *= 30
    X[drifting] += rng.normal(size=X[drifting].shape).cumsum(axis=2)
    X[loose] = rng.normal(scale=3, size=X[loose].shape)
    return X, np.isin(np.arange(len(X)), broken)


def with_spikes(X, rng):
    """Return the series with one value in fifty moved up or down by 5 to 10."""
    spikes = rng.uniform(5, 10, X.shape) * rng.choice([-1, 1], X.shape)
    return np.where(rng.random(X.shape) < 0.02, X + spikes, X)


def with_gaps(X, rng):
    """Return the series with two gaps of 5 to 15 steps in every channel."""
    start = rng.integers(X.shape[2], size=(2, *X.shape[:2], 1))
    stop = start + rng.integers(5, 16, size=start.shape)
    step = np.arange(X.shape[2])
    return np.where(((start <= step) & (step < stop)).any(axis=0), np.nan, X)


def as_table(X, y):
    """Return a data frame as one might hold it: one column per axis, arrays in the
    cells, labels as byte strings.
    """
    axes = {name: list(X[:, channel]) for channel, name in enumerate("xyz")}
    return pd.DataFrame({**axes, "gesture": [label.encode() for label in y]})


def dirty_tables(seed):
    """Return training and test part with dirt, and which training recordings are
    broken.
    """
    rng = np.random.default_rng(seed)
    X_broken, broken = with_broken_recordings(X_train, rng)
    train, test = (
        with_gaps(with_spikes(X, rng), rng) * UNITS for X in (X_broken, X_test)
    )
    return as_table(train, y_train), as_table(test, y_test), broken


# %%
# The pipeline
# ------------
# `AsCollection` makes series of the table, `as_labels` strings of the labels. Broken
# recordings are left out while the encoder and the classifier are fitted. They are so
# many here that they inflate means and standard deviations and hide behind them. An
# isolation forest uses neither, and needs no guess of how many there are.
def pipeline(features, classifier):
    """Return all steps."""
    return Pipeline(
        [
            ("read", AsCollection(drop="gesture")),
            ("fill", FillMissing(padding="fill")),
            ("clip", ClipOutliers(action="interpolate")),
            ("scale", ChannelWise(StandardScaler())),
            (
                "ssl",
                OutlierFiltered(features, detector=IsolationForest(random_state=0)),
            ),
            (
                "classify",
                OutlierFiltered(classifier, detector=IsolationForest(random_state=0)),
            ),
        ]
    )


train, _, _ = dirty_tables(seed=0)
y = as_labels(train["gesture"])
cheap = pipeline(
    RandomEncoderTransformer(device="cpu", random_state=0), KNeighborsClassifier()
)
print(
    train.map(
        lambda cell: cell if isinstance(cell, bytes) else f"{cell[:3].round(2)} ..."
    )
    .head(3)
    .to_string()
)

# %%
# Three things cannot be left out, since nothing works without them.
for name, model, labels in [
    ("AsCollection", clone(cheap).set_params(read="passthrough"), y),
    ("FillMissing", clone(cheap).set_params(fill="passthrough"), y),
    ("as_labels", clone(cheap), train["gesture"]),
]:
    try:
        model.fit(train, labels)
    except (TypeError, ValueError) as error:
        print(f"without {name}: {str(error).partition('. ')[0]}")

# %%
# Settings
# --------
# A spike says nothing about the value that it replaced, so it is interpolated. How
# spikes are found and gaps filled is chosen by cross-validation in the training parts,
# with the untrained encoder, which is cheap.
search = GridSearchCV(
    cheap,
    {
        "fill__method": ["forward", "linear"],
        "clip__method": ["zscore", "iqr", "hampel"],
    },
    n_jobs=2,
    refit=False,
)
scores = 0
for seed in SEEDS:
    train, _, _ = dirty_tables(seed)
    scores += search.fit(train, as_labels(train["gesture"])).cv_results_[
        "mean_test_score"
    ] / len(SEEDS)
settings = search.cv_results_["params"][np.argmax(scores)]
for score, candidate in zip(scores, search.cv_results_["params"], strict=True):
    print(f"{score:.3f}  {candidate}{'  <- chosen' if candidate is settings else ''}")

# %%
# Each step left out
# ------------------
# Three systems share all steps but the last two. Pretraining may warn of a dimensional
# collapse where a step is left out: unscaled series with spikes hide what tells them
# apart.
SYSTEMS = {
    "VICReg + 5-NN": lambda seed: pipeline(
        VICRegTransformer(max_steps=MAX_STEPS, device="cpu", random_state=seed),
        KNeighborsClassifier(),
    ),
    "untrained + 5-NN": lambda seed: pipeline(
        RandomEncoderTransformer(device="cpu", random_state=seed),
        KNeighborsClassifier(),
    ),
    "MiniRocket + ridge": lambda seed: pipeline(
        MiniRocket(random_state=seed),
        make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 13))),
    ),
}


def without(model, *steps):
    """Return the pipeline without some of its steps."""
    return model.set_params(**dict.fromkeys(steps, "passthrough"))


def unfiltered(model, *steps):
    """Return the pipeline with broken recordings in the fit of some of its steps."""
    return model.set_params(
        **{step: model.named_steps[step].estimator for step in steps}
    )


def clipped_first(model, **params):
    """Return the pipeline with spikes turned into gaps before gaps are filled."""
    read, fill, clip, *others = model.steps
    return Pipeline([read, clip, fill, *others]).set_params(
        clip__action="nan", **params
    )


FILTERS = "ssl", "classify"
VARIANTS = {
    "clean data, only scaled": lambda model: without(
        unfiltered(model, *FILTERS), "clip"
    ),
    "clean data, all steps": lambda model: model,
    "dirty data, only filled": lambda model: without(
        unfiltered(model, *FILTERS), "clip", "scale"
    ),
    "dirty data, all steps": lambda model: model,
    "- ClipOutliers": lambda model: without(model, "clip"),
    "- StandardScaler": lambda model: without(model, "scale"),
    "- OutlierFiltered, features": lambda model: unfiltered(model, "ssl"),
    "- OutlierFiltered, classifier": lambda model: unfiltered(model, "classify"),
    "- OutlierFiltered, both": lambda model: unfiltered(model, *FILTERS),
    "clipped before filling": clipped_first,
    "clipped by Hampel": lambda model: model.set_params(clip__method="hampel"),
    "clipped by Hampel before filling": lambda model: clipped_first(
        model, clip__method="hampel"
    ),
    "the same - OutlierFiltered, both": lambda model: unfiltered(
        clipped_first(model, clip__method="hampel"), *FILTERS
    ),
}


def accuracy(system, variant, seed):
    """Return the accuracy on the test part."""
    model = VARIANTS[variant](SYSTEMS[system](seed).set_params(**settings))
    if variant.startswith("clean"):
        train, test = as_table(X_train, y_train), as_table(X_test, y_test)
    else:
        train, test, _ = dirty_tables(seed)
    return model.fit(train, as_labels(train["gesture"])).score(
        test, as_labels(test["gesture"])
    )


runs = [
    (system, variant, seed)
    for variant in VARIANTS
    for system in SYSTEMS
    for seed in SEEDS
]
scores = np.reshape(
    Parallel(n_jobs=2)(delayed(accuracy)(*run) for run in runs),
    (len(VARIANTS), len(SYSTEMS), -1),
)
table = dict(zip(VARIANTS, scores, strict=True))


def print_row(name, cells):
    """Print a name and a cell for every system."""
    print(f"{name:<36}" + "".join(f"{cell:>20}" for cell in cells))


print_row("accuracy", SYSTEMS)
for variant, row in table.items():
    print_row(variant, [f"{cell.mean():.3f} ± {cell.std():.3f}" for cell in row])

names = ("clean data, only scaled", "dirty data, only filled", "dirty data, all steps")
clean, filled, cleaned = (table[name].mean(axis=1) for name in names)
shares = [
    f"{recovered / lost:.0%}" if lost > 0 else "nothing lost"
    for recovered, lost in zip(cleaned - filled, clean - filled, strict=True)
]
print_row("recovered by all steps", shares)

train, test, broken = dirty_tables(seed=0)
fitted = clone(cheap).set_params(**settings).fit(train, y)
left_out = ~fitted["ssl"].inlier_mask_
print(
    f"The encoder is fitted without {left_out.sum()} series; "
    f"{broken[left_out].sum()} of {broken.sum()} broken ones."
)

# %%
# What came out
# -------------
# The short run on BasicMotions, with one seed and forty easy test series, shows one
# thing only: without scaling the encoders lose much. The rest is about the long run. On
# UWaveGestureLibrary with three seeds, all steps recover with VICReg most of what the
# dirt costs, and on clean data they cost next to nothing.
#
# - `ClipOutliers` is worth most: without it, hardly anything is recovered.
# - `StandardScaler` is second. Without it, the axis with the largest unit is nearly all
#   that the encoder sees.
# - `OutlierFiltered` makes no difference here, neither around the features nor around
#   the classifier. Values within limits do not disturb VICReg, whatever they show, and
#   a broken training recording is far from every test series and so the neighbour of
#   none.
# - Hampel's filter looks at a few steps at a time: it finds spikes and lets broken
#   recordings through. With it, leaving them out of VICReg's fit does help. It also has
#   to come before filling, because a spike at the edge of a gap is filled on into a
#   plateau. For limits learnt from quartiles this order makes no difference.
#
# MiniRocket with a ridge classifier is ahead in every row and loses least. Its features
# are shares of values above a threshold, which a spike hardly changes, so there is less
# to recover. It recovers about half of that.

# %%
# A series before and after
# -------------------------
# A test series as it is read, and as it reaches the encoder; in grey, as it was
# published.
CASE = 20
before, after = (fitted[:steps].transform(test[CASE : CASE + 1])[0] for steps in (1, 4))
published = X_test[CASE] * UNITS
clean = fitted["scale"].transform(published[None])[0]
for name, title, grey, black in (
    ("before", "before: units, spikes, gaps", published, before),
    ("after", "after: filled, clipped, scaled", clean, after),
):
    figure, axes = plt.subplots(
        3, sharex=True, figsize=(4.5, 3.5), layout="constrained"
    )
    for axis, of_publisher, values, label in zip(axes, grey, black, "xyz", strict=True):
        axis.plot(of_publisher, color="grey", linewidth=3, alpha=0.5)
        axis.plot(values, color="black", linewidth=1, marker=".", markersize=3)
        axis.set(ylabel=f"axis {label}")
    axes[0].set(title=title)
    axes[2].set(xlabel="time step")
    figure.align_ylabels()
    figure.savefig(f"dirty_data_{name}.png", dpi=150)
print("The pictures of a series are in dirty_data_before.png and dirty_data_after.png.")
