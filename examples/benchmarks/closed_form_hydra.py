"""Whether Hydra's features pay under WCCN: blocks of fixed features by cross-validation in the training parts.

`closed_form_choice.py` says what is computed; here all sets of `archive.py` are taken, and the features are those of
`RocketEncoder`: MiniRocket's, those and as many of first differences ("twice"), the four poolings of MultiRocket,
Hydra's, and several together. Thresholds and dilations come from the whole training part, without labels; everything
else is learnt in the training folds. No test part is read.

Rows are appended as they come, and a run that was stopped goes on where it was. Run it with

    python examples/benchmarks/closed_form_hydra.py --data FOLDER --csv closed_form_hydra.csv
"""

import numpy as np
import pandas as pd
import torch
from archive import SETS
from archive_rows import series
from closed_form_choice import components, fill, parsed_options, probe, shrunk_kernel, standardised
from growing_table import GrowingTable
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import WCCNTransformer
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.preprocessing import ChannelWise

KEY = ("set", "row", "seed")
FIELDS = (*KEY, "ridge", "1-NN")
POOLINGS = ("ppv", "mpv", "mipv", "lspv")
BLOCKS = {
    "MiniRocket": RocketEncoder(standardise=False),
    "poolings": RocketEncoder(n_features=15792, poolings=POOLINGS, standardise=False),
    "Hydra": RocketEncoder(n_features=84, n_groups=512, standardise=False),
    "MiniRocket twice": RocketEncoder(n_features=19992, differences=True, standardise=False),
}
SHRUNK = [
    ("MiniRocket",),
    ("Hydra",),
    ("poolings",),
    ("poolings", "Hydra"),
    ("poolings", "MiniRocket", "Hydra"),
    ("MiniRocket", "Hydra"),
    ("MiniRocket twice", "Hydra"),
]
SHRINKAGE = 0.5
N_VIEWS = 4
MOST_SERIES = 200
N_FOLDS = 5


def load(name, folder, seed):
    """Return at most `MOST_SERIES` standardised series of a training part, and their labels."""
    (X, y), _, _ = series(name, folder)
    if len(X) > MOST_SERIES:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_SERIES, stratify=y, random_state=seed)
    return torch.from_numpy(ChannelWise(StandardScaler()).fit_transform(X).astype(np.float32)), y


def features_of_views(x, seed):
    """Return the blocks of features of the series and of their copies, each of shape (1 + V, n, p)."""
    torch.manual_seed(1000 + seed)
    augmentation = WCCNTransformer().resolved("augmentation")
    views = [x, *(augmentation(x) for _ in range(N_VIEWS))]
    return {name: features(recipe, views, seed, only_hydra=name.startswith("Hydra")) for name, recipe in BLOCKS.items()}


def features(recipe, views, seed, *, only_hydra):
    """Return the features of every view by an encoder that has seen the originals."""
    torch.manual_seed(seed)
    encoder = recipe.build(views[0].shape[1]).eval()
    encoder.adapt(views[0])
    first = recipe.n_features if only_hydra else 0  # those of Hydra are the last
    return np.stack([encoder(view).squeeze(2)[:, first:].numpy() for view in views])


def cross_validate(name, folder, seed):
    """Return the lines of the table for one set: means over folds."""
    x, y = load(name, folder, seed)
    blocks = features_of_views(x, seed)
    n_folds = max(2, min(N_FOLDS, np.unique(y, return_counts=True)[1].min()))
    scores = {}
    for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(y, y):
        scaled = {block: standardised(values, train) for block, values in blocks.items()}
        embeddings = {"MiniRocket; all features": scaled["MiniRocket"][0]}
        for names in SHRUNK:
            joined = np.concatenate([scaled[block] for block in names], axis=2)
            kernel = shrunk_kernel(joined, train, SHRINKAGE)
            embeddings[row_of(names)] = components(kernel, train, power=1.0)
        for row, embedding in embeddings.items():
            scores.setdefault(row, []).append(probe(embedding, y, train, test))
    return [
        dict(zip(FIELDS, (name, row, seed, *np.mean(score, axis=0).round(4)), strict=True))
        for row, score in scores.items()
    ]


def row_of(names):
    """Return the name of the row of some blocks after WCCN."""
    return " + ".join(names) + "; WCCN"


def main():
    """Fill the table and print the means over sets and seeds."""
    options = parsed_options(__doc__, "closed_form_hydra.csv", SETS)
    torch.set_num_threads(1)
    fill(GrowingTable(options.csv, FIELDS, KEY), options, cross_validate, row_of(SHRUNK[-1]))
    means = summary(pd.read_csv(options.csv))
    print(means.to_string())
    if options.means:
        means.to_csv(options.means)


def summary(frame):
    """Return the means over sets and seeds, and how far the ridge is from that of "poolings; WCCN", in points."""
    by_set = frame.groupby(["row", "set"], sort=False)[["ridge", "1-NN"]].mean().unstack("set")
    table = pd.DataFrame({probe: by_set[probe].mean(axis=1).round(3) for probe in ("ridge", "1-NN")})
    gain = 100 * (by_set["ridge"] - by_set["ridge"].loc["poolings; WCCN"])
    table["points to poolings"] = gain.mean(axis=1).round(1)
    table["standard error over sets"] = gain.sem(axis=1).round(1)
    return table.rename_axis("features")


if __name__ == "__main__":
    main()
