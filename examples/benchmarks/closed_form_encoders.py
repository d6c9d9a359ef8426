"""Which encoder and which shrinkage under WCCN: the transformer itself, by cross-validation in training parts.

`closed_form_choice.py` compares recipes on features of aeon, before any of them was built. This compares what is built,
on the same sets: MiniRocket's features and those of MultiRocket's four poolings, all of them with a ridge classifier,
and at most 320 of WCCN with a fixed shrinkage and with the one chosen without labels. No test part is read.

Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/closed_form_encoders.py --data FOLDER --csv closed_form_encoders.csv
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from aeon.datasets import load_classification
from growing_table import GrowingTable
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, WCCNTransformer
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.evaluation import knn_probe, linear_probe
from sklearn_ssl.preprocessing import ChannelWise

SHIPPED = ("ArrowHead",)
SETS = ("ArrowHead", "RacketSports", "ERing", "Handwriting", "Lightning7", "ECG200", "Libras", "UWaveGestureLibrary")
ENCODERS = {
    "ppv": RocketEncoder(),
    "ppv, mpv, mipv, lspv": RocketEncoder(n_features=15792, poolings=("ppv", "mpv", "mipv", "lspv")),
}
KEY = ("set", "row", "seed", "fold")
FIELDS = (*KEY, "linear", "1-NN")
MOST_SERIES = 120
N_FOLDS = 3


def rows(seed):
    """Return the transformers that are compared, by the name of their row."""
    common = {"random_state": seed, "device": "cpu"}
    for name, encoder in ENCODERS.items():
        yield f"{name}; all features", RandomEncoderTransformer(encoder=encoder, **common)
        for shrinkage in (0.5, "auto"):
            wccn = WCCNTransformer(encoder=encoder, shrinkage=shrinkage, whitening=0.5, **common)
            yield f"{name}; WCCN, shrinkage {shrinkage}", wccn


def folds(name, folder, seed):
    """Yield the parts of every fold of at most `MOST_SERIES` training series of a set."""
    X, y = load_classification(name, split="train", extract_path=None if name in SHIPPED else folder)
    if len(X) > MOST_SERIES:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_SERIES, stratify=y, random_state=seed)
    for train, test in StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, y):
        yield X[train], y[train], X[test], y[test]


def scores(transformer, X, y, X_test, y_test):
    """Return the accuracies of the two probes."""
    model = make_pipeline(ChannelWise(StandardScaler()), transformer).fit(X)
    H, H_test = (np.asarray(model.transform(part)) for part in (X, X_test))
    probes = {"linear": linear_probe, "1-NN": knn_probe}
    return {
        name: f"{probe(None, H, y, X_test=H_test, y_test=y_test, task='classification').score:.4f}"
        for name, probe in probes.items()
    }


def main():
    """Fill the table and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", default="closed_form_encoders.csv", type=Path)
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = GrowingTable(options.csv, FIELDS, KEY)
    done = set(table.rows())
    for seed in range(options.seeds):
        for name in SETS:
            for fold, parts in enumerate(folds(name, options.data, seed)):
                for row, transformer in rows(seed):
                    key = {"set": name, "row": row, "seed": str(seed), "fold": str(fold)}
                    if tuple(key.values()) not in done:
                        table.append({**key, **scores(transformer, *parts)})
    means = summary(pd.read_csv(options.csv))
    print(means.to_string())
    if options.means:
        means.to_csv(options.means)


def summary(frame):
    """Return accuracies of the linear probe set by set, and the means over sets of both probes."""
    by_set = frame.groupby(["row", "set"], sort=False)[["linear", "1-NN"]].mean().unstack("set")
    table = by_set["linear"]
    table = table.assign(**{"mean, linear": table.mean(axis=1), "mean, 1-NN": by_set["1-NN"].mean(axis=1)})
    return table.round(3).rename_axis("features")


if __name__ == "__main__":
    main()
