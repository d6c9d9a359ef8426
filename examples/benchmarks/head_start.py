"""What a head should start from, chosen inside training parts: which encoder, and how strong a penalty on changes.

One half of a training part is there without labels; a few series of each class, or all, have one. `SSLClassifier`
takes an encoder that was fitted on this half, starts its head with one `shrinkage` after the other, and is judged, as a
probe, on the other half. Labels are drawn four times, the same for every row. Rows are appended as they come, and a run
that was stopped goes on where it was. Run it with

    python examples/benchmarks/head_start.py --data FOLDER --csv head_start.csv --means head_start_means.csv

for the penalty, and for the encoder with

    python examples/benchmarks/head_start.py --data FOLDER --csv head_start_encoders.csv \
        --means head_start_encoders_means.csv --methods MiniRocket MultiRocket+Hydra VICReg \
        "VICReg beside MiniRocket" "VICReg on MultiRocket+Hydra" "VICReg beside MultiRocket+Hydra" --shrinkages None

where "MiniRocket" are its features, "on" is a layer that VICReg trains on them, and "beside" means both together.
FOLDER holds archives in aeon's form; what is missing there aeon downloads.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from archive import write
from growing_table import GrowingTable
from methods import HALVES, parts
from methods_by_name import make_method
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SSLClassifier
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("Epilepsy", "Libras", "MedicalImages", "RacketSports", "SwedishLeaf", "UWaveGestureLibrary")
METHODS = ("RandomEncoder", "VICReg")
BOTH = "n_features=5040, poolings=('ppv', 'mpv', 'mipv', 'lspv'), n_groups=128"
BESIDE = "pooling=Pooling(statistics='mean'), training_pooling=Pooling(statistics='mean', layers='last')"
NAMED = {
    "MiniRocket": "RandomEncoder(encoder=RocketEncoder())",
    "MultiRocket+Hydra": f"RandomEncoder(encoder=RocketEncoder({BOTH}))",
    "VICReg beside MiniRocket": f"VICReg(encoder=RocketEncoder(hidden=320), {BESIDE})",
    "VICReg on MultiRocket+Hydra": f"VICReg(encoder=RocketEncoder({BOTH}, hidden=320))",
    "VICReg beside MultiRocket+Hydra": f"VICReg(encoder=RocketEncoder({BOTH}, hidden=320), {BESIDE})",
}
SHRINKAGES = (None, 0.5, 0.1, 0.02, "auto")
LABELS = ("2", "5", "12", "all")  # of each class
N_DRAWS = 4
KEY = ("set", "method", "seed", "labels", "shrinkage")
FIELDS = (*KEY, "accuracy")


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--shrinkages", nargs="+", choices=list(map(str, SHRINKAGES)), default=SHRINKAGES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--csv", type=Path, default="head_start.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = GrowingTable(options.csv, FIELDS, KEY)
    for seed in range(options.seeds):
        for name in options.sets:
            for method in options.methods:
                fill(table, name, method, seed, options)
    lines = means(table.rows().values())
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def fill(table, name, method, seed, options):
    """Run what is not there yet of one set, method and seed."""
    wanted = [(name, method, str(seed), labels, str(one)) for labels in LABELS for one in options.shrinkages]
    left = [key for key in wanted if key not in table.rows()]
    if not left:
        return
    (X, y), (X_judged, y_judged) = parts(name, options.data, seed, HALVES[0])
    scaler = ChannelWise(StandardScaler()).fit(X)
    X, X_judged = scaler.transform(X), scaler.transform(X_judged)
    start = FrozenEstimator(make_method(NAMED.get(method, method), random_state=seed, device="cpu").fit(X))
    for key in left:
        shrinkage = {str(one): one for one in SHRINKAGES}[key[-1]]
        probe = SSLClassifier(start, mode="probe", shrinkage=shrinkage, random_state=seed)
        scores = [probe.fit(X, known).score(X_judged, y_judged) for known in draws(y, key[-2])]
        table.append(dict(zip(FIELDS, (*key, f"{np.mean(scores):.4f}"), strict=True)))
    print(name, method, seed, flush=True)


def draws(y, labels):
    """Return the labels that are known, -1 for the others, for every draw; with all of them there is but one."""
    if labels == "all":
        return [y]
    known = []
    for draw in range(N_DRAWS):
        order = np.random.RandomState(draw).permutation(len(y))
        rows = np.concatenate([order[y[order] == one][: int(labels)] for one in np.unique(y)])
        known.append(np.array([y[row] if row in set(rows) else -1 for row in range(len(y))], dtype=object))
    return known


def means(rows):
    """Return the table of the docs: means over sets and seeds."""
    frame = pd.DataFrame(rows).astype({"accuracy": float})
    by_set = frame.groupby(["method", "shrinkage", "set", "labels"], sort=False)["accuracy"].mean()
    mean = by_set.groupby(["method", "shrinkage", "labels"], sort=False).mean().unstack("labels")
    return mean.map("{:.3f}".format).rename(columns="{} labels".format).reset_index()


if __name__ == "__main__":
    main()
