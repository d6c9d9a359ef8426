"""Classifier and regressor on a pretrained encoder."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.linalg import sqrtm
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, SSLClassifier, SSLRegressor, WCCNTransformer
from sklearn_ssl.augmentations import Jitter, Scaling, TimeReversal, TimeShift
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import GRUEncoder, InceptionEncoder, ResNetEncoder, RocketEncoder, TransformerEncoder, stages
from sklearn_ssl.fine_tuning import LabelledScorer, LabelledSplit, is_labelled
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise, OutlierFiltered
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=60, n_classes=3, n_timepoints=40, random_state=0)
PARTLY = np.where(np.arange(60) < 24, Y, -1)


def simclr(**params):
    encoder = InceptionEncoder(depth=3, width=4, bottleneck=4)
    own = {"encoder": encoder, "projector": MLPProjector(width=8), "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLRTransformer(**{**own, **params})


def classifier(**params):
    return SSLClassifier(simclr(), **{"max_epochs": 3, "random_state": 0, **params})


def weights_of(module):
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_learns_from_few_labels_and_all_series():
    model = SSLClassifier(simclr(max_epochs=5), max_epochs=10, random_state=0).fit(X, PARTLY)
    assert model.score(X[24:], Y[24:]) > 0.6  # chance is a third
    assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


def test_the_transformer_sees_unlabelled_series():
    alone = SSLClassifier(simclr(), random_state=0).fit(X[:24], PARTLY[:24])
    among_all = SSLClassifier(simclr(), random_state=0).fit(X, PARTLY)
    assert changed(weights_of(alone.transformer_.net_.module_), weights_of(among_all.transformer_.net_.module_))
    expected = simclr().fit(X).transform(X)
    assert_array_equal(among_all.transformer_.transform(X), expected)


def test_probe_is_ridge_on_standardised_features():
    model = classifier(mode="probe", shrinkage=None).fit(X, PARTLY)
    features = simclr().fit(X).transform(X).astype(np.float64)
    features = StandardScaler().fit_transform(features[:, features.std(axis=0) > 1e-6])
    ridge = RidgeCV(alphas=np.logspace(-3, 3, 10)).fit(features[:24], 2.0 * np.eye(3)[Y[:24]] - 1)
    scores, expected = model.decision_function(X), ridge.predict(features)
    scale = (scores * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(scores, scale * expected, atol=1e-3 * np.abs(scores).max())
    assert not changed(weights_of(model.transformer_.net_.module_.encoder), weights_of(model.net_.module_.encoder))


def test_every_layer_has_the_same_share_in_what_the_head_sees():
    encoder, pooling = ResNetEncoder(depth=2, width=3), Pooling(statistics=("mean", "std"))
    untrained = RandomEncoderTransformer(encoder=encoder, pooling=pooling, device="cpu", random_state=0)
    module = SSLClassifier(untrained, mode="probe", random_state=0).fit(X, PARTLY).net_.module_
    features = untrained.fit(X).transform(X)
    seen = module.standardised(features)
    assert module.n_features == seen.shape[1] == 2 * 3 + 2 * 6
    varies = features.std(axis=0) > 1e-6
    assert varies.sum() == 18  # or the shares would be others
    np.testing.assert_allclose(seen[:, :6].var(axis=0), 18 / (2 * 6), rtol=1e-3)
    np.testing.assert_allclose(seen[:, 6:].var(axis=0), 18 / (2 * 12), rtol=1e-3)


@pytest.mark.parametrize("make", [SSLClassifier, SSLRegressor])
def test_by_default_the_head_sees_a_trained_layer_beside_the_fixed_kernels(make):
    transformer = make(random_state=0).resolved("transformer").set_params(max_steps=2, device="cpu")
    model = make(transformer, max_epochs=1, random_state=0).fit(X, Y)
    start, tuned = model.transformer_.net_.module_, model.net_.module_
    assert tuned.widths == [5040 + 128 * 16, 320]
    assert tuned.n_features == sum(tuned.widths)
    assert start.projector(torch.zeros(2, 320)).shape == (2, start.n_projections)  # it was trained on the layer alone
    assert changed(weights_of(start.encoder), weights_of(tuned.encoder)) == {
        "perceptron.0.weight",
        "perceptron.1.weight",
        "perceptron.1.bias",
    }


def test_penalty_of_the_probe_counts_what_augmentation_changes():
    """Backwards is the only copy there is, so that S_w is known."""
    model = classifier(mode="probe", penalty=3.0, shrinkage=0.2, augmentation=TimeReversal(p=1.0)).fit(X, PARTLY)
    transformer = simclr().fit(X)
    scaler = StandardScaler().fit(transformer.transform(X).astype(np.float64))
    forwards, backwards = (scaler.transform(transformer.transform(series)) for series in (X, X[:, :, ::-1].copy()))
    varies = scaler.var_ > 1e-12
    forwards, changes = forwards[:, varies], (backwards - forwards)[:, varies]
    within = changes.T @ changes / len(changes)
    values = np.linalg.eigvalsh(within)
    penalty = np.eye(len(within)) + within / (0.2 * values[values > 1e-6 * values[-1]].mean())
    mapped = forwards @ np.linalg.inv(sqrtm(penalty))
    penalty *= (mapped**2).sum() / forwards.size * forwards.shape[1] / scaler.n_features_in_  # mean variance of 1
    known, sides = forwards[:24] - forwards[:24].mean(axis=0), 2.0 * np.eye(3)[Y[:24]] - 1
    weight = np.linalg.solve(known.T @ known + 3.0 * penalty, known.T @ sides)  # (F, K)
    expected = (forwards - forwards[:24].mean(axis=0)) @ weight + sides.mean(axis=0)
    scores = model.decision_function(X)
    scale = (scores * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(scores, scale * expected, atol=5e-3 * np.abs(scores).max())


def test_shrinkage_is_chosen_by_labelled_series_that_are_left_out():
    rng = np.random.default_rng(1)
    heights = np.where(np.arange(60) % 2, 1.0, 1.4)[:, None, None]
    waves = heights * np.sin(np.arange(40) / 3 + rng.uniform(0, 6, size=(60, 1, 1)))
    waves += 0.3 * rng.normal(size=(60, 1, 40))
    label = np.where(np.arange(60) < 8, np.arange(60) % 2, -1)
    untrained = RandomEncoderTransformer(encoder=InceptionEncoder(depth=2, width=4), random_state=0)

    def chosen(augmentation):
        return SSLClassifier(untrained, mode="probe", augmentation=augmentation, random_state=0).fit(waves, label)

    assert chosen(Scaling(sigma=1.0)).shrinkage_ is None  # heights are all that tells the classes apart
    model = chosen(TimeShift(ratio=0.5))
    assert model.shrinkage_ == 0.1  # a shift changes nothing that does
    assert model.set_params(head_width=4, max_epochs=1).fit(waves, label).shrinkage_ is None


def test_scale_of_the_probe_has_the_least_surprise_for_left_out_series():
    rng = np.random.default_rng(0)
    features, codes, weight = rng.normal(size=(30, 4)), rng.integers(0, 3, size=30), rng.uniform(0.5, 2, size=30)
    features[:, 0] += codes
    sides = 2.0 * np.eye(3)[codes] - 1
    head = ridge_head(features, sides, weight, penalty=2.0)
    left_out = []
    for i in range(30):
        rest = np.arange(30) != i
        ridge = Ridge(alpha=2.0).fit(features[rest], sides[rest], sample_weight=weight[rest])
        left_out.append(ridge.predict(features[i : i + 1])[0])
    np.testing.assert_allclose(head.left_out, left_out, atol=1e-8)

    def surprise(scores):
        exponentials = np.exp(scores)
        return -(weight * np.log(exponentials[np.arange(30), codes] / exponentials.sum(axis=1))).sum()

    best = surprise(calibrated(head, codes, weight).left_out)
    assert all(best <= surprise(scale * head.left_out) + 1e-6 for scale in np.geomspace(0.1, 100, 50))


def test_two_classes_of_the_probe():
    two = Y < 2
    model = classifier(mode="probe").fit(X[two], Y[two])
    scores = model.decision_function(X[two])
    assert scores.shape == (two.sum(),)
    np.testing.assert_allclose(model.predict_proba(X[two])[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-4)


@pytest.mark.parametrize(("n_frozen", "frozen_blocks"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_frozen_stages_do_not_change(n_frozen, frozen_blocks):
    model = classifier(n_frozen=n_frozen).fit(X, PARTLY)
    before, after = (m.net_.module_.encoder for m in (model.transformer_, model))
    moved = changed(weights_of(before), weights_of(after))
    for block in range(3):
        assert any(name.startswith(f"blocks.{block}.") for name in moved) == (block >= frozen_blocks)


def test_fine_tuning_leaves_the_pretrained_transformer_alone():
    model = classifier().fit(X, PARTLY)
    assert_array_equal(model.transformer_.transform(X), simclr().fit(X).transform(X))


def test_gradual_thaws_from_the_top():
    model = classifier(mode="gradual", max_epochs=8).fit(X, PARTLY)
    assert model.net_.module_.n_thawed == 3
    short = classifier(mode="gradual", max_epochs=1, batch_size=24).fit(X, PARTLY)  # one step: the head alone
    before, after = (m.net_.module_.encoder for m in (short.transformer_, short))
    assert not changed(weights_of(before), weights_of(after))


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
    model = SSLClassifier(simclr(encoder=module), max_epochs=1, random_state=0).fit(X, PARTLY)
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
    assert model.partial_fit(X, PARTLY).net_.epochs_ == len(losses) + 1, "of no part is there a loss to stop by"


def test_what_cannot_be_held_out_shows_before_pretraining():
    Watched.largest.clear()
    model = SSLClassifier(simclr(augmentation=Watched()), early_stopping=True, validation_fraction=0.01, random_state=0)
    with pytest.raises(ValueError, match="`validation_fraction`"):
        model.fit(X, PARTLY)
    assert not Watched.largest


def test_hidden_head_learns_in_probe_mode():
    model = classifier(mode="probe", head_width=16, max_epochs=30, lr=0.01).fit(X, PARTLY)
    assert model.score(X[:24], Y[:24]) > 0.8
    assert not changed(weights_of(model.transformer_.net_.module_.encoder), weights_of(model.net_.module_.encoder))


def test_closed_form_transformer_under_a_head():
    wccn = WCCNTransformer(encoder=RocketEncoder(n_features=336), device="cpu", random_state=0)
    model = SSLClassifier(wccn, random_state=0, max_epochs=1).fit(X, PARTLY)
    assert model.score(X[24:], Y[24:]) > 0.6


@pytest.mark.parametrize("kind", ["frozen", "kept"])
def test_pretrained_elsewhere(kind):
    fitted = simclr().fit(X)
    before = copy.deepcopy(fitted.net_.module_.state_dict())
    model = (
        SSLClassifier(FrozenEstimator(fitted), max_epochs=2, random_state=0)
        if kind == "frozen"
        else SSLClassifier(fitted, pretrained="keep", max_epochs=2, random_state=0)
    )
    model = clone(model).fit(X[:24], Y[:24])
    assert_array_equal(model.transformer_.transform(X), fitted.transform(X))
    assert all(torch.equal(value, before[name]) for name, value in fitted.net_.module_.state_dict().items())
    with pytest.raises(ValueError, match="fitted on series with 3"):
        clone(model).fit(np.repeat(X[:24], 2, axis=1), Y[:24])


def test_string_labels_with_unlabelled_rows():
    names = np.array(["walk", "sit", "lie"])
    y = np.array([names[label] if label >= 0 else -1 for label in PARTLY], dtype=object)
    model = classifier(mode="probe").fit(X, y)
    assert_array_equal(model.classes_, ["lie", "sit", "walk"])
    numbered = classifier(mode="probe").fit(X, PARTLY)
    assert_array_equal(model.predict(X), names[numbered.predict(X)])
    assert classifier(mode="probe").fit(X, names[Y]).predict(X).dtype.kind == "U"


def test_class_weight_and_sample_weight():
    y = np.where(Y == 0, 0, 1)
    heavy = classifier(mode="probe", class_weight={0: 100.0, 1: 0.01}).fit(X, y)
    light = classifier(mode="probe", class_weight={0: 0.01, 1: 100.0}).fit(X, y)
    assert (heavy.predict(X) == 0).sum() > (light.predict(X) == 0).sum()
    weight = np.where(y == 0, 100.0, 0.01)
    same = classifier(mode="probe").fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(same.predict_proba(X), heavy.predict_proba(X), atol=1e-5)


def test_balanced_weights_of_imbalanced_classes():
    rows = np.r_[np.flatnonzero(Y == 0)[:4], np.flatnonzero(Y == 1)]
    balanced = classifier(class_weight="balanced").fit(X[rows], Y[rows])
    per_class = {}
    dataset = balanced.task_.labels(Y[rows], len(rows), None)
    for label in (0, 1):
        per_class[label] = dataset.weight[dataset.target == label].sum()
    assert per_class[0] == pytest.approx(per_class[1])


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
    before = weights_of(model.net_.module_)
    model.partial_fit(X, PARTLY)
    assert changed(before, weights_of(model.net_.module_))
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"classes \[3\], but the classes to expect are"):
        model.partial_fit(X, np.where(PARTLY == 0, 3, PARTLY))
    assert_array_equal(model.predict_proba(X), expected)


def test_pickled_classifier_goes_on_alike():
    model = classifier().fit(X, PARTLY)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.partial_fit(X, PARTLY).predict_proba(X), model.partial_fit(X, PARTLY).predict_proba(X))


def test_grid_search_in_a_pipeline():
    pipeline = Pipeline([("scale", ChannelWise(StandardScaler())), ("ssl", classifier(max_epochs=1))])
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
    inner = classifier(mode="probe")
    model = {
        "outliers": lambda: OutlierFiltered(inner),
        "calibrated": lambda: CalibratedClassifierCV(inner, cv=2),
        "voting": lambda: VotingClassifier([("a", inner), ("b", clone(inner))], voting="soft"),
    }[wrap]()
    assert model.fit(X, Y).score(X, Y) > 0.7


def test_cross_val_predict():
    assert cross_val_predict(classifier(mode="probe"), X, Y, cv=2, method="predict_proba").shape == (60, 3)


class Watched(Jitter):
    """Jitter that notes what training shows it."""

    largest = []

    def apply(self, x, *args, **kwargs):
        Watched.largest.append(float(x.max()))
        return super().apply(x, *args, **kwargs)


def test_no_series_of_the_test_fold_reaches_an_optimiser_step():
    Watched.largest.clear()
    marked = X.copy()
    marked[7] += 1000
    folds = [(np.setdiff1d(np.arange(60), [7, 8, 9]), np.array([7, 8, 9]))]
    model = SSLClassifier(simclr(augmentation=Watched()), max_epochs=1, random_state=0)
    cross_val_score(model, marked, Y, cv=folds)
    assert Watched.largest
    assert max(Watched.largest) < 100
    # where it is among the training series, the watch does see it
    cross_val_score(model, marked, Y, cv=[(np.arange(60), np.array([7]))])
    assert max(Watched.largest) > 900


def test_labelled_split_trains_on_all_unlabelled_series():
    for train, test in LabelledSplit(4).split(X, PARTLY):
        assert set(np.flatnonzero(PARTLY == -1)) <= set(train)
        assert (PARTLY[test] != -1).all()
        assert not set(train) & set(test)
    assert LabelledSplit(4).get_n_splits(X, PARTLY) == 4


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, -1, 2], [True, False, True]),
        ([0.0, -1.0], [True, False]),
        ([0.5, -1.0], [True, True]),
        ([0.5, np.nan], [True, False]),
        ([[0.5, np.nan], [np.nan, np.nan]], [True, False]),
        (["a", "b"], [True, True]),
        (np.array(["a", -1], dtype=object), [True, False]),
    ],
)
def test_is_labelled(y, expected):
    assert_array_equal(is_labelled(y), expected)


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_the_remedy_for_missing_labels_works(dtype):
    names = np.array(["walk", "sit", "lie"])
    y = pd.Series(names[Y]).where(PARTLY >= 0).astype(dtype)
    with pytest.raises(ValueError, match=r"numpy.where\(pandas.isna\(y\), -1, y\)"):
        classifier(mode="probe").fit(X, y)
    model = classifier(mode="probe").fit(X, np.where(pd.isna(y), -1, y))
    assert_array_equal(model.predict(X), names[classifier(mode="probe").fit(X, PARTLY).predict(X)])


BAD = {
    "nothing labelled": ({}, np.full(60, -1), "needs labelled series"),
    "one class": ({}, np.where(PARTLY == 0, 0, -1), "one class only"),
    "strings with -1": ({}, np.where(PARTLY < 0, "-1", "a"), "object array"),
    "NaN for no label": ({}, np.where(PARTLY < 0, np.nan, Y), "y has nan in series 24. Give .* the number -1"),
    "None for no label": ({}, np.where(PARTLY < 0, None, "a"), "y has None in series 24. Give .* the number -1"),
    "NA for no label": ({}, pd.Series(Y, dtype="Int64").where(PARTLY >= 0), "in series 24. Give .* the number -1"),
    "numbers": ({}, np.linspace(0, 1, 60), "continuous"),
    "other length": ({}, Y[:-1], "inconsistent"),
    "no y": ({}, None, "requires y"),
    "head of no width": ({"head_width": 0}, PARTLY, "`head_width` must be a whole number at least 1"),
    "decay of zero": ({"layer_decay": 0.0}, PARTLY, "`layer_decay` must be a number above 0 and at most 1"),
    "decay above one": ({"layer_decay": 1.5}, PARTLY, "`layer_decay` must be"),
    "too small to hold out": ({"early_stopping": True, "validation_fraction": 0.01}, PARTLY, "`validation_fraction`"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_and_leaves_what_was_fitted(what):
    params, y, message = BAD[what]
    model = classifier(max_epochs=1).fit(X, PARTLY)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)


def test_transformers_without_encoder_and_unfitted_ones_to_keep():
    with pytest.raises(TypeError, match="has an encoder"):
        SSLClassifier(StandardScaler()).fit(X, Y)
    with pytest.raises(NotFittedError, match="must be fitted to be kept"):
        SSLClassifier(simclr(), pretrained="keep").fit(X, Y)
    with pytest.raises(ValueError, match="channel"):
        classifier(mode="probe").fit(X, Y).predict(np.repeat(X, 2, axis=1))


def frequencies():
    rng = np.random.default_rng(0)
    frequency = rng.uniform(1, 3, size=60)
    series = np.sin(frequency[:, None] * np.linspace(0, 12, 80) + rng.uniform(0, 6, size=(60, 1)))
    return series, frequency


def test_regressor_with_unknown_targets_and_several_outputs():
    series, frequency = frequencies()
    random = RandomEncoderTransformer(device="cpu", random_state=0)
    y = np.column_stack([np.where(np.arange(60) < 40, frequency, np.nan), 5 - 2 * frequency])
    model = SSLRegressor(random, max_epochs=5, lr=1e-4, random_state=0).fit(series, y)
    assert model.predict(series).shape == (60, 2)
    assert np.corrcoef(model.predict(series)[40:, 0], frequency[40:])[0, 1] > 0.9
    single = SSLRegressor(random, mode="probe", random_state=0).fit(series, y[:, 0])
    assert single.predict(series).shape == (60,)
    assert single.score(series[40:], frequency[40:]) > 0.8
    with pytest.raises(ValueError, match="y has the shape"):
        single.partial_fit(series, y)


def test_regressor_probe_is_ridge():
    series, frequency = frequencies()
    random = RandomEncoderTransformer(device="cpu", random_state=0)
    model = SSLRegressor(random, mode="probe", penalty=3.0, random_state=0).fit(series, frequency)
    features = random.fit(series).transform(series).astype(np.float64)
    features = StandardScaler().fit_transform(features[:, features.std(axis=0) > 1e-6])
    centred = (frequency - frequency.mean()) / frequency.std()
    expected = Ridge(alpha=3.0).fit(features, centred).predict(features) * frequency.std() + frequency.mean()
    np.testing.assert_allclose(model.predict(series), expected, rtol=1e-3)


def test_regressor_needs_a_target_for_each_output():
    with pytest.raises(ValueError, match="needs labelled series"):
        SSLRegressor(simclr()).fit(X, np.column_stack([np.ones(60), np.full(60, np.nan)]))


@pytest.mark.parametrize("y", [np.repeat(["up", "down"], 30), np.repeat(np.array([0.5, "down"], dtype=object), 30)])
def test_a_regressor_refuses_text(y):
    with pytest.raises(ValueError, match=r"y must be numbers for SSLRegressor.*'(up|down)'.*SSLClassifier"):
        SSLRegressor(simclr()).fit(X, y)


def test_a_regressor_takes_unknown_numbers_in_a_table():
    table = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0)}).astype("Float64")
    table.loc[3, "b"] = pd.NA
    expected = table.to_numpy(dtype=float, na_value=np.nan)
    random = RandomEncoderTransformer(device="cpu", random_state=0)
    predicted = [SSLRegressor(random, mode="probe", random_state=0).fit(X, y).predict(X) for y in (table, expected)]
    np.testing.assert_allclose(*predicted, rtol=1e-5)


@pytest.mark.parametrize("kind", [SSLClassifier, SSLRegressor])
def test_with_metadata_routing_nothing_need_be_requested(kind):
    with config_context(enable_metadata_routing=True):
        routed = kind(simclr(), mode="probe", random_state=0).fit(X, Y)
    assert_array_equal(routed.predict(X), kind(simclr(), mode="probe", random_state=0).fit(X, Y).predict(X))


def test_folds_of_classes_stored_as_floats_are_stratified():
    ordered = np.where(np.arange(60) < 40, np.sort(Y), -1.0)
    assert {len(np.unique(ordered[test])) for _, test in LabelledSplit(4).split(X, ordered)} == {2}
    numbers = np.where(np.arange(60) < 40, np.arange(60.0), np.nan)
    assert [len(test) for _, test in LabelledSplit(4).split(X, numbers)] == [10] * 4
    for all_known in (np.arange(60.0), (np.arange(60) / 7).astype(object)):
        assert [len(test) for _, test in LabelledSplit(4).split(X, all_known)] == [15] * 4


def test_labelled_scorer_takes_weights_of_all_series():
    model = classifier(mode="probe").fit(X, PARTLY)
    weight = np.random.default_rng(0).uniform(size=60)
    rows = PARTLY >= 0
    expected = accuracy_score(Y[rows], model.predict(X[rows]), sample_weight=weight[rows])
    assert LabelledScorer("accuracy")(model, X, PARTLY, sample_weight=weight) == pytest.approx(expected)


def test_labelled_split_requests_groups_if_its_splitter_does():
    groups = np.arange(60) % 6
    with config_context(enable_metadata_routing=True):
        scores = cross_validate(
            DummyClassifier(),
            X[:, 0],
            PARTLY,
            params={"groups": groups},
            cv=LabelledSplit(GroupKFold(2)),
            scoring=LabelledScorer("accuracy"),
        )
    assert len(scores["test_score"]) == 2
    assert LabelledSplit(3).get_metadata_routing().split.requests.get("groups") is not True


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({}, [1.0], "at least two labelled series to train on, and y has 1"),
        (
            {"early_stopping": True},
            [1.0, 2.0],
            "`validation_fraction`=0.1 makes parts of 1 and 1",
        ),
    ],
)
def test_too_few_labelled_series_to_train_on(params, y, message):
    known = np.full(60, np.nan)
    known[: len(y)] = y
    with pytest.raises(ValueError, match=message):
        SSLRegressor(simclr(), **params).fit(X, known)
    assert SSLRegressor(simclr(), mode="probe", **params).fit(X, known).predict(X).shape == (60,)


def test_a_regressor_needs_a_weight_of_a_labelled_series():
    known = np.where(np.arange(60) < 9, 1.0 * Y, np.nan)
    with pytest.raises(ValueError, match="labelled series with a weight above 0"):
        SSLRegressor(simclr(), mode="probe").fit(X, known, sample_weight=(np.arange(60) >= 9).astype(float))
