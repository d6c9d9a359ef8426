"""What all predictors promise, however they are trained."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.callback._base import AutoPropagatedCallback
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from small_predictors import PARTLY, X, Y, changed, classifier, dataset_of, labels_of, robust, s4l, simclr

from sklearn_ssl import SSLClassifier, VICRegTransformer, WCCNTransformer
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.fine_tuning import LabelledScorer, LabelledSplit, is_labelled
from sklearn_ssl.fine_tuning._tasks import ClassTask, Labels

WAYS = pytest.mark.parametrize("make", [classifier, s4l, robust])
UNTRAINED = simclr(encoder=InceptionEncoder(depth=1, width=4), max_epochs=0)


def one_step(make, **params):
    """Return a predictor that takes one step."""
    return make(UNTRAINED, max_steps=1, **params)


@WAYS
def test_a_head_starts_without_the_labels_that_are_held_out(make):
    params = {"max_epochs": 0, "mode": "probe"} if make is classifier else {"max_epochs": 0}
    stopping = make(UNTRAINED, early_stopping=True, validation_fraction=0.25, **params).fit(X, PARTLY)
    held_out = stopping._held_out(stopping.task_, labels_of(stopping), 0)
    fewer = PARTLY.copy()
    fewer[held_out] = -1
    without = make(UNTRAINED, **params).fit(X, fewer)
    assert (fewer >= 0).sum() == 18
    assert not changed(stopping.net_.module_.head, without.net_.module_.head)


@WAYS
def test_a_hold_out_has_its_share_of_every_class(make):
    model = make(early_stopping=True, validation_fraction=0.25)
    task = ClassTask("Model", None)
    labels = task.labels(np.arange(24) % 3, 24, None)
    for seed in (0, 1, 2**40):
        held_out = model._held_out(task, labels, seed)
        assert np.bincount(labels.target[held_out]).tolist() == [2, 2, 2]
        assert (np.diff(held_out) > 0).all()
    assert len(make()._held_out(task, labels, 0)) == 0


@WAYS
def test_all_labelled_series_of_a_partial_fit_are_learnt(make):
    model = one_step(make, early_stopping=True, validation_fraction=0.25).fit(X, PARTLY)
    assert "valid_loss" in model.net_.history[-1]
    stopped = model.net_
    row = model.partial_fit(X, PARTLY).net_.history[-1]
    assert "valid_loss" not in row
    assert model.net_.train_split is None
    assert stopped.train_split is not None  # the net before the call is as it was
    assert changed(stopped.module_, model.net_.module_)


@WAYS
def test_labels_of_weight_zero_are_not_learnt(make):
    wrong = np.where(np.arange(60) < 6, (PARTLY + 1) % 3, PARTLY)
    weight = (np.arange(60) >= 6).astype(float)
    right, other = (one_step(make).fit(X, y, sample_weight=weight).net_.module_ for y in (PARTLY, wrong))
    assert not changed(right, other)
    assert changed(right, one_step(make).fit(X, wrong).net_.module_)


@WAYS
def test_weights_reach_the_loss(make):
    model = one_step(make).fit(X, PARTLY)
    weight = np.where(PARTLY == 0, 3.0, 1.0)
    labels = model.task_.labels(PARTLY, 60, weight)
    batch = model._dataset(model.net_, model._checked(X, reset=False), labels)[torch.arange(4)]
    expected = np.where(batch.companion["target"] == 0, 3.0, 1.0)
    n = len(batch) if make is classifier else model.net_.module_.n_labelled
    assert_array_equal(batch.companion["weight"][:n], expected[:n])


@WAYS
def test_series_of_a_batch_go_with_the_number_of_each_call(make):
    model = one_step(make).fit(X[:24], Y[:24])
    assert model.net_.batch_size_ == 8
    assert model.partial_fit(X, Y).net_.batch_size_ == 16
    assert model.partial_fit(X, PARTLY).net_.batch_size_ == (8 if make is classifier else 16)  # for 24 labelled of 60
    assert model.net_.batch_size_for(10_000) == (256 if make is classifier else 64)
    assert one_step(make, batch_size=5).fit(X, PARTLY).partial_fit(X, PARTLY).net_.batch_size_ == 5


@WAYS
def test_budget_and_optimiser(make):
    model = make(UNTRAINED, max_steps=5, lr=0.02, weight_decay=0.25).fit(X, PARTLY)
    net = model.net_
    assert (net.steps_, net.planned_steps_) == (5, 5)
    assert net.lr == 0.02
    assert isinstance(net.optimizer_, torch.optim.AdamW)
    assert {group["weight_decay"] for group in net.optimizer_.param_groups} == {0.25}
    assert all(group["fused"] for group in net.optimizer_.param_groups)
    net = model.set_params(max_steps=None, max_epochs=2).fit(X, PARTLY).net_
    assert net.planned_steps_ == (6 if make is classifier else 8)


@WAYS
def test_the_seed_of_the_predictor_is_for_the_transformer_too_unless_it_has_one(make):
    fits = [
        make(clone(UNTRAINED).set_params(random_state=own), max_epochs=0, random_state=seed).fit(X, PARTLY).transformer_
        for own, seed in ((None, 0), (None, 0), (None, 1), (3, 0), (3, 1))
    ]
    modules = [fitted.net_.module_ for fitted in fits]
    assert not changed(modules[0], modules[1])
    assert changed(modules[0], modules[2])
    assert not changed(modules[3], modules[4])


@WAYS
def test_only_a_verbose_predictor_prints(make, capsys):
    quiet = {"early_stopping": True, "validation_fraction": 0.25}
    one_step(make, **quiet).fit(X, PARTLY)
    assert capsys.readouterr().out == ""
    one_step(make, verbose=1).fit(X, PARTLY)
    assert "train_loss" in capsys.readouterr().out


@WAYS
def test_outputs_for_labels_may_be_alike(make):
    assert dict(one_step(make).fit(X, PARTLY).net_.callbacks_).get("collapse") is None


@WAYS
def test_a_hidden_layer_of_the_head(make):
    module = make(UNTRAINED, head_width=5, max_epochs=0).fit(X, PARTLY).net_.module_
    widths = [part.out_features for part in module.head.modules() if isinstance(part, torch.nn.Linear)]
    assert widths == [5, 3]


@WAYS
def test_a_first_part_may_have_one_class_only(make):
    model = one_step(make).partial_fit(X, np.where(PARTLY == 1, 1, -1), classes=[0, 1])
    assert_array_equal(model.classes_, [0, 1])
    with pytest.raises(ValueError, match="at least two classes"):
        one_step(make).fit(X, np.where(PARTLY == 1, 1, -1))


@WAYS
def test_a_predictor_refuses_to_predict_before_it_is_fitted(make):
    for function in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
        with pytest.raises(NotFittedError):
            getattr(make(), function)(X)
    with pytest.raises(NotFittedError):
        make().classes_  # noqa: B018


def test_all_labelled_series_are_learnt_in_a_pass():
    batch = dataset_of(classifier(UNTRAINED, max_epochs=0).fit(X, PARTLY))
    assert len(batch) == 24
    assert_array_equal(batch[torch.arange(24)].companion["target"], PARTLY[:24])


@pytest.mark.parametrize(("n_labelled", "n_drawn"), [(24, 8), (200, 64), (10_000, 256)])
def test_labelled_series_of_a_joint_batch(n_labelled, n_drawn):
    labels = Labels(np.arange(n_labelled), np.zeros(n_labelled, int), np.ones(n_labelled))
    assert s4l()._architecture(labels).keywords["n_labelled"] == n_drawn
    assert s4l(labelled_batch_size=7)._architecture(labels).keywords["n_labelled"] == 7


BOUNDS = {
    "max_epochs": (-1, 0),
    "max_steps": (0, 1),
    "batch_size": (1, 2),
    "lr": (0, 1e-9),
    "weight_decay": (-1e-9, 0),
    "head_width": (0, 1),
    "penalty": (0, 1e-9),
    "validation_fraction": (0, 1e-9),
    "n_iter_no_change": (0, 1),
    "verbose": (-1, 0),
}
OF_FINE_TUNING = {"shrinkage": (0, 1e-9), "n_frozen": (-1, 0), "layer_decay": (0, 1)}
OF_JOINT = {"ssl_weight": (-1e-9, 0), "labelled_batch_size": (1, 2)}


@pytest.mark.parametrize(
    ("make", "name", "bad", "good"),
    [
        (make, name, *values)
        for make, own in ((classifier, OF_FINE_TUNING), (s4l, OF_JOINT), (robust, {"radius": (-1e-9, 0)}))
        for name, values in {**BOUNDS, **own, "n_attack_steps": (0, 1)}.items()
        if name in make().get_params()
    ],
)
def test_bounds(make, name, bad, good):
    make(**{name: good}).check_hyperparameters()
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        make(**{name: bad}).check_hyperparameters()


def test_the_seed_decides_what_is_held_out():
    task = ClassTask("Model", None)
    labels = task.labels(np.arange(24) % 3, 24, None)
    model = classifier(early_stopping=True, validation_fraction=0.25)
    assert len({tuple(model._held_out(task, labels, seed)) for seed in range(4)}) > 1


@WAYS
def test_counts_are_whole_numbers(make):
    counts = {"max_epochs", "max_steps", "batch_size", "head_width", "n_iter_no_change", "verbose", "n_frozen"}
    counts |= {"labelled_batch_size", "n_attack_steps"}
    for name in counts & set(make().get_params()):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            make(**{name: 2.5}).check_hyperparameters()


@WAYS
def test_tags_of_predictors(make):
    tags = get_tags(make())
    assert tags.input_tags.three_d_array
    assert tags.target_tags.required


@WAYS
def test_the_default_transformer_is_given_by_name_or_by_position(make):
    cls = type(make())
    assert cls(UNTRAINED).transformer is cls(transformer=UNTRAINED).transformer is UNTRAINED
    expected = WCCNTransformer if cls is SSLClassifier else VICRegTransformer
    assert isinstance(cls().resolved("transformer"), expected)
    with pytest.raises(TypeError, match="`transformer`"):
        cls(3).check_hyperparameters()


@WAYS
@pytest.mark.parametrize("head_width", [None, 4])
def test_series_too_large_for_the_encoder_are_refused(make, head_width):
    model = one_step(make, head_width=head_width).fit(X, PARTLY)
    expected = model.predict_proba(X)
    for function in (model.predict, model.predict_proba, model.decision_function, model.predict_log_proba):
        for factor in (1e20, 1e30):
            with pytest.raises(ValueError, match="too large for the encoder"):
                function(X * factor)
    assert_array_equal(model.predict_proba(X), expected)


@WAYS
@pytest.mark.parametrize(
    ("unlabelled", "y"),
    [
        (-1, np.where(Y == 0, "-1", "1")),
        (None, np.where(Y == 0, -1, 1)),
        ("?", np.where(PARTLY < 0, "?", PARTLY.astype(str))),
        (np.nan, np.where(PARTLY < 0, np.nan, PARTLY)),
    ],
)
def test_what_marks_unlabelled_series_can_be_named(make, unlabelled, y):
    model = clone(one_step(make, unlabelled=unlabelled)).fit(X, y)
    known = is_labelled(y, unlabelled)
    assert_array_equal(model.classes_, np.unique(y[known]))
    expected = np.mean(model.predict(X)[known] == y[known])
    assert model.score(X, y) == pytest.approx(expected)
    assert model.partial_fit(X, y).score(X, y, sample_weight=known) > 0
    folds = list(LabelledSplit(2, unlabelled).split(X, y))
    assert sum(len(test) for _, test in folds) == known.sum()
    assert LabelledScorer(unlabelled=unlabelled)(model, X, y) == pytest.approx(model.score(X, y))


@WAYS
def test_one_class_besides_the_mark_has_a_remedy(make):
    y = np.where(Y == 0, -1, 1)
    with pytest.raises(ValueError, match=r"one class only: \[1\].*label -1 is a class too, set `unlabelled` to None"):
        one_step(make).fit(X, y)
    assert_array_equal(one_step(make, unlabelled=None).fit(X, y).classes_, [-1, 1])


@WAYS
@pytest.mark.parametrize("bad", [[-1], {}, np.array([-1, -2]), abs])
def test_a_mark_is_one_value(make, bad):
    with pytest.raises(ValueError, match="`unlabelled` must be a number, a text or None"):
        make(unlabelled=bad).fit(X, PARTLY)
    with pytest.raises(ValueError, match="`unlabelled` must be a number, a text or None"):
        is_labelled(PARTLY, bad)


@WAYS
def test_a_score_needs_a_label(make):
    model = one_step(make).fit(X, PARTLY)
    with pytest.raises(ValueError, match="needs labelled series"):
        model.score(X, np.full(60, -1))


class Noted(AutoPropagatedCallback):
    """A callback of scikit-learn that notes the tasks of a fit."""

    max_propagation_depth = None

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        """Nothing to set up."""

    def teardown(self, estimator, context):
        """Nothing to tear down."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing to note."""

    def on_fit_task_end(self, estimator, context):
        """Note who ended which task."""
        self.tasks.append((context.estimator_name.removesuffix("Classifier"), context.task_name))
        return False


@WAYS
def test_callbacks_see_the_stages_of_a_fit(make):
    noted = Noted()
    make(simclr(max_epochs=2), max_epochs=3).set_callbacks(noted).fit(X, PARTLY)
    name = type(make()).__name__.removesuffix("Classifier")
    pretraining = [("SimCLRTransformer", "epoch")] * 2 + [("SimCLRTransformer", "fit")]
    expected = [(name, "epoch")] * 3 + [(name, "learning from labels"), (name, "fit")]
    assert noted.tasks == (pretraining if make is classifier else []) + expected


def test_pretraining_prints_its_epochs_too(capsys):
    classifier(simclr(max_epochs=3), max_epochs=2, verbose=1).fit(X, PARTLY)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SSLClassifier: pretraining SimCLRTransformer on all series"
    assert lines.index("SSLClassifier: learning from 24 labelled series") == 1 + 2 + 3
    assert len(lines) == 1 + 5 + 1 + 4
    kept = simclr(verbose=2)
    assert classifier(kept, verbose=1).fit(X, PARTLY).transformer_.verbose == 2
    assert classifier(simclr(), verbose=0).fit(X, PARTLY).transformer_.verbose == 0
