"""The published experiment on streams, on series: MinRed, EMP-SSL and contrastive EMP-SSL with a bounded memory.

Labelled series come as a stream: one class after the other, or one person after the other, once. A method learns from
it with `ReplayTransformer`: pieces of 32 series, batches of 32. `stream_report` judges the features by 20 nearest
neighbours, with the labels of all training series. Methods are compared

* with as many steps each ("updates": 4 steps for a piece), and
* with as many passes of series through the encoder ("passes": 16 for each series of a batch). SimSiam takes 2 passes in
  a step, EMP-SSL 4 windows of half a series, contrastive EMP-SSL 4 windows of 0.8 of a series.

As published, the learner changes and the buffer stays MinRed's. Two rows have EMP-SSL with other buffers. "EMP-SSL,
shuffled" is the same in random order, "EMP-SSL, offline" is a fit to all series with as many steps. "untrained" is the
encoder of all methods as it is initialised, MiniRocket has features of its own. "fine-tuned" is the accuracy of
`SSLClassifier` after the stream with a tenth of the labels; in the row "untrained" that is training from scratch.

Streams "shuffled" ask another question: how many passes until the features are good? Methods are trained on shuffled
series, a supervised network too, and judged after each epoch. The column "curve" has passes and accuracies.

Every channel is scaled by the first 256 series of the stream. The published accuracies are for images, and are never
put into this table. Run it with

    python examples/benchmarks/online.py --data FOLDER --csv online.csv --means online_means.csv --figure online.png

FOLDER holds UCIHAR/UCIHAR.npz and SwedishLeaf in aeon's form. Of UCI HAR 2,000 windows are drawn for each seed, and
1,000 of the test part. Rows are appended as they come, and a run that was stopped goes on where it was.
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
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    ContrastiveEMPSSLTransformer,
    EMPSSLTransformer,
    RandomEncoderTransformer,
    ReplayTransformer,
    SimSiamTransformer,
    SSLClassifier,
)
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.evaluation import knn_probe, sequential_order, stream_report
from sklearn_ssl.preprocessing import ChannelWise
from sklearn_ssl.replay import FIFOBuffer, MinRedBuffer, ReservoirBuffer

HAR, LEAF = "UCIHAR", "SwedishLeaf"
N_HAR, N_TEST, N_SCALED = 2000, 1000, 256
SHUFFLED = f"{HAR} shuffled"
BUFFERS = {f"{HAR} by class": (256, 1024), f"{HAR} by person": (256, 1024), f"{LEAF} by class": (64, 256)}
BATCH, EVERY, NEIGHBOURS = 32, 0.2, 20
LEARNERS = {
    "MinRed": SimSiamTransformer(batch_size=BATCH),
    "EMP-SSL": EMPSSLTransformer(batch_size=BATCH),
    "contrastive EMP-SSL": ContrastiveEMPSSLTransformer(batch_size=BATCH),
}
PASSES = {"MinRed": 2.0, "EMP-SSL": 2.0, "contrastive EMP-SSL": 3.2}  # of a series through the encoder in a step
UPDATES = {"updates": dict.fromkeys(PASSES, 4), "passes": {name: round(16 / one) for name, one in PASSES.items()}}
KEPT = {"FIFO": FIFOBuffer, "reservoir": ReservoirBuffer}
FIFO, RESERVOIR, IN_RANDOM_ORDER, OFFLINE = (f"EMP-SSL, {one}" for one in (*KEPT, "shuffled", "offline"))
UNTRAINED, ROCKET, SUPERVISED = "untrained", "MiniRocket", "supervised network"
REFERENCES = (UNTRAINED, ROCKET)
KEY = ("stream", "method", "buffer", "budget", "order", "seed")
FIELDS = (*KEY, "final", "mean", "forgetting", "fine-tuned", "curve", "steps", "passes", "seconds")
MOST_PASSES = 16
FINE_TUNING_STEPS = 100


def main():
    """Fill the table, print the means, write them, and draw the curves."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [one for one in rows_of(options) if one not in known and not options.report]
    table.fill((joblib.delayed(row_of)(*one, options) for one in work), options.jobs)
    rows = pd.DataFrame(list(table.rows().values()))
    lines = means(rows)
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)
    if options.figure:
        draw(rows, options.figure)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=(*BUFFERS, SHUFFLED))
    parser.add_argument("--methods", nargs="+", help="default: all")
    parser.add_argument("--budgets", nargs="+", default=tuple(UPDATES))
    parser.add_argument("--buffers", type=int, nargs="+", help="default: two for each stream")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--cases", type=int, default=N_HAR, help="most windows of UCI HAR to learn from")
    parser.add_argument("--test-cases", type=int, default=N_TEST, help="most test series to judge")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with the data sets")
    parser.add_argument("--csv", type=Path, default="online.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--figure", type=Path, help="also draw the curves into this file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    return parser.parse_args()


def rows_of(options):
    """Return the keys of all rows, one seed and order after the other."""
    keys = [
        (stream, method, buffer, budget, str(order), str(seed))
        for seed in range(options.seeds)
        for order in range(options.orders)
        for stream in options.streams
        for method, buffer, budget in settings(stream, options)
        if options.methods is None or method in options.methods
    ]
    return [key for key in dict.fromkeys(keys) if key[4] == "0" or key[0] != SHUFFLED]


def settings(stream, options):
    """Return methods, buffers and budgets of a stream. What a method does not have is "-"."""
    if stream == SHUFFLED:
        return [(method, "-", "passes") for method in (*LEARNERS, SUPERVISED)]
    sizes = options.buffers or BUFFERS[stream]
    small, *larger = map(str, sizes)
    found = [(method, "-", "-") for method in REFERENCES]
    found += [(method, small, budget) for budget in options.budgets for method in LEARNERS]
    found += [(method, small, "updates") for method in (FIFO, RESERVOIR, IN_RANDOM_ORDER, OFFLINE)]
    return found + [(method, size, budget) for size in larger for budget in options.budgets for method in LEARNERS]


def row_of(stream, method, buffer, budget, order, seed, options):
    """Return one row of the table."""
    torch.set_num_threads(1)
    (X, y, groups), (X_test, y_test) = parts(stream, options, int(seed))
    random = stream == SHUFFLED or method == IN_RANDOM_ORDER
    groups = np.zeros(len(y), dtype=int) if random else groups
    rows = sequential_order(groups, random_state=10 * int(seed) + int(order))
    scaler = ChannelWise(StandardScaler()).fit(X[rows[:N_SCALED]])
    X, X_test = (scaler.transform(part).astype(np.float32) for part in (X, X_test))
    given = (X, y, X_test, y_test)
    start = time.perf_counter()
    if stream == SHUFFLED:
        measured = by_passes(method, int(seed), *given)
    elif method in (OFFLINE, ROCKET):
        measured = at_once(method, budget, int(seed), *given)
    else:
        measured = along(method, buffer, budget, int(seed), rows, *given)
    seconds = f"{time.perf_counter() - start:.0f}"
    key = dict(zip(KEY, (stream, method, buffer, budget, order, seed), strict=True))
    return {**dict.fromkeys(FIELDS, ""), **key, **measured, "seconds": seconds}


def parts(stream, options, seed):
    """Return series, classes and groups to learn from, and series and classes to judge on."""
    rng = np.random.default_rng(seed)
    if stream.startswith(HAR):
        train, test = (load_ucihar(Path(options.data) / HAR, split=split) for split in ("train", "test"))
        chosen = rng.permutation(len(train.X))[: options.cases]
        groups = train.groups if stream.endswith("person") else train.y
        learnt = train.X[chosen], train.y[chosen], groups[chosen]
        X_test, y_test = test.X, test.y
    else:
        (X, y), (X_test, y_test) = series(LEAF, options.data)[:2]
        learnt = X, y, y
    judged = rng.permutation(len(X_test))[: options.test_cases]
    return learnt, (X_test[judged], y_test[judged])


def along(method, buffer, budget, seed, rows, X, y, X_test, y_test):
    """Return what a row says of a method that learns from a stream."""
    name = method.partition(",")[0]
    if method == UNTRAINED:
        transformer = RandomEncoderTransformer(device="cpu", random_state=seed)
    else:
        kind = KEPT.get(method.partition(", ")[2], MinRedBuffer)
        transformer = ReplayTransformer(
            clone(LEARNERS[name]).set_params(device="cpu"),
            buffer=kind(size=int(buffer)),
            n_updates=UPDATES[budget][name],
            stream_batch_size=BATCH,
            random_state=seed,
        )
    report = stream_report(
        transformer,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        order=rows,
        every=1.0 if method == UNTRAINED else EVERY,
        n_neighbors=NEIGHBOURS,
        piece=BATCH,
    )
    learnt = report.transformer if method == UNTRAINED else report.transformer.transformer_
    steps = 0 if method == UNTRAINED else learnt.net_.steps_
    return {
        "final": f"{report.final:.4f}",
        "mean": f"{report.mean_over_stream:.4f}",
        "forgetting": f"{report.forgetting:.4f}",
        "fine-tuned": fine_tuned(learnt, seed, X, y, X_test, y_test),
        "curve": " ".join(f"{n}:{score:.4f}" for n, score in zip(report.n_seen, report.scores, strict=True)),
        "steps": steps,
        "passes": f"{steps * BATCH * PASSES.get(name, 0) / len(X):.1f}",
    }


def at_once(method, budget, seed, X, y, X_test, y_test):
    """Return what a row says of features that are learnt from all series at once."""
    steps = UPDATES["updates"]["EMP-SSL"] * -(-len(X) // BATCH) if method == OFFLINE else 0
    if method == ROCKET:
        model = MiniRocket(random_state=seed, n_jobs=1).fit(X)
    else:
        model = clone(LEARNERS["EMP-SSL"]).set_params(max_steps=steps, device="cpu", random_state=seed).fit(X)
    score = neighbours(None, np.asarray(model.transform(X)), y, np.asarray(model.transform(X_test)), y_test)
    tuned = "" if method == ROCKET else fine_tuned(model, seed, X, y, X_test, y_test)
    passes = f"{steps * BATCH * PASSES['EMP-SSL'] / len(X):.1f}"
    return {"final": f"{score:.4f}", "fine-tuned": tuned, "steps": steps, "passes": passes}


def by_passes(method, seed, X, y, X_test, y_test):
    """Return what a row says of a method, or of a supervised network, after each epoch over shuffled series."""
    if method == SUPERVISED:
        untrained = RandomEncoderTransformer(device="cpu", random_state=seed)
        model = SSLClassifier(untrained, lr=1e-3, max_epochs=1, batch_size=BATCH, random_state=seed)
        cost, targets = 1.0, y
    else:
        model = clone(LEARNERS[method]).set_params(device="cpu", random_state=seed)
        cost, targets = PASSES[method], None
    curve = []
    for epoch in range(1, int(MOST_PASSES / cost) + 1):
        model.partial_fit(X, targets)
        curve.append((epoch * cost, neighbours(model.net_, X, y, X_test, y_test)))
    return {
        "final": f"{curve[-1][1]:.4f}",
        "mean": f"{np.mean([score for _, score in curve]):.4f}",
        "curve": " ".join(f"{passes:.1f}:{score:.4f}" for passes, score in curve),
        "steps": model.net_.steps_,
        "passes": f"{curve[-1][0]:.1f}",
    }


def neighbours(model, X, y, X_test, y_test):
    """Return the accuracy of nearest neighbours."""
    given = {"X_test": X_test, "y_test": y_test, "task": "classification"}
    return knn_probe(model, X, y, n_neighbors=NEIGHBOURS, metric="cosine", **given).score


def fine_tuned(transformer, seed, X, y, X_test, y_test):
    """Return the accuracy of a classifier that is fine-tuned with a tenth of the labels."""
    chosen = np.random.default_rng(seed).permutation(len(y))[: len(y) // 10]
    classifier = SSLClassifier(FrozenEstimator(transformer), max_steps=FINE_TUNING_STEPS, random_state=seed)
    return f"{classifier.fit(X[chosen], y[chosen]).score(X_test, y_test):.4f}"


def means(rows):
    """Return a line for each stream, budget, buffer and method: means over seeds and orders."""
    columns = ["final", "mean", "forgetting", "fine-tuned", "steps", "passes", "seconds"]
    values = rows.assign(**{name: pd.to_numeric(rows[name]) for name in columns})
    groups = values.groupby(["stream", "budget", "buffer", "method"], sort=False)
    lines = groups[columns].mean().round({"steps": 0, "passes": 1, "seconds": 0})
    lines.insert(0, "rows", groups.size())
    lines.insert(2, "deviation", groups["final"].std())
    shown = dict.fromkeys(["final", "deviation", "mean", "forgetting", "fine-tuned"], "{:.3f}".format)
    for name, form in shown.items():
        lines[name] = [form(value) if np.isfinite(value) else "" for value in lines[name]]
    order = lines.reset_index().sort_values(["stream", "budget", "buffer"], kind="stable")
    return order.reset_index(drop=True)


def draw(rows, path):
    """Draw the accuracy along each stream with the small buffer and equal steps, and by passes on shuffled series."""
    import matplotlib.pyplot as plt

    streams = list(dict.fromkeys(rows["stream"]))
    figure, axes = plt.subplots(1, len(streams), figsize=(4 * len(streams), 3.6), layout="constrained", squeeze=False)
    colours = dict(zip((*LEARNERS, SUPERVISED), plt.get_cmap("viridis")(np.linspace(0, 0.85, 4)), strict=True))
    for ax, stream in zip(axes[0], streams, strict=True):
        of_stream = rows[rows["stream"] == stream]
        size = min(of_stream.loc[of_stream["method"].isin(colours), "buffer"], key=lambda one: int(one.strip("-") or 0))
        for method, colour in colours.items():
            chosen = of_stream[(of_stream["method"] == method) & (of_stream["buffer"] == size)]
            chosen = chosen[chosen["budget"] == ("passes" if stream == SHUFFLED else "updates")]
            if len(chosen):
                ax.plot(*mean_curve(chosen["curve"]), marker="o", color=colour, label=method)
        for method, style in zip(REFERENCES, (":", "--"), strict=True):
            scores = pd.to_numeric(of_stream.loc[of_stream["method"] == method, "final"])
            if len(scores):
                ax.axhline(scores.mean(), color="black", linestyle=style, label=method)
        x = "passes of every series" if stream == SHUFFLED else "series of the stream so far"
        ax.set(title=stream, xlabel=x, ylabel="accuracy of 20 nearest neighbours")
        ax.legend(fontsize="small")
    figure.savefig(path, dpi=100)


def mean_curve(curves):
    """Return places and mean scores of curves that look at the same places."""
    points = [[tuple(map(float, point.split(":"))) for point in curve.split()] for curve in curves]
    return np.mean(points, axis=0).T


if __name__ == "__main__":
    main()
