"""
Robustness to noise, gaps and attacks
=====================================

Four ways to learn from labelled series are compared on series that were disturbed: with
noise, gaps, drift, lost channels, shifts in time, and by an adversary.
`RobustSSLClassifier` was trained against the last one alone. The series are
BasicMotions, which ships with aeon: 40 training and 40 test recordings of a smart
watch, six channels, four activities.

The run below is short: all training takes 40 steps. ``--full`` trains as by default,
which takes some minutes, and ``--csv`` writes every accuracy to a file::

    python examples/judge/plot_robustness.py
    python examples/judge/plot_robustness.py --full --seeds 0 1 2 --csv robustness.csv
"""

# %%
# The models
# ----------
# All have the same steps in front: gaps are filled and channels scaled. The three
# networks have the same encoder and, but for the length of training, the library's
# defaults; `SSLClassifier` is pretrained by VICReg and fine-tuned, the others do both
# at once.

# sphinx_gallery_thumbnail_number = 2

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from aeon.datasets import load_basic_motions
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    RobustSSLClassifier,
    S4LClassifier,
    SSLClassifier,
    VICRegTransformer,
)
from sklearn_ssl.evaluation import robustness_report
from sklearn_ssl.plotting import RobustnessDisplay
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

parser = argparse.ArgumentParser()
parser.add_argument("--seeds", type=int, nargs="+", default=[0])
parser.add_argument("--full", action="store_true", help="train as long as by default")
parser.add_argument("--csv", help="write every accuracy to this file")
options, _ = parser.parse_known_args()
BUDGET = {} if options.full else {"max_steps": 40}

X_train, y_train = load_basic_motions(split="train")
X_test, y_test = load_basic_motions(split="test")


def models(seed):
    """Return what is compared, by name."""
    vicreg = VICRegTransformer(device="cpu", random_state=seed, **BUDGET)
    last_steps = {
        "SSLClassifier": [SSLClassifier(vicreg, random_state=seed, **BUDGET)],
        "S4LClassifier": [S4LClassifier(vicreg, random_state=seed, **BUDGET)],
        "RobustSSLClassifier": [
            RobustSSLClassifier(vicreg, random_state=seed, **BUDGET)
        ],
        "MiniRocket, ridge": [
            MiniRocket(random_state=seed),
            StandardScaler(),
            RidgeClassifierCV(np.logspace(-3, 3, 10)),
        ],
    }
    return {
        name: make_pipeline(FillMissing(), ChannelWise(StandardScaler()), *steps)
        for name, steps in last_steps.items()
    }


# %%
# The reports
# -----------
# The draws are the same for all models. The adversary needs gradients, so it has no row
# of MiniRocket.
tables, reports = [], {}
for seed in options.seeds:
    for name, model in models(seed).items():
        reports[name] = robustness_report(
            model.fit(X_train, y_train), X_test, y_test, random_state=0
        )
        tables.append(reports[name].to_frame().assign(model=name, seed=seed))
        print(f"{name}, seed {seed}\n{reports[name]}\n", flush=True)
table = pd.concat(tables)
if options.csv:
    table.to_csv(options.csv, index=False, float_format="%.4f", lineterminator="\n")

# %%
# What came out
# -------------
# In the full run, mean of three seeds on 40 test series; every model is right on all of
# them while they are clean.
#
# * `RobustSSLClassifier` loses nothing to an attack of a tenth of a standard deviation,
#   the radius it was trained with, where `SSLClassifier` loses 1.7 points and
#   `S4LClassifier` 4.2. At three times that radius they keep 0.617, 0.492 and 0.483.
# * It is also level with `S4LClassifier` or ahead under nearly all else, but behind
#   `SSLClassifier` where channels are lost (0.850 to 0.892 without half of them).
# * MiniRocket with ridge suffers most from noise (0.750 at a quarter of a standard
#   deviation, where the networks have 0.958 and more) and from long gaps, and least
#   from drift (0.992 at one standard deviation; the networks have 0.717 to 0.783).
#
# With three times 40 series a point is little more than one of them. BasicMotions is
# easy; other sets may tell another story.

# %%
# The pictures
# ------------
# One panel for each disturbance, of the last seed.
display = RobustnessDisplay.from_reports(reports)
display.figure_.savefig("robustness.png", dpi=150)

# %%
# Noise alone, with the mean of all seeds. A severity is the standard deviation of the
# noise divided by that of the channel.
noise = table[table["corruption"].isin(["clean", "noise"])]
means = noise.pivot_table("accuracy", "severity", "model", sort=False)
figure, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
means.plot(ax=axis, style=["o-", "s--", "D-.", "^:"], legend=False)
axis.set(xlabel="severity of the noise", ylabel="accuracy")
figure.legend(loc="outside upper center", ncols=2)
figure.savefig("robustness_noise.png", dpi=150)
print("The pictures are in robustness.png and robustness_noise.png.")
