"""One leaderboard by task: few labels, no labels, anomalies, transfer, fine-tuning, steps, preprocessing.

Run it with

    python examples/benchmarks/tasks.py --data FOLDER --csv tasks.csv --means tasks_means.csv --figures tasks
    python examples/benchmarks/tasks.py --quick

FOLDER holds archives in aeon's form, and in its folder "more" thirteen sets as ``.npz`` files. What is missing aeon
downloads, or takes from those that it ships. ``--quick`` runs three sets that aeon ships, in a few minutes. Rows are
appended as they come, and a run that was stopped goes on where it was.

Parts:

* "one fit": a method is fitted once on the training series of a set without labels. The same features serve all tasks.

  - Labels: 1, 3 and 8 labels per class, five draws that are the same for all methods, and all labels. The accuracy on
    the test part of ``RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))`` and of the nearest labelled series.
  - Retrieval: each test series asks all others for its class.
  - Clustering: KMeans with the number of classes, and HDBSCAN, on the test part. Adjusted Rand index and normalised
    mutual information.
  - Anomalies: one class is normal, each of the ten largest in turn. Only its training series are known. Scores are the
    mean distance to five of them, an IsolationForest, and the reconstruction error of methods that have one. The latter
    have seen all training series. Area under the curve.

* "transfer": the method is fitted on another set (``--sources``), then ridge with labels of this set. Sets of one
  channel, resampled to the length of the source.
* "fine-tuning": `SSLClassifier` with the pretrained encoder, with 10 % of the labels of each class and with all.
* "dense": F1 of the classes of steps, and of events, in recordings joined from series. A ridge classifier on `encode`,
  or on windows where a method has no features per step.
* "preprocessing": series with gaps, outliers, units, noise or copied channels, left and repaired. Accuracy of ridge,
  steps until the loss has made 95 % of its fall, seconds.

Standard settings: series are standardised channel by channel by the training part. Features are standardised by all
training series, labelled or not, before every task. Three kinds of rows differ. Features of WCCN and ClosedFormVICReg,
which are decorrelated already, are centred and scaled to unit length. Raw series stay as they are. A method whose name
ends in ", unit length" is scaled as WCCN is. MultiRocket-Hydra is a classifier: it is fitted on the labelled series
alone. `SSLClassifier` pretrains its default transformer once per set and learns from each draw; tasks without labels
have the features of that transformer.

A method is a name (``VICReg``), a name with parameters (``"SimCLR(max_steps=300)"``), one of `archive_rows.NAMED`, or
``module:function``, which turns series (cases, channels, steps) into features. TS2Vec by its authors' code is there if
the environment variable TS2VEC names its folder. The rows of `ALWAYS` are always there unless ``--only`` names rows.

A timer ends a fit that takes more than ``--limit`` seconds of the processor. The row that ends the part then has the
reason. No timer can end the distances of dynamic time warping; they are left out beyond ``--dtw-cost`` cells. The timer
needs Linux or macOS.
"""

import argparse
import os
import sys
from pathlib import Path

import joblib
from archive import SETS as OF_AEON
from archive import UNTRAINED, write
from archive_rows import DTW, HAR, MORE, PUBLISHED, RAW
from authors_ts2vec import VARIABLE, authors_class
from growing_table import GrowingTable
from methods import SETS as SMALL
from methods_by_name import transformers
from task_report import as_text, cells, draw_labels, draw_overview, repairs, report
from task_rows import CLASSIFIER, END, FIELDS, KEY, PARTS, made, rows_of

from sklearn_ssl.base import SSLTransformer

HYDRA, ROCKET = "MultiRocket-Hydra", "MiniRocket"
ALWAYS = (ROCKET, HYDRA, UNTRAINED, RAW, DTW, "catch22", "WCCN", CLASSIFIER, "VICReg", "SimCLR")
SETS_OF = {
    "one fit": (*OF_AEON, *MORE),
    "transfer": (*OF_AEON, *MORE),  # those of one channel
    "fine-tuning": (*SMALL, HAR),
    "dense": (*SMALL, "SyntheticControl", "Trace"),
    "preprocessing": SMALL,
}
SOURCES = ("SwedishLeaf", "CricketX")
ONE_FIT_ONLY = (HYDRA, DTW)  # they give no features
QUICK = {
    "one fit": ("ItalyPowerDemand", "GunPoint", "BasicMotions"),
    "transfer": ("ItalyPowerDemand",),
    "fine-tuning": ("BasicMotions",),
    "dense": ("BasicMotions",),
    "preprocessing": ("ItalyPowerDemand",),
}
QUICK_SOURCES = ("GunPoint",)
QUICK_ROWS = {"fine-tuning": (ROCKET, UNTRAINED, "VICReg"), "preprocessing": (ROCKET, UNTRAINED, "WCCN")}


def main():
    """Fill the table, print what it says, write means and draw figures."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS, KEY)
    work = [
        (part, name, method, seed)
        for part in options.parts
        for seed in range(options.seeds)
        for name in options.sets or (QUICK if options.quick else SETS_OF)[part]
        for method in methods_of(part, options)
    ]
    for method in dict.fromkeys(method for _, _, method, _ in work):
        made(method, 0, options.device)  # a name that is unknown shows before any work
    if not options.report:
        fill(table, work, options)
    asked = {tuple(map(str, one)) for _, *one in work}
    rows = [row for row in table.rows().values() if (row["set"], row["method"], row["seed"]) in asked]
    if not any(row["value"] for row in rows):
        sys.exit(f"{options.csv} has none of these rows.")
    summarise(rows, list(dict.fromkeys(method for _, _, method, _ in work)), options)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=[], help="more rows")
    parser.add_argument("--only", nargs="+", help="these rows and no others")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sets", nargs="+", help="default: the sets of each part")
    parser.add_argument("--sources", nargs="+", default=SOURCES, help="sets of one channel to transfer from")
    parser.add_argument("--quick", action="store_true", help="three sets that aeon ships, fewer for later parts")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--draws", type=int, help="draws of labels; default: 5, or 2 with --quick")
    parser.add_argument("--limit", type=float, default=120, help="seconds of the processor that a fit may take")
    parser.add_argument("--dtw-cost", type=float, default=2e10, help="cells of DTW matrices, above it DTW is skipped")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, help="default: tasks.csv, or tasks_quick.csv")
    parser.add_argument("--means", type=Path, help="also write means, ranks and differences to this file")
    parser.add_argument("--table", type=Path, help="also write means and differences, one column per method")
    parser.add_argument("--repairs", type=Path, help="also write what preprocessing brings to this file")
    parser.add_argument("--figures", help="draw FIGURES_labels.png and FIGURES_overview.png")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--retry", action="store_true", help="run parts again that ended with an error")
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args(namespace=argparse.Namespace(run=os.getpid()))
    if options.quick:
        options.sources = QUICK_SOURCES
    options.draws = options.draws or (2 if options.quick else 5)
    options.csv = options.csv or Path("tasks_quick.csv" if options.quick else "tasks.csv")
    return options


def methods_of(part, options):
    """Return the rows of a part."""
    authors = PUBLISHED if os.environ.get(VARIABLE) else ()
    usual = QUICK_ROWS.get(part, ALWAYS) if options.quick else usual_rows(part)
    names = options.only or [*usual, *authors, *options.methods]
    left_out = () if part == "one fit" else ONE_FIT_ONLY
    return [name for name in dict.fromkeys(names) if name not in left_out]


def usual_rows(part):
    """Return the rows that a part has if none are asked for; all trained methods are fine-tuned."""
    if part == "fine-tuning":
        trained = [name for name, cls in transformers().items() if issubclass(cls, SSLTransformer)]
        return (ROCKET, UNTRAINED, CLASSIFIER, *trained)
    return (ROCKET, UNTRAINED, "WCCN", "VICReg", "SimCLR") if part == "preprocessing" else ALWAYS


def fill(table, work, options):
    """Run the parts that the table lacks and append their rows."""
    known = table.rows()
    ended = {key for key, row in known.items() if not (options.retry and row["error"])}
    left = [one for one in work if end_of(*one) not in ended]
    print(f"{len(work) - len(left)} parts are there, {len(left)} to run", flush=True)
    if any(method in PUBLISHED for _, _, method, _ in left):
        authors_class()  # a folder that is missing shows before any work
    table.fill((joblib.delayed(rows_of)(*one, options) for one in left), options.jobs, shown=last_line)


def end_of(part, name, method, seed):
    """Return the key of the row that ends a part."""
    return name, part, method, str(seed), "", END


def last_line(rows):
    """Return what is shown of a part when it is done."""
    end = rows[-1]
    return f"{end['task']}  {end['set']}  {end['method']}  seed {end['seed']}:  {end['error'] or end['seconds'] + ' s'}"


def summarise(rows, methods, options):
    """Print the tables, write them and draw the figures."""
    table = report(rows, methods)
    if options.means:
        write(as_text(table), options.means)
    if options.table:
        write(cells(table).reset_index(), options.table)
    if options.repairs and (brought := repairs(rows)) is not None:
        write(brought, options.repairs)
    if options.figures:
        for name, draw in {"labels": draw_labels, "overview": draw_overview}.items():
            draw(table, f"{options.figures}_{name}.png")


if __name__ == "__main__":
    main()
