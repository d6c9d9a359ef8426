"""How pictures look: every picture of handmade data is described in words and compared with `looks.txt`.

If a look is changed on purpose, write the descriptions again and read the difference:

    python tests/plotting/test_looks.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from looks import described

from sklearn_ssl.evaluation import Dissection, LabelEfficiencyResult, RobustnessReport, StreamReport, WeightChange
from sklearn_ssl.plotting import (
    CriticalDifferenceDisplay,
    DissectionDisplay,
    EmbeddingDisplay,
    LabelEfficiencyDisplay,
    OcclusionDisplay,
    RobustnessDisplay,
    SpectrumDisplay,
    StreamDisplay,
    TrainingCurveDisplay,
    ViewsDisplay,
    WeightChangeDisplay,
)

EXPECTED = Path(__file__).with_name("looks.txt")
POINTS = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [5.0, 3.0]])
SERIES = np.array([[0.0, 1.0, 3.0, 2.0, 0.0], [1.0, 1.0, 0.0, 2.0, 4.0]])


def efficiency(name, scores=((0.2, 0.4), (0.9, 0.7)), metric="accuracy"):
    empty = {"estimators": [], "rows": [], "test_rows": None, "transformer": None}
    fractions = np.array([0.1, 1.0])
    return LabelEfficiencyResult(name, fractions, fractions * 50, metric, np.array(scores), **empty)


def stream(name, by_task=((0.2, 0.6), (0.9, 0.4))):
    by_task = np.array(by_task)
    return StreamReport(name, np.array([20, 40]), by_task.mean(axis=1), by_task, np.array(["sit", "walk"]), None)


def robustness(*corruptions, n_repeats=2):
    n = len(corruptions)
    scores = np.linspace(0.9, 0.4, 2 * n * n_repeats).reshape(2 * n, n_repeats)
    return RobustnessReport(0.95, np.repeat(corruptions, 2), np.tile([0.1, 0.5], n), scores, {}, "NaN", 20)


def dissection(n_channels=2):
    iou = np.array([[0.5, 0.1], [0.2, 0.4], [0.3, 0.0], [0.0, 0.0]])
    table = pd.DataFrame(
        {
            "unit": range(4),
            "concept": ["high_frequency", "peak", "high_frequency", None],
            "iou_corrected": iou.max(axis=1),
        }
    )
    segments = pd.DataFrame(
        {"unit": [0, 0, 1, 2], "rank": [0, 1, 0, 0], "case": [3, 1, 0, 2], "start": [2, 0, 4, 1], "end": [6, 4, 8, 5]}
    )
    values = [np.arange(4.0) * channel + SERIES[:, :4][:1] for channel in range(4)]
    values = [np.vstack([one] * n_channels) + np.arange(n_channels)[:, None] for one in values]
    activations = [np.array([0.0, 1.0, 3.0, 2.0]) + row for row in range(4)]
    masks = dict.fromkeys(["high_frequency", "peak"], np.zeros((4, 8), dtype=bool))
    return Dissection(table, segments, masks, np.arange(4), iou, iou / 2, values, activations)


def history(**columns):
    return pd.DataFrame(columns, index=[1, 2, 3], dtype=float)


def drawn(n_axes, draw):
    """Draw into axes that are given."""
    return draw(plt.subplots(n_axes, layout="constrained")[1])


LONG = history(train_loss=[50.0, 3.0, 1.0])
PICTURES = {
    "embedding": lambda: EmbeddingDisplay(POINTS).plot(),
    "embedding of classes": lambda: EmbeddingDisplay(POINTS, ["b", "a", None, "b", "c"], axis_labels=("u", "v")).plot(),
    "embedding of numbers": lambda: EmbeddingDisplay(POINTS, [0.5, 1.5, np.nan, 3.0, 2.0]).plot(scatter_kw={"s": 10}),
    "embedding of many classes": lambda: EmbeddingDisplay(np.tile(POINTS, (4, 1))[:17], np.arange(17)).plot(),
    "embedding in given axes": lambda: drawn(1, lambda ax: EmbeddingDisplay(POINTS, np.arange(5)).plot(ax=ax)),
    "spectrum": lambda: SpectrumDisplay({"one": np.array([4.0, 2.0, 1.0, 0.0])}).plot(),
    "spectra with ranks": lambda: SpectrumDisplay(
        {"a": np.arange(60.0, 0, -1), "b": np.array([1.0, 1e-9])}, effective_ranks={"a": 3.25}
    ).plot(),
    "many spectra": lambda: SpectrumDisplay({f"number {n}": np.array([3.0, 1.0]) for n in range(9)}).plot(),
    "label efficiency": lambda: LabelEfficiencyDisplay({"one": efficiency("one", metric="mae")}).plot(),
    "label efficiency of two": lambda: LabelEfficiencyDisplay.from_results(
        [efficiency("a"), efficiency("b", ((0.1, 0.2), (0.3, 0.6)))], spread="range"
    ),
    "stream": lambda: StreamDisplay(
        {"one": stream("one"), "another": stream("another", ((0.5, 0.5), (0.1, 0.9)))}
    ).plot(),
    "stream of tasks": lambda: StreamDisplay.from_results(stream("one"), of="tasks"),
    "stream in given axes": lambda: drawn(1, lambda ax: StreamDisplay({"one": stream("one")}).plot(ax=ax)),
    "robustness": lambda: RobustnessDisplay.from_reports(robustness("noise", "gaps", "drift", "pgd")),
    "robustness of two": lambda: RobustnessDisplay(
        {"a": robustness("noise"), "b": robustness("noise", "time shift", n_repeats=1)}
    ).plot(),
    "robustness in given axes": lambda: drawn(
        1, lambda ax: RobustnessDisplay({"a": robustness("noise"), "b": robustness("noise")}).plot(ax=ax)
    ),
    "occlusion": lambda: OcclusionDisplay(
        SERIES, np.vstack([np.arange(5.0), [np.nan, 9, 0, 1, 2]]), label="drop"
    ).plot(),
    "occlusion of a channel": lambda: OcclusionDisplay(SERIES, SERIES).plot(
        channels=[1], cmap="magma", line_kw={"color": "red"}
    ),
    "views": lambda: ViewsDisplay(SERIES, np.stack([SERIES + 1, SERIES - 1, 2 * SERIES])).plot(),
    "one view": lambda: ViewsDisplay(SERIES, SERIES[None] + 1).plot(
        channels=[0], series_kw={"linewidth": 5}, view_kw={"color": "red"}
    ),
    "training": lambda: TrainingCurveDisplay(
        {"VICReg": history(train_loss=[3, 2, 1], valid_loss=[4, np.nan, 3], rank=[np.nan, 5, 6])},
        collapsed_losses={"VICReg": 5.0},
    ).plot(),
    "trainings": lambda: TrainingCurveDisplay(
        {"a": LONG, "b": history(rank=[1, 2, 3])}, collapsed_losses={"a": 60.0}
    ).plot(),
    "training in given axes": lambda: drawn(1, lambda ax: TrainingCurveDisplay({"a": LONG.assign(rank=1)}).plot(ax=ax)),
    "weight change": lambda: WeightChangeDisplay(
        WeightChange(["low", "middle", "top"], np.array([1, 2, 3]), np.array([0.123, np.inf, 0.5]), np.zeros(3))
    ).plot(),
    "critical difference": lambda: CriticalDifferenceDisplay.from_scores(
        pd.DataFrame([[0.9, 0.8, 0.1], [0.7, 0.8, 0.2], [0.6, 0.5, 0.3]], columns=["first", "second", "third"])
    ),
    "dissection": lambda: DissectionDisplay(dissection()).plot(),
    "dissection of units": lambda: DissectionDisplay(dissection(1), units=[2, 3, 0]).plot(
        corrected=False, n_units=2, n_segments=1, cmap="magma"
    ),
    "dissection in given axes": lambda: drawn(1, lambda ax: DissectionDisplay(dissection()).plot(ax=ax)),
    "dissection without segments": lambda: DissectionDisplay(dissection()).plot(n_units=0),
}


def read():
    parts = EXPECTED.read_text().split("== ")[1:]
    return dict(part.rstrip("\n").split("\n", 1) for part in parts)


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_looks_as_described(name):
    assert described(PICTURES[name]().figure_).split("\n") == read()[name].split("\n")


if __name__ == "__main__":
    plt.rcParams["figure.max_open_warning"] = 0
    EXPECTED.write_text("".join(f"== {name}\n{described(draw().figure_)}\n" for name, draw in PICTURES.items()))
