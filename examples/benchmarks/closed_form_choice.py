"""Which closed-form embedding: features, shrinkage and components compared by cross-validation in training parts.

Every series and four of its augmented copies give features phi. With D the copies less their originals (m rows) and
S = D'D / m, the features are multiplied by (S + r I)^(-1/2), r a multiple of the mean non-zero eigenvalue of S, and
principal components follow, or those of a Gaussian kernel in the shrunk space. Component i, of variance v_i, is
multiplied by v_i^((power - 1) / 2), and a rotation gives all of them the same variance, so that a StandardScaler in
front of a probe leaves distances as they are. No label is used in any of that, and no test part is read.

Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/closed_form_choice.py --data FOLDER --csv closed_form_choice.csv
"""

import argparse
import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket, MultiRocket
from growing_table import GrowingTable
from scipy import linalg
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.augmentations import Compose, CropResize, Jitter, MagnitudeWarp, TimeWarp

SHIPPED = ("ArrowHead", "GunPoint", "ItalyPowerDemand", "OSULeaf", "BasicMotions", "ACSF1")
SETS = ("ArrowHead", "RacketSports", "ERing", "Handwriting", "Lightning7", "ECG200", "Libras", "UWaveGestureLibrary")
KEY = ("set", "row", "seed")
FIELDS = (*KEY, "ridge", "1-NN")
VIEWS = Compose(
    crop=CropResize(min_ratio=0.8),
    warp=TimeWarp(sigma=0.1),
    magnitude=MagnitudeWarp(strength=0.1),
    jitter=Jitter(sigma=0.03),
)
N_VIEWS = 4
MOST_SERIES = 120  # of a training part
N_FOLDS = 3
POOLINGS = "MiniRocket + poolings"
# What is compared: features, r (None: no shrinkage), power, width of the Gaussian kernel (None: linear).
EMBEDDINGS = [
    ("MiniRocket", None, 1.0, None),
    ("MiniRocket", None, 0.5, None),
    ("MiniRocket", 0.5, 1.0, None),
    ("MiniRocket", 0.5, 0.5, None),
    *((POOLINGS, r, power, None) for r in (None, 0.25, 0.5, 1.0, 2.0) for power in (1.0, 0.5)),
    *((POOLINGS, r, 1.0, width) for r in (None, 0.25, 0.5, 1.0) for width in (1.0, 3.0)),
]


def load(name, folder, seed):
    """Return at most `MOST_SERIES` standardised series of a training part, and their labels."""
    X, y = load_classification(name, split="train", extract_path=None if name in SHIPPED else folder)
    if len(X) > MOST_SERIES:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_SERIES, stratify=y, random_state=seed)
    spread = X.std(axis=(0, 2), keepdims=True)
    return ((X - X.mean(axis=(0, 2), keepdims=True)) / np.where(spread > 0, spread, 1)).astype(np.float32), y


def features_of_views(X, seed):
    """Return the features of the series and of their copies, each of shape (1 + V, n, p)."""
    torch.manual_seed(1000 + seed)
    views = [X, *(VIEWS(torch.from_numpy(X)).numpy() for _ in range(N_VIEWS))]
    # A channel given twice lets one compiled routine of aeon serve all sets; up to scale the features are the same.
    views = [np.repeat(view, 2, axis=1) if view.shape[1] == 1 else view for view in views]
    mini, multi = MiniRocket(random_state=seed), MultiRocket(n_kernels=1428, random_state=seed)
    return {
        name: np.stack([transform(view) for view in views]).astype(np.float32)
        for name, transform in (("mini", mini.fit(views[0]).transform), ("multi", multi.fit(views[0]).transform))
    }


def standardised(features, train):
    """Return features scaled by the originals of a training fold and clipped at ten standard deviations."""
    mean, spread = features[0, train].mean(axis=0), features[0, train].std(axis=0)
    known = spread > 1e-6 * (1 + np.abs(mean))
    return np.clip((features - mean) * np.where(known, 1 / np.where(known, spread, 1), 0), -10, 10)


def shrunk_kernel(features, train, r):
    """Return the inner products of all originals after multiplication by (S / r + I)^(-1/2); S from the fold."""
    kernel = features[0] @ features[0].T
    if r is None:
        return kernel
    difference = (features[1:, train] - features[0, train]).reshape(-1, features.shape[2])  # (m, p)
    values, vectors = linalg.eigh(difference @ difference.T)
    kept = values > 1e-6 * values[-1]
    values = values[kept]
    along = features[0] @ (difference.T @ vectors[:, kept]) / np.sqrt(values)  # originals in the eigenvectors of S
    return kernel - (along * (values / (values + r * values.mean()))) @ along.T


def gaussian(kernel, train, width):
    """Return exp(-d^2 / (width * median d^2)) for the distances d of a kernel; the median is the fold's."""
    square = np.diag(kernel)
    distance = np.maximum(square[:, None] + square[None, :] - 2 * kernel, 0)
    pairs = distance[np.ix_(train, train)][~np.eye(len(train), dtype=bool)]
    return np.exp(-distance / (width * np.median(pairs)))


def components(kernel, train, power, most=320):
    """Return principal components of all series, scaled by `power` and rotated to equal variances."""
    kernel = kernel.astype(np.float64)
    fold = kernel[np.ix_(train, train)]
    to_fold = kernel[:, train]
    centred = to_fold - to_fold.mean(axis=1, keepdims=True) - fold.mean(axis=0) + fold.mean()  # (n, n_train)
    values, vectors = linalg.eigh(centred[train])
    kept = np.flatnonzero(values > 1e-6 * values[-1])[::-1][:most]
    scores = centred @ vectors[:, kept] / np.sqrt(values[kept])
    scores *= scores[train].var(axis=0) ** ((power - 1) / 2)
    return scores @ equalising_rotation(scores[train].var(axis=0))


def equalising_rotation(variances):
    """Return an orthogonal matrix that gives uncorrelated components the same variance, by plane rotations."""
    covariance, rotation, mean = np.diag(variances), np.eye(len(variances)), variances.mean()
    for _ in range(len(variances) - 1):
        low, high = np.diag(covariance).argmin(), np.diag(covariance).argmax()
        below, above = covariance[low, low] - mean, covariance[high, high] - mean
        if min(-below, above) <= 1e-12 * mean:
            break
        mixed = covariance[low, high]
        tangent = (np.sqrt(mixed**2 - below * above) - mixed) / above  # makes the variance of `low` the mean
        cosine = 1 / np.hypot(1, tangent)
        turn = cosine * np.array([[1, -tangent], [tangent, 1]])
        pair = [low, high]
        covariance[:, pair] = covariance[:, pair] @ turn
        covariance[pair] = turn.T @ covariance[pair]
        rotation[:, pair] = rotation[:, pair] @ turn
    return rotation


def probe(embedding, y, train, test):
    """Return the accuracy of a ridge classifier and of the nearest neighbour."""
    probes = (RidgeClassifierCV(np.logspace(-3, 3, 10)), KNeighborsClassifier(n_neighbors=1))
    models = (make_pipeline(StandardScaler(), one).fit(embedding[train], y[train]) for one in probes)
    return [model.score(embedding[test], y[test]) for model in models]


def evaluate(features, y, train, test):
    """Return (row, (ridge, 1-NN)) of every row of the table for one fold."""
    mini, multi = (standardised(features[name], train) for name in ("mini", "multi"))
    poolings = np.concatenate([mini, multi[:, :, : multi.shape[2] // 2]], axis=2)  # the second half: first differences
    raw = {"MiniRocket": mini, "MultiRocket, 11,424": multi, POOLINGS: poolings}
    for name, block in raw.items():
        yield f"{name}; all features", probe(block[0], y, train, test)
    kernels = {(name, r): shrunk_kernel(raw[name], train, r) for name, r in dict.fromkeys(e[:2] for e in EMBEDDINGS)}
    for name, r, power, width in EMBEDDINGS:
        kernel = kernels[name, r] if width is None else gaussian(kernels[name, r], train, width)
        yield row_of(name, r, power, width), probe(components(kernel, train, power), y, train, test)


def row_of(name, r, power, width):
    """Return the name of an embedding's row."""
    return f"{name}; r = {r}; power {power:g}" + ("" if width is None else f"; Gaussian {width:g}")


def cross_validate(name, folder, seed):
    """Return the lines of the table for one set: means over folds."""
    X, y = load(name, folder, seed)
    features = features_of_views(X, seed)
    scores = defaultdict(list)
    for train, test in StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, y):
        for row, score in evaluate(features, y, train, test):
            scores[row].append(score)
    return [
        dict(zip(FIELDS, (name, row, seed, *np.mean(score, axis=0).round(4)), strict=True))
        for row, score in scores.items()
    ]


def main():
    """Fill the table and print the means over sets and seeds."""
    options = parsed_options(__doc__, "closed_form_choice.csv", SETS)
    rows = GrowingTable(options.csv, FIELDS, KEY)
    fill(rows, options, cross_validate, row_of(*EMBEDDINGS[-1]))
    table = means(rows.rows().values())
    for row, *values in table:
        print(f"{row:<56}", *values)
    if options.means:
        with options.means.open("w", newline="") as file:
            csv.writer(file).writerows(table)


def parsed_options(description, file, sets):
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", default=file, type=Path)
    parser.add_argument("--means", type=Path, help="also write the means to this file")
    parser.add_argument("--sets", nargs="+", default=sets)
    parser.add_argument("--seeds", type=int, default=2)
    return parser.parse_args()


def fill(table, options, cross_validate, last_row):
    """Append the lines of every set and seed that lacks its last row."""
    for seed in range(options.seeds):
        for name in options.sets:
            if (name, last_row, str(seed)) not in table.rows():
                for line in cross_validate(name, options.data, seed):
                    table.append(line)


def means(rows):
    """Return the lines of a table: accuracies of the ridge classifier and of 1-NN, means over sets and seeds."""
    scores = defaultdict(list)
    for row in rows:
        scores[row["row"]].append((float(row["ridge"]), float(row["1-NN"])))
    lines = [[row, *(f"{value:.3f}" for value in np.mean(values, axis=0))] for row, values in scores.items()]
    return [["features; r; power", "ridge", "1-NN"], *lines]


if __name__ == "__main__":
    main()
