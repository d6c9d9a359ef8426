"""Classifier on a pretrained encoder."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from small_predictors import PARTLY, X, Y, changed, check_refused, classifier, labels_of, simclr

from sklearn_ssl import SSLClassifier, SSLRegressor, VICRegTransformer, WCCNTransformer
from sklearn_ssl.encoders import (
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    ResNetEncoder,
    RocketEncoder,
    TransformerEncoder,
    stages,
)
from sklearn_ssl.fine_tuning import LabelledScorer, LabelledSplit, _fine_tuned
from sklearn_ssl.fine_tuning._tasks import ClassTask
from sklearn_ssl.preprocessing import ChannelWise, OutlierFiltered


def test_learns_from_few_labels_and_all_series():
    model = classifier(simclr(encoder=FCNEncoder(width=8)), max_epochs=5).fit(X, PARTLY)
    assert model.score(X[24:], Y[24:]) > 0.6  # chance is a third
    assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


def test_the_transformer_sees_unlabelled_series():
    alone = classifier(max_epochs=0).fit(X[:24], PARTLY[:24])
    among_all = classifier(max_epochs=0).fit(X, PARTLY)
    assert changed(alone.transformer_.net_.module_, among_all.transformer_.net_.module_)
    expected = simclr().fit(X).transform(X)
    assert_array_equal(among_all.transformer_.transform(X), expected)


def test_by_default_the_head_sees_a_trained_layer_and_the_fixed_kernels_below_it():
    transformer = SSLRegressor(random_state=0).resolved("transformer").set_params(max_steps=1, device="cpu")
    model = SSLClassifier(transformer, max_steps=1, shrinkage=None, random_state=0).fit(X[:20], Y[:20])
    start, tuned = model.transformer_.net_.module_, model.net_.module_
    assert tuned.widths == [5040 + 128 * 16, 320]
    assert tuned.n_features == sum(tuned.widths)
    assert start.projector(torch.zeros(2, 320)).shape == (2, start.n_projections)  # it was trained on the layer alone
    assert changed(start.encoder, tuned.encoder) == {
        "perceptron.0.weight",
        "perceptron.1.weight",
        "perceptron.1.bias",
    }


@pytest.mark.parametrize(("n_frozen", "frozen_blocks"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_frozen_stages_do_not_change(n_frozen, frozen_blocks):
    model = classifier(n_frozen=n_frozen, norm_statistics="update").fit(X, PARTLY)
    moved = changed(model.transformer_.net_.module_.encoder, model.net_.module_.encoder)
    for block in range(3):
        assert any(name.startswith(f"blocks.{block}.") for name in moved) == (block >= frozen_blocks)


def test_fine_tuning_leaves_the_pretrained_transformer_alone():
    model = classifier().fit(X, PARTLY)
    assert_array_equal(model.transformer_.transform(X), simclr().fit(X).transform(X))


def test_gradual_thaws_from_the_top():
    model = classifier(mode="gradual", max_epochs=4).fit(X, PARTLY)
    assert model.net_.module_.n_thawed == 3
    short = classifier(mode="gradual", max_epochs=1, batch_size=24).fit(X, PARTLY)  # one step: the head alone
    assert not changed(short.transformer_.net_.module_.encoder, short.net_.module_.encoder)


def test_lower_stages_have_lower_rates():
    model = classifier(lr=1e-3, layer_decay=0.5).fit(X, PARTLY)
    module, optimizer = model.net_.module_, model.net_.optimizer_
    rates = {id(p): group["initial_lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rates[id(module.head.weight)] == 1e-3
    for below, stage in enumerate(stages(module.encoder)[::-1], start=1):
        for part in stage:
            assert {rates[id(p)] for p in part.parameters()} == {1e-3 * 0.5**below}


@pytest.mark.parametrize(
    ("encoder", "n_stages"),
    [
        (InceptionEncoder(depth=6, width=2), 6),
        (ResNetEncoder(depth=2, width=4), 2),
        (GRUEncoder(depth=2, width=4), 2),
        (TransformerEncoder(depth=2, width=8, n_heads=2), 4),
        (RocketEncoder(n_features=84), 0),
        (RocketEncoder(n_features=84, hidden=8), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_stages_hold_every_weight_once(encoder, n_stages):
    module = encoder.build(2)
    found = stages(module)
    assert len(found) == n_stages
    held = [id(p) for stage in found for part in stage for p in part.parameters()]
    assert sorted(held) == sorted({id(p) for p in module.parameters() if p.requires_grad})


def test_stages_of_a_module_from_elsewhere():
    module = torch.nn.Sequential(torch.nn.Conv1d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv1d(4, 4, 3))
    assert [type(part) for (part,) in stages(module)] == [torch.nn.Conv1d] * 2
    model = classifier(simclr(encoder=module), max_epochs=1).fit(X, PARTLY)
    assert model.predict(X).shape == (60,)


def test_norm_statistics():
    kept = classifier().fit(X, PARTLY)
    updated = classifier(norm_statistics="update").fit(X, PARTLY)
    for model, same in ((kept, True), (updated, False)):
        before, after = (m.net_.module_.encoder for m in (model.transformer_, model))
        buffers = dict(after.named_buffers())
        assert all(torch.equal(value, buffers[name]) for name, value in before.named_buffers()) == same


def test_early_stopping_restores_the_best_epoch():
    model = classifier(
        early_stopping=True, validation_fraction=0.25, n_iter_no_change=2, max_epochs=40, lr=0.05, random_state=1
    ).fit(X, PARTLY)
    losses = model.net_.history[:, "valid_loss"]
    assert len(losses) < 40
    held_out = model.net_.train_split.args[0]
    log_proba = model.predict_log_proba(X[:24][held_out])
    best = -log_proba[np.arange(len(held_out)), Y[:24][held_out]].mean()
    assert best == pytest.approx(min(losses), rel=1e-3)
    assert np.argmin(losses) == len(losses) - 3  # two epochs without a lower loss came after it
    row = model.partial_fit(X, PARTLY).net_.history[-1]
    assert row["epoch"] == len(losses) + 1
    assert "valid_loss" not in row  # nothing is held out again


def test_what_cannot_be_held_out_shows_before_pretraining(watched):
    model = classifier(simclr(augmentation=watched), early_stopping=True, validation_fraction=0.01)
    with pytest.raises(ValueError, match="`validation_fraction`"):
        model.fit(X, PARTLY)
    assert not watched.largest


def test_hidden_head_learns_in_probe_mode():
    model = classifier(mode="probe", head_width=16, max_epochs=12, lr=0.03).fit(X, PARTLY)
    assert model.score(X[:24], Y[:24]) > 0.8
    assert not changed(model.transformer_.net_.module_.encoder, model.net_.module_.encoder)


def test_closed_form_transformer_under_a_head():
    wccn = WCCNTransformer(encoder=RocketEncoder(n_features=336), device="cpu", random_state=0)
    model = classifier(wccn, max_epochs=1).fit(X, PARTLY)
    assert model.score(X[24:], Y[24:]) > 0.6


@pytest.mark.parametrize("kind", ["frozen", "kept"])
def test_pretrained_elsewhere(kind):
    fitted = simclr().fit(X)
    before = copy.deepcopy(fitted.net_.module_.state_dict())
    model = (
        classifier(FrozenEstimator(fitted), max_epochs=1)
        if kind == "frozen"
        else classifier(fitted, pretrained="keep", max_epochs=1)
    )
    model = clone(model).fit(X[:24], Y[:24])
    assert_array_equal(model.transformer_.transform(X), fitted.transform(X))
    assert all(torch.equal(value, before[name]) for name, value in fitted.net_.module_.state_dict().items())
    expected = model.transformer_.transform(X)
    fitted.set_params(random_state=1).fit(X)
    assert_array_equal(model.transformer_.transform(X), expected)
    with pytest.raises(ValueError, match="fitted on series with 3"):
        clone(model).fit(np.repeat(X[:24], 2, axis=1), Y[:24])


def test_string_labels_with_unlabelled_rows():
    names = np.array(["walk", "sit", "lie"])
    y = np.array([names[label] if label >= 0 else -1 for label in PARTLY], dtype=object)
    untrained = simclr(max_epochs=0)
    model = classifier(untrained, mode="probe").fit(X, y)
    assert_array_equal(model.classes_, ["lie", "sit", "walk"])
    numbered = classifier(untrained, mode="probe").fit(X, PARTLY)
    assert_array_equal(model.predict(X), names[numbered.predict(X)])
    assert model.predict(X).dtype.kind == "U"


def test_class_weight_and_sample_weight():
    y = np.where(Y == 0, 0, 1)
    untrained = simclr(max_epochs=0)
    heavy = classifier(untrained, mode="probe", class_weight={0: 100.0, 1: 0.01}).fit(X, y)
    light = classifier(untrained, mode="probe", class_weight={0: 0.01, 1: 100.0}).fit(X, y)
    assert (heavy.predict(X) == 0).sum() > (light.predict(X) == 0).sum()
    weight = np.where(y == 0, 100.0, 0.01)
    same = classifier(untrained, mode="probe").fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(same.predict_proba(X), heavy.predict_proba(X), atol=1e-5)


def test_balanced_weights_of_imbalanced_classes():
    rows = np.r_[np.flatnonzero(Y == 0)[:4], np.flatnonzero(Y == 1)]
    labels = ClassTask("Model", "balanced").labels(Y[rows], len(rows), None)
    per_class = [labels.weight[labels.target == label].sum() for label in (0, 1)]
    assert per_class[0] == pytest.approx(per_class[1])
    assert sum(per_class) == pytest.approx(len(rows))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 2.0, 2: 3.0}])
def test_class_weights_of_parts_without_some_classes(class_weight):
    model = classifier(class_weight=class_weight, max_epochs=1)
    two, one = Y < 2, Y == 2
    model.partial_fit(X[two], Y[two], classes=[0, 1, 2]).partial_fit(X[one], Y[one])
    assert model.predict_proba(X).shape == (60, 3)


def test_partial_fit_goes_on_and_refuses_new_classes():
    model = classifier(max_epochs=1)
    model.partial_fit(X[:30], np.minimum(PARTLY[:30], 1), classes=[0, 1, 2])
    assert_array_equal(model.classes_, [0, 1, 2])
    before = model.net_.module_
    model.partial_fit(X, PARTLY)
    assert changed(before, model.net_.module_)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"classes \[3\], but the classes to expect are"):
        model.partial_fit(X, np.where(PARTLY == 0, 3, PARTLY))
    assert_array_equal(model.predict_proba(X), expected)


def test_pickled_classifier_goes_on_alike():
    model = classifier().fit(X, PARTLY)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.partial_fit(X, PARTLY).predict_proba(X), model.partial_fit(X, PARTLY).predict_proba(X))


def test_grid_search_in_a_pipeline():
    pipeline = Pipeline([("scale", ChannelWise(StandardScaler())), ("ssl", classifier(mode="probe"))])
    search = GridSearchCV(
        pipeline,
        {"ssl__transformer__temperature": [0.2, 1.0]},
        cv=LabelledSplit(2),
        scoring=LabelledScorer("accuracy"),
    ).fit(X, PARTLY)
    assert search.best_score_ > 0.5
    assert search.best_estimator_["ssl"].transformer_.temperature in (0.2, 1.0)


@pytest.mark.parametrize("wrap", ["outliers", "calibrated", "voting"])
def test_inside_other_estimators(wrap):
    inner = classifier(simclr(max_epochs=0), mode="probe")
    model = {
        "outliers": lambda: OutlierFiltered(inner),
        "calibrated": lambda: CalibratedClassifierCV(inner, cv=2),
        "voting": lambda: VotingClassifier([("a", inner), ("b", clone(inner))], voting="soft"),
    }[wrap]()
    assert model.fit(X, Y).score(X, Y) > 0.7


def test_cross_val_predict():
    model = classifier(simclr(max_epochs=0), mode="probe")
    assert cross_val_predict(model, X, Y, cv=2, method="predict_proba").shape == (60, 3)


def test_no_series_of_the_test_fold_reaches_an_optimiser_step(watched):
    marked = X.copy()
    marked[7] += 1000
    folds = [(np.setdiff1d(np.arange(60), [7, 8, 9]), np.array([7, 8, 9]))]
    model = classifier(simclr(augmentation=watched), max_epochs=1)
    cross_val_score(model, marked, Y, cv=folds)
    assert watched.largest
    assert max(watched.largest) < 100
    # where it is among the training series, the watch does see it
    cross_val_score(model, marked, Y, cv=[(np.arange(60), np.array([7]))])
    assert max(watched.largest) > 900


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_the_remedy_for_missing_labels_works(dtype):
    y = pd.Series(np.array(["walk", "sit", "lie"])[Y]).where(PARTLY >= 0).astype(dtype)
    with pytest.raises(ValueError, match=r"numpy.where\(pandas.isna\(y\), -1, y\)"):
        ClassTask("Model", None).labels(y, 60, None)
    task = ClassTask("Model", None)
    labels = task.labels(np.where(pd.isna(y), -1, y), 60, None)
    assert_array_equal(task.classes[labels.target], y[:24])


def test_the_remedy_for_empty_texts_works():
    y = np.where(PARTLY < 0, "", np.array(["walk", "sit", "lie"])[Y])
    task = ClassTask("Model", None, unlabelled="")
    labels = task.labels(y, 60, None)
    assert_array_equal(task.classes[labels.target], y[:24])


BAD = {
    "nothing labelled": ({}, np.full(60, -1), "needs labelled series"),
    "one class": ({}, np.where(PARTLY == 0, 0, -1), "one class only"),
    "strings with -1": ({}, np.where(PARTLY < 0, "-1", "a"), "set `unlabelled` to '-1'"),
    "NaN for no label": (
        {},
        np.where(PARTLY < 0, np.nan, Y),
        "y has nan in series 24.*`unlabelled` to numpy.nan",
    ),
    "None for no label": (
        {},
        np.where(PARTLY < 0, None, "a"),
        "y has None in series 24.*`unlabelled` to numpy.nan",
    ),
    "NA for no label": (
        {},
        pd.Series(Y, dtype="Int64").where(PARTLY >= 0),
        "in series 24.*`unlabelled` to numpy.nan",
    ),
    "empty text for no label": ({}, np.where(PARTLY < 0, "", "a"), "the text '' in series 24.*`unlabelled` to ''"),
    "a blank among objects": ({}, np.where(PARTLY < 0, " ", PARTLY.astype(object)), "the text ' ' in series 24"),
    "numbers": ({}, np.linspace(0, 1, 60), "continuous"),
    "other length": ({}, Y[:-1], "inconsistent"),
    "no y": ({}, None, "requires y"),
    "head of no width": ({"head_width": 0}, PARTLY, "`head_width` must be a whole number at least 1"),
    "decay of zero": ({"layer_decay": 0.0}, PARTLY, "`layer_decay` must be a number above 0 and at most 1"),
    "decay above one": ({"layer_decay": 1.5}, PARTLY, "`layer_decay` must be"),
    "too small to hold out": ({"early_stopping": True, "validation_fraction": 0.01}, PARTLY, "`validation_fraction`"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_and_leaves_what_was_fitted(what, fitted_classifier):
    params, y, message = BAD[what]
    check_refused(copy.copy(fitted_classifier), params, y, ValueError, message)


def test_transformers_without_encoder_and_unfitted_ones_to_keep():
    with pytest.raises(TypeError, match="has an encoder"):
        SSLClassifier(StandardScaler()).fit(X, Y)
    with pytest.raises(NotFittedError, match="must be fitted to be kept"):
        SSLClassifier(simclr(), pretrained="keep").fit(X, Y)
    with pytest.raises(ValueError, match="channel"):
        classifier(mode="probe").fit(X, Y).predict(np.repeat(X, 2, axis=1))


@pytest.mark.parametrize("kind", [SSLClassifier, SSLRegressor])
def test_with_metadata_routing_nothing_need_be_requested(kind):
    model = kind(simclr(max_epochs=0), mode="probe", random_state=0)
    expected = model.fit(X, Y).predict(X)
    with config_context(enable_metadata_routing=True):
        assert_array_equal(model.fit(X, Y).predict(X), expected)


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_constant_features_are_computed_once(monkeypatch, unequal, early_stopping):
    encoder = RocketEncoder(n_features=168, hidden=8)
    series = [one[:, : 20 + case % 20] for case, one in enumerate(X)] if unequal else X
    stopping = {"early_stopping": early_stopping, "validation_fraction": 0.25}
    scores = []
    for most in (4096, 23):
        monkeypatch.setattr(_fine_tuned, "MOST_REMEMBERED", most)
        model = classifier(VICRegTransformer(encoder=encoder, max_steps=1), max_epochs=4, lr=0.01, **stopping)
        scores.append(model.fit(series, PARTLY).decision_function(series))
        dataset = model._dataset(model.net_, model._checked(series, reset=False), labels_of(model))
        assert ("constant" in dataset[torch.arange(2)].companion) == (most == 4096)
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-4)
    solved = classifier(VICRegTransformer(encoder=encoder, max_steps=1), mode="probe").fit(X, PARTLY)
    assert np.abs(scores[0] - solved.decision_function(series)).max() > 1e-3 or early_stopping
    assert not classifier(WCCNTransformer(encoder=encoder)).fit(X, PARTLY).net_.module_.has_constant_features
    assert not classifier().fit(X, PARTLY).net_.module_.has_constant_features
