"""Test-time training by MAE, rotation and jigsaw on disturbed series, next to untrained encoders and MiniRocket.

`TestTimeClassifier` is fitted on the published training part of a set, all of it labelled. Its accuracy on the test
part, as it is and disturbed as `robustness_report` does, is measured with 0, 5 and 10 steps. 0 steps is a probe on the
features of the method. "untrained" is the same probe on the encoder of MAE without pretraining, "untrained
convolutions" that on the encoder of the context tasks. MiniRocket has a ridge classifier. All see the same disturbed
series. A seed draws weights, masks and disturbances. Run it with

    python examples/benchmarks/test_time.py --data FOLDER --csv test_time.csv --means test_time_means.csv

and the comparison of MAE with the context tasks, on a part of the test series, with

    python examples/benchmarks/test_time.py --methods MAE Rotation Jigsaw --cases 60 --data FOLDER --csv context.csv

FOLDER holds archives in aeon's form. Rows are appended as they come, and a run that was stopped goes on where it was.
A step costs a pass of 16 copies of each test series, and with rotations a pass of 64; `--cases` judges a random part of
the test series.
"""

import argparse
import os
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive import write
from archive_rows import series
from growing_table import GrowingTable
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    JigsawTransformer,
    MAETransformer,
    RandomEncoderTransformer,
    RotationTransformer,
    SSLClassifier,
    TestTimeClassifier,
)
from sklearn_ssl.evaluation import robustness_report
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("ERing", "Libras", "RacketSports")
CORRUPTIONS = ("noise", "gaps", "drift", "dropped channels", "time shift")
STEPS = (0, 5, 10)
METHODS = {"MAE": MAETransformer, "Rotation": RotationTransformer, "Jigsaw": JigsawTransformer}
ROCKET, STEP_ROW = "MiniRocket", "{}, {} steps"
UNTRAINED = {"untrained": MAETransformer, "untrained convolutions": RotationTransformer}
KEY = ("set", "row", "seed", "corruption", "severity")
FIELDS = (*KEY, "accuracy", "cases", "seconds")


def main():
    """Fill the table, print the means and write them."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = {key[:3] for key in table.rows()}
    names = [ROCKET, *UNTRAINED] if options.methods != ["MAE"] else [ROCKET, "untrained"]
    names += [STEP_ROW.format(method, n_steps) for method in options.methods for n_steps in options.steps]
    work = [(name, row, str(seed)) for seed in range(options.seeds) for name in options.sets for row in names]
    calls = [joblib.delayed(rows_of)(*one, options) for one in work if one not in known and not options.report]
    table.fill(calls, options.jobs)
    lines = means([row for key, row in table.rows().items() if key[:3] in set(work)])
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--methods", nargs="+", default=["MAE"], choices=METHODS)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--corruptions", nargs="+", default=CORRUPTIONS)
    parser.add_argument("--severities", type=float, nargs="+", help="default: those of `robustness_report`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, help="number of test series; default: all")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default="test_time.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    return parser.parse_args()


def model_of(row, seed):
    """Return the classifier of a row."""
    if row == ROCKET:
        ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
        return make_pipeline(ChannelWise(StandardScaler()), MiniRocket(random_state=seed, n_jobs=1), ridge)
    return make_pipeline(ChannelWise(StandardScaler()), network_of(row, seed))


def network_of(row, seed):
    """Return the classifier of a row that has a network."""
    if row in UNTRAINED:
        encoder = UNTRAINED[row]().resolved("encoder")
        untrained = RandomEncoderTransformer(encoder=encoder, device="cpu", random_state=seed)
        return SSLClassifier(untrained, mode="probe", random_state=seed)
    method, steps = row.removesuffix(" steps").split(", ")
    transformer = METHODS[method](device="cpu", random_state=seed)
    return TestTimeClassifier(transformer, n_steps=int(steps), random_state=seed)


def rows_of(name, row, seed, options):
    """Return the rows of one classifier: one for the test series as they are, and one for each disturbance."""
    torch.set_num_threads(1)
    (X, y), (X_test, y_test) = series(name, options.data)[:2]
    chosen = np.random.default_rng(int(seed)).permutation(len(X_test))[: options.cases]
    start = time.perf_counter()
    model = model_of(row, int(seed)).fit(X, y)
    report = robustness_report(
        model,
        X_test[chosen],
        y_test[chosen],
        corruptions=list(options.corruptions),
        severities=options.severities,
        random_state=int(seed),
    )
    seconds = f"{time.perf_counter() - start:.1f}"
    return [
        dict(zip(FIELDS, (name, row, seed, *condition, f"{accuracy:.4f}", len(chosen), seconds), strict=True))
        for *condition, accuracy in report.to_frame()[["corruption", "severity", "accuracy"]].itertuples(index=False)
    ]


def means(rows):
    """Return a line for each row: the accuracy on each corruption, averaged over severities, sets and seeds."""
    frame = pd.DataFrame(rows).astype({"accuracy": float, "seconds": float})
    mean = frame.groupby(["row", "corruption"], sort=False)["accuracy"].mean().unstack("corruption")
    seconds = frame.groupby("row")["seconds"].mean()
    lines = []
    for row in dict.fromkeys(frame["row"]):
        line = {"row": row} | {name: f"{value:.3f}" for name, value in mean.loc[row].items()}
        lines.append(line | {"seconds": f"{seconds[row]:.0f}"})
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
