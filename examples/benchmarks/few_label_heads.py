"""Which head few labels should have on features without labels, chosen inside training parts.

A third of each training part is left out and judged. The rest is there without labels, but for 1, 3, 8 or all series of
each class. Heads on features of WCCN, fitted on this rest:

* "standardised": ridge with the best of ten penalties, as for any features,
* "length 1": ridge on centred features of length 1,
* "part of size": the same after each feature was divided by a part of its standard deviation,
* "spread": ridge on labels that were spread over neighbours, alone, and
* "both": the sum of "length 1" and "spread", the default of `SSLClassifier`.

"MiniRocket" is ridge on MiniRocket's features, scaled by the labelled series. Labels are drawn five times, the same for
all rows. Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/few_label_heads.py --data FOLDER --csv few_label_heads.csv \
        --means few_label_heads_means.csv
"""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive import SETS, write
from archive_rows import MORE, series
from growing_table import GrowingTable
from sklearn.linear_model import Ridge, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from sklearn_ssl import WCCNTransformer
from sklearn_ssl.fine_tuning._spread import PENALTY, Others, spread_head
from sklearn_ssl.preprocessing import ChannelWise

LABELS = (1, 3, 8, "all")  # of each class
N_DRAWS, N_NEIGHBORS, MOST_SERIES = 5, 5, 600
ROCKET = "MiniRocket"
KEY = ("set", "labels", "draw", "head")
FIELDS = (*KEY, "accuracy")


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with archives")
    parser.add_argument("--sets", nargs="+", default=(*SETS, *MORE))
    parser.add_argument("--csv", type=Path, default="few_label_heads.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    done = {key[0] for key in table.rows()}
    names = [] if options.report else [name for name in options.sets if name not in done]
    table.fill(
        (joblib.delayed(rows_of)(name, options.data) for name in names), options.jobs, lambda rows: rows[0]["set"]
    )
    lines = means(pd.DataFrame(list(table.rows().values())))
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def rows_of(name, folder):
    """Return the rows of a set."""
    torch.set_num_threads(1)
    (X, y), _, _ = series(name, folder)
    y = np.unique(y, return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(len(y))[:MOST_SERIES]
    judged, rest = order[: len(order) // 3], order[len(order) // 3 :]
    scaler = ChannelWise(StandardScaler()).fit(X[rest])
    X, X_judged, y, y_judged = scaler.transform(X[rest]), scaler.transform(X[judged]), y[rest], y[judged]
    wccn, rocket = WCCNTransformer(device="cpu", random_state=0).fit(X), MiniRocket(random_state=0, n_jobs=1).fit(X)
    features = [np.asarray(model.transform(part), float) for model in (wccn, rocket) for part in (X, X_judged)]
    rows = []
    for labels in LABELS:
        for draw in range(N_DRAWS):
            known = drawn(y, labels, draw)
            for head, predicted in predictions(*features, y, known):
                key = dict(zip(KEY, (name, labels, draw, head), strict=True))
                rows.append({**key, "accuracy": f"{np.mean(predicted == y_judged):.4f}"})
    return rows


def drawn(y, labels, draw):
    """Return rows with so many labels of each class."""
    rng = np.random.default_rng(draw)
    rows = [rng.permutation(np.flatnonzero(y == code)) for code in np.unique(y)]
    return np.concatenate([of_class if labels == "all" else of_class[:labels] for of_class in rows])


def predictions(features, judged, rocket, rocket_judged, y, known):
    """Yield each head and what it predicts."""
    classes, codes = np.unique(y[known], return_inverse=True)
    alphas = np.logspace(-3, 3, 10)
    for name, train, test in ((ROCKET, rocket, rocket_judged), ("standardised", features, judged)):
        scaler = StandardScaler().fit(train[known] if name == ROCKET else train)
        model = make_pipeline(scaler, RidgeClassifierCV(alphas=alphas)).fit(train[known], y[known])
        yield name, model.predict(test)
    centre, variance = features.mean(axis=0), features.var(axis=0)
    size = np.sqrt(variance + 10 * variance.mean())
    z, z_judged = normalize((features - centre) / size), normalize((judged - centre) / size)
    yield "part of size", classes[ridge(z[known], codes)(z_judged).argmax(1)]
    z, z_judged = normalize(features - centre), normalize(judged - centre)
    scores = ridge(z[known], codes)(z_judged)
    yield "length 1", classes[scores.argmax(1)]
    others = Others(np.delete(z, known, axis=0), N_NEIGHBORS)
    weight, bias = spread_head(z[known], codes, np.ones(len(known)), others)
    spread = z_judged @ weight.T + bias
    yield "spread", classes[spread.argmax(1)]
    yield "both", classes[(scores + spread * len(classes) / len(known)).argmax(1)]


def ridge(features, codes):
    """Return the scores that ridge on features and classes gives."""
    return Ridge(alpha=PENALTY).fit(features, 2 * np.eye(codes.max() + 1)[codes] - 1).predict


def means(rows):
    """Return a line for each head: mean accuracy, and the lead over MiniRocket with its standard error over sets."""
    rows["accuracy"] = pd.to_numeric(rows["accuracy"])
    of_sets = rows.groupby(["head", "labels", "set"], sort=False)["accuracy"].mean().unstack("set")
    lines = []
    for head in rows["head"].unique():
        line = {"head": head}
        for labels in map(str, LABELS):
            mine, theirs = of_sets.loc[head, labels], of_sets.loc[ROCKET, labels]
            difference = 100 * (mine - theirs)
            line[labels] = f"{mine.mean():.3f}"
            line[f"lead with {labels}"] = f"{difference.mean():+.1f} ± {difference.std() / len(mine) ** 0.5:.1f}"
        lines.append(line)
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
