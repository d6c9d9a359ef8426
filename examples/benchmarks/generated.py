"""Generated series judged by numbers that can fail, and generated views next to ordinary ones.

The rows of `--part series`: a generator is trained on the training part of each set, and its samples are compared with
the test part. Next to it are an untrained generator, noise with the deviation of the data, and the training series
themselves, which are what a perfect generator could be. "classes" is the smallest share of a class among the samples,
by MiniRocket and a ridge classifier that were trained on real series, divided by the share that it has among real ones.
"trained on generated" is the test accuracy of the same classifier, trained on samples of one generator for each class
(`--classes`), and "trained on real" on real series.

The rows of `--part views`: SimCLR and VICReg with ordinary views, with generated ones, and with both, by a linear probe
on the test part, next to the untrained encoder. CLIP: share of test series that are named right among the classes, with
the names of classes as texts, and the share of right ones among the five test series that are nearest to each text. Its
generated series carry the text of the series that they were made for. A generator is trained once for a set and a seed,
and is the same for all methods.

    python examples/benchmarks/generated.py --data FOLDER --csv generated.csv
    python examples/benchmarks/generated.py --part views --steps 600 --seeds 3 --data FOLDER --csv generated_views.csv \
        --means generated_views_means.csv

FOLDER holds archives in aeon's form. Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import functools
import os
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive import write
from archive_rows import series
from growing_table import GrowingTable
from sklearn.frozen import FrozenEstimator
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
RETRIEVED = 5
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
NUMBERS = ("spectrum", "frechet", "coverage", "two-sample", "deviation", "classes", "generated acc", "real acc")
SCORES = ("accuracy", "precision at 5")
FIELDS = {part: (*KEY, *names, "steps", "seconds") for part, names in (("series", NUMBERS), ("views", SCORES))}


def main():
    """Fill the table; of views, print and write the means."""
    options = parsed_options()
    table = GrowingTable(options.csv, FIELDS[options.part], KEY)
    rows = [*options.generators, UNTRAINED, NOISE, REAL]
    if options.part == "views":
        rows = ["untrained encoder", *(f"{method}, {views}" for method in options.methods for views in options.views)]
    places = [(name, row) for name in options.sets for row in rows]
    work = [(options.part, *place, str(seed)) for seed in range(options.seeds) for place in places]
    known = table.rows()
    row_of = {"series": row_of_series, "views": row_of_views}[options.part]
    table.fill([joblib.delayed(row_of)(*one[1:], options) for one in work if one not in known], options.jobs)
    if options.part == "views":
        report(table.rows().values(), options.means)


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
    parser.add_argument("--means", type=Path, help="of views, also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def scaled(name, folder):
    """Return training and test part of a set, scaled by the training part."""
    if name == "waves":
        X, y = make_waves(n_cases=sum(N_WAVES), random_state=0)
        (X, X_test), (y, y_test) = (np.split(one, [N_WAVES[0]]) for one in (X, y))
    else:
        (X, y), (X_test, y_test) = series(name, folder)[:2]
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
    X, y, X_test, y_test = scaled(name, options.data)
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
    where = {"part": "series", "set": name, "row": row, "seed": seed}
    return {**where, **texts, "steps": options.steps, "seconds": f"{seconds:.0f}"}


def accuracy_of_generated(row, X, y, X_test, y_test, seed, options):
    """Return the test accuracy of a classifier that has seen samples of one generator for each class only."""
    made = [samples_of(row, X[y == label], int((y == label).sum()), seed, options.steps) for label in np.unique(y)]
    labels = np.repeat(np.unique(y), [len(one) for one in made])
    return classifier(seed).fit(np.concatenate(made).astype(float), labels).score(X_test, y_test)


@functools.cache
def views_of(kind, name, seed, n_steps, folder):
    """Return views of a generator that is fitted to a set, the same for all methods."""
    settings = {"device": "cpu", "random_state": seed}
    steps = {"max_steps": n_steps} if kind is GANTransformer else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the collapse monitor
        return GeneratedViews(FrozenEstimator(kind(**settings, **steps).fit(scaled(name, folder)[0])))


def augmentation_of(method, views, name, seed, options):
    """Return the augmentation of a row."""
    ordinary = METHODS[method]().resolved("augmentation")
    if views == "ordinary":
        return ordinary
    kind = GeneratedViewsTransformer if views == "bounded" else GANTransformer
    made = views_of(kind, name, seed, options.steps, options.data)
    if views == "real and GAN":
        return (Compose(), made) if method != "CLIP" else RandomApply(made, p=0.5)
    return Compose(generated=RandomApply(made, p=0.5), ordinary=ordinary) if views == "ordinary and GAN" else made


def row_of_views(name, row, seed, options):
    """Return one row of the table on generated views."""
    torch.set_num_threads(1)
    X, y, X_test, y_test = scaled(name, options.data)
    start = time.perf_counter()
    settings = {"device": "cpu", "random_state": int(seed)}
    precision = ""
    if row == "untrained encoder":
        accuracy = probed(RandomEncoderTransformer(**settings).fit(X), X, y, X_test, y_test)
    else:
        method, views = row.split(", ")
        settings["augmentation"] = augmentation_of(method, views, name, int(seed), options)
        if method == "CLIP":
            descriptions = {one: f"series of the class {word}" for one, word in zip(np.unique(y), WORDS, strict=False)}
            model = CLIPTransformer(descriptions=descriptions, **settings)
            accuracy, precision = by_texts(model.fit(X, y), X_test, y_test)
        else:
            accuracy = probed(METHODS[method](**settings).fit(X), X, y, X_test, y_test)
    numbers = {"accuracy": f"{accuracy:.4f}", "precision at 5": precision}
    where = {"part": "views", "set": name, "row": row, "seed": seed}
    return {**where, **numbers, "steps": options.steps, "seconds": f"{time.perf_counter() - start:.0f}"}


def probed(model, X, y, X_test, y_test):
    """Return the accuracy of a linear probe."""
    return linear_probe(model, X, y, X_test=X_test, y_test=y_test).score


def by_texts(model, X_test, y_test):
    """Return the share of series that are named right, and of right ones among the nearest to each text."""
    classes = np.unique(y_test)
    similarity = model.similarity(X_test, [model.descriptions[one] for one in classes])  # (n, classes)
    nearest = np.argsort(-similarity, axis=0, kind="stable")[:RETRIEVED]  # (5, classes)
    precision = (y_test[nearest] == classes).mean()
    return (classes[similarity.argmax(1)] == y_test).mean(), f"{precision:.4f}"


def report(rows, path):
    """Print means and standard deviations over seeds of the rows on views, and write them."""
    frame = pd.DataFrame(list(rows))
    frame = frame.assign(**{name: pd.to_numeric(frame[name]) for name in SCORES})
    groups = frame.groupby(["set", "row"], sort=False)
    means = groups[list(SCORES)].mean().map(lambda x: "" if np.isnan(x) else f"{x:.3f}")
    means.insert(1, "deviation", groups["accuracy"].std().map("{:.3f}".format))
    means.insert(0, "seeds", groups.size().astype(str))
    print(means.to_string())
    if path:
        write(means.reset_index(), path)


if __name__ == "__main__":
    main()
