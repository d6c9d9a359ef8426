import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ssl.evaluation import LabelEfficiencyResult
from sklearn_ssl.plotting import LabelEfficiencyDisplay
from sklearn_ssl.plotting._label_efficiency import _apart

FRACTIONS = np.array([0.01, 0.1, 1.0])


def result(name="SimCLR", metric="accuracy", scores=((0.2, 0.4), (0.5, 0.7), (0.9, 0.9)), fractions=FRACTIONS):
    return LabelEfficiencyResult(
        name=name,
        fractions=fractions,
        n_labels=(100 * fractions).astype(int),
        metric=metric,
        scores=np.array(scores),
        estimators=[],
        rows=[],
        test_rows=None,
        transformer=None,
    )


def test_means_with_their_standard_deviation():
    display = LabelEfficiencyDisplay.from_results(result())
    assert_array_equal(display.lines_["SimCLR"].get_xdata(), FRACTIONS)
    assert_allclose(display.lines_["SimCLR"].get_ydata(), [0.3, 0.6, 0.9])
    edge = display.bands_["SimCLR"].get_paths()[0].vertices
    assert_allclose(sorted(set(edge[np.isclose(edge[:, 0], 0.01), 1].round(9))), [0.2, 0.4])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_ylabel() == "accuracy"


def test_the_range_of_draws():
    display = LabelEfficiencyDisplay.from_results(result(scores=[[0.1, 0.1, 0.4]] * 3), spread="range")
    edge = display.bands_["SimCLR"].get_paths()[0].vertices
    assert_allclose([edge[:, 1].min(), edge[:, 1].max()], [0.1, 0.4])


def test_no_spread():
    assert LabelEfficiencyDisplay.from_results(result(), spread=None).bands_ == {}


def test_several_results_differ_in_marker_line_and_colour():
    display = LabelEfficiencyDisplay.from_results([result("a"), result("b"), result("c")])
    looks = zip(
        *((one.get_marker(), one.get_linestyle(), one.get_color()) for one in display.lines_.values()), strict=True
    )
    assert [len(set(look)) for look in looks] == [3, 3, 3]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["a", "b", "c"]


def test_the_legend_of_several_covers_no_band():
    long = "an encoder with a long name"
    display = LabelEfficiencyDisplay.from_results({f"{long} {number}": result() for number in range(6)})
    display.figure_.draw_without_rendering()
    legend, curves = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    assert curves.x1 <= legend.x0 < legend.x1 <= display.figure_.bbox.width
    assert curves.width > curves.height


def test_names_of_a_dictionary_come_first():
    assert list(LabelEfficiencyDisplay.from_results({"mine": result("its")}).lines_) == ["mine"]


def test_ticks_are_the_fractions_that_fit():
    near = np.array([0.01, 0.97, 0.98, 1.0])
    display = LabelEfficiencyDisplay.from_results(result(scores=[[0.5]] * 4, fractions=near))
    display.figure_.draw_without_rendering()
    assert_allclose(display.ax_.get_xticks(), [0.01, 1.0])
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["1%", "100%"]


def test_one_fraction_is_a_point():
    display = LabelEfficiencyDisplay.from_results(result(scores=[[0.5]], fractions=np.array([0.5])))
    display.figure_.draw_without_rendering()
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["50%"]


def test_what_cannot_be_drawn_is_an_error():
    with pytest.raises(ValueError, match="`results` is empty"):
        LabelEfficiencyDisplay.from_results({})
    with pytest.raises(ValueError, match="`spread` must be"):
        LabelEfficiencyDisplay.from_results(result(), spread="sem")
    with pytest.raises(ValueError, match="one metric, got accuracy, mae"):
        LabelEfficiencyDisplay.from_results([result("a"), result("b", metric="mae")])
    with pytest.raises(ValueError, match="names must differ"):
        LabelEfficiencyDisplay.from_results([result(), result()])
    with pytest.raises(TypeError, match="must be a result of label_efficiency"):
        LabelEfficiencyDisplay.from_results({"a": 0.9})


@pytest.mark.parametrize(
    ("fractions", "kept"),
    [
        ([0.1, 0.2, 0.4, 1.0], [0.1, 0.2, 0.4, 1.0]),
        ([0.1, 0.11, 0.9, 0.95, 1.0], [0.11, 1.0]),
        ([0.01, 0.5, 0.6, 0.7, 1.0], [0.01, 0.5, 0.7, 1.0]),
        ([0.5], [0.5]),
    ],
)
def test_labels_that_would_overlap_are_left_out(fractions, kept):
    assert _apart(fractions) == kept
