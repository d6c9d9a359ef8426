import contextlib
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small, untouched_generators
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifierCV, RidgeCV, SGDClassifier
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Checkpoint, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_ssl import evaluation
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl.callbacks import BoundedHistory, EpochCheckpoint, OnlineProbe, ScoreMonitor
from sklearn_ssl.callbacks._score_monitor import SCORERS as SCORES
from sklearn_ssl.datasets import make_waves

X, Y = make_waves(n_cases=24, n_channels=2, n_timepoints=30, n_classes=4, random_state=0)
X_TEST, Y_TEST = make_waves(n_cases=12, n_channels=2, n_timepoints=30, n_classes=4, random_state=1)


def watched(*callbacks, net_params=None, **parameters):
    """Return a transformer that is trained with callbacks."""
    return small(net_params={"callbacks": list(callbacks), **(net_params or {})}, **{"max_epochs": 4, **parameters})


def fitted_callback(transformer, kind):
    return next(callback for _, callback in transformer.net_.callbacks_ if isinstance(callback, kind))


def weights(transformer):
    return list(transformer.net_.module_.state_dict().values())


def same_weights(first, second):
    return all(torch.equal(mine, theirs) for mine, theirs in zip(weights(first), weights(second), strict=True))


class Scripted:
    """A score that gives the numbers it was told, one a look, and keeps the features it saw."""

    def __init__(self, *scores):
        self.scores = scores
        self.features = []

    def __call__(self, estimator, X, y=None):
        self.features.append(estimator.transform(X))
        return self.scores[len(self.features) - 1]


def scripted(*scores, **parameters):
    return ScoreMonitor(X[:6], Scripted(*scores), **parameters)


@pytest.fixture
def killed_after_epoch_3(monkeypatch):
    """Raise right after the checkpoint of epoch 3 was written, within a context."""

    @contextlib.contextmanager
    def dying():
        write = EpochCheckpoint.on_epoch_end

        def write_and_raise(checkpoint, net, **kwargs):
            write(checkpoint, net, **kwargs)
            if len(net.history) == 3:
                raise RuntimeError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(EpochCheckpoint, "on_epoch_end", write_and_raise)
            yield

    return dying


class WithDropout(nn.Module):
    """An encoder that draws in training and behaves otherwise in evaluation."""

    def __init__(self, n_channels):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(n_channels, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2))

    def forward(self, x):
        return self.layers(x)


class Drawing:
    """A score that is drawn from PyTorch's generator."""

    def __call__(self, estimator, X, y=None):
        return float(torch.rand(()))


class TestBoth:
    @pytest.mark.parametrize(
        "monitor",
        [
            OnlineProbe(X, Y),
            OnlineProbe(X, Y, X_TEST, Y_TEST, probe=SGDClassifier(), every=2),
            ScoreMonitor(None),
            ScoreMonitor(X[:20], "lidar"),
            ScoreMonitor(X[:2], Drawing()),
        ],
        ids=["knn", "an estimator that draws", "rankme", "views that are drawn", "a score that draws"],
    )
    def test_training_is_the_same_to_the_last_bit(self, monitor):
        plain = small(encoder=WithDropout).fit(X)
        with untouched_generators():
            same = watched(monitor, encoder=WithDropout, max_epochs=3).fit(X)
        assert same.net_.history[:, "train_loss"] == plain.net_.history[:, "train_loss"]
        assert same_weights(same, plain)
        assert same_weights(same.partial_fit(X), plain.partial_fit(X))

    def test_every_look_draws_the_same_numbers_from_the_seed_of_the_net(self):
        drawn = [watched(ScoreMonitor(X[:2], Drawing()), random_state=seed).fit(X).net_ for seed in (0, 1)]
        for net in drawn:
            torch.manual_seed(net.seed)
            assert net.history[:, "score"] == [float(torch.rand(()))] * 4
        assert drawn[0].history[:, "score"] != drawn[1].history[:, "score"]

    def test_history_has_an_entry_an_epoch_and_nan_without_a_look(self):
        fitted = watched(scripted(0.0, 2.0, 1.0, 3.0, every=2), max_epochs=5).fit(X)
        assert_array_equal(fitted.net_.history[:, "score"], [np.nan, 2.0, np.nan, 1.0, 3.0])
        assert fitted.net_.history[:, "score_best"] == [False, True, False, False, True]
        monitor = fitted_callback(fitted, ScoreMonitor)
        assert (monitor.untrained_score_, monitor.best_score_, monitor.best_epoch_) == (0.0, 3.0, 5)

    def test_untrained_score_is_that_of_the_initial_weights(self):
        untrained = watched(OnlineProbe(X, Y), max_epochs=0).fit(X)
        H = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        predicted = cross_val_predict(H, untrained.transform(X), Y, cv=folds)
        probes = [fitted_callback(watched(OnlineProbe(X, Y), max_epochs=n).fit(X), OnlineProbe) for n in (0, 2)]
        assert [probe.untrained_score_ for probe in probes] == [np.mean(predicted == Y)] * 2
        assert probes[0].best_epoch_ is None

    def test_patience_ends_the_training(self):
        fitted = watched(scripted(9.0, 1.0, 2.0, 2.0, 1.5, 7.0, patience=2), max_epochs=9).fit(X)
        assert fitted.net_.history[:, "score"] == [1.0, 2.0, 2.0, 1.5]
        assert fitted.net_.stopped_

    def test_patience_counts_looks_and_not_epochs(self):
        fitted = watched(scripted(0.0, 2.0, 1.0, 1.0, 1.0, patience=2, every=3), max_epochs=20).fit(X)
        assert len(fitted.net_.history) == 9

    def test_patience_starts_again_with_every_call(self):
        fitted = watched(scripted(0.0, 5.0, 1.0, 1.0, patience=2), max_epochs=1).fit(X)
        for _ in range(2):
            fitted.partial_fit(X)
        assert fitted.net_.history[:, "score"] == [5.0, 1.0, 1.0]
        assert not fitted.net_.stopped_

    def test_both_have_the_same_defaults(self):
        of_probe, of_score = OnlineProbe(X, Y).get_params(), ScoreMonitor(X).get_params()
        assert all(of_probe[name] == of_score[name] for name in ("every", "patience", "restore_best"))

    @pytest.mark.parametrize("patience", [None, 2])
    def test_the_best_weights_are_put_back(self, patience):
        monitor = scripted(0.0, 1.0, 3.0, 2.0, 1.0, patience=patience, restore_best=True)
        fitted = watched(monitor).fit(X)
        seen = fitted_callback(fitted, ScoreMonitor)
        assert seen.best_epoch_ == 2
        assert_array_equal(fitted.transform(X[:6]), seen.score.features[2])
        assert not np.array_equal(fitted.transform(X[:6]), seen.score.features[-1])
        assert seen.best_state_ is None, "the weights are stored twice"

    def test_the_best_weights_are_put_back_after_another_callback_ended_the_training(self):
        stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=lambda text: None)
        fitted = watched(scripted(0.0, 3.0, 1.0, 1.0, 1.0, restore_best=True), stop, max_epochs=9).fit(X)
        assert len(fitted.net_.history) < 9
        seen = fitted_callback(fitted, ScoreMonitor)
        assert_array_equal(fitted.transform(X[:6]), seen.score.features[1])

    def test_without_a_better_score_than_nan_nothing_is_put_back(self):
        fitted = watched(scripted(*[np.nan] * 5, restore_best=True)).fit(X)
        assert same_weights(fitted, watched().fit(X))
        assert fitted_callback(fitted, ScoreMonitor).best_epoch_ is None

    def test_partial_fit_goes_on_from_what_was_put_back_with_its_optimiser(self):
        fitted = watched(scripted(0.0, 1.0, 3.0, 2.0, 1.0, 0.5, restore_best=True)).fit(X)
        steps = {int(state["step"]) for state in fitted.net_.optimizer_.state.values()}
        assert steps == {2 * 3}, "the optimiser is not that of epoch 2"
        before = fitted.transform(X)
        fitted.partial_fit(X)
        assert fitted.net_.history[:, "score"] == [1.0, 3.0, 2.0, 1.0, 0.5]
        assert not np.array_equal(fitted.transform(X), before), "an epoch that was no better was forgotten"

    def test_with_a_validation_split(self):
        split = {"train_split": ValidSplit(4, stratified=False)}
        seen = Scripted(*range(5))
        fitted = watched(ScoreMonitor(None, seen), OnlineProbe(X, Y), net_params=split).fit(X)
        assert fitted.net_.history[:, "score"] == [1, 2, 3, 4]
        score = fitted_callback(fitted, ScoreMonitor).score
        assert {features.shape[0] for features in score.features} == {24}, "series behind the split are missing"
        assert np.isfinite(fitted.net_.history[:, "valid_loss"]).all()

    def test_pickling_keeps_it_and_partial_fit_goes_on(self):
        fitted = watched(OnlineProbe(X, Y), ScoreMonitor(X)).fit(X)
        stored = pickle.loads(pickle.dumps(fitted))
        for one in (fitted, stored):
            one.partial_fit(X)
        for name in ("probe", "score", "train_loss"):
            assert stored.net_.history[:, name] == fitted.net_.history[:, name]
            assert len(fitted.net_.history[:, name]) == 5
        probes = [fitted_callback(one, OnlineProbe) for one in (fitted, stored)]
        assert probes[0].untrained_score_ == probes[1].untrained_score_ is not None

    def test_the_callback_given_learns_nothing(self):
        monitor = OnlineProbe(X, Y)
        transformer = watched(monitor)
        before = set(vars(monitor))
        clone(transformer).fit(X)
        transformer.fit(X)
        assert set(vars(monitor)) == before

    def test_a_second_fit_starts_anew(self):
        transformer = watched(OnlineProbe(X, Y))
        first = transformer.fit(X).net_.history[:, "probe"]
        assert transformer.fit(X).net_.history[:, "probe"] == first

    def test_stopping_by_skorch_on_the_score(self):
        stop = EarlyStopping(monitor="score", lower_is_better=False, patience=2, threshold=0, sink=lambda text: None)
        fitted = watched(scripted(0.0, 1.0, 3.0, 2.0, 1.0, 9.0), stop, max_epochs=9).fit(X)
        assert fitted.net_.history[:, "score"] == [1.0, 3.0, 2.0, 1.0]

    def test_checkpoint_of_skorch_on_the_best(self, tmp_path):
        keep = Checkpoint(monitor="score_best", dirname=str(tmp_path), f_history=None, f_criterion=None)
        fitted = watched(scripted(0.0, 1.0, 3.0, 2.0, 1.0), keep).fit(X)
        last = fitted.transform(X[:6])
        fitted.net_.load_params(checkpoint=fitted_callback(fitted, Checkpoint))
        assert_array_equal(fitted.transform(X[:6]), fitted_callback(fitted, ScoreMonitor).score.features[2])
        assert not np.array_equal(fitted.transform(X[:6]), last)

    @pytest.mark.parametrize("restore_best", [False, True])
    def test_a_killed_fit_keeps_what_the_monitor_knew(self, tmp_path, killed_after_epoch_3, restore_best):
        def monitored(folder):
            probe = OnlineProbe(X, Y, X_TEST, Y_TEST, patience=3, restore_best=restore_best)
            best_is_early = scripted(0.0, 1.0, 5.0, 2.0, 1.0, 0.0, restore_best=restore_best)
            return watched(best_is_early, probe, checkpoint=folder, max_epochs=5)

        expected = monitored(None).fit(X)
        with killed_after_epoch_3(), pytest.raises(RuntimeError, match="killed"):
            monitored(tmp_path).fit(X)
        assert len(list(tmp_path.iterdir())) == 1
        resumed = monitored(tmp_path).fit(X)
        for name in ("probe", "probe_best", "score", "score_best"):
            assert resumed.net_.history[:, name] == expected.net_.history[:, name]
        for kind in (OnlineProbe, ScoreMonitor):
            mine, theirs = fitted_callback(resumed, kind), fitted_callback(expected, kind)
            for what in ("untrained_score_", "best_score_", "best_epoch_", "misses_"):
                assert getattr(mine, what) == getattr(theirs, what)
        assert_array_equal(resumed.transform(X), expected.transform(X))
        assert list(tmp_path.iterdir()) == []

    def test_epochs_of_a_bounded_history_keep_their_numbers(self):
        fitted = watched(scripted(0.0, 1.0, 3.0, 2.0, 2.5), BoundedHistory(n_epochs=1)).fit(X)
        assert fitted_callback(fitted, ScoreMonitor).best_epoch_ == 2
        fitted = watched(scripted(0.0, 1.0, 2.0, 3.0, 4.0), BoundedHistory(n_epochs=1)).fit(X)
        assert fitted_callback(fitted, ScoreMonitor).best_epoch_ == 4

    @pytest.mark.parametrize("verbose", [0, 1])
    def test_the_reason_of_the_end_is_printed_if_verbose(self, verbose, capsys):
        watched(scripted(0.0, 2.0, 1.0, patience=1), verbose=verbose).fit(X)
        said = capsys.readouterr().out.splitlines()
        assert said.count("Stopping: score was best in epoch 1 (2.0000).") == verbose

    def test_two_probes_with_names_of_their_own(self):
        probes = [OnlineProbe(X, Y, probe=kind, name=kind) for kind in ("knn", "linear")]
        fitted = watched(*[(f"probe {probe.name}", probe) for probe in probes]).fit(X)
        assert len(fitted.net_.history[:, ("knn", "linear")]) == 4

    @pytest.mark.parametrize(
        ("callbacks", "message"),
        [
            ([OnlineProbe(X, Y, every=0)], "OnlineProbe: `every` must be a whole number of at least 1, got 0"),
            ([ScoreMonitor(X, every=True)], "ScoreMonitor: `every` must be a whole number of at least 1, got True"),
            ([OnlineProbe(X, Y, patience=1.5)], "`patience` must be a whole number of at least 1, got 1.5"),
            ([OnlineProbe(X, Y, name="")], "`name` must be a text that is not empty, got ''"),
            (
                [OnlineProbe(X, Y, name="train_loss")],
                "`name` must be a name that nothing else has in the history",
            ),
            ([ScoreMonitor(X, name="a"), OnlineProbe(X, Y, name="a")], "`name` must be a name that nothing else has"),
            ([OnlineProbe(X, Y, n_neighbors=0)], "`n_neighbors` must be a whole number of at least 1, got 0"),
            (
                [OnlineProbe(X, Y, probe="svm")],
                "`probe` must be one of .*'knn', 'linear'.*, a classifier or a regressor",
            ),
            ([OnlineProbe(X, Y, probe=Ridge)], "`probe` must be one of .*, and not a class, got"),
            ([OnlineProbe(X, Y, probe=StandardScaler())], "`probe` must be one of"),
            (
                [OnlineProbe(X, Y[:-1])],
                "OnlineProbe: `y` has length 23, but `X` has 24 series",
            ),
            ([OnlineProbe(X, Y, X_TEST)], "needs both `X_test` and `y_test`; `y_test` is missing"),
            ([OnlineProbe(X, Y, X_TEST, Y)], "`y_test` has length 24, but `X_test` has 12 series"),
            ([OnlineProbe(X, np.zeros(24, int))], "y has one class only, 0"),
            ([OnlineProbe(X, np.arange(24) // 23)], "one class only in its training part"),
            ([OnlineProbe(X, np.r_[np.nan, np.zeros(23)])], "`y` is missing or infinite in row 0"),
            ([OnlineProbe(X, ["a", "b"] * 11 + ["a", -1])], "`y` has text, and in row 23 the number -1"),
            ([OnlineProbe(X, Y, X_TEST, Y_TEST + 7)], "`y_test` and `y` have no class in common"),
            (
                [OnlineProbe(X, Y + 0.5, X_TEST[:1], Y_TEST[:1])],
                "R2 needs two different values or more",
            ),
            ([OnlineProbe(X[:, :1], Y)], "`X` has 1 channels, but the net is trained on series with 2"),
            ([OnlineProbe(X, Y, X_TEST[:, :1], Y_TEST)], "`X_test` has 1 channels"),
            (
                [OnlineProbe(np.where(np.arange(30) == 3, np.nan, X), Y)],
                "OnlineProbe: `X` must be series like those that the net",
            ),
            ([OnlineProbe(X, Y, random_state="a")], "`random_state` must be"),
            ([ScoreMonitor(X, "rank")], "`score` must be one of .* or a callable"),
            ([ScoreMonitor(X, 3)], "`score` must be one of .* or a callable"),
            ([ScoreMonitor(X, lambda estimator, X: None)], "`score` must return a number, got None"),
            ([ScoreMonitor("X")], "ScoreMonitor: `X` must be series like those that the net"),
            ([ScoreMonitor(X[:1])], "rankme|series|two"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:The least populated class")
    def test_bad_parameters_are_named_before_training_and_nothing_is_lost(self, callbacks, message, plain, monkeypatch):
        before, net = plain.transform(X), plain.net_
        steps = []
        monkeypatch.setattr(SSLNet, "train_step", lambda net, batch, **params: steps.append(batch))
        plain.set_params(net_params={"callbacks": [(f"callback {i}", one) for i, one in enumerate(callbacks)]})
        with pytest.raises((ValueError, TypeError), match=message):
            plain.fit(X)
        assert steps == []
        assert plain.net_ is net
        assert_array_equal(plain.transform(X), before)


@pytest.fixture(scope="module")
def plain():
    return small(max_epochs=1).fit(X)


NEAREST = make_pipeline(StandardScaler(), KNeighborsClassifier(5))
RIDGE = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10)))


class TestOnlineProbe:
    @pytest.mark.parametrize(
        ("probe", "by_hand"),
        [("knn", NEAREST), ("linear", RIDGE), (LogisticRegression(C=0.1), LogisticRegression(C=0.1))],
        ids=["knn", "linear", "own"],
    )
    @pytest.mark.parametrize("names", [np.arange(4), np.array(list("abcd"))], ids=["numbers", "texts"])
    def test_the_last_score_is_that_of_the_features(self, probe, by_hand, names):
        y, y_test = names[Y], names[Y_TEST]
        fitted = watched(
            OnlineProbe(X, y, X_TEST, y_test, probe=probe),
            OnlineProbe(X, y, probe=probe, name="cv", random_state=2**32 + 7),
            max_epochs=1,
        ).fit(X)
        H = fitted.transform(X)
        expected = clone(by_hand).fit(H, y).score(fitted.transform(X_TEST), y_test)
        assert fitted.net_.history[-1, "probe"] == pytest.approx(expected, abs=1e-12)
        folds = StratifiedKFold(5, shuffle=True, random_state=7)
        predicted = cross_val_predict(by_hand, H, y, cv=folds)
        assert fitted.net_.history[-1, "cv"] == pytest.approx(np.mean(predicted == y), abs=1e-12)

    @pytest.mark.parametrize(
        ("probe", "by_hand"),
        [
            ("knn", make_pipeline(StandardScaler(), KNeighborsRegressor(3))),
            ("linear", make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 10)))),
        ],
    )
    def test_regression(self, probe, by_hand):
        y, y_test = X[:, 0].std(axis=1), X_TEST[:, 0].std(axis=1)
        monitors = [
            OnlineProbe(X, y, X_TEST, y_test, probe=probe, n_neighbors=3),
            OnlineProbe(X, y, probe=probe, n_neighbors=3, name="cv"),
        ]
        fitted = watched(*monitors, max_epochs=1).fit(X)
        H = fitted.transform(X)
        expected = r2_score(y_test, clone(by_hand).fit(H, y).predict(fitted.transform(X_TEST)))
        assert fitted.net_.history[-1, "probe"] == pytest.approx(expected)
        predicted = cross_val_predict(by_hand, H, y, cv=KFold(5, shuffle=True, random_state=0))
        assert fitted.net_.history[-1, "cv"] == pytest.approx(r2_score(y, predicted))

    def test_whole_numbers_are_targets_for_a_regressor(self):
        fitted = watched(OnlineProbe(X, np.arange(24), X_TEST, np.arange(12), probe=Ridge()), max_epochs=1).fit(X)
        by_hand = Ridge().fit(fitted.transform(X), np.arange(24))
        assert fitted.net_.history[-1, "probe"] == pytest.approx(by_hand.score(fitted.transform(X_TEST), np.arange(12)))

    def test_an_estimator_without_a_seed_gets_that_of_the_probe(self):
        sgd = make_pipeline(StandardScaler(), SGDClassifier(max_iter=5, tol=None))
        probes = [
            OnlineProbe(X, Y, X_TEST, Y_TEST, probe=sgd, name=f"seed {seed}", random_state=seed) for seed in (5, 6)
        ]
        fitted = watched(*[(probe.name, probe) for probe in probes], max_epochs=1).fit(X)
        H, H_test = fitted.transform(X), fitted.transform(X_TEST)
        for seed in (5, 6):
            by_hand = clone(sgd).set_params(sgdclassifier__random_state=seed).fit(H, Y)
            assert fitted.net_.history[-1, f"seed {seed}"] == by_hand.score(H_test, Y_TEST)
        assert sgd[-1].random_state is None

    def test_no_more_neighbours_than_series(self):
        fitted = watched(OnlineProbe(X[:4], [0, 0, 1, 1], n_neighbors=50), max_epochs=1).fit(X)
        assert set(fitted.net_.history[:, "probe"]) <= {0.0, 0.25, 0.5, 0.75, 1.0}

    def test_never_scored_on_what_it_was_fitted_on(self):
        labels = np.random.RandomState(0).randint(2, size=24)
        nearest = OnlineProbe(X, labels, n_neighbors=1)
        scores = watched(nearest, max_epochs=1).fit(X).net_.history[:, "probe"]
        assert max(scores) < 0.9, "one neighbour knows itself"

    def test_series_of_unequal_lengths_and_other_lengths(self):
        series = [one[:, : 8 + case % 20] for case, one in enumerate(X)]
        fitted = watched(OnlineProbe(series, Y, X_TEST[:, :, :20], Y_TEST), max_epochs=1).fit(X)
        by_hand = clone(NEAREST).fit(fitted.transform(series), Y)
        assert fitted.net_.history[-1, "probe"] == by_hand.score(fitted.transform(X_TEST[:, :, :20]), Y_TEST)

    def test_features_that_overflow_end_the_training(self, monkeypatch):
        monkeypatch.setattr(SSLNet, "transform", lambda net, X: np.full((len(X), 2), np.inf))
        with pytest.raises(FloatingPointError, match="Features became NaN or infinite in epoch 0"):
            watched(OnlineProbe(X, Y)).fit(X)


class TestScoreMonitor:
    @pytest.mark.parametrize("name", SCORES)
    def test_each_score_is_that_of_the_scorer(self, name):
        fitted = watched(ScoreMonitor(X[:20], name), max_epochs=2).fit(X)
        scorer = getattr(evaluation, f"{name}_scorer")
        assert fitted.net_.history[-1, "score"] == pytest.approx(scorer(fitted, X[:20]), rel=1e-6)
        assert len(set(fitted.net_.history[:, "score"])) == 2

    def test_all_series_of_fit_without_any_given(self):
        fitted = watched(ScoreMonitor(None), ScoreMonitor(X, name="given")).fit(X)
        assert fitted.net_.history[:, "score"] == fitted.net_.history[:, "given"]

    def test_series_of_fit_with_unequal_lengths(self):
        series = [one[:, : 8 + case % 20] for case, one in enumerate(X)]
        fitted = watched(ScoreMonitor(None, "rankme"), ScoreMonitor(series, "rankme", name="given")).fit(series)
        assert fitted.net_.history[:, "score"] == pytest.approx(fitted.net_.history[:, "given"], rel=1e-5)
