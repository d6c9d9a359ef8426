"""Masked methods at their defaults, next to the untrained encoder of each and MiniRocket.

A method is fitted on the published training part of a set without its labels. A ridge classifier and the nearest
neighbour on standardised features are fitted on the same part and judged once on the test part, as in `methods.py`. Of
UCI HAR 2,000 training windows are drawn for each seed, and the whole test part is judged. Run it with

    python examples/benchmarks/masked.py --data FOLDER --csv masked.csv --means masked_means.csv

FOLDER holds archives in aeon's form and UCIHAR/UCIHAR.npz. Rows are appended as they come, and a run that was stopped
goes on where it was. Settings are compared inside training parts with ``--halves``, which opens no test part:
``--halves --methods "MAE(masking=RandomMasking(ratio=0.5))" MAE``.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from archive import write
from archive_rows import embedded, instance, series
from growing_table import GrowingTable
from methods import HALVES, KEY, PROBES, TEST, judged_parts, parsed_options
from methods_by_name import make_method, transformers
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.preprocessing import ChannelWise

HAR, N_HAR = "UCIHAR", 2000
SETS = ("ERing", "Libras", "RacketSports", HAR)
ROCKET, UNTRAINED = "MiniRocket", "untrained "
FIELDS = (*KEY, *PROBES, "fit seconds", "transform seconds", "features")


def main():
    """Fill the table, print the means and write them."""
    options = parsed_options(__doc__.splitlines()[0], SETS, "masked.csv")
    table = GrowingTable(options.csv, FIELDS, KEY)
    methods = options.methods or masked_methods()
    baselines = [ROCKET, *dict.fromkeys(untrained_of(method) for method in methods)]
    work = [
        (name, method, str(seed), part)
        for seed in range(options.seeds)
        for name in options.sets
        for part in (HALVES if options.halves else (TEST,))
        for method in (*baselines, *methods)
    ]
    known = table.rows()
    calls = [joblib.delayed(row_of)(*one, options.data) for one in work if one not in known and not options.report]
    table.fill(calls, options.jobs)
    known = table.rows()
    lines = means([known[one] for one in work if one in known], methods)
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def masked_methods():
    """Return the names of all methods of the family."""
    return [name for name in with_encoder() if ".methods.masked." in transformers()[name].__module__]


def with_encoder():
    """Return the names of all transformers that have an encoder."""
    return [name for name, cls in transformers().items() if "encoder" in cls().get_params(deep=False)]


def encoder_of(method):
    """Return the recipe of the encoder that a method trains."""
    return make_method(method).resolved("encoder")


def untrained_of(method):
    """Return the name of the row of a method's encoder without training."""
    return f"{UNTRAINED}{encoder_of(method)!r}"


def model_of(method, seed):
    """Return the transformer that has this name."""
    if not method.startswith(UNTRAINED):
        return instance(method, seed, "cpu")
    encoder = next(encoder_of(one) for one in with_encoder() if untrained_of(one) == method)
    return RandomEncoderTransformer(encoder=encoder, random_state=seed, device="cpu")


def row_of(name, method, seed, judged_on, folder):
    """Return one row of the table."""
    torch.set_num_threads(1)
    (X, y), (X_judged, y_judged) = parts(name, folder, int(seed), judged_on)
    model = make_pipeline(ChannelWise(StandardScaler()), model_of(method, int(seed)))
    values = embedded(model, X, y, X_judged, y_judged, PROBES)
    return {**dict(zip(KEY, (name, method, seed, judged_on), strict=True)), **values}


def parts(name, folder, seed, judged_on):
    """Return the series and labels to fit on, and those to judge on."""
    train, test = har(folder, seed) if name == HAR else series(name, folder)[:2]
    return judged_parts(*train, test, seed, judged_on)


def har(folder, seed):
    """Return some training windows of UCI HAR, and all test windows."""
    X, y = load_ucihar(Path(folder) / HAR, split="train", return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(X))[:N_HAR]
    return (X[rows], y[rows]), load_ucihar(Path(folder) / HAR, split="test", return_X_y=True)


def means(rows, methods):
    """Return a line for each method: both probes, and points to the same encoder untrained, on each set."""
    frame = pd.DataFrame(rows).set_index(list(KEY)).astype(float)
    mean = frame.groupby(["method", "set"]).mean()
    lines = []
    names = [name for name in dict.fromkeys(frame.index.get_level_values("method")) if name not in methods]
    for method in (*names, *methods):
        if method not in mean.index:
            continue
        own = mean.loc[method]
        line = {"method": method, "rows": int(frame.xs(method, level="method").shape[0])}
        line |= {probe: f"{own[probe].mean():.3f}" for probe in PROBES}
        if method in methods:
            points = 100 * (own["linear"] - mean.loc[untrained_of(method)]["linear"])
            line |= {"points to its encoder untrained": f"{points.mean():+.1f}"}
            line |= {f"on {name}": f"{value:+.1f}" for name, value in points.items()}
        line |= {"fit seconds": f"{own['fit seconds'].mean():.1f}", "features": f"{own['features'].mean():.0f}"}
        lines.append(line)
    return pd.DataFrame(lines).fillna("")


if __name__ == "__main__":
    main()
