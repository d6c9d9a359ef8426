import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.datasets import make_bursts
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import dissect
from sklearn_ssl.plotting import DissectionDisplay

X, y = make_bursts(n_cases=12, random_state=0)
CONCEPTS = ["peak", "high_frequency", "channel_0"]


@pytest.fixture(scope="module")
def transformer():
    return RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=20), random_state=0).fit(X)


@pytest.fixture(scope="module")
def dissection(transformer):
    return dissect(transformer, X, CONCEPTS, augmentations=(), n_segments=2)


def test_the_heat_map_is_the_overlap_of_the_units_drawn(dissection):
    display = DissectionDisplay.from_dissection(dissection)
    assert len(display.units_) == len(set(display.units_)) == 16
    assert_array_equal(display.heatmap_.get_array(), dissection.iou_corrected[display.units_])
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["peak", "high frequency", "channel 0"]
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [str(unit) for unit in display.units_]
    assert display.colorbar_.ax.get_ylabel() == "IoU, corrected for chance"


def test_the_best_unit_of_each_concept_comes_first(dissection):
    units = DissectionDisplay.from_dissection(dissection).units_
    table = dissection.table.dropna(subset="concept")
    best = {group.loc[group["iou_corrected"].idxmax(), "unit"] for _, group in table.groupby("concept")}
    assert set(units[: len(best)]) == best
    n_with = min(16, len(table))
    assert set(units[:n_with]) <= set(table["unit"])


def test_the_figure_grows_with_the_units(dissection):
    few, many = (DissectionDisplay(dissection, units=units).plot() for units in ([3, 1], list(range(16))))
    assert many.figure_.get_figheight() > few.figure_.get_figheight()
    assert many.figure_.get_figheight() >= 1.6 + 0.27 * 16


def test_overlap_without_correction(dissection):
    display = DissectionDisplay(dissection, units=[3, 1]).plot(corrected=False)
    assert_array_equal(display.heatmap_.get_array(), dissection.iou[[3, 1]])
    assert display.colorbar_.ax.get_ylabel() == "IoU"


def test_segments_are_those_of_the_uppermost_units(dissection):
    varying = dissection.segments["unit"].unique()[:3]
    display = DissectionDisplay(dissection, units=varying).plot(n_units=2)
    assert display.segment_axes_.shape == (2, 2)
    for row, unit in zip(display.segment_axes_, varying, strict=False):
        assert row[0].get_ylabel().startswith(f"unit {unit}")
        for rank, ax in enumerate(row):
            segments = dissection.segments
            place = np.flatnonzero((segments["unit"] == unit) & (segments["rank"] == rank))[0]
            found = segments.iloc[place].astype(int)
            assert ax.get_title() == f"series {found['case']}"
            assert_array_equal(ax.lines[0].get_xdata(), np.arange(found["start"], found["end"]))
            assert_array_equal(ax.lines[1].get_ydata(), X[found["case"], 1, found["start"] : found["end"]])
            assert_array_equal(ax.collections[0].get_array().ravel(), dissection.segment_activations[place])


@pytest.mark.parametrize("none", [{"n_units": 0}, {"n_segments": 0}])
def test_the_heat_map_alone(dissection, none):
    display = DissectionDisplay(dissection).plot(**none)
    display.figure_.draw_without_rendering()
    assert display.segment_axes_.size == 0
    assert len(display.figure_.axes) == 2  # with the colour bar


def test_a_dissection_without_segments(transformer):
    display = DissectionDisplay.from_estimator(transformer, X, n_segments=0, concepts=CONCEPTS)
    assert display.segment_axes_.size == 0


def test_what_cannot_be_drawn_is_an_error(dissection):
    with pytest.raises(TypeError, match="`dissection` must be a result of `dissect`"):
        DissectionDisplay.from_dissection(dissection.table)
    with pytest.raises(ValueError, match=r"`units` must be numbers of units from 0 to \d+, got \[99999\]"):
        DissectionDisplay.from_dissection(dissection, units=[99999])
    with pytest.raises(ValueError, match="`n_segments` must be a whole number"):
        DissectionDisplay(dissection).plot(n_segments=-1)
