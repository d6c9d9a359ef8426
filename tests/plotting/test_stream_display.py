import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ssl.evaluation import StreamReport
from sklearn_ssl.plotting import StreamDisplay


def report(name="MinRed", by_task=((0.5, 0.2), (0.9, 0.4), (0.7, 0.8))):
    by_task = np.array(by_task)
    return StreamReport(name, np.array([10, 20, 30]), by_task.mean(axis=1), by_task, np.array(["sit", "walk"]), None)


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_a_line_for_each_report_with_its_forgetting():
    display = StreamDisplay.from_results([report(), report("FIFO", [[0.5, 0.5]] * 3)])
    assert_array_equal(display.lines_["MinRed"].get_xdata(), [10, 20, 30])
    assert_allclose(display.lines_["MinRed"].get_ydata(), [0.35, 0.65, 0.75])
    assert labels(display) == ["MinRed, forgetting 0.100", "FIFO, forgetting 0.000"]
    assert display.ax_.get_ylabel() == "accuracy of nearest neighbours"


def test_a_line_for_each_task():
    display = StreamDisplay.from_results(report(), of="tasks")
    assert_allclose(display.lines_["walk"].get_ydata(), [0.2, 0.4, 0.8])
    assert labels(display) == ["sit, forgetting 0.200", "walk, forgetting 0.000"]
    assert display.ax_.get_legend().get_title().get_text() == "task"


def test_the_legend_is_next_to_the_lines():
    display = StreamDisplay.from_results({"a name that is rather long": report()})
    display.figure_.draw_without_rendering()
    assert display.ax_.get_legend().get_window_extent().x0 >= display.ax_.get_window_extent().x1


def test_axes_that_are_given_are_used():
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    display = StreamDisplay.from_results(report(), ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)


@pytest.mark.parametrize(
    ("results", "of", "error", "message"),
    [
        ({}, "all", ValueError, "`results` is empty"),
        ({"a": 1.0}, "all", TypeError, "must be a result of stream_report"),
        ([report(), report("b")], "tasks", ValueError, "needs one report, got 2"),
        (report(), "both", ValueError, "`of` must be"),
        ([report(), report()], "all", ValueError, "names must differ"),
    ],
)
def test_what_is_refused(results, of, error, message):
    with pytest.raises(error, match=message):
        StreamDisplay.from_results(results, of=of)
