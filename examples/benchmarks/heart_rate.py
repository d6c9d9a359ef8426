"""Heart rates from the wrist: SimPer next to contrastive methods, on IEEEPPG.

Every method pretrains the same encoder on the training windows, without heart rates. Then heart rates are predicted in
three ways, and judged once on recordings of other runners:

read
    The frequency that the encoder's output shows. It takes no label.
line
    A straight line through this frequency, fitted in absolute error.
ridge
    A ridge regression on all features; its penalty comes from cross-validation over training recordings.

Lines and ridge regressions also learn from a share of the labels, and from labels without two bands of heart rates that
pretraining does not see either. Rows are appended as they come, and a run that was stopped goes on where it was::

    python examples/benchmarks/heart_rate.py --data FOLDER --csv heart_rate.csv --means heart_rate_means.csv

FOLDER holds IEEEPPG as `load_ieeeppg` reads it. ``--report`` runs nothing and writes the means of what is there.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from growing_table import GrowingTable
from heart_rate_windows import PULSE, RATE, WindowContrastTransformer, frequencies, pieces, windows
from sklearn.linear_model import QuantileRegressor, Ridge
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    BYOLTransformer,
    MoCoV2Transformer,
    RandomEncoderTransformer,
    SimCLRTransformer,
    SimPerTransformer,
)
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.preprocessing import SeriesWise

FIELDS = ("row", "seed", "question", "share", "draw", "validation_mae", "mae", "mape", "fit_seconds")
KEY = ("row", "seed", "question", "share", "draw")

# SimPer plays each series at five speeds, so that a step on 16 series has as many copies as one of the others on 80.
SPEEDS, SERIES = 5, 16
COMMON = {"encoder": InceptionEncoder(depth=2, width=8, bottleneck=8), "device": "cpu"}
BUDGET = {**COMMON, "max_steps": 300}
CONTRAST = {**BUDGET, "batch_size": SPEEDS * SERIES}
ROWS = {
    "SimPer": lambda seed: SimPerTransformer(n_speeds=SPEEDS, batch_size=SERIES, random_state=seed, **BUDGET),
    "MoCo v2": lambda seed: MoCoV2Transformer(random_state=seed, **CONTRAST),
    "CVRL": lambda seed: WindowContrastTransformer(random_state=seed, **CONTRAST),
    "SimCLR": lambda seed: SimCLRTransformer(random_state=seed, **CONTRAST),
    "BYOL": lambda seed: BYOLTransformer(random_state=seed, **CONTRAST),
    "untrained": lambda seed: RandomEncoderTransformer(random_state=seed, **COMMON),
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
}
CUTTING = "SimPer", "CVRL"  # They cut windows of 8 seconds out of pieces of 16 seconds.
WAVES, BEST_GUESS = "pulse waves", "mean of the labels"

AT_RANDOM, BY_RECORDING = "windows at random", "recording by recording"
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
N_DRAWS = 10
BANDS = {"interpolation": (110, 130), "extrapolation": (150, 250)}
PENALTIES = {"ridge__alpha": np.logspace(-1, 4, 6)}  # from next to nothing to what hundreds of features want


def main():
    """Fill the table and write the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with IEEEPPG")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, WAVES, BEST_GUESS], default=[WAVES, BEST_GUESS, *ROWS])
    parser.add_argument("--csv", type=Path, default=Path("heart_rate.csv"))
    parser.add_argument("--means", type=Path, help="also write the means to this file")
    parser.add_argument("--shares", type=Path, help="also write the means for each share of the labels to this file")
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    if not options.report:
        fill(table, options)
    report(pd.DataFrame(table.rows().values()), options)


def fill(table, options):
    """Append what the table lacks; a method's rows of one seed come all at once."""
    if options.data is None:
        raise SystemExit("Give the folder that holds IEEEPPG by --data or SKLEARN_SSL_DATA.")
    data = {split: windows(options.data, split) for split in ("train", "test")}
    for seed in options.seeds:
        comparison = Comparison(options.data, *data["train"], *data["test"], seed)
        for name in options.rows:
            if not any(row == name or row.startswith(f"{name}, ") for row, of, *_ in table.rows() if of == str(seed)):
                for row in comparison.rows_of(name):
                    table.append(row)
                print(f"seed {seed}, {name} is done", flush=True)


class Comparison:
    """The rows of one seed."""

    def __init__(self, folder, X, y, recordings, X_test, y_test, _, seed):
        self.folder = folder
        self.X, self.y, self.recordings = X, y, recordings
        self.X_test, self.y_test = X_test, y_test
        self.seed = seed
        self.every = np.arange(len(y))
        self.seen = np.flatnonzero(~np.any([within(y, band) for band in BANDS.values()], axis=0))

    def rows_of(self, name):
        """Return all rows of a method."""
        if name == WAVES:
            return self._read_rows(name, *(60 * frequencies(X, RATE) for X in (self.X, self.X_test)))
        if name == BEST_GUESS:
            return self._guess_rows()
        torch.set_num_threads(1)  # each time, since MiniRocket's threads become PyTorch's
        start = time.perf_counter()
        model = self._fitted(name, self.every)
        seconds = round(time.perf_counter() - start, 1)
        H, H_test = model.transform(self.X), model.transform(self.X_test)
        rows = self._share_rows(f"{name}, ridge", H, H_test, self._ridge, fit_seconds=seconds)
        if name != "MiniRocket":
            seen, unseen = read(model, self.X), read(model, self.X_test)
            rows += self._read_rows(f"{name}, read", seen, unseen)
            rows += self._share_rows(f"{name}, line", seen[:, None], unseen[:, None], self._line)
        return rows + self._unseen_rows(name)

    def _fitted(self, name, rows):
        """Return a method, fitted without heart rates on some training windows, or on pieces of such windows alone."""
        scaler, transformer = SeriesWise(StandardScaler()), ROWS[name](self.seed)
        if name not in CUTTING:
            return make_pipeline(scaler, transformer).fit(self.X[rows])
        longer, of = pieces(self.folder)
        longer = longer[np.isin(of, rows).all(axis=1)]
        return make_pipeline(scaler, transformer).fit(longer)

    def _ridge(self, H, rows):
        ridge = make_pipeline(StandardScaler(), Ridge())
        search = GridSearchCV(ridge, PENALTIES, cv=self._folds(rows), scoring="neg_mean_absolute_error")
        return search.fit(H[rows].astype(np.float64), self.y[rows])

    def _line(self, read, rows):
        # One weight needs no penalty. The search is for its error alone.
        search = GridSearchCV(QuantileRegressor(alpha=0), {}, cv=self._folds(rows), scoring="neg_mean_absolute_error")
        return search.fit(read[rows], self.y[rows])

    def _folds(self, rows):
        """Return at most four folds of whole recordings, or of successive windows if all are of one recording."""
        names = self.recordings[rows]
        n_recordings = len(set(names))
        if n_recordings == 1:
            return list(KFold(4).split(rows))
        return list(GroupKFold(min(4, n_recordings)).split(rows, groups=names))

    def _draws(self):
        """Return question, share, number of the draw and labelled windows; with all labels the questions are one."""
        yield AT_RANDOM, 1.0, 0, self.every
        orders = {AT_RANDOM: self._orders_at_random(), BY_RECORDING: self._orders_by_recording()}
        for question, drawn in orders.items():
            for share in SHARES[:-1]:
                for draw, order in enumerate(drawn):
                    yield question, share, draw, np.sort(order[: round(share * len(self.y))])

    def _orders_at_random(self):
        n = len(self.y)
        return [np.random.RandomState(100 * self.seed + draw).permutation(n) for draw in range(N_DRAWS)]

    def _orders_by_recording(self):
        """Return orders in which one recording after another gets its labels; each recording comes first once."""
        generator = np.random.RandomState(self.seed)
        names = generator.permutation(np.unique(self.recordings))
        of = {name: generator.permutation(np.flatnonzero(self.recordings == name)) for name in names}
        return [np.concatenate([of[name] for name in np.roll(names, -first)]) for first in range(len(names))]

    def _share_rows(self, name, H, H_test, fit, fit_seconds=""):
        rows = []
        for question, share, draw, labelled in self._draws():
            model = fit(H, labelled)
            about = {"question": question, "share": share, "draw": draw, "validation_mae": f"{-model.best_score_:.3f}"}
            rows.append(self._row(name, model.predict(H_test), **about, fit_seconds=fit_seconds))
        return rows

    def _guess_rows(self):
        guesses = [(question, share, draw, self.y[rows].mean()) for question, share, draw, rows in self._draws()]
        return [
            self._row(BEST_GUESS, np.full(len(self.y_test), guess), question=question, share=share, draw=draw)
            for question, share, draw, guess in guesses
        ]

    def _read_rows(self, name, seen, unseen):
        validation = f"{mean_absolute_error(self.y, seen):.3f}"
        return [self._row(name, unseen, question="no label", share=0.0, validation_mae=validation)]

    def _unseen_rows(self, name):
        """Return the errors on test windows of the two bands, if pretraining lacks them in the training windows."""
        model = self._fitted(name, self.seen)
        H, H_test = model.transform(self.X), model.transform(self.X_test)
        rows = []
        for setting, labelled in (("labels of all", self.every), ("no labels of it", self.seen)):
            rows += self._band_rows(f"{name}, ridge", self._ridge(H, labelled).predict(H_test), setting)
        if name != "MiniRocket":
            rows += self._band_rows(f"{name}, read", read(model, self.X_test), "no label")
        return rows

    def _band_rows(self, name, predicted, setting):
        insides = {band: within(self.y_test, limits) for band, limits in BANDS.items()}
        return [self._row(name, predicted, inside, question=f"{band}, {setting}") for band, inside in insides.items()]

    def _row(self, name, predicted, inside=slice(None), **about):
        truth, predicted = self.y_test[inside], predicted[inside]
        mape = 100 * mean_absolute_percentage_error(truth, predicted)
        errors = {"mae": f"{mean_absolute_error(truth, predicted):.3f}", "mape": f"{mape:.3f}"}
        row = dict.fromkeys(FIELDS, "") | {"share": 1.0, "draw": 0}
        return row | {"row": name, "seed": self.seed} | about | errors


def read(model, X):
    """Return the heart rates that an encoder's output shows, without any label."""
    scaler, transformer = model
    scaled = scaler.transform(X)
    if isinstance(transformer, SimPerTransformer):
        return 60 * transformer.predict_frequency(scaled, RATE, lowest=PULSE[0], highest=PULSE[1])
    encoded = transformer.encode(scaled)  # (n, D, L')
    return 60 * frequencies(encoded, RATE * encoded.shape[2] / X.shape[2])


def within(rates, band):
    """Return which heart rates are in a band."""
    return (rates >= band[0]) & (rates < band[1])


def report(table, options):
    """Print the means over seeds and draws, and write them."""
    table = table.astype({"share": float})
    numbers = ["validation_mae", "mae", "mape"]
    table[numbers] = table[numbers].apply(pd.to_numeric)
    whole = table[table["question"].isin(["no label", AT_RANDOM]) & table["share"].isin([0.0, 1.0])]
    means = whole.groupby("row", sort=False)[numbers].mean()
    means.columns = ["cross-validation, MAE", "MAE", "MAPE"]
    bands = table[table["question"].str.contains("polation")].groupby(["row", "question"])["mae"].mean().unstack()
    means = means.join(bands.sort_index(axis=1, ascending=False))
    by_share = table[table["share"] > 0]
    by_share = by_share[by_share["question"].isin([AT_RANDOM, BY_RECORDING])]
    shares = by_share.groupby(["row", "question", "share"], sort=False)["mae"].mean().unstack(["question", "share"])
    shares = shares.sort_index(axis=1, ascending=[False, True])
    shares.columns = [f"{question}, {share:.0%}" for question, share in shares.columns]
    for frame, path in ((means, options.means), (shares, options.shares)):
        print(frame.round(2).to_string(na_rep=""))
        if path:
            frame.to_csv(path, float_format="%.2f", lineterminator="\n")


if __name__ == "__main__":
    main()
