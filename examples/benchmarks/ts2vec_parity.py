"""TS2Vec of this package next to its authors' code: accuracy by their probe, and the time of a step.

Both train the same network with the same batches of 8, the same rate and as many steps: 200, or 600 for training parts
of more than 100,000 numbers, as the authors do. Their probe is a support vector machine on the maxima over time. A set
is fitted by both in turn in one process with one thread, so that their times can be compared; times are processor time.
Run it with

    TS2VEC=FOLDER_OF_THEIR_CODE python examples/benchmarks/ts2vec_parity.py --data FOLDER --csv ts2vec_parity.csv

FOLDER holds archives in aeon's form. Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import os
import time
from pathlib import Path

import joblib
import pandas as pd
import torch
from archive import write
from archive_rows import series
from authors_ts2vec import SETTINGS, AuthorsTS2Vec, authors_class
from growing_table import GrowingTable
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import TS2VecTransformer
from sklearn_ssl.evaluation import linear_probe, svm_probe
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("ERing", "Libras", "RacketSports", "ECG200", "MedicalImages")  # by size alone
OURS, THEIRS = "TS2Vec", "TS2Vec by its authors"
PROBES = {"SVM": svm_probe, "linear": linear_probe}
KEY = ("set", "seed", "code")
FIELDS = (*KEY, *PROBES, "steps", "ms a step")
MANY_NUMBERS, FEW_STEPS, MANY_STEPS = 100_000, 200, 600


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default="ts2vec_parity.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    options = parser.parse_args()
    authors_class()  # a folder that is missing shows before any work
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [
        (name, str(seed), code) for seed in range(options.seeds) for name in options.sets for code in (OURS, THEIRS)
    ]
    table.fill([joblib.delayed(row_of)(*one, options.data) for one in work if one not in known], jobs=1)
    lines = means(table.rows().values())
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def row_of(name, seed, code, folder):
    """Return one row."""
    torch.set_num_threads(1)
    (X, y), (X_test, y_test) = series(name, folder)[:2]
    scaler = ChannelWise(StandardScaler()).fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    steps = FEW_STEPS if X.size <= MANY_NUMBERS else MANY_STEPS
    model = instance(code, int(seed), steps)
    start = time.process_time()
    model.fit(X)
    seconds = time.process_time() - start
    features, unseen = model.transform(X), model.transform(X_test)
    scores = {
        probe: f"{judge(None, features, y, X_test=unseen, y_test=y_test, task='classification').score:.4f}"
        for probe, judge in PROBES.items()
    }
    return {
        "set": name,
        "seed": seed,
        "code": code,
        **scores,
        "steps": steps,
        "ms a step": f"{1e3 * seconds / steps:.1f}",
    }


def instance(code, seed, steps):
    """Return one code's estimator."""
    if code == THEIRS:
        return AuthorsTS2Vec(steps, random_state=seed)
    return TS2VecTransformer(batch_size=SETTINGS["batch_size"], max_steps=steps, device="cpu", random_state=seed)


def means(rows):
    """Return accuracies and times, averaged over seeds set by set and over all, and the ratio of times."""
    frame = pd.DataFrame(list(rows)).astype(dict.fromkeys((*PROBES, "ms a step"), float))
    cells = frame.pivot_table(index="set", columns="code", values=[*PROBES, "ms a step"], sort=False)
    cells.loc["mean"] = cells.mean()
    lines = pd.DataFrame({"set": cells.index})
    for probe in PROBES:
        for code in (OURS, THEIRS):
            lines[f"{probe}, {code}"] = cells[probe][code].map("{:.3f}".format).to_numpy()
    ratio = cells["ms a step"][OURS] / cells["ms a step"][THEIRS]
    return lines.assign(**{"step time, ratio": ratio.map("{:.2f}".format).to_numpy()})


if __name__ == "__main__":
    main()
