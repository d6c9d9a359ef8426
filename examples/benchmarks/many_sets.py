"""What an encoder that is trained on several sets at once is worth on sets that it has not seen.

Run it with

    python examples/benchmarks/many_sets.py --data FOLDER --csv many_sets.csv --means many_sets_means.csv

FOLDER is as for `tasks.py`. The sets are those of `tasks.py` with at most 152 steps and 600 training series: twenty. In
alphabetical order every second one is in the other half. Each half is judged with encoders that were trained on the
training parts of the other half, without labels.

All encoders are `ChannelIndependentEncoder` at its defaults, and all trainings take the same number of steps, of 16
series each. A ridge classifier gets 1, 3 or 8 labels per class in five draws, or all labels. Series are standardised
channel by channel, and features one by one, by the training part. Rows are appended as they come, and a run that was
stopped goes on where it was.
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
from archive import write
from archive_rows import instance
from growing_table import GrowingTable
from sklearn.preprocessing import StandardScaler
from task_judges import draws_of, ridge
from task_rows import data_of

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.encoders import ChannelIndependentEncoder

HALVES = (
    (
        *("BasicMotions", "Chinatown", "ECG200", "GunPoint", "ItalyPowerDemand"),
        *("Libras", "MiddlePhalanxTW", "RacketSports", "SonyAIBORobotSurface2", "SyntheticControl"),
    ),
    (
        *("CBF", "DistalPhalanxOutlineCorrect", "ERing", "Handwriting", "JapaneseVowels"),
        *("MedicalImages", "MoteStrain", "SmoothSubspace", "SwedishLeaf", "TwoLeadECG"),
    ),
)
UNTRAINED, ROCKET = "untrained", "MiniRocket"
MANY, LARGEST, OWN = "ten other sets", "the largest of them", "the set itself"
METHODS = (
    UNTRAINED,
    f"VICReg on {MANY}",
    f"VICReg on {LARGEST}",
    f"VICReg on {OWN}",
    f"SimCLR on {MANY}",
    ROCKET,
)
CLASSES = {"VICReg": VICRegTransformer, "SimCLR": SimCLRTransformer}
KEY = ("set", "method", "seed", "labels")
FIELDS = (*KEY, "accuracy", "fit seconds")


def main():
    """Fill the table and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="of each training")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument(
        "--sets", nargs="+", choices=HALVES[0] + HALVES[1], default=HALVES[0] + HALVES[1], help="to be judged on"
    )
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--draws", type=int, default=5, help="of few labels")
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--csv", type=Path, default=Path("many_sets.csv"))
    parser.add_argument("--means", type=Path, help="also write means and differences to this file")
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = {key[:3] for key in table.rows()}
    work = [
        (name, method, seed)
        for seed in range(options.seeds)
        for half in HALVES
        for method in options.methods
        for name in half
        if name in options.sets and (name, method, str(seed)) not in known
    ]
    table.fill((joblib.delayed(rows_of)(*one, options) for one in work), jobs=1)  # one process, which keeps encoders
    means = summary(pd.DataFrame(table.rows().values()))
    print(means.to_string(index=False))
    if options.means:
        write(means, options.means)


def rows_of(name, method, seed, options):
    """Return the rows of one method on one set: accuracies on the test part, averaged over the draws of labels."""
    torch.set_num_threads(1)
    data = data_of(name, options.data)
    model, seconds = fitted(name, method, seed, options.steps, options.data)
    train, test = (np.asarray(model.transform(X)) for X in (data.X, data.X_test))
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    found = {}
    for task, _, rows in draws_of(data.y, options.draws):
        accuracy = ridge().fit(train[rows], data.y[rows]).score(test, data.y_test)
        found.setdefault(task.removeprefix("labels: "), []).append(accuracy)
    row = {"set": name, "method": method, "seed": seed, "fit seconds": f"{seconds:.1f}"}
    return [{**row, "labels": labels, "accuracy": f"{np.mean(each):.4f}"} for labels, each in found.items()]


def fitted(name, method, seed, steps, folder):
    """Return a method for a set, fitted as its name says, and the seconds of the fit."""
    what, _, trained_on = method.partition(" on ")
    if trained_on in (MANY, LARGEST):
        sources = HALVES[name in HALVES[0]]
        model, seconds = donor(what, trained_on, sources, seed, steps, folder)
        return model.for_channels(data_of(name, folder).X.shape[1]), seconds
    encoder = ChannelIndependentEncoder()
    model = {
        UNTRAINED: lambda: RandomEncoderTransformer(encoder=encoder, device="cpu", random_state=seed),
        ROCKET: lambda: instance(ROCKET, seed, "cpu"),
    }.get(what, lambda: trainable(what, seed, steps))()
    return timed(model.fit, data_of(name, folder).X)


@functools.lru_cache(maxsize=8)
def donor(what, trained_on, sources, seed, steps, folder):
    """Return a method that is trained on other sets, or on the one of them with the most series."""
    sets = [data_of(name, folder).X for name in sources]
    model = trainable(what, seed, steps)
    return timed(model.fit_many, sets) if trained_on == MANY else timed(model.fit, max(sets, key=len))


def trainable(what, seed, steps):
    """Return a method of this name that takes so many steps."""
    encoder = ChannelIndependentEncoder()
    return CLASSES[what](encoder=encoder, max_steps=steps, batch_size=16, device="cpu", random_state=seed)


def timed(fit, X):
    """Return what a fit returns, and its seconds."""
    start = time.perf_counter()
    return fit(X), time.perf_counter() - start


def summary(rows):
    """Return mean accuracy, its difference to the untrained encoder with standard error, and numbers of sets ahead."""
    rows["accuracy"] = rows["accuracy"].astype(float)
    by_set = rows.pivot_table(index=["labels", "set"], columns="method", values="accuracy")  # means over the seeds
    found = []
    for labels in rows["labels"].unique():
        of_labels = by_set.loc[labels]
        for method in filter(of_labels.columns.__contains__, METHODS):
            gain = (of_labels[method] - of_labels[UNTRAINED]).dropna()
            found.append(
                {
                    "labels": labels,
                    "method": method,
                    "sets": len(gain),
                    "accuracy": f"{of_labels[method][gain.index].mean():.3f}",
                    "to untrained": f"{gain.mean():+.3f}",
                    "standard error": f"{gain.std() / np.sqrt(len(gain)):.3f}",
                    "ahead": int((gain > 0).sum()),
                    "behind": int((gain < 0).sum()),
                }
            )
    return pd.DataFrame(found)


if __name__ == "__main__":
    main()
