"""What masked modelling is said to be good for, on UCI HAR: fine-tuning with few labels, set sizes, ratios, budgets.

Four questions, all with the same encoder, ``TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)``:

* ``labels``: encoders are pretrained on all training windows without labels and fine-tuned with 1, 5 and 10 % of the
  labels, drawn by class. "from scratch" is the same without pretraining, MiniRocket a ridge classifier on its features.
* ``sizes``: MAE and BEiT on 60, 250, 1,000 and all training windows; a ridge classifier is fitted on the labels of the
  same 60 windows, so that only the pretraining differs. The untrained encoder stands next to them.
* ``ratios``: MAE and SimMIM with other shares of hidden windows on 2,000 windows, judged by cross-validation inside the
  training part over its volunteers; no test window is opened.
* ``budgets``: MAE, SimMIM and data2vec with other numbers of steps on 2,000 windows, judged in the same way.

Run it with

    python examples/benchmarks/masked_har.py --data FOLDER --csv masked_har.csv --means masked_har_means.csv

FOLDER holds UCIHAR/UCIHAR.npz. Rows are appended as they come.
"""

import argparse
import functools
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
from methods_by_name import make_method
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GroupKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.encoders import TransformerEncoder
from sklearn_ssl.preprocessing import ChannelWise

KEY = ("question", "method", "setting", "seed")
FIELDS = (*KEY, "accuracy", "seconds")
ROCKET, SCRATCH, UNTRAINED = "MiniRocket", "from scratch", "untrained"
FEW_LABELS = ("MAE", "SimMIM", "Data2Vec", "IBOT", "SimCLR", "VICReg", SCRATCH, ROCKET)
SHARES = (0.01, 0.05, 0.1)
SIZES = (60, 250, 1000, 7352)
RATIOS = (0.25, 0.4, 0.55, 0.7, 0.75)
BUDGETS = (200, 1000, 4000)
ENCODER = TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", nargs="+", default=tuple(QUESTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with UCIHAR/UCIHAR.npz")
    parser.add_argument("--csv", type=Path, default="masked_har.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [one for question in options.questions for one in QUESTIONS[question](options.seeds)]
    left = [one for one in work if not options.report and not all(row in known for row in rows_of(*one))]
    calls = (joblib.delayed(measured)(*one, options.data) for one in left)
    table.fill(calls, options.jobs)
    lines = means(list(table.rows().values()))
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def means(rows):
    """Return the mean accuracy of every method and setting, with its standard deviation over the seeds."""
    frame = pd.DataFrame(rows).astype({"accuracy": float, "seconds": float})
    of_settings = frame.groupby(["question", "method", "setting"], sort=False)
    lines = of_settings["accuracy"].agg(["count", "mean", "std"]).reset_index()
    lines["mean"] = lines["mean"].map("{:.3f}".format)
    lines["std"] = lines["std"].map("{:.3f}".format)
    return lines.sort_values(["question", "setting"], kind="stable")


def rows_of(question, method, settings, seed):
    """Return the keys of the rows that one piece of work gives."""
    return [(question, method, str(setting), str(seed)) for setting in settings]


QUESTIONS = {
    "labels": lambda seeds: [("labels", method, SHARES, seed) for seed in range(seeds) for method in FEW_LABELS],
    "sizes": lambda seeds: [
        ("sizes", method, (size,), seed)
        for seed in range(seeds)
        for size in SIZES
        for method in (UNTRAINED, "MAE", "BEiT")
        if method != UNTRAINED or size == SIZES[0]
    ],
    "ratios": lambda seeds: [
        *(("ratios", UNTRAINED, ("",), seed) for seed in range(seeds)),
        *(
            ("ratios", method, (ratio,), seed)
            for seed in range(seeds)
            for ratio in RATIOS
            for method in ("MAE", "SimMIM")
        ),
    ],
    "budgets": lambda seeds: [
        ("budgets", method, (steps,), seed)
        for seed in range(seeds)
        for method in (UNTRAINED, "MAE", "SimMIM", "Data2Vec")
        for steps in (("",) if method == UNTRAINED else BUDGETS)
    ],
}


def measured(question, method, settings, seed, folder):
    """Return the rows of one piece of work."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    scores = ANSWERS[question](method, settings, seed, folder)
    seconds = f"{time.perf_counter() - start:.1f}"
    keys = rows_of(question, method, settings, seed)
    return [
        {**dict(zip(KEY, key, strict=True)), "accuracy": f"{score:.4f}", "seconds": seconds}
        for key, score in zip(keys, scores, strict=True)
    ]


@functools.cache
def har(folder):
    """Return both parts of UCI HAR, scaled by the training part, with classes as numbers, and the volunteers."""
    train, test = (load_ucihar(Path(folder) / "UCIHAR", split=split) for split in ("train", "test"))
    scaler = ChannelWise(StandardScaler()).fit(train.X)
    classes = np.unique(train.y)
    y, y_test = (np.searchsorted(classes, part.y) for part in (train, test))
    return scaler.transform(train.X), y, train.groups, scaler.transform(test.X), y_test


def transformer_of(method, seed, **parameters):
    """Return a method with the common encoder."""
    if method == UNTRAINED:
        return RandomEncoderTransformer(encoder=ENCODER, random_state=seed, device="cpu")
    known = make_method(method)
    return known.set_params(encoder=clone(ENCODER), random_state=seed, device="cpu", **parameters)


def ridge():
    """Return the linear probe."""
    return make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 4, 15)))


def with_few_labels(method, shares, seed, folder):
    """Return test accuracies after fine-tuning with shares of the labels."""
    X, y, _, X_test, y_test = har(folder)
    if method == ROCKET:
        rocket = MiniRocket(random_state=seed).fit(X)
        H, H_test = rocket.transform(X), rocket.transform(X_test)
        labelled = [few(y, share, seed) for share in shares]
        return [ridge().fit(H[rows], y[rows]).score(H_test, y_test) for rows in labelled]
    steps = {"max_epochs": 0} if method == SCRATCH else {}
    transformer = transformer_of("SimCLR" if method == SCRATCH else method, seed, **steps).fit(X)
    model = SSLClassifier(FrozenEstimator(transformer), mode="finetune", random_state=seed)
    scores = []
    for share in shares:
        known = np.full(len(y), -1)
        rows = few(y, share, seed)
        known[rows] = y[rows]
        scores.append(model.fit(X, known).score(X_test, y_test))
    return scores


def few(y, share, seed):
    """Draw rows of a share of the labels, each class in its proportion."""
    rows, _ = train_test_split(np.arange(len(y)), train_size=share, stratify=y, random_state=seed)
    return rows


def by_size(method, sizes, seed, folder):
    """Return the test accuracy of a probe with the same labels after pretraining on so many windows."""
    X, y, _, X_test, y_test = har(folder)
    order = np.random.default_rng(seed).permutation(len(X))
    transformer = transformer_of(method, seed).fit(X[order[: sizes[0]]])
    labelled = order[: SIZES[0]]
    probe = ridge().fit(transformer.transform(X[labelled]), y[labelled])
    return [probe.score(transformer.transform(X_test), y_test)]


def by_ratio(method, ratios, seed, folder):
    """Return the accuracy with a share of hidden windows."""
    return [volunteers(method, seed, folder, masking__ratio=ratios[0])]


def by_budget(method, budgets, seed, folder):
    """Return the accuracy after so many steps."""
    return [volunteers(method, seed, folder, max_steps=budgets[0], max_epochs="auto")]


def volunteers(method, seed, folder, **parameters):
    """Return the accuracy of a probe by cross-validation over volunteers inside the training part."""
    X, y, groups, _, _ = har(folder)
    rows = np.random.default_rng(seed).permutation(len(X))[:2000]
    transformer = transformer_of(method, seed, **({} if method == UNTRAINED else parameters))
    H = transformer.fit(X[rows]).transform(X[rows])
    return cross_val_score(ridge(), H, y[rows], groups=groups[rows], cv=GroupKFold(5)).mean()


ANSWERS = {"labels": with_few_labels, "sizes": by_size, "ratios": by_ratio, "budgets": by_budget}


if __name__ == "__main__":
    main()
