"""The leaderboard by task: labels that are drawn, what is measured, fits that take too long, means and differences."""

import os
from argparse import Namespace

import numpy as np
import pytest


@pytest.fixture
def options(monkeypatch):
    import archive_rows
    import task_rows

    monkeypatch.setattr(archive_rows, "N_GENERATED", (24, 24))
    for cached in (archive_rows.series, task_rows.data_of):
        cached.cache_clear()
    yield Namespace(run=os.getpid(), data=None, device="cpu", draws=2, limit=60, sources=["GunPoint"], dtw_cost=1e9)
    for cached in (archive_rows.series, task_rows.data_of):
        cached.cache_clear()


@pytest.fixture
def judged():
    """Return features of two classes that lie far from each other."""
    from sklearn.metrics import euclidean_distances
    from task_judges import Judged

    y = np.repeat([0, 1], 8)
    train = 10.0 * y[:, None] + np.random.default_rng(0).normal(size=(16, 2))
    test, y_test = train[::-1] + 0.1, y[::-1]
    return Judged(y, y_test, euclidean_distances(test, train), euclidean_distances(test), train, test, -y_test)


def test_more_labels_of_a_draw_include_the_fewer():
    from task_judges import drawn

    y = np.repeat([0, 1, 2], [2, 5, 20])
    counts = {1: [1, 1, 1], 3: [2, 3, 3], 8: [2, 5, 8], 0.1: [1, 1, 2], None: [2, 5, 20]}
    for number, expected in counts.items():
        assert np.bincount(y[drawn(y, number, 4)]).tolist() == expected
    assert set(drawn(y, 1, 4)) <= set(drawn(y, 3, 4)) <= set(drawn(y, 8, 4))
    assert drawn(y, 1, 4).tolist() != drawn(y, 1, 5).tolist()


def test_classes_that_lie_apart_are_found_by_every_task(judged):
    from task_judges import anomalies, clustering, few_labels, retrieval

    found = {(task, measure): value for task, _, measure, value in few_labels(judged, 2)}
    found |= {(task, measure): value for task, _, measure, value in (*retrieval(judged), *clustering(judged, 0))}
    assert len(found) == 14
    assert min(found.values()) > 0.999
    areas = {measure: value for _, _, measure, value in anomalies(judged, 0)}
    assert areas == {
        "nearest neighbours": 1.0,
        "isolation forest": pytest.approx(1, abs=0.1),
        "reconstruction error": 0.5,
    }


def test_series_that_are_all_alike_are_retrieved_by_chance(judged):
    import dataclasses

    from task_judges import retrieval

    alike = dataclasses.replace(judged, among=np.zeros((16, 16)))
    assert [value for _, _, _, value in retrieval(alike)] == pytest.approx([7 / 15, 7 / 15])


@pytest.mark.parametrize(
    ("predicted", "f1"), [("0110011100", 1.0), ("0111111110", 0.0), ("0010011110", 0.5), ("0000000000", 0.0)]
)
def test_an_event_is_found_if_more_than_half_overlaps(predicted, f1):
    from task_dense import event_f1

    truth, found = (np.array([[step == "1" for step in text]]) for text in ("0110011100", predicted))
    assert event_f1(truth, found) == pytest.approx(f1)


def test_recordings_are_series_of_alternating_classes():
    from task_dense import N_PIECES, joined

    X, y = np.repeat([[[5.0]], [[6.0]], [[7.0]]], 4, axis=2), np.arange(3)
    recordings, classes = joined(X, y, np.random.default_rng(0))
    assert recordings.shape == (10, 1, 4 * N_PIECES)
    np.testing.assert_array_equal(recordings[:, 0], classes + 5)
    assert (np.diff(classes[:, ::4]) != 0).all()


def test_windows_lie_around_their_steps():
    from task_dense import middles, step_features

    class Middle:
        def transform(self, X):
            return X[:, :, X.shape[2] // 2]

    recordings = np.arange(64.0)[None, None]
    steps = step_features(Middle(), recordings, length=8)[0, :, 0]
    np.testing.assert_array_equal(steps, middles(64, 64))


def test_a_fit_that_takes_too_long_is_ended():
    from task_rows import TooLongError, within

    def forever():
        while True:
            try:
                sum(range(100))
            except Exception:
                pytest.fail("the timer ends more than what handles errors")

    with pytest.raises(TooLongError, match=r"skipped: a fit takes more than 0.02 seconds"), within(0.02):
        forever()


@pytest.mark.parametrize(
    ("part", "name", "method", "n_rows"),
    [
        ("one fit", "waves", "raw series", 24),
        ("transfer", "ItalyPowerDemand", "raw series", 7),
        ("transfer", "waves", "raw series", 0),
        ("dense", "waves", "RandomEncoder", 3),
        ("fine-tuning", "waves", "raw series", 4),
    ],
)
def test_a_part_is_rows_of_values_and_an_end(part, name, method, n_rows, options):
    from task_rows import FIELDS, rows_of

    rows = rows_of(part, name, method, 0, options)
    assert rows[-1]["error"] == ""
    assert len(rows) == n_rows + 1
    assert all(set(row) == set(FIELDS) for row in rows)
    values = [float(row["value"]) for row in rows[:-1] if row["value"] and row["measure"] != "features"]
    assert all(-1 <= value <= 1 for value in values)


def test_any_function_that_returns_features_is_a_row(options, tmp_path, monkeypatch):
    from task_rows import rows_of

    (tmp_path / "their_model.py").write_text("def embed(X):\n    return X.reshape(len(X), -1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    theirs, raw = (rows_of("one fit", "waves", name, 0, options) for name in ("their_model:embed", "raw series"))
    assert theirs[-1]["error"] == ""
    assert [row["measure"] for row in theirs] == [row["measure"] for row in raw]
    assert theirs[1]["value"] == raw[1]["value"]


def test_a_part_that_fails_says_why(options):
    from task_rows import rows_of

    (row,) = rows_of("one fit", "waves", "WCCN(whitening=7)", 0, options)
    assert row["error"].startswith("ValueError: WCCNTransformer: `whitening` must be")


@pytest.mark.parametrize("damage", ["gaps", "outliers", "units", "noise", "copied channels"])
def test_damages_are_repaired_towards_the_series(damage):
    from task_damages import LEFT, REPAIRED, damaged, preparation
    from task_rows import Data

    X = np.sin(np.linspace(0, 20, 100)) * np.linspace(1, 2, 12)[:, None, None] * np.ones((12, 2, 1))
    X[:, 1] = np.cos(np.linspace(0, 9, 100))
    broken, _ = damaged(Data(X, None, X[:3], None), damage, seed=0)
    left, repaired = (preparation(damage, how).fit_transform(broken) for how in (LEFT, REPAIRED))
    plain = preparation("units", REPAIRED).fit_transform(X)
    assert repaired.shape == X.shape
    n = len(X[0])
    assert np.abs(repaired - plain).mean() < np.abs(left[:, :n] - plain).mean() + 0.05 * (damage == "copied channels")


def test_differences_are_paired_over_sets(tmp_path):
    from task_report import cells, draw_labels, draw_overview, means
    from task_rows import FIELDS

    def row(name, method, draw, value, measure="ridge"):
        known = {"set": name, "task": "labels: 1", "method": method, "draw": draw, "measure": measure, "value": value}
        return {**dict.fromkeys(FIELDS, ""), "seed": "0", **known}

    rows = [row("A", "MiniRocket", "0", "0.5"), row("A", "MiniRocket", "1", "0.7"), row("B", "MiniRocket", "0", "0.4")]
    rows += [row("A", "better", "0", "0.8"), row("B", "better", "0", "0.5"), row("A", "part", "1", "0.6")]
    rows += [row("A", "classifier", "0", "0.6", "own"), row("B", "classifier", "0", "0.4", "own")]
    table = means(rows, ["MiniRocket", "better", "classifier", "part"]).set_index("method")
    assert table.loc["better", ["sets", "mean", "rank"]].tolist() == pytest.approx([2, 0.65, 1])
    assert table.loc["better", ["difference", "standard error"]].tolist() == pytest.approx([20, 10])
    assert table.loc["classifier", ["mean", "difference", "ahead", "behind"]].tolist() == pytest.approx([0.5, 5, 1, 0])
    assert table.loc["part", ["sets", "mean", "difference"]].tolist() == pytest.approx([1, 0.6, -10])
    assert np.isnan(table.loc["part", "rank"])
    assert np.isnan(table.loc["part", "standard error"])
    text = cells(table.reset_index()).loc["labels: 1", "ridge"]
    assert text.to_dict() == {
        "MiniRocket": "0.500",
        "better": "0.650 (+20.0 ± 10.0)",
        "classifier": "0.500 (+5.0 ± 5.0)",
        "part": "0.600 (-10.0; 1 of 2 sets)",
    }
    for draw in (draw_labels, draw_overview):
        draw(table.reset_index(), tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 5000
        (tmp_path / "figure.png").unlink()
