"""Accuracy on disturbed series: what a model is given, what is counted, and what stays as it was."""

import copy
import inspect
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.interpolate import CubicSpline
from shared import small, untouched
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, SSLRegressor
from sklearn_ssl.adversarial import projected_gradient_descent
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import GRUEncoder, RocketEncoder
from sklearn_ssl.evaluation import RobustnessReport, _robustness, robustness_report
from sklearn_ssl.evaluation._corruptions import CHANGES, Channels
from sklearn_ssl.plotting import RobustnessDisplay
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CORRUPTIONS = ["noise", "gaps", "drift", "dropped channels", "time shift", "pgd"]
RANDOM = CORRUPTIONS[:-1]
SHAPED, SHAPE = make_waves(n_cases=180, n_classes=4, n_timepoints=40, random_state=0)
X, Y = SHAPED[SHAPE % 3 == 0][:90], SHAPE[SHAPE % 3 == 0][:90] // 3  # slow or fast
X_FIT, Y_FIT, X_TEST, Y_TEST = X[:40], Y[:40], X[40:], Y[40:]
UNEQUAL = [series[:, : 40 - case % 9] for case, series in enumerate(X)]


def probe(encoder=None):
    parameters = {} if encoder is None else {"encoder": encoder}
    return SSLClassifier(small(RandomEncoderTransformer, **parameters), mode="probe", random_state=0)


@pytest.fixture(scope="module")
def model():
    return probe().fit(X_FIT, Y_FIT)


@pytest.fixture(scope="module")
def report(model):
    return robustness_report(model, X_TEST, Y_TEST, pgd_steps=5, n_repeats=2)


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first class, and keeps what it is asked about; one that takes NaN if told so."""

    def __init__(self, allow_nan=True):
        self.allow_nan = allow_nan

    def fit(self, X, y):
        self.classes_, self.seen_ = np.unique(y), []
        return self

    def predict(self, X):
        self.seen_.append(copy.deepcopy(X))
        return np.full(len(X), self.classes_[0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.allow_nan
        return tags


def given(corruption, severity, X=X_TEST, *, allow_nan=True, **params):
    """Return what a model is given under a corruption, after the clean series and the trial with gaps."""
    recorder = Recorder(allow_nan).fit(X, np.arange(len(X)) % 2)
    y = np.zeros(len(X), dtype=int)
    robustness_report(recorder, X, y, corruptions=[corruption], severities=[severity], **params)
    return recorder.seen_[-1]


def test_what_is_in_the_report(report):
    assert report.corruptions == CORRUPTIONS
    assert report.scores.shape == (24, 2)
    np.testing.assert_allclose(report.accuracy, report.scores.mean(axis=1))
    np.testing.assert_allclose(report.std, report.scores.std(axis=1))
    assert not report.skipped
    assert report.gaps == "interpolated"
    assert report.n_cases == len(X_TEST)
    frame = report.to_frame()
    assert list(frame.columns) == ["corruption", "severity", "accuracy", "std", "drop"]
    assert frame.loc[0, "accuracy"] == report.clean
    np.testing.assert_allclose(frame["drop"], report.clean - frame["accuracy"])
    part = report.of("drift")
    assert part.severity.tolist() == [0.25, 0.5, 1, 2]
    np.testing.assert_array_equal(part.scores, report.scores[report.corruption == "drift"])


def test_it_reads_well(report):
    lines = str(report).splitlines()
    assert lines[0] == "accuracy (severity) on 50 series"
    assert lines[1] == f"clean             {report.clean:.3f}"
    assert [line.split("  ")[0] for line in lines[2:]] == CORRUPTIONS
    assert f"{report.of('noise').accuracy[0]:.3f} (0.1), " in lines[2]
    assert repr(report).startswith(f"<RobustnessReport: clean {report.clean:.3f}, noise, gaps")


def test_accuracy_falls_with_severity(model, report):
    assert report.clean == model.score(X_TEST, Y_TEST) > 0.85
    for corruption in CORRUPTIONS:
        accuracy = report.of(corruption).accuracy
        assert accuracy[-1] < accuracy[0] <= report.clean + 0.021, corruption
    pgd = report.of("pgd").accuracy
    assert (np.diff(pgd) < 0).all()
    assert pgd[-1] < report.clean - 0.4


def test_an_attack_does_more_than_noise_of_the_same_size(model):
    report = robustness_report(model, X_TEST, Y_TEST, corruptions=["noise", "pgd"], severities=[0.2])
    assert report.of("pgd").accuracy < report.of("noise").accuracy - 0.2


def test_noise():
    X = np.random.default_rng(0).normal(5, [[1.0], [10.0]], size=(200, 2, 50))
    noise = given("noise", 0.5, X) - X
    np.testing.assert_allclose(noise.std(axis=(0, 2)), [0.5, 5.0], rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=(0, 2)) / [0.5, 5.0], 0, atol=0.03)


@pytest.mark.parametrize("severity", [0.1, 0.5, 0.9, 1.0])
def test_gaps_are_a_share_of_the_time_in_a_few_blocks(severity):
    for series in given("gaps", severity, UNEQUAL):
        missing = np.isnan(series)
        assert (missing == missing[0]).all()  # in all channels
        n_steps = series.shape[1]
        assert missing[0].sum() == min(round(severity * n_steps), n_steps - 1)
        assert not missing[0, -1]
        starts = np.diff(np.concatenate([[0], missing[0].astype(int)])) == 1
        assert 1 <= starts.sum() <= 3


def test_gaps_may_begin_at_every_step():
    first = np.isnan(given("gaps", 0.1, np.zeros((2000, 1, 10))))[:, 0]
    lost = first.mean(axis=0)
    assert lost[-1] == 0
    np.testing.assert_allclose(lost[:-1], 1 / 9, atol=0.04)


def test_gaps_are_bridged_for_models_that_do_not_take_nan():
    with_gaps = given("gaps", 0.4)
    bridged = given("gaps", 0.4, allow_nan=False)
    assert np.isnan(with_gaps).any()
    np.testing.assert_array_equal(bridged, FillMissing(method="linear").fit_transform(with_gaps))


def test_a_drift_is_smooth_and_its_largest_value_is_given():
    for case, series in enumerate(given("drift", 2.0, UNEQUAL)):
        drift = series - UNEQUAL[case]
        std = np.concatenate(UNEQUAL, axis=1).std(axis=1)
        np.testing.assert_allclose(np.abs(drift).max(axis=1), 2 * std, rtol=1e-3)
        assert (np.abs(np.diff(drift)).max(axis=1) < 1.2 * std).all()


def test_a_drift_is_scaled_by_its_observed_steps():
    x = torch.zeros(50, 1, 8)
    channels = Channels(mean=torch.zeros(1, 1, 1), std=torch.full((1, 1, 1), 2.0))
    torch.manual_seed(0)
    changed = CHANGES["drift"](x, torch.ones(50, dtype=torch.int64), 0.5, channels)
    torch.testing.assert_close(changed[:, :, 0].abs(), torch.ones(50, 1))


def test_a_drift_is_a_natural_spline_through_four_values():
    X = np.random.default_rng(0).normal(size=(3, 2, 40))  # knots at the steps 0, 13, 26 and 39
    drift = given("drift", 1.0, X) - X
    spline = CubicSpline([0, 13, 26, 39], drift[:, :, [0, 13, 26, 39]], axis=2, bc_type="natural")
    np.testing.assert_allclose(drift, spline(np.arange(40)), atol=1e-5)


@pytest.mark.parametrize(("severity", "n_dropped"), [(0.01, 1), (0.5, 2), (0.6, 2), (1.0, 3)])
def test_dropped_channels_are_at_least_one_and_never_all(severity, n_dropped):
    X = np.random.default_rng(0).normal(3, 1, size=(100, 4, 6))
    changed = given("dropped channels", severity, X)
    dropped = (changed != X).all(axis=2)
    assert (dropped.sum(axis=1) == n_dropped).all()
    assert dropped.any(axis=0).all()  # any of them
    np.testing.assert_allclose(
        changed[dropped], np.broadcast_to(X.mean(axis=(0, 2))[:, None], X.shape)[dropped], rtol=1e-6
    )
    np.testing.assert_array_equal(changed[~dropped], X[~dropped])


def test_a_shift_repeats_the_value_at_the_edge():
    ramp = [np.arange(20.0 - case % 5)[None] for case in range(60)]
    seen = set()
    for before, after in zip(ramp, given("time shift", 0.25, ramp), strict=True):
        n_steps = before.shape[1]
        shifts = [
            shift for shift in range(-n_steps, n_steps + 1) if (after == np.clip(before - shift, 0, n_steps - 1)).all()
        ]
        assert len(shifts) == 1
        assert abs(shifts[0]) <= n_steps // 4
        seen.add(shifts[0])
    assert seen >= {-4, 0, 4}


@pytest.mark.parametrize("corruption", RANDOM)
def test_series_keep_form_length_and_type(corruption):
    changed = given(corruption, 0.5, UNEQUAL)
    assert isinstance(changed, list)
    assert [one.shape for one in changed] == [one.shape for one in UNEQUAL]
    assert all(one.flags.c_contiguous for one in changed)
    padded = np.full((len(UNEQUAL), 3, 40), np.nan, dtype=np.float32)
    for case, series in enumerate(UNEQUAL):
        padded[case, :, : series.shape[1]] = series
    given_padded = given(corruption, 0.5, padded, allow_nan=False)
    assert given_padded.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(given_padded), np.isnan(padded))
    table = pd.DataFrame(X_TEST[:, 0]).add_prefix("t")
    if corruption != "dropped channels":
        changed = given(corruption, 0.5, table)
        assert list(changed.columns) == list(table.columns)
        assert (changed.index == table.index).all()


def test_the_input_is_not_changed(model):
    before = X_TEST.copy()
    before.flags.writeable = False
    robustness_report(model, before, Y_TEST, pgd_steps=1)
    np.testing.assert_array_equal(before, X_TEST)


def test_draws_depend_on_the_seed_alone():
    for corruption in RANDOM:
        first = given(corruption, 0.5)
        np.testing.assert_array_equal(given(corruption, 0.5), first)
        assert not np.array_equal(given(corruption, 0.5, random_state=1), first, equal_nan=True)
        assert not np.array_equal(given(corruption, 0.5, n_repeats=2), first, equal_nan=True)  # the second one
    np.testing.assert_allclose(given("noise", 1.0) - X_TEST, 2 * (given("noise", 0.5) - X_TEST), rtol=1e-3, atol=1e-4)


def test_the_same_seed_gives_the_same_report_whatever_else_is_asked(model, report):
    again = robustness_report(model, X_TEST, Y_TEST, corruptions=["pgd", "noise"], pgd_steps=5, n_repeats=2)
    for corruption in ("noise", "pgd"):
        np.testing.assert_array_equal(again.of(corruption).scores, report.of(corruption).scores)


def test_the_model_and_the_generators_stay_as_they_were(model):
    model = copy.deepcopy(model)
    module = model.net_.module_
    module.train()
    wants = [parameter.requires_grad for parameter in module.parameters()]
    with untouched(model):
        robustness_report(model, X_TEST, Y_TEST, pgd_steps=2)
    assert [parameter.requires_grad for parameter in module.parameters()] == wants
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("padded", [False, True])
def test_the_attack_by_hand(padded):
    """A single batch: cross-entropy attacked from the same start gives the accuracy that is reported."""
    series = UNEQUAL if padded else list(X)
    model = probe().fit(series[:40], Y_FIT)
    report = robustness_report(model, series[40:], Y_TEST, corruptions=["pgd"], severities=[0.1], pgd_steps=4)
    right = np.flatnonzero(model.predict(series[40:]) == Y_TEST)
    values = np.zeros((len(right), 3, 40), dtype=np.float32)
    lengths = torch.tensor([series[40 + case].shape[1] for case in right])
    for row, case in enumerate(right):
        values[row, :, : lengths[row]] = series[40 + case]
    std = torch.tensor(np.concatenate(series[40:], axis=1).std(axis=1)).float()[None, :, None]
    module, target = model.net_.module_.eval(), torch.tensor(Y_TEST[right])
    torch.manual_seed(int(np.random.SeedSequence([0, CORRUPTIONS.index("pgd"), 0]).generate_state(1)[0]))
    found = projected_gradient_descent(
        torch.tensor(values),
        lambda x: torch.nn.functional.cross_entropy(module.outputs(x, lengths).double(), target, reduction="sum"),
        0.1 * std,
        n_steps=4,
        mask=torch.arange(40) < lengths[:, None],
    )
    with torch.no_grad():
        predicted = module.outputs(found, lengths).argmax(dim=1)
    assert report.scores[0, 0] == pytest.approx(float((predicted == target).sum()) / len(Y_TEST))
    assert 0 < report.scores[0, 0] < report.clean


def test_the_attack_does_not_fail_for_confident_predictions(model):
    sure = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in sure.net_.module_.head.parameters():
            parameter.mul_(1e4)
    assert (sure.predict_proba(X_TEST).max(axis=1) == 1).all()  # cross-entropy has no gradient left
    reports = [robustness_report(one, X_TEST, Y_TEST, corruptions=["pgd"], pgd_steps=3) for one in (model, sure)]
    np.testing.assert_allclose(reports[1].accuracy, reports[0].accuracy, atol=0.021)


def test_a_pipeline_is_attacked_behind_its_scaler():
    scaled = make_pipeline(ChannelWise(StandardScaler()), probe()).fit(X_FIT, Y_FIT)
    blown_up = make_pipeline(ChannelWise(StandardScaler()), probe()).fit(1000 * X_FIT + 7, Y_FIT)
    first = robustness_report(scaled, X_TEST, Y_TEST, pgd_steps=3)
    second = robustness_report(blown_up, 1000 * X_TEST + 7, Y_TEST, pgd_steps=3)
    np.testing.assert_allclose(first.accuracy, second.accuracy, atol=0.041)
    assert first.of("pgd").accuracy[-1] < first.clean - 0.3


def test_gaps_in_pipelines():
    filling = make_pipeline(FillMissing(), ChannelWise(StandardScaler()), probe()).fit(X_FIT, Y_FIT)
    passing_on = make_pipeline(ChannelWise(StandardScaler()), probe()).fit(X_FIT, Y_FIT)  # the classifier refuses
    reports = [robustness_report(one, X_TEST, Y_TEST, corruptions=["gaps"]) for one in (filling, passing_on)]
    assert [one.gaps for one in reports] == ["NaN", "interpolated"]
    assert robustness_report(passing_on, X_TEST, Y_TEST, corruptions=["drift"]).gaps is None


def test_series_that_have_gaps_already():
    missing = X_TEST.copy()
    missing[::3, 1, 5:9] = np.nan
    filling = make_pipeline(FillMissing(), probe()).fit(X_FIT, Y_FIT)
    report = robustness_report(filling, missing, Y_TEST, pgd_steps=2)
    assert report.corruptions == CORRUPTIONS
    assert report.clean == filling.score(missing, Y_TEST)


def test_classifiers_of_others():
    table = X[:, 0]
    report = robustness_report(LogisticRegression().fit(table[:40], Y_FIT), table[40:], Y_TEST)
    assert report.corruptions == ["noise", "gaps", "drift", "time shift"]
    assert report.skipped["dropped channels"] == "the series have no other channel"
    assert report.skipped["pgd"].startswith("LogisticRegression gives no gradient; a classifier of this package")
    assert "pgd               skipped: LogisticRegression gives" in str(report)
    with pytest.raises(ValueError, match="got 'pgd': LogisticRegression gives no gradient"):
        report.of("pgd")
    embedded = make_pipeline(RandomEncoderTransformer(random_state=0), RidgeClassifierCV()).fit(X_FIT, Y_FIT)
    report = robustness_report(embedded, X_TEST, Y_TEST, corruptions=["pgd", "noise"], severities=[0.1])
    assert report.corruptions == ["noise"]
    assert report.skipped["pgd"].startswith("RidgeClassifierCV gives no gradient")


def test_encoders_without_gradient():
    rocket = probe(RocketEncoder(n_features=84)).fit(X_FIT, Y_FIT)
    report = robustness_report(rocket, X_TEST, Y_TEST, corruptions=["pgd"])
    assert "has no gradient with respect to the series" in report.skipped["pgd"]
    assert report.scores.shape == (0, 1)
    assert repr(report) == f"<RobustnessReport: clean {report.clean:.3f}, no corruption>"
    assert len(report.to_frame()) == 1
    with pytest.raises(ValueError, match="no corruption to draw"):
        RobustnessDisplay.from_reports(report)


def test_recurrent_encoders_are_attacked():
    recurrent = probe(GRUEncoder(width=4, depth=1)).fit(X_FIT, Y_FIT)
    report = robustness_report(recurrent, X_TEST, Y_TEST, corruptions=["pgd"], severities=[1.0], pgd_steps=2)
    assert report.accuracy[0] < report.clean


def test_a_search_and_its_best_pipeline():
    search = GridSearchCV(make_pipeline(FillMissing(), probe()), {"fillmissing__method": ["linear"]}, cv=2)
    report = robustness_report(search.fit(X_FIT, Y_FIT), X_TEST, Y_TEST, corruptions=["gaps", "pgd"], pgd_steps=1)
    assert not report.skipped
    assert report.gaps == "NaN"


def test_labels_of_all_kinds(model):
    partly = np.where(np.arange(50) < 30, Y_TEST, -1)
    expected = robustness_report(model, X_TEST[:30], Y_TEST[:30], pgd_steps=2)
    report = robustness_report(model, list(X_TEST), partly, pgd_steps=2)
    assert report.n_cases == 30
    np.testing.assert_array_equal(report.accuracy, expected.accuracy)
    names = np.array(["walk", "run"], dtype=object)
    named = probe().fit(X_FIT, names[Y_FIT])
    y = np.where(partly == -1, -1, names[Y_TEST])
    np.testing.assert_array_equal(robustness_report(named, X_TEST, y, pgd_steps=2).clean, expected.clean)
    signs = LogisticRegression().fit(X_FIT[:, 0], 2 * Y_FIT - 1)  # here -1 is a class
    report = robustness_report(signs, X_TEST[:, 0], 2 * Y_TEST - 1, corruptions=["noise"])
    assert report.n_cases == 50
    assert report.clean == signs.score(X_TEST[:, 0], 2 * Y_TEST - 1)


def test_a_class_that_the_model_does_not_know_is_wrong(model):
    y = np.where(np.arange(50) < 10, 7, Y_TEST)
    report = robustness_report(model, X_TEST, y, pgd_steps=1)
    assert report.clean == np.mean(model.predict(X_TEST) == y) < 0.9
    assert (report.of("pgd").accuracy <= report.clean).all()
    with pytest.raises(ValueError, match=r"`y` has no class of the model, which knows \[0, 1\], got 7"):
        robustness_report(model, X_TEST, np.full(50, 7))


def test_severities_of_ones_own(model):
    report = robustness_report(model, X_TEST, Y_TEST, corruptions=["drift", "noise"], severities={"noise": [3, 1, 3]})
    assert report.corruption.tolist() == ["drift"] * 4 + ["noise"] * 2
    assert report.severity.tolist() == [0.25, 0.5, 1, 2, 1, 3]
    assert robustness_report(model, X_TEST, Y_TEST, corruptions="noise", severities=0.5).severity.tolist() == [0.5]


def test_bad_input(model):
    def report(model=model, y=Y_TEST, X=X_TEST, **params):
        return robustness_report(model, X, y, **params)

    with pytest.raises(TypeError, match="`model` must be a fitted classifier"):
        report(SSLRegressor())
    for other in (RandomEncoderTransformer(), SSLClassifier, "model"):
        with pytest.raises(TypeError, match="`model` must be a fitted classifier"):
            report(other)
    with pytest.raises(NotFittedError):
        report(probe())
    with pytest.raises(NotFittedError):
        report(make_pipeline(FillMissing(), RidgeClassifier()))
    with pytest.raises(ValueError, match=r"`corruptions` has the unknown name 'fog'. Known are noise, gaps"):
        report(corruptions=["noise", "fog"])
    with pytest.raises(ValueError, match="`corruptions` is empty"):
        report(corruptions=[])
    with pytest.raises(TypeError, match="`corruptions` must be names"):
        report(corruptions=3)
    with pytest.raises(ValueError, match="`severities` has the unknown name 'fog'"):
        report(severities={"fog": [0.5]})
    for parameter in ("n_repeats", "pgd_steps"):  # such a number of steps would never end
        with pytest.raises(ValueError, match=f"`{parameter}` must be a whole number from 1 to 2147483647, got 1000"):
            report(**{parameter: 10**400})
    for severity in (10**400, 0, -0.1, float("nan"), float("inf"), "much", True):
        with pytest.raises(ValueError, match="`severities` of 'noise' must be above 0, in standard deviations, got"):
            report(severities=[severity])
    for corruption in ("gaps", "dropped channels", "time shift"):
        with pytest.raises(ValueError, match=f"`severities` of '{corruption}' must be above 0 and at most 1, a share"):
            report(corruptions=[corruption], severities=[1.1])
    with pytest.raises(ValueError, match="`severities` of 'noise' is empty"):
        report(severities={"noise": []})
    with pytest.raises(ValueError, match="`n_repeats` must be a whole number of at least 1, got 0"):
        report(n_repeats=0)
    with pytest.raises(ValueError, match=r"`pgd_steps` must be a whole number of at least 1, got 1.5"):
        report(pgd_steps=1.5)
    with pytest.raises(ValueError, match="`y` has no labelled series: all are -1"):
        report(y=np.full(50, -1))
    with pytest.raises(ValueError, match="`y` must have the classes"):
        report(y=None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        report(y=Y_TEST[:-1])
    with pytest.raises(ValueError, match="2 channel"):
        report(X=X_TEST[:, :2])
    with pytest.raises(ValueError, match="`random_state` must be"):
        report(random_state="x")


@pytest.fixture
def _no_open_figures():
    yield
    plt.close("all")


@pytest.mark.usefixtures("_no_open_figures")
class TestDisplay:
    def test_a_panel_a_corruption(self, report):
        display = RobustnessDisplay.from_reports(report)
        assert [ax.get_title() for ax in display.axes_] == CORRUPTIONS
        line = display.lines_["drift", "accuracy"]
        np.testing.assert_array_equal(line.get_xdata(), [0.25, 0.5, 1, 2])
        np.testing.assert_array_equal(line.get_ydata(), report.of("drift").accuracy)
        assert set(display.clean_lines_["drift", "accuracy"].get_ydata()) == {report.clean}
        assert all(len(ax.collections) == 1 for ax in display.axes_)  # the band of two draws
        assert not display.figure_.legends
        display.figure_.draw_without_rendering()

    def test_several_reports(self, model, report):
        dummy = DummyClassifier().fit(X_FIT, Y_FIT)
        other = robustness_report(dummy, X_TEST, Y_TEST)
        display = RobustnessDisplay.from_reports({"probe": report, "dummy": other})
        assert ("pgd", "dummy") not in display.lines_
        assert len(display.lines_) == 11
        assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == ["probe", "dummy"]
        first, second = display.lines_["noise", "probe"], display.lines_["noise", "dummy"]
        assert first.get_color() != second.get_color()
        assert first.get_marker() != second.get_marker()
        display.figure_.draw_without_rendering()

    def test_given_axes(self, model, report):
        axes = plt.subplots(1, 2)[1]
        display = RobustnessDisplay.from_estimator(
            model, X_TEST, Y_TEST, corruptions=["noise", "drift"], severities=[0.5], ax=axes
        )
        assert list(display.axes_) == list(axes)
        assert display.figure_ is axes[0].figure
        RobustnessDisplay({"a": report.of("noise"), "b": report.of("drift")}).plot(ax=axes)
        assert axes[0].get_legend() is not None
        with pytest.raises(ValueError, match="`ax` must have 6 axes here"):
            RobustnessDisplay.from_reports(report, ax=axes)

    def test_what_is_no_report(self, report):
        with pytest.raises(TypeError, match="'x' must be a result of robustness_report"):
            RobustnessDisplay.from_reports({"x": 0.5})
        with pytest.raises(ValueError, match="empty dictionary"):
            RobustnessDisplay.from_reports({})
        assert isinstance(report, RobustnessReport)


def test_the_default_severities_are_those_of_the_table():
    rows = re.findall(r'^ +"([a-z ]+)" .*?  ((?:[\d.]+, )+[\d.]+)$', robustness_report.__doc__, re.MULTILINE)
    documented = {name: tuple(map(float, numbers.split(", "))) for name, numbers in rows}
    assert documented == _robustness.SEVERITIES


def test_severities_are_those_that_are_documented():
    for name, severities in _robustness.SEVERITIES.items():
        line = re.search(rf'"{name}" .*', inspect.getdoc(robustness_report))[0]
        assert [float(part) for part in line.split("  ")[-1].split(",")] == list(severities)


def test_where_no_series_is_right_an_attack_finds_nothing():
    attack = object.__new__(_robustness.Attack)
    attack.rows = np.arange(0)
    assert attack.accuracy(0.1, 0) == 0
