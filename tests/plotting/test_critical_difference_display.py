import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_ssl.plotting import CriticalDifferenceDisplay

NOISE = np.random.RandomState(0).normal(size=(30, 4)) * 0.01
SCORES = pd.DataFrame(NOISE + [0.7, 0.9, 0.9, 0.5], columns=["untrained", "VICRegTransformer", "SimCLR", "raw"])


def bars(display):
    return [line for line in display.ax_.lines if line.get_linewidth() == 2.5]


def test_mean_ranks_by_counting():
    expected = {}
    for method in SCORES:
        better = [sum(row > row[method]) for _, row in SCORES.iterrows()]
        expected[method] = 1 + np.mean(better)
    mean_ranks = CriticalDifferenceDisplay(SCORES).mean_ranks
    assert_allclose(mean_ranks, sorted(expected.values()))
    assert mean_ranks.to_dict() == pytest.approx(expected)


def test_ties_share_their_rank_and_errors_are_ranked_from_the_lowest():
    errors = pd.DataFrame({"a": [1.0, 1.0], "b": [1.0, 3.0], "c": [2.0, 2.0]})
    ranks = CriticalDifferenceDisplay(errors, lower_better=True).ranks
    assert ranks.to_numpy().tolist() == [[1.5, 1.5, 3.0], [1.0, 3.0, 2.0]]


@pytest.mark.parametrize("test", ["wilcoxon", "nemenyi"])
def test_a_bar_joins_the_two_methods_that_do_not_differ(test):
    display = CriticalDifferenceDisplay.from_scores(SCORES, test=test)
    texts = [text.get_text() for text in display.ax_.texts]
    assert set(SCORES) <= set(texts)
    assert [f"{rank:.4f}" in texts for rank in display.mean_ranks] == [True] * 4
    (bar,) = bars(display)
    assert display.mean_ranks.index[:2].sort_values().tolist() == ["SimCLR", "VICRegTransformer"]
    inches_a_rank, beyond_the_ranks = 4 / 3, 2 * 0.02
    width = np.ptp(bar.get_xdata()) * display.figure_.get_figwidth()
    assert_allclose(width, inches_a_rank * np.ptp(display.mean_ranks[:2]) + beyond_the_ranks, rtol=1e-4)


def test_the_scale_has_a_name_that_nothing_covers():
    display = CriticalDifferenceDisplay.from_scores(SCORES)
    display.figure_.draw_without_rendering()
    (name,) = [text for text in display.ax_.texts if text.get_text() == "mean rank"]
    others = [text for text in display.ax_.texts if text is not name]
    assert not any(name.get_window_extent().overlaps(text.get_window_extent()) for text in others)
    (scale,) = [line for line in display.ax_.lines[1:] if np.ptp(line.get_ydata()) == 0 and line not in bars(display)]
    assert name.get_window_extent().x1 < scale.get_window_extent().x0


def test_numbers_of_a_long_scale_stay_apart():
    scores = pd.DataFrame(np.random.default_rng(0).random((12, 30)), columns=[f"method {i}" for i in range(30)])
    display = CriticalDifferenceDisplay.from_scores(scores)
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.ax_.texts if text.get_text() in map(str, range(1, 31))]
    assert len(boxes) == 30
    boxes.sort(key=lambda box: box.x0)
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_names_fit_into_the_figure():
    display = CriticalDifferenceDisplay.from_scores(SCORES.rename(columns={"raw": "a name of thirty characters!!!"}))
    display.figure_.draw_without_rendering()
    width = display.figure_.bbox.width
    for text in display.ax_.texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= width


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (SCORES.iloc[:, :2], "three methods"),
        (SCORES.iloc[:1], "at least two data sets"),
        (SCORES.where(SCORES > 0.6), "'raw' has no finite score on 0"),
        (SCORES.assign(name="Beef"), "the column 'name' is not numeric"),
        (SCORES * 0, "all methods score the same"),
    ],
)
def test_scores_that_cannot_be_compared_are_errors(scores, message):
    with pytest.raises(ValueError, match=message):
        CriticalDifferenceDisplay.from_scores(scores)
    assert not plt.get_fignums()


def test_other_wrong_parameters_are_errors():
    with pytest.raises(TypeError, match="`scores` must be a DataFrame"):
        CriticalDifferenceDisplay.from_scores(SCORES.to_numpy())
    with pytest.raises(ValueError, match="`test` must be"):
        CriticalDifferenceDisplay.from_scores(SCORES, test="t")
    with pytest.raises(ValueError, match=r"`alpha` must be 0\.01, 0\.05 or 0\.1"):
        CriticalDifferenceDisplay.from_scores(SCORES, test="nemenyi", alpha=0.2)
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1"):
        CriticalDifferenceDisplay.from_scores(SCORES, alpha=1)
