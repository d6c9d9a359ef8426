"""How the defaults were chosen: cross-validation inside training parts, never a test part.

Every setting is fitted on one half of a training part and judged on the other, both ways round, by nearest neighbour
and by a ridge classifier. Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/defaults.py --data FOLDER --csv defaults.csv

FOLDER holds archives in aeon's form; what is missing there aeon downloads, or takes from those that it ships.
"""

import argparse
import csv
import os
import time
from collections import defaultdict
from pathlib import Path

import joblib
import numpy as np
import torch
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import BarlowTwinsTransformer, RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Compose, CropResize, Jitter, MagnitudeWarp, Scaling
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder, ResNetEncoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise

SHIPPED = ("ArrowHead", "GunPoint")
SETS = ("ArrowHead", "ERing", "GunPoint", "RacketSports", "UWaveGestureLibrary")
METHODS = {
    "untrained": RandomEncoderTransformer,
    "VICReg": VICRegTransformer,
    "SimCLR": SimCLRTransformer,
    "Barlow Twins": BarlowTwinsTransformer,
}
ENCODERS = {
    "Inception 3 x 16": InceptionEncoder(depth=3, width=16, bottleneck=16),
    "ResNet 3 x 32": ResNetEncoder(),
    "FCN 64": FCNEncoder(width=64),
}
POOLINGS = {
    "4 statistics, all layers": Pooling(),
    "3 statistics, last layer": Pooling(statistics=("mean", "max", "std"), layers="last"),
    "mean, last layer": Pooling(statistics="mean", layers="last"),
}
VIEWS = {
    "mild": Compose(crop=CropResize(min_ratio=0.8), warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter(sigma=0.05)),
    "stronger": Compose(crop=CropResize(), warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter()),
}
DEFAULT = ("Inception 3 x 16", "4 statistics, all layers", "mild")
SETTINGS = [
    ("MiniRocket", "", "", ""),
    *((method, *DEFAULT) for method in METHODS),
    *((method, encoder, *DEFAULT[1:]) for encoder in ("ResNet 3 x 32", "FCN 64") for method in ("untrained", "VICReg")),
    *(
        (method, DEFAULT[0], pooling, DEFAULT[2])
        for pooling in ("3 statistics, last layer", "mean, last layer")
        for method in ("untrained", "VICReg")
    ),
    ("VICReg", *DEFAULT[:2], "stronger"),
]
FIELDS = ("set", "fold", "method", "encoder", "pooling", "views", "1-NN", "ridge", "seconds")


def features_of(setting, steps):
    """Return the transformer of a setting."""
    method, encoder, pooling, views = setting
    if method == "MiniRocket":
        return MiniRocket(random_state=0)
    training = {} if method == "untrained" else {"augmentation": VIEWS[views], "max_steps": steps}
    return METHODS[method](
        encoder=ENCODERS[encoder], pooling=POOLINGS[pooling], device="cpu", random_state=0, **training
    )


def evaluate(name, folder, fold, setting, steps):
    """Return one row of the table."""
    torch.set_num_threads(1)
    X, y = load_classification(name, split="train", extract_path=None if name in SHIPPED else folder)
    folds = StratifiedKFold(n_splits=2, shuffle=True, random_state=0)
    fit, judge = list(folds.split(X, y))[fold]
    model = make_pipeline(ChannelWise(StandardScaler()), features_of(setting, steps))
    start = time.perf_counter()
    features = model.fit(X[fit]).transform(X[fit])
    seconds = time.perf_counter() - start
    unseen = model.transform(X[judge])
    probes = (KNeighborsClassifier(n_neighbors=1), RidgeClassifierCV(np.logspace(-3, 3, 13)))
    scores = [make_pipeline(StandardScaler(), probe).fit(features, y[fit]).score(unseen, y[judge]) for probe in probes]
    values = (name, fold, *setting, *(round(score, 4) for score in scores), round(seconds, 1))
    return dict(zip(FIELDS, values, strict=True))


def main():
    """Fill the table and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", default="defaults.csv", type=Path)
    parser.add_argument("--means", type=Path, help="also write the means to this file")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []
    done = {tuple(row[field] for field in FIELDS[:6]) for row in rows}
    work = [(name, fold, setting) for name in SETS for fold in (0, 1) for setting in SETTINGS]
    left = [one for one in work if (one[0], str(one[1]), *one[2]) not in done]
    with options.csv.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not rows:
            writer.writeheader()
        parallel = joblib.Parallel(n_jobs=options.jobs, return_as="generator_unordered")
        calls = (
            joblib.delayed(evaluate)(name, options.data, fold, setting, options.steps) for name, fold, setting in left
        )
        for row in parallel(calls):
            writer.writerow(row)
            file.flush()
    table = means(csv.DictReader(options.csv.open()))
    for method, encoder, pooling, views, neighbour, ridge in table:
        print(f"{method:<14}{encoder:<18}{pooling:<26}{views:<10}{neighbour:>7}{ridge:>7}")
    if options.means:
        with options.means.open("w", newline="") as file:
            csv.writer(file).writerows(table)


def means(rows):
    """Return the lines of a table: the mean over sets and folds of every setting."""
    scores = defaultdict(list)
    for row in rows:
        scores[tuple(row[field] for field in FIELDS[2:6])].append((float(row["1-NN"]), float(row["ridge"])))
    table = [(*FIELDS[2:6], "1-NN", "ridge")]
    for setting in SETTINGS:
        neighbour, ridge = np.mean(scores[setting], axis=0)
        table.append((*setting, f"{neighbour:.3f}", f"{ridge:.3f}"))
    return table


if __name__ == "__main__":
    main()
