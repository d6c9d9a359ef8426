"""Two sensors, and series with a table, for the prediction of activities: each alone, joined, and attended (UCI HAR).

* ``sensors``: acceleration (six channels) and gyroscope (three).
* ``table``: the six channels without gravity, and a table of three numbers per window: its mean acceleration with
  gravity in each axis, which tells how the phone lies. Its numbers are constant channels.

"alone" rows have one part. "concatenated" has an encoder for each part and joins their features. "attended" adds
cross-attention from each part to the other (`GroupedEncoder`). "one encoder" sees all channels together. Each encoder
is pretrained by VICReg on the drawn windows and fine-tuned with their labels. "MiniRocket" is a ridge classifier on its
features of all channels. A seed draws windows and weights. Run it with

    python examples/benchmarks/fusion.py --data FOLDER --csv fusion.csv --means fusion_means.csv

FOLDER holds UCIHAR/UCIHAR.npz. Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import functools
import itertools
import os
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive import write
from growing_table import GrowingTable
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SSLClassifier, VICRegTransformer
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.encoders import GroupedEncoder, InceptionEncoder
from sklearn_ssl.preprocessing import ChannelWise

FIRST, SECOND, JOINED, ATTENDED = "first alone", "second alone", "concatenated", "attended"
ONE, ROCKET = "one encoder", "MiniRocket"
KEY = ("parts", "row", "seed", "cases", "steps")
FIELDS = (*KEY, "accuracy", "seconds")


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS))
    parser.add_argument("--rows", nargs="+", default=[FIRST, SECOND, JOINED, ATTENDED, ONE, ROCKET])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=600, help="training windows, drawn by activity")
    parser.add_argument("--steps", type=int, default=200, help="steps of pretraining, and as many of fine-tuning")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with UCIHAR/UCIHAR.npz")
    parser.add_argument("--csv", type=Path, default="fusion.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [
        (parts, row, str(seed), str(options.cases), str(options.steps))
        for seed in range(options.seeds)
        for parts in options.parts
        for row in options.rows
    ]
    table.fill((joblib.delayed(measured)(key, options.data) for key in work if key not in known), options.jobs)
    frame = pd.DataFrame(list(table.rows().values())).astype({"accuracy": float})
    lines = frame.groupby(["parts", "row"], sort=False)["accuracy"].agg(["count", "mean", "std"]).reset_index()
    lines = lines.assign(**{name: lines[name].map("{:.3f}".format) for name in ("mean", "std")})
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


@functools.cache
def har(folder, split):
    """Return one part of UCI HAR: windows by the names of their channels, and activities."""
    data = load_ucihar(Path(folder) / "UCIHAR", split=split)
    return {name: data.X[:, channel] for channel, name in enumerate(data.channels)}, data.y


def sensors(by_name):
    """Return acceleration and gyroscope, each (n, C, L)."""
    names = [[name for name in by_name if ("gyro" in name) is of_gyroscope] for of_gyroscope in (False, True)]
    return [np.stack([by_name[name] for name in part], axis=1) for part in names]


def series_and_table(by_name):
    """Return the channels without gravity, and the mean acceleration with gravity as constant channels."""
    series = np.stack([values for name, values in by_name.items() if "total" not in name], axis=1)
    table = np.stack([values.mean(axis=1) for name, values in by_name.items() if "total" in name], axis=1)  # (n, 3)
    return [series, np.repeat(table[:, :, None], series.shape[2], axis=2)]


PARTS = {"sensors": sensors, "table": series_and_table}


def measured(key, folder):
    """Return one row."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    parts, row, seed, cases, steps = key
    (by_name, y), (by_name_of_test, y_test) = har(folder, "train"), har(folder, "test")
    rows, _ = train_test_split(np.arange(len(y)), train_size=int(cases), stratify=y, random_state=int(seed))
    train, test = PARTS[parts](by_name), PARTS[parts](by_name_of_test)
    if row in (FIRST, SECOND):
        train, test = [train[row == SECOND]], [test[row == SECOND]]
    X, X_test = np.concatenate(train, axis=1)[rows], np.concatenate(test, axis=1)
    scaler = ChannelWise(StandardScaler())
    model = make_pipeline(scaler, *steps_of(row, [part.shape[1] for part in train], int(seed), int(steps)))
    accuracy = model.fit(X, y[rows]).score(X_test, y_test)
    values = (*key, f"{accuracy:.4f}", f"{time.perf_counter() - start:.1f}")
    return dict(zip(FIELDS, values, strict=True))


def steps_of(row, widths, seed, n_steps):
    """Return what follows the scaler."""
    if row == ROCKET:
        return MiniRocket(random_state=seed), StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    encoder = InceptionEncoder(depth=3, width=16, bottleneck=16)
    if row in (JOINED, ATTENDED):
        starts = np.cumsum([0, *widths])
        groups = [list(range(first, end)) for first, end in itertools.pairwise(starts)]
        encoder = GroupedEncoder(encoder, groups=groups, attended=row == ATTENDED)
    vicreg = VICRegTransformer(encoder=encoder, max_steps=n_steps, random_state=seed, device="cpu")
    return (SSLClassifier(vicreg, max_steps=n_steps, lr=1e-3, random_state=seed),)


if __name__ == "__main__":
    main()
