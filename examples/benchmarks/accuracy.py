"""What pretraining is worth: default settings on published splits, next to the untrained encoder and MiniRocket.

Nothing is chosen here: every transformer has its defaults, is fitted on the training part, and the test part is looked
at once. Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/accuracy.py --data FOLDER --csv accuracy.csv

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
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import BarlowTwinsTransformer, RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder, ResNetEncoder
from sklearn_ssl.preprocessing import ChannelWise

SHIPPED = ("ArrowHead", "GunPoint", "ItalyPowerDemand")
SETS = ("ArrowHead", "CBF", "ECG200", "ERing", "GunPoint", "Libras", "RacketSports", "UWaveGestureLibrary")
ROWS = {
    "untrained (default encoder)": lambda seed: RandomEncoderTransformer(device="cpu", random_state=seed),
    "VICReg": lambda seed: VICRegTransformer(device="cpu", random_state=seed),
    "SimCLR": lambda seed: SimCLRTransformer(device="cpu", random_state=seed),
    "Barlow Twins": lambda seed: BarlowTwinsTransformer(device="cpu", random_state=seed),
    "untrained ResNet": lambda seed: RandomEncoderTransformer(encoder=ResNetEncoder(), device="cpu", random_state=seed),
    "untrained FCN": lambda seed: RandomEncoderTransformer(encoder=FCNEncoder(), device="cpu", random_state=seed),
    "untrained Inception, 6 x 32": lambda seed: RandomEncoderTransformer(
        encoder=InceptionEncoder(), device="cpu", random_state=seed
    ),
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
}
FIELDS = ("set", "row", "seed", "1-NN", "ridge", "features", "fit seconds")


def load(name, split, folder):
    """Return one part of a set."""
    return load_classification(name, split=split, extract_path=None if name in SHIPPED else folder)


def evaluate(name, folder, row, seed):
    """Return one line of the table."""
    torch.set_num_threads(1)
    X, y = load(name, "train", folder)
    model = make_pipeline(ChannelWise(StandardScaler()), ROWS[row](seed))
    start = time.perf_counter()
    features = model.fit(X).transform(X)
    seconds = time.perf_counter() - start
    X_test, y_test = load(name, "test", folder)
    unseen = model.transform(X_test)
    probes = (KNeighborsClassifier(n_neighbors=1), RidgeClassifierCV(np.logspace(-3, 3, 13)))
    scores = [make_pipeline(StandardScaler(), probe).fit(features, y).score(unseen, y_test) for probe in probes]
    values = (name, row, seed, *(round(score, 4) for score in scores), np.shape(features)[1], round(seconds, 1))
    return dict(zip(FIELDS, values, strict=True))


def main():
    """Fill the table and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", default="accuracy.csv", type=Path)
    parser.add_argument("--means", type=Path, help="also write the means to this file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []
    done = {(row["set"], row["row"], int(row["seed"])) for row in rows}
    work = [(name, row, seed) for seed in range(options.seeds) for name in SETS for row in ROWS]
    with options.csv.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not rows:
            writer.writeheader()
        parallel = joblib.Parallel(n_jobs=options.jobs, return_as="generator_unordered")
        calls = (
            joblib.delayed(evaluate)(name, options.data, row, seed)
            for name, row, seed in work
            if (name, row, seed) not in done
        )
        for row in parallel(calls):
            writer.writerow(row)
            file.flush()
    table = means(list(csv.DictReader(options.csv.open())))
    for line in table:
        print("  ".join(f"{cell:<28}" if i == 0 else f"{cell:>13}" for i, cell in enumerate(line)))
    if options.means:
        with options.means.open("w", newline="") as file:
            csv.writer(file).writerows(table)


def means(rows):
    """Return the lines of a table: ridge accuracy a set, the means over sets of ridge and 1-NN, and the width."""
    cells = defaultdict(list)
    for row in rows:
        cells[row["row"], row["set"]].append([float(row[field]) for field in ("ridge", "1-NN", "features")])
    sets = sorted({name for _, name in cells})
    table = [["", *sets, "mean, ridge", "mean, 1-NN", "features"]]
    for row in ROWS:
        a_set = np.array([np.mean(cells[row, name], axis=0) for name in sets])  # (sets, 3)
        ridge, neighbour, width = a_set.mean(axis=0)
        table.append([row, *(f"{one:.3f}" for one in a_set[:, 0]), f"{ridge:.3f}", f"{neighbour:.3f}", f"{width:.0f}"])
    return table


if __name__ == "__main__":
    main()
