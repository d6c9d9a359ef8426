"""Any methods on any sets of the archives: accuracy of three probes, ranks, seconds, number of features.

Every row is fitted on the published training part of a set, without its labels where the method needs none, and judged
once on the test part. Rows are appended as they come; a run that was stopped, or killed, goes on where it was. Run it
with

    python examples/benchmarks/archive.py --data FOLDER --csv archive.csv --means archive_means.csv --diagram archive

FOLDER holds archives in aeon's form; what is missing there aeon downloads, or takes from those that it ships. A method
is a name (``--methods VICReg SimCLR``), a name with parameters (``"SimCLR(max_steps=300)"``) or one of those in
`archive_rows.NAMED` and `archive_rows.PUBLISHED`; the latter need their authors' code (see `authors_ts2vec.py`). The
untrained encoder, MiniRocket, MultiRocket-Hydra and 1-NN DTW are always there.

Series are standardised channel by channel, for all rows alike. Aeon's methods refuse gaps and unequal lengths; on sets
that have them every row gets the same series, filled by straight lines and padded with their last value to the longest
training series, longer ones cut. The column "input" says so.
"""

import argparse
import csv
import itertools
import os
import sys
from collections import defaultdict
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from archive_rows import (
    DTW,
    FIELDS,
    KEY,
    MEASURES,
    OWN_ENCODER,
    PROBES,
    PUBLISHED,
    REFERENCES,
    SCORES,
    SHIPPED,
    SKIPPED,
    instance,
    row_of,
)
from authors_ts2vec import authors_class
from growing_table import GrowingTable
from methods_by_name import transformers
from workers import BACKENDS

from sklearn_ssl.plotting import CriticalDifferenceDisplay

SETS = (
    *SHIPPED,
    *("Adiac", "AllGestureWiimoteX", "CBF", "Coffee", "CricketX", "DodgerLoopDay", "ECG200", "ERing", "Epilepsy"),
    *("FaceFour", "Handwriting", "Libras", "Lightning7", "MedicalImages", "RacketSports", "SwedishLeaf"),
    *("SyntheticControl", "Trace", "UWaveGestureLibrary"),
)
UNTRAINED = "RandomEncoder"


def main():
    """Fill the table, print the means and draw the diagrams."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS, KEY)
    methods = dict.fromkeys([UNTRAINED, *REFERENCES, *(options.methods or transformers())])
    for method in methods:
        instance(method, 0, options.device)  # a name that is unknown shows before any work
    work = [
        (name, method, seed)
        for name in options.sets
        for seed in range(options.seeds)
        for method in methods
        if seed == 0 or method != DTW  # which draws nothing
    ]
    if not options.report:
        fill(table, work, options)
    known = table.rows()
    rows = [known[key_of(*one)] for one in work if key_of(*one) in known]
    if not rows:
        sys.exit(f"{options.csv} has none of these rows.")
    report(rows, list(methods), options)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", help="default: every transformer of the package, at its defaults")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--probes", nargs="+", choices=PROBES, default=list(PROBES))
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default="archive.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--by-set", type=Path, help="also write the linear probe's accuracies set by set to this file")
    parser.add_argument("--diagram", help="draw critical differences to DIAGRAM_linear.png and so on")
    parser.add_argument(
        "--dtw-cost", type=float, default=1e11, help="cells of all DTW matrices, above it DTW is skipped"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--backend", choices=BACKENDS, default="loky", help="who starts the processes of --jobs")
    parser.add_argument("--retry", action="store_true", help="run rows again that failed or were skipped")
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args()
    options.run = os.getpid() if options.backend == "loky" else None  # workers of a cluster have other parents
    return options


def key_of(name, method, seed):
    """Return the key of a row as the file has it."""
    return name, method, str(seed)


def fill(table, work, options):
    """Run what the table lacks and append it."""
    known = table.rows()
    done = {key for key, row in known.items() if not (options.retry and row["error"])}
    left = [one for one in work if key_of(*one) not in done]
    print(f"{len(work) - len(left)} rows are there, {len(left)} to run", flush=True)
    if any(method in PUBLISHED for _, method, _ in left):
        authors_class()  # a folder that is missing shows before any work
    calls = (joblib.delayed(row_of)(*one, options) for one in left)
    count = itertools.count(1)

    def shown(row):
        found = row["error"] or "  ".join(f"{name} {row[name]}" for name in SCORES if row[name] != "")
        return f"{next(count)}/{len(left)}  {row['set']}  {row['method']}  seed {row['seed']}:  {found}"

    table.fill(calls, options.jobs, shown, options.backend)


def report(rows, methods, options):
    """Print the table of means, write it and draw the diagrams."""
    table = means(rows, methods)
    with pd.option_context("display.width", 250, "display.max_columns", None, "display.max_colwidth", 60):
        print(table.to_string(index=False))
    for row in rows:
        if row["error"]:
            print(f"{row['set']}, {row['method']}, seed {row['seed']}: {row['error']}")
    if options.means:
        write(table, options.means)
    if options.by_set:
        write(by_set(rows, methods), options.by_set)
    if options.diagram:
        for probe in options.probes:
            draw(rows, methods, probe, f"{options.diagram}_{probe}.png")


def accuracies(rows, methods, probe):
    """Return a frame of sets x methods, means over seeds; a classifier has its own accuracy, what failed has NaN."""
    cells = defaultdict(list)
    for row in rows:
        text = row[probe] or row["own"]
        cells[row["set"], row["method"]].append(float(text) if text else np.nan)
    sets = list(dict.fromkeys(row["set"] for row in rows))
    values = [[np.mean(cells.get((name, method), [np.nan])) for method in methods] for name in sets]
    return pd.DataFrame(values, index=sets, columns=methods)


def means(rows, methods):
    """Return the table of the docs: a line per method, the best linear probe or own accuracy first.

    Means are over the sets that a method has, which the column "sets" counts. Only methods that have all are ranked.
    The gain over the untrained encoder is that of the first probe, or of the own accuracy, on the same sets and seeds.
    Methods with another network are compared with that network, untrained, too.
    """
    probes = [probe for probe in PROBES if any(row[probe] for row in rows)]
    frames = {probe: accuracies(rows, methods, probe) for probe in probes}
    first = frames[probes[0]]
    is_classifier = pd.Series(
        {method: any(row["own"] for row in rows if row["method"] == method) for method in methods}
    )
    lines = pd.DataFrame(index=pd.Index(methods, name="method"))
    lines["sets"] = [f"{first[method].notna().sum()} of {len(first)}" for method in methods]
    lines["seeds"] = [f"{len({row['seed'] for row in rows if row['method'] == method})}" for method in methods]
    for probe in probes:
        lines[probe] = frames[probe].mean().mask(is_classifier)
    lines["own"] = first.mean().where(is_classifier)
    gain = (100 * gains(rows, methods, probes[0], {})).round(6)
    own = gains(rows, OWN_ENCODER, probes[0], OWN_ENCODER).mean(axis=1).reindex(methods)
    lines["points to untrained"] = [f"{mean:+.1f}" if pd.notna(mean) else "" for mean in gain.mean(axis=1)]
    lines["points to own network"] = [f"{100 * mean:+.1f}" if pd.notna(mean) else "" for mean in own]
    lines["sets ahead"], lines["sets behind"] = (gain > 0).sum(axis=1), (gain < 0).sum(axis=1)
    lines.loc[gain.isna().all(axis=1), ["sets ahead", "sets behind"]] = np.nan
    for probe in probes:
        lines[f"rank, {probe}"] = frames[probe].dropna(axis=1).rank(axis=1, ascending=False).mean()
    texts = pd.DataFrame(rows)
    for measure in MEASURES:
        lines[measure] = pd.to_numeric(texts[measure]).groupby(texts["method"]).mean()
    lines["note"] = [note(rows, method) for method in methods]
    best_first = first.mean().sort_values(ascending=False, kind="stable").index
    return as_text(lines.loc[best_first]).rename_axis("method").reset_index()


def gains(rows, methods, probe, untrained_of):
    """Return a frame of methods x sets: accuracy less that of an untrained encoder with the same seeds."""
    texts = {key_of(row["set"], row["method"], row["seed"]): row[probe] or row["own"] for row in rows}
    cells = defaultdict(list)
    for (name, method, seed), text in texts.items():
        against = untrained_of.get(method, UNTRAINED)
        untrained = texts.get((name, against, seed))
        if method != against and text and untrained:
            cells[method, name].append(float(text) - float(untrained))
    sets = list(dict.fromkeys(row["set"] for row in rows))
    values = [[np.mean(cells.get((method, name), [np.nan])) for name in sets] for method in methods]
    return pd.DataFrame(values, index=methods, columns=sets)


def note(rows, method):
    """Return what the table must say about rows that are not there."""
    errors = [row["error"] for row in rows if row["method"] == method and row["error"]]
    skipped = sum(error.startswith(SKIPPED) for error in errors)
    failed = len(errors) - skipped
    return ", ".join(f"{count} {word}" for count, word in ((skipped, "skipped for cost"), (failed, "failed")) if count)


def as_text(lines):
    """Return the table with its numbers as text."""
    whole = dict.fromkeys(("features", "sets ahead", "sets behind"), 0)
    digits = defaultdict(lambda: 3, whole | {"fit seconds": 1, "transform seconds": 1})
    digits |= {f"rank, {probe}": 2 for probe in PROBES}
    return lines.apply(
        lambda column: (
            ["" if pd.isna(x) else f"{x:.{digits[column.name]}f}" for x in column]
            if pd.api.types.is_numeric_dtype(column)
            else column
        )
    )


def by_set(rows, methods):
    """Return the linear probe's, or a classifier's own, accuracy in per cent: a line per method, a column per set."""
    inputs = {row["set"]: row["input"] for row in rows if row["input"]}
    percent = 100 * accuracies(rows, methods, "linear")
    text = percent.map(lambda x: "" if np.isnan(x) else f"{x:.1f}")
    text.index = [name if inputs.get(name, "as is") == "as is" else f"{name} ({inputs[name]})" for name in text.index]
    return text.T.rename_axis("method").reset_index()


def write(table, path):
    """Write a table of text as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([table.columns, *table.to_numpy()])


def draw(rows, methods, probe, path):
    """Draw the critical differences of the methods that have all sets."""
    try:
        display = CriticalDifferenceDisplay.from_scores(accuracies(rows, methods, probe).dropna(axis=1))
    except ValueError as error:
        print(f"No diagram of {probe}: {error}")
        return
    display.figure_.savefig(path, dpi=150, bbox_inches="tight")
    print(f"The critical differences of {probe} are in {path}.")


if __name__ == "__main__":
    main()
