"""Filling gaps by a masked model, next to means, lines and nearest neighbours.

In each series, each channel loses one stretch. "short" stretches are 5 to 10 % of the steps, "long" ones 20 to 30 %. An
imputer is fitted on the training part with gaps and fills those of the test part, both as published. The error is the
root of the mean squared error at the gaps, in standard deviations of the channel in the training part. No labels are
used. Run it with

    python examples/benchmarks/imputation.py --data FOLDER --csv imputation.csv --means imputation_means.csv

FOLDER holds archives in aeon's form. Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import os
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from archive import write
from archive_rows import series
from growing_table import GrowingTable
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import KNNImputer

from sklearn_ssl import MaskedImputer, SimMIMTransformer, TSTTransformer
from sklearn_ssl.masking import BlockMasking
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

SETS = ("ERing", "Libras", "RacketSports")
GAPS = {"short": (0.05, 0.1), "long": (0.2, 0.3)}
KEY = ("set", "gaps", "imputer", "seed")
FIELDS = (*KEY, "error", "fit seconds")


class NearestSeries(TransformerMixin, BaseEstimator):
    """`KNNImputer` on whole series: a gap is the mean of the five series that are most alike elsewhere."""

    def fit(self, X, y=None):
        """Keep the series."""
        self.imputer_ = KNNImputer(keep_empty_features=True).fit(X.reshape(len(X), -1))
        return self

    def transform(self, X):
        """Return series without gaps."""
        return self.imputer_.transform(X.reshape(len(X), -1)).reshape(X.shape)


IMPUTERS = {
    "mean": lambda seed: FillMissing(method="mean"),
    "lines": lambda seed: FillMissing(method="linear"),
    "splines": lambda seed: FillMissing(method="spline"),
    "5 nearest time steps": lambda seed: ChannelWise(KNNImputer()),
    "5 nearest series": lambda seed: NearestSeries(),
    "TST": lambda seed: MaskedImputer(TSTTransformer(random_state=seed, device="cpu")),
    "TST, 1000 steps": lambda seed: MaskedImputer(TSTTransformer(max_steps=1000, random_state=seed, device="cpu")),
    "SimMIM, 1000 steps": lambda seed: MaskedImputer(
        SimMIMTransformer(
            masking=BlockMasking(channels="apart"),
            max_steps=1000,
            random_state=seed,
            device="cpu",
        )
    ),
}


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--imputers", nargs="+", default=tuple(IMPUTERS), choices=tuple(IMPUTERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default="imputation.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [
        (name, gaps, imputer, str(seed))
        for seed in range(options.seeds)
        for name in options.sets
        for gaps in GAPS
        for imputer in options.imputers
    ]
    table.fill([joblib.delayed(row_of)(*one, options.data) for one in work if one not in known], options.jobs)
    lines = means(list(table.rows().values()))
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def row_of(name, gaps, imputer, seed, folder):
    """Return one row of the table."""
    torch.set_num_threads(1)
    (X, _), (X_test, _), _ = series(name, folder)
    rng = np.random.default_rng(int(seed))
    gappy, gappy_test = (with_gaps(part, *GAPS[gaps], rng) for part in (X, X_test))
    model = IMPUTERS[imputer](int(seed))
    start = time.perf_counter()
    model.fit(gappy)
    seconds = time.perf_counter() - start
    misses = (model.transform(gappy_test) - X_test) / X.std(axis=(0, 2), keepdims=True)
    error = np.sqrt(np.mean(misses[np.isnan(gappy_test)] ** 2))
    values = {"error": f"{error:.4f}", "fit seconds": f"{seconds:.2f}"}
    return {**dict(zip(KEY, (name, gaps, imputer, seed), strict=True)), **values}


def with_gaps(X, least, most, rng):
    """Return series of which every channel misses a stretch."""
    X = X.copy()
    n_timepoints = X.shape[2]
    for case, channel in np.ndindex(X.shape[:2]):
        width = max(1, round(rng.uniform(least, most) * n_timepoints))
        start = rng.integers(0, n_timepoints - width + 1)
        X[case, channel, start : start + width] = np.nan
    return X


def means(rows):
    """Return a line for each imputer: the mean error on every set, for both kinds of gaps."""
    frame = pd.DataFrame(rows).astype({"error": float})
    kinds = [f"{name}, {gaps}" for gaps in GAPS for name in dict.fromkeys(frame["set"])]
    frame["kind"] = frame["set"] + ", " + frame["gaps"]
    lines = frame.pivot_table(index="imputer", columns="kind", values="error", sort=False)[kinds]
    return lines.map("{:.2f}".format).reset_index()


if __name__ == "__main__":
    main()
