"""UCI HAR with few labels: `SSLClassifier` next to the same network trained from scratch and MiniRocket with ridge.

All training windows are there without labels; a stratified share of them has one. All is at its defaults. In rows with
"kernels" VICReg trains a layer on fixed features, which was the default of `SSLClassifier` before and is that of
`SSLRegressor`. Rows with "Inception" have VICReg at its own defaults. Encoders are pretrained once a seed.
`S4LClassifier` trains on both at once, and WCCN takes no gradient steps; MiniRocket and the networks from scratch have
the labelled windows alone. Every row gets the same labels and is judged on the windows of other people. A seed draws
the labels and the method's random numbers. Rows are appended as they come, and a run that was stopped goes on where it
was. Run it with

    python examples/benchmarks/few_labels.py --data FOLDER --csv few_labels.csv --means few_labels_means.csv

FOLDER holds UCI HAR as `load_ucihar` reads it.
"""

import argparse
import csv
import functools
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from growing_table import GrowingTable
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from sklearn_ssl import RandomEncoderTransformer, S4LClassifier, SSLClassifier, SSLRegressor, VICRegTransformer
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.fine_tuning import EncoderClassifier
from sklearn_ssl.preprocessing import ChannelWise

KEY = ("row", "share", "seed")
FIELDS = (*KEY, "labels", "accuracy", "seconds")
SHARES = (0.01, 0.05)
SCRATCH = {"lr": 1e-3, "layer_decay": 1.0, "norm_statistics": "update", "shrinkage": None}


def ridge():
    """Return the classifier of fixed features."""
    return make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))


def rows(X, seed):
    """Return what makes each model by the name of its row, given all windows."""
    kernels = SSLRegressor().resolved("transformer").set_params(device="cpu", random_state=seed)
    vicreg = VICRegTransformer(device="cpu", random_state=seed)
    return {
        "SSLClassifier": lambda: SSLClassifier(random_state=seed),
        **pretrained_and_not("kernels", kernels, X, seed),
        **pretrained_and_not("Inception", vicreg, X, seed),
        "S4LClassifier": lambda: S4LClassifier(vicreg, random_state=seed),
        "MiniRocket, ridge": lambda: make_pipeline(MiniRocket(random_state=seed), ridge()),
    }


def pretrained_and_not(name, transformer, X, seed):
    """Return what makes the models that have the same encoder."""
    start = functools.cache(lambda: FrozenEstimator(clone(transformer).fit(X)))
    untrained = RandomEncoderTransformer(
        encoder=transformer.encoder, pooling=transformer.pooling, device="cpu", random_state=seed
    )
    return {
        name: lambda: SSLClassifier(start(), random_state=seed),
        f"{name}, gradual": lambda: SSLClassifier(start(), mode="gradual", random_state=seed),
        f"{name}, probe": lambda: SSLClassifier(start(), mode="probe", random_state=seed),
        f"{name}, untrained, probe": lambda: SSLClassifier(untrained, mode="probe", random_state=seed),
        f"{name}, from scratch": lambda: SSLClassifier(untrained, random_state=seed, **SCRATCH),
    }


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with UCI HAR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="shares of windows that have a label")
    parser.add_argument("--rows", nargs="+", help="names of rows; default: all")
    parser.add_argument("--csv", type=Path, default="few_labels.csv")
    parser.add_argument("--means", type=Path, help="also write the means to this file")
    options = parser.parse_args()
    if options.data is None:
        raise SystemExit("Where is UCI HAR? Give its folder by --data or SKLEARN_SSL_DATA; see load_ucihar.")
    table = GrowingTable(options.csv, FIELDS, KEY)
    for seed in options.seeds:
        fill(table, seed, options)
    lines = means(table)
    print(lines.to_string(index=False))
    if options.means:
        with options.means.open("w", newline="") as file:
            csv.writer(file).writerows([lines.columns, *lines.to_numpy()])


def fill(table, seed, options):
    """Run the rows of one seed that are not there yet."""
    names = options.rows or list(rows(None, seed))
    left = [
        (name, share) for share in options.shares for name in names if (name, str(share), str(seed)) not in table.rows()
    ]
    if not left:
        return
    X, y = load_ucihar(options.data, split="train", return_X_y=True)
    X_test, y_test = load_ucihar(options.data, split="test", return_X_y=True)
    scaler, encoder = ChannelWise(StandardScaler()).fit(X), LabelEncoder().fit(y)
    X, X_test, y, y_test = (*map(scaler.transform, (X, X_test)), *map(encoder.transform, (y, y_test)))
    models = rows(X, seed)
    for name, share in left:
        known, _ = train_test_split(np.arange(len(y)), train_size=share, stratify=y, random_state=seed)
        partly = np.full(len(y), -1)
        partly[known] = y[known]
        torch.set_num_threads(1)  # each time, since MiniRocket's threads become PyTorch's
        model = models[name]()
        start = time.perf_counter()
        if isinstance(model, EncoderClassifier):
            model.fit(X, partly)
        else:
            model.fit(X[known], y[known])
        seconds = time.perf_counter() - start
        accuracy = np.mean(model.predict(X_test) == y_test)
        values = (name, share, seed, len(known), f"{accuracy:.4f}", f"{seconds:.1f}")
        table.append(dict(zip(FIELDS, values, strict=True)))
        print(*values, flush=True)


def means(table):
    """Return mean and spread over seeds, a line a row."""
    frame = pd.DataFrame(table.rows().values()).astype({"accuracy": float, "share": float})
    found = (
        frame.groupby(["row", "share"], sort=False)["accuracy"].agg(["mean", "min", "max", "count"]).unstack("share")
    )
    lines = {"row": found.index}
    for share in sorted(frame["share"].unique()):
        column = found.xs(share, axis=1, level="share")
        lines[f"{share:.0%} of labels"] = [f"{mean:.3f}" for mean in column["mean"]]
        lines[f"seeds, {share:.0%}"] = [
            f"{low:.3f} to {high:.3f}" for low, high in zip(column["min"], column["max"], strict=True)
        ]
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
