"""Which score without labels can be trusted: its rank correlation with the linear probe's accuracy over many settings.

Each setting is pretrained on one half of a training part. The other half is what every score looks at, without labels,
and what the linear probe, fitted on the first half with labels, is judged on. With ``--halves 2`` the halves then
change places. No test part is opened. Rows are appended as they come, and a run that was stopped goes on where it
was. Run it with

    python examples/benchmarks/label_free_scores.py --data FOLDER --csv label_free_scores.csv

FOLDER holds archives in aeon's form; what is missing there aeon downloads.
"""

import argparse
import csv
import os
from collections import defaultdict
from pathlib import Path

import joblib
import numpy as np
import torch
from aeon.datasets import load_classification
from growing_table import GrowingTable
from scipy.stats import spearmanr
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import BarlowTwinsTransformer, RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Compose, CropResize, Jitter, MagnitudeWarp, Permutation, Scaling, TimeReversal
from sklearn_ssl.augmentations._default_views import mild_views
from sklearn_ssl.encoders import FCNEncoder, ResNetEncoder
from sklearn_ssl.evaluation import (
    AlignmentScorer,
    AlphaReQScorer,
    LiDARScorer,
    RankMeScorer,
    UniformityScorer,
    linear_probe,
)
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise

SETS = ("Epilepsy", "Handwriting", "Libras", "RacketSports")
STRONG = Compose(crop=CropResize(min_ratio=0.4), warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter(sigma=0.3))
NOISE = Compose(jitter=Jitter(sigma=0.05))
SCRAMBLED = Compose(permutation=Permutation(), reversal=TimeReversal(), jitter=Jitter(sigma=0.05))

# What is trained changes: objective, rate, budget, views.
OBJECTIVES = {
    "untrained": (RandomEncoderTransformer, {}),
    "SimCLR": (SimCLRTransformer, {}),
    "SimCLR, temperature 0.05": (SimCLRTransformer, {"temperature": 0.05}),
    "SimCLR, temperature 1": (SimCLRTransformer, {"temperature": 1.0}),
    "SimCLR, lr 1e-4": (SimCLRTransformer, {"lr": 1e-4}),
    "SimCLR, lr 1e-2": (SimCLRTransformer, {"lr": 1e-2}),
    "SimCLR, 20 steps": (SimCLRTransformer, {"max_steps": 20}),
    "SimCLR, 300 steps": (SimCLRTransformer, {"max_steps": 300}),
    "SimCLR, strong views": (SimCLRTransformer, {"augmentation": STRONG}),
    "SimCLR, only noise": (SimCLRTransformer, {"augmentation": NOISE}),
    "SimCLR, scrambled views": (SimCLRTransformer, {"augmentation": SCRAMBLED}),
    "VICReg": (VICRegTransformer, {}),
    "VICReg, covariance 25": (VICRegTransformer, {"covariance": 25.0}),
    "VICReg, covariance 0": (VICRegTransformer, {"covariance": 0.0}),
    "VICReg, variance 1": (VICRegTransformer, {"variance": 1.0}),
    "VICReg, no variance": (VICRegTransformer, {"variance": 0.0, "covariance": 0.0}),
    "VICReg, invariance 1": (VICRegTransformer, {"invariance": 1.0}),
    "VICReg, lr 1e-2": (VICRegTransformer, {"lr": 1e-2}),
    "VICReg, 300 steps": (VICRegTransformer, {"max_steps": 300}),
    "VICReg, strong views": (VICRegTransformer, {"augmentation": STRONG}),
    "VICReg, scrambled views": (VICRegTransformer, {"augmentation": SCRAMBLED}),
    "Barlow Twins": (BarlowTwinsTransformer, {}),
    "Barlow Twins, redundancy 0.1": (BarlowTwinsTransformer, {"redundancy": 0.1}),
    "Barlow Twins, strong views": (BarlowTwinsTransformer, {"augmentation": STRONG}),
}
# What the features are changes too: another encoder, another pooling, another number of features.
ARCHITECTURES = {
    f"{name}, {what}": (method, parameters)
    for what, parameters in {
        "FCN": {"encoder": FCNEncoder(width=64)},
        "ResNet": {"encoder": ResNetEncoder(depth=2, width=16)},
        "mean of the last layer": {"pooling": Pooling(statistics="mean", layers="last")},
    }.items()
    for name, method in {"untrained": RandomEncoderTransformer, "SimCLR": SimCLRTransformer}.items()
}
SETTINGS = {**OBJECTIVES, **ARCHITECTURES}
SCORES = {
    "RankMe": RankMeScorer(),
    "RankMe, standardised": RankMeScorer(standardize=True),
    "RankMe, projections": RankMeScorer(space="projections"),
    "alpha-ReQ": AlphaReQScorer(),
    "LiDAR": LiDARScorer(augmentation=mild_views()),
    "LiDAR, standardised": LiDARScorer(augmentation=mild_views(), standardize=True),
    "alignment": AlignmentScorer(augmentation=mild_views()),
    "alignment, standardised": AlignmentScorer(augmentation=mild_views(), standardize=True),
    "uniformity": UniformityScorer(),
    "uniformity, standardised": UniformityScorer(standardize=True),
    "minus the last loss": lambda model, X: -last_loss(model),
}
KEY = ("set", "setting", "half")
FIELDS = (*KEY, "accuracy", *SCORES)


def last_loss(model):
    """Return the mean training loss of the last epoch."""
    return model[-1].net_.history[-1, "train_loss"]


def score_or_nan(score, model, X):
    """Return a score, or NaN where a setting has none: no projections, no loss, no positive eigenvalue."""
    try:
        return score(model, X)
    except (ValueError, LookupError):
        return np.nan


def evaluate(name, folder, setting, half):
    """Return one line of the table."""
    torch.set_num_threads(1)
    X, y = load_classification(name, split="train", extract_path=folder)
    folds = list(StratifiedKFold(n_splits=2, shuffle=True, random_state=0).split(X, y))
    rows, unseen = folds[half]
    method, parameters = SETTINGS[setting]
    budget = {"max_steps": 100} if "augmentation" in vars(method()) else {}
    transformer = method(device="cpu", random_state=0, **{**budget, **parameters})
    model = make_pipeline(ChannelWise(StandardScaler()), transformer).fit(X[rows])
    accuracy = linear_probe(model, X[rows], y[rows], X_test=X[unseen], y_test=y[unseen]).score
    scores = [score_or_nan(score, model, X[unseen]) for score in SCORES.values()]
    return dict(zip(FIELDS, (name, setting, half, accuracy, *scores), strict=True))


def main():
    """Fill the table and print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", default="label_free_scores.csv", type=Path)
    parser.add_argument("--correlations", type=Path, help="also write the correlations to this file")
    parser.add_argument("--halves", type=int, choices=(1, 2), default=1, help="how many halves to pretrain on")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rows = GrowingTable(options.csv, FIELDS, KEY)
    known = rows.rows()
    work = [(name, setting, half) for half in range(options.halves) for name in SETS for setting in SETTINGS]
    calls = (
        joblib.delayed(evaluate)(name, options.data, setting, half)
        for name, setting, half in work
        if (name, setting, str(half)) not in known
    )
    for row in joblib.Parallel(n_jobs=options.jobs, return_as="generator_unordered")(calls):
        rows.append({name: rounded(value) for name, value in row.items()})
    table = correlations([row for row in rows.rows().values() if int(row["half"]) < options.halves])
    for line in table:
        print("  ".join(f"{cell:<26}" if i == 0 else f"{cell:>20}" for i, cell in enumerate(line)))
    if options.correlations:
        with options.correlations.open("w", newline="") as file:
            csv.writer(file).writerows(table)


def correlations(rows):
    """Return the lines of a table: Spearman's rank correlation of each score with the accuracy, and what it picks."""
    cells = defaultdict(list)
    for row in rows:
        cells[row["set"], row["setting"]].append([float(row[field]) for field in ("accuracy", *SCORES)])
    mean = {key: np.mean(values, axis=0) for key, values in cells.items()}  # over the halves
    table = [["", *SETS, "mean", "mean, all settings", "accuracy of its pick"]]
    for at, score in enumerate(SCORES, start=1):
        same_features = [correlation(mean, name, OBJECTIVES, at) for name in SETS]
        everything = [correlation(mean, name, SETTINGS, at) for name in SETS]
        picked = [pick(mean, name, at) for name in SETS]
        table.append([score, *map(signed, same_features), *map(signed, map(np.mean, (same_features, everything)))])
        table[-1].append(f"{np.mean(picked):.3f}")
    best, usual, worst = (
        [one([mean[name, s][0] for s in OBJECTIVES]) for name in SETS] for one in (max, np.median, min)
    )
    for what, values in {"best setting": best, "median setting": usual, "worst setting": worst}.items():
        table.append([f"accuracy: {what}", *(f"{value:.3f}" for value in values), "", "", f"{np.mean(values):.3f}"])
    return table


def rounded(value):
    """Write a number with five digits, and leave anything else as it is."""
    return f"{value:.5g}" if isinstance(value, float) else value


def signed(value):
    """Write a correlation."""
    return f"{value:+.2f}"


def values_of(mean, name, settings, at):
    """Return accuracies and values of a score over the settings that have one."""
    pairs = np.array([mean[name, setting][[0, at]] for setting in settings])
    return pairs[np.isfinite(pairs[:, 1])].T


def correlation(mean, name, settings, at):
    """Return Spearman's rank correlation of a score and the accuracy on one set."""
    return spearmanr(*values_of(mean, name, settings, at)).statistic


def pick(mean, name, at):
    """Return the accuracy of the setting that a score is highest for, among those with the same features."""
    accuracy, score = values_of(mean, name, OBJECTIVES, at)
    return accuracy[np.argmax(score)]


if __name__ == "__main__":
    main()
