"""Every method at its defaults, side by side: two probes, effective rank, seconds; the untrained encoder on top.

A method is fitted on the published training part of a set without its labels; CLIP alone takes them, as texts. A ridge
classifier and the nearest neighbour on standardised features are fitted on the same part and judged once on the
test part. The effective rank is that of the test part's features, as they are and standardised by the test part; its
bound is the smaller of their number and the number of series less one. Rows are appended as they come, and a run that
was stopped goes on where it was. Run it with

    python examples/benchmarks/methods.py --data FOLDER --csv methods.csv --means methods_means.csv

FOLDER holds archives in aeon's form; what is missing there aeon downloads, or takes from those that it ships. The set
"waves" is generated, 60 series to fit on and 400 to judge on, the same for every seed. The defaults themselves were
chosen with ``--halves``, which opens no test part: a method is fitted on one half of a training part and judged on the
other, both ways round. Settings to compare are given as one types them:
``--halves --methods "BYOL(momentum=0.9)" "BYOL(momentum=0.99)"``.
"""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from archive import UNTRAINED, write
from archive_rows import GENERATED, embedded, instance, series
from growing_table import GrowingTable
from methods_by_name import transformers
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl.evaluation import effective_rank
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("ERing", "Libras", "RacketSports", *GENERATED)  # by size alone: small enough to fit every method three times
ON_TOP = (UNTRAINED, "MiniRocket")
PROBES = ("linear", "1-NN")
TEST, HALVES = "test", ("first half", "second half")
KEY = ("set", "method", "seed", "judged on")
RANKS = ("effective rank", "standardised", "bound")
FIELDS = (*KEY, *PROBES, "fit seconds", "transform seconds", "features", *RANKS)


def main():
    """Fill the table, print the means and write them."""
    options = parsed_options(__doc__.splitlines()[0], SETS, "methods.csv")
    table = GrowingTable(options.csv, FIELDS, KEY)
    methods = list(dict.fromkeys([*ON_TOP, *(options.methods or transformers())]))
    for method in methods:
        instance(method, 0, "cpu")  # a name that is unknown shows before any work
    work = [
        tuple(map(str, (name, method, seed, part)))
        for seed in range(options.seeds)
        for part in (HALVES if options.halves else (TEST,))
        for method in methods
        for name in options.sets
    ]
    known = table.rows()
    left = [] if options.report else [one for one in work if one not in known]
    calls = (joblib.delayed(row_of)(*one, options.data) for one in left)
    table.fill(calls, options.jobs)
    known = table.rows()
    lines = means([known[one] for one in work if one in known], methods)
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def parsed_options(purpose, sets, csv):
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--methods", nargs="+", help="default: all that the table is about, at their defaults")
    parser.add_argument("--sets", nargs="+", default=sets)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--halves", action="store_true", help="judge inside the training part and open no test part")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default=csv)
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    return parser.parse_args()


def row_of(name, method, seed, judged_on, folder):
    """Return one row of the table."""
    torch.set_num_threads(1)
    (X, y), (X_judged, y_judged) = parts(name, folder, int(seed), judged_on)
    model = make_pipeline(ChannelWise(StandardScaler()), instance(method, int(seed), "cpu"))
    values = embedded(model, X, y, X_judged, y_judged, PROBES)
    key = dict(zip(KEY, (name, method, seed, judged_on), strict=True))
    return {**key, **values, **ranks(model.transform(X_judged))}


def parts(name, folder, seed, judged_on):
    """Return the series and labels to fit on, and those to judge on."""
    train, test, _ = series(name, folder)
    return judged_parts(*train, test, seed, judged_on)


def judged_parts(X, y, test, seed, judged_on):
    """Return what is fitted on and what is judged: both parts of a set, or two halves of its training part."""
    if judged_on == TEST:
        return (X, y), test
    first, second = next(StratifiedKFold(n_splits=2, shuffle=True, random_state=seed).split(X, y))
    fit, judged = (second, first) if judged_on == HALVES[0] else (first, second)
    return (X[fit], y[fit]), (X[judged], y[judged])


def ranks(features):
    """Return the effective rank of features as they are and standardised, and the most that either can be."""
    features = np.asarray(features, dtype=np.float64)
    standardised = StandardScaler().fit_transform(features)
    bound = min(len(features) - 1, features.shape[1])
    values = (effective_rank(features), effective_rank(standardised), bound)
    return dict(zip(RANKS, (f"{value:.1f}" for value in values), strict=True))


def means(rows, methods):
    """Return the table of the docs: a line per method that has rows, those on top first, then by the linear probe."""
    frame = pd.DataFrame(rows).set_index(list(KEY)).astype(float)
    untrained = frame["linear"].xs(UNTRAINED, level="method")
    frame["points"] = 100 * frame["linear"].sub(untrained)  # on the same series, with the same seed
    frame["rank share"] = frame[["effective rank", "standardised"]].min(axis=1) / frame["bound"]
    by_method = frame.groupby("method")
    mean = by_method.mean()
    by_set = frame["points"].groupby(["method", "set"]).mean().unstack()
    lines = pd.DataFrame(index=pd.Index([method for method in methods if method in mean.index], name="method"))
    lines["rows"] = by_method.size()
    for probe in PROBES:
        lines[probe] = mean[probe].map("{:.3f}".format)
    lines["points to untrained"] = by_set.mean(axis=1).map("{:+.1f}".format)
    for name in by_set:
        lines[f"on {name}"] = by_set[name].map("{:+.1f}".format, na_action="ignore").fillna("")
    lines["smallest rank / bound"] = by_method["rank share"].min().map("{:.2f}".format)
    lines["fit seconds"] = mean["fit seconds"].map("{:.1f}".format)
    lines["features"] = mean["features"].map("{:.0f}".format)
    best_first = mean["linear"].drop(list(ON_TOP)).sort_values(ascending=False, kind="stable").index
    return lines.loc[[*ON_TOP, *best_first]].reset_index()


if __name__ == "__main__":
    main()
