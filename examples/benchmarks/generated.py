"""Generated series judged by numbers that can fail, and generated views next to ordinary ones.

The rows of `--part series`: a generator is trained on the training part of each set, and its samples are compared with
the test part. Next to it are an untrained generator, noise with the deviation of the data, and the training series
themselves, which are what a perfect generator could be. "classes" is the smallest share of a class among the samples,
by MiniRocket and a ridge classifier that were trained on real series, divided by the share that it has among real ones.
"trained on generated" is the test accuracy of the same classifier, trained on samples of one generator for each class
(`--classes`), and "trained on real" on real series.

The rows of `--part views`: SimCLR and VICReg with ordinary views, with generated ones, and with both, by a linear probe
on the test part, next to the untrained encoder. CLIP: share of test series that are named right among the classes, with
the names of classes as texts.

    python examples/benchmarks/generated.py --data FOLDER --csv generated.csv
    python examples/benchmarks/generated.py --part views --data FOLDER --csv generated_views.csv

FOLDER holds archives in aeon's form. Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive_rows import series
from growing_table import GrowingTable
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    CLIPTransformer,
    GANTransformer,
    GeneratedViewsTransformer,
    RandomEncoderTransformer,
    SimCLRTransformer,
    SSGANTransformer,
    TimeVAETransformer,
    VICRegTransformer,
)
from sklearn_ssl.augmentations import Compose, GeneratedViews, RandomApply
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import compare_generated, linear_probe
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("waves", "ECG200", "UWaveGestureLibrary")
N_WAVES = (256, 256)
GENERATORS = {"GAN": GANTransformer, "SS-GAN": SSGANTransformer, "TimeVAE": TimeVAETransformer}
UNTRAINED, NOISE, REAL = "untrained GAN", "noise", "training series"
METHODS = {"SimCLR": SimCLRTransformer, "VICReg": VICRegTransformer, "CLIP": CLIPTransformer}
VIEWS = ("ordinary", "GAN", "real and GAN", "ordinary and GAN", "bounded")
KEY = ("part", "set", "row", "seed")
NUMBERS = ("spectrum", "frechet", "coverage", "two-sample", "deviation", "classes", "generated acc", "real acc")
FIELDS = (*KEY, *NUMBERS, "accuracy", "steps", "seconds")


def main():
    """Fill the table."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS, KEY)
    rows = [*options.generators, UNTRAINED, NOISE, REAL]
    if options.part == "views":
        rows = ["untrained encoder", *(f"{method}, {views}" for method in options.methods for views in options.views)]
    places = [(name, row) for name in options.sets for row in rows]
    work = [(options.part, *place, str(seed)) for seed in range(options.seeds) for place in places]
    known = table.rows()
    row_of = {"series": row_of_series, "views": row_of_views}[options.part]
    table.fill([joblib.delayed(row_of)(*one[1:], options) for one in work if one not in known], options.jobs)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("series", "views"), default="series")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--generators", nargs="+", default=["GAN", "SS-GAN", "TimeVAE"], choices=GENERATORS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--views", nargs="+", default=VIEWS, choices=VIEWS)
    parser.add_argument("--steps", type=int, default=3000, help="steps of a generator")
    parser.add_argument("--classes", action="store_true", help="also train a generator for each class")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default="generated.csv")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def scaled(name, options):
    """Return training and test part of a set, scaled by the training part."""
    if name == "waves":
        X, y = make_waves(n_cases=sum(N_WAVES), random_state=0)
        (X, X_test), (y, y_test) = (np.split(one, [N_WAVES[0]]) for one in (X, y))
    else:
        (X, y), (X_test, y_test) = series(name, options.data)[:2]
    scaler = ChannelWise(StandardScaler()).fit(X)
    return scaler.transform(X), y, scaler.transform(X_test), y_test


def samples_of(row, X, n_cases, seed, steps):
    """Return generated series, or what stands next to them in the table."""
    if row == NOISE:
        return np.random.default_rng(seed).normal(size=(n_cases, *X.shape[1:])) * X.std(axis=(0, 2), keepdims=True)
    if row == REAL:
        return X
    settings = {"max_epochs": 0} if row == UNTRAINED else {"max_steps": steps}
    cls = GANTransformer if row == UNTRAINED else GENERATORS[row]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the collapse monitor, whose verdict is in the table
        return cls(device="cpu", random_state=seed, **settings).fit(X).sample(n_cases, random_state=seed)


def classifier(seed):
    """Return the classifier that judges samples."""
    ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    return make_pipeline(MiniRocket(random_state=seed, n_jobs=1), ridge)


def row_of_series(name, row, seed, options):
    """Return one row of the table on generated series."""
    torch.set_num_threads(1)
    X, y, X_test, y_test = scaled(name, options)
    start = time.perf_counter()
    made = samples_of(row, X, max(len(X_test), 100), int(seed), options.steps)
    seconds = time.perf_counter() - start
    report = compare_generated(X_test, made)
    judge = classifier(0).fit(X, y)
    found = judge.predict(np.asarray(made, dtype=float))
    shares = [(found == label).mean() / (y == label).mean() for label in np.unique(y)]
    numbers = (
        report.spectrum_distance,
        report.frechet,
        report.coverage,
        report.two_sample_accuracy,
        report.deviation_ratio.mean(),
        min(shares),
        accuracy_of_generated(row, X, y, X_test, y_test, int(seed), options) if options.classes else np.nan,
        judge.score(X_test, y_test),
    )
    texts = {field: "" if np.isnan(value) else f"{value:.3f}" for field, value in zip(NUMBERS, numbers, strict=True)}
    where = {"part": "series", "set": name, "row": row, "seed": seed, "accuracy": ""}
    return {**where, **texts, "steps": options.steps, "seconds": f"{seconds:.0f}"}


def accuracy_of_generated(row, X, y, X_test, y_test, seed, options):
    """Return the test accuracy of a classifier that has seen samples of one generator for each class only."""
    made = [samples_of(row, X[y == label], int((y == label).sum()), seed, options.steps) for label in np.unique(y)]
    labels = np.repeat(np.unique(y), [len(one) for one in made])
    return classifier(seed).fit(np.concatenate(made).astype(float), labels).score(X_test, y_test)


def augmentation_of(method, views, seed, steps):
    """Return the augmentation of a row."""
    gan = GeneratedViews(GANTransformer(max_steps=steps, device="cpu", random_state=seed))
    ordinary = METHODS[method]().resolved("augmentation")
    return {
        "ordinary": ordinary,
        "GAN": gan,
        "real and GAN": (Compose(), gan) if method != "CLIP" else RandomApply(gan, p=0.5),
        "ordinary and GAN": Compose(generated=RandomApply(gan, p=0.5), ordinary=ordinary),
        "bounded": GeneratedViews(GeneratedViewsTransformer(device="cpu", random_state=seed)),
    }[views]


def row_of_views(name, row, seed, options):
    """Return one row of the table on generated views."""
    torch.set_num_threads(1)
    X, y, X_test, y_test = scaled(name, options)
    start = time.perf_counter()
    settings = {"device": "cpu", "random_state": int(seed)}
    if row == "untrained encoder":
        model = RandomEncoderTransformer(**settings).fit(X)
    else:
        method, views = row.split(", ")
        settings["augmentation"] = augmentation_of(method, views, int(seed), options.steps)
        if method == "CLIP":
            settings["descriptions"] = {label: f"series of the class {label}" for label in np.unique(y)}
        model = METHODS[method](**settings).fit(X, y)
    accuracy = linear_probe(model, X, y, X_test=X_test, y_test=y_test).score
    if row.startswith("CLIP"):
        texts = [settings["descriptions"][label] for label in np.unique(y)]
        accuracy = (np.unique(y)[model.similarity(X_test, texts).argmax(1)] == y_test).mean()
    empty = dict.fromkeys(NUMBERS, "")
    where = {"part": "views", "set": name, "row": row, "seed": seed, **empty, "accuracy": f"{accuracy:.4f}"}
    return {**where, "steps": options.steps, "seconds": f"{time.perf_counter() - start:.0f}"}


if __name__ == "__main__":
    main()
