"""What WCCN costs next to aeon's MultiRocket-Hydra: CPU time on one thread, of the least of several runs in turn.

WCCN is fitted to the training part and transforms the test part, compiled and in PyTorch. MultiRocket-Hydra is fitted
with its ridge classifier and predicts the test part. "first" is the first fit of the process with what Numba has stored
before, without the import of the libraries. Run it with

    python examples/benchmarks/closed_form_speed.py --data FOLDER --csv closed_form_speed.csv
"""

import argparse
import os
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"  # read when the libraries are imported

import numpy as np
import pandas as pd
import torch
from aeon.classification.convolution_based import MultiRocketHydraClassifier
from archive_rows import series

from sklearn_ssl import WCCNTransformer

SETS = ("UWaveGestureLibrary", "ACSF1", "ItalyPowerDemand", "UCIHAR")
MOST_SERIES = {"UCIHAR": 500}
SECONDS = ("WCCN", "WCCN in PyTorch", "MultiRocket-Hydra")


def seconds(call):
    """Return the seconds of one thread that a call takes."""
    torch.set_num_threads(1)  # aeon's threads change it
    start = time.process_time()
    call()
    return time.process_time() - start


def parts(name, folder):
    """Return both parts of a set, of a large one some series that are drawn at random."""
    fitted, judged, _ = series(name, folder)
    return [drawn(X, y, MOST_SERIES.get(name, len(X))) for X, y in (fitted, judged)]


def drawn(X, y, n):
    """Return n series and their labels."""
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:n])
    return X[rows], y[rows]


def wccn(backend="numba"):
    """Return a new WCCN whose encoder takes a backend."""
    encoder = WCCNTransformer().resolved("encoder").set_params(backend=backend)
    return WCCNTransformer(encoder=encoder, device="cpu", random_state=0)


def measured(name, folder, repeats):
    """Return a row of the table."""
    (X, y), (X_test, _) = parts(name, folder)
    calls = (
        lambda: wccn().fit(X).transform(X_test),
        lambda: wccn("torch").fit(X).transform(X_test),
        lambda: MultiRocketHydraClassifier(random_state=0).fit(X, y).predict(X_test),
    )
    first = seconds(lambda: wccn().fit(X))
    calls[2]()  # what is imported or compiled once
    least = np.min([[seconds(call) for call in calls] for _ in range(repeats)], axis=0)
    shape = " x ".join(map(str, (f"{len(X)} + {len(X_test)}", *X.shape[1:])))
    fit = min(seconds(lambda: wccn().fit(X)) for _ in range(repeats))
    return {
        "set": name,
        "series": shape,
        **{row: round(float(value), 2) for row, value in zip(SECONDS, least, strict=True)},
        "ratio": round(float(least[0] / least[2]), 2),
        "fit": round(fit, 2),
        "first fit": round(first, 2),
    }


def main():
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with archives in aeon's form")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        rows.append(measured(name, options.data, options.repeats))
        print(rows[-1], flush=True)
    if options.csv:
        pd.DataFrame(rows).to_csv(options.csv, index=False)


if __name__ == "__main__":
    main()
