"""Labels and self-supervision in the same step, and adversarial training."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import get_tags
from small_predictors import PARTLY, X, Y, changed, check_refused, dataset_of, labels_of, robust, s4l, simclr, states_of

import sklearn_ssl
from sklearn_ssl import MoCoV2Transformer, RandomEncoderTransformer, VICRegTransformer, WCCNTransformer
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder, RocketEncoder
from sklearn_ssl.fine_tuning import LabelledScorer, LabelledSplit
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import cheap_instance

METHODS = sorted(
    name
    for name in sklearn_ssl.__all__
    if name.endswith("Transformer")
    and issubclass(getattr(sklearn_ssl, name), SSLTransformer)
    and not get_tags(getattr(sklearn_ssl, name)()).target_tags.required
)


@pytest.mark.parametrize("make", [s4l, robust])
def test_the_first_step_starts_from_the_probe_whatever_the_widths_of_layers(make):
    unequal = simclr(encoder=FCNEncoder(width=4), max_epochs=0)
    module = make(unequal, max_epochs=0).fit(X, Y).net_.module_
    assert len(set(module.backbone.n_features_of_layers)) > 1
    series = torch.from_numpy(X).float()
    with torch.no_grad():
        evaluated = module.eval().outputs(series)
        module.head.train()
        torch.testing.assert_close(module.outputs(series), evaluated, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("make", [s4l, robust])
def test_learns_from_few_labels_and_all_series(make):
    wider = InceptionEncoder(depth=2, width=8, bottleneck=8)
    model = make(simclr(encoder=wider), max_epochs=6).fit(X, PARTLY)
    assert model.score(X[24:], Y[24:]) > 0.6  # chance is a third
    assert_array_equal(model.classes_, [0, 1, 2])
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_the_self_supervised_part(name):
    transformer = cheap_instance(getattr(sklearn_ssl, name))
    model = robust(transformer, max_epochs=1, batch_size=30).fit(X, PARTLY)
    assert np.isfinite(model.net_.history[:, "train_loss"]).all()
    start, end = model.transformer_.net_.module_, model.net_.module_.backbone
    moved = changed(start, end) - {name for name in states_of(end) if "running" in name or "num_batches" in name}
    assert any(part.startswith("encoder") for part in moved)
    assert any(not part.startswith("encoder") for part in moved)


def test_batches_have_labelled_series_in_front():
    model = s4l(labelled_batch_size=5, batch_size=20, max_epochs=0).fit(X, PARTLY)
    dataset = dataset_of(model)
    with model.net_.random_stream():
        batch, again = dataset[torch.arange(30, 50)], dataset[torch.arange(30, 50)]
    assert batch.x.shape == (25, 3, 40)
    assert_array_equal(batch.index[5:], np.arange(30, 50))
    drawn = batch.index[:5].numpy()
    assert len(set(drawn)) == 5
    assert (PARTLY[drawn] >= 0).all()
    assert_array_equal(batch.companion["target"][:5], PARTLY[drawn])
    assert_array_equal(batch.companion["weight"], np.r_[np.ones(5), np.where(PARTLY[30:50] >= 0, 1, 0)])
    assert set(drawn) != set(again.index[:5].numpy())


def test_few_labels_come_several_times():
    few = np.where(np.isin(np.arange(60), [0, 1, 2]), np.arange(60), -1)
    model = s4l(labelled_batch_size=8, max_epochs=0).fit(X, few)
    dataset = dataset_of(model, few)
    with model.net_.random_stream():
        drawn = dataset[torch.arange(2)].index[:8].numpy()
    assert sorted(np.bincount(drawn, minlength=3)) == [2, 3, 3]


def test_the_step_is_the_sum_of_both_losses():
    model = s4l(simclr(augmentation=Jitter(sigma=0.0)), augmentation=Jitter(sigma=0.0), max_epochs=1).fit(X, PARTLY)
    net, module = model.net_, model.net_.module_
    dataset = dataset_of(model)
    with net.random_stream():
        batch = dataset[torch.arange(24, 40)]
    module.train()
    before = copy.deepcopy(module.state_dict())
    loss = net.criterion_(module(batch))
    module.load_state_dict(before)
    n = module.n_labelled
    cross_entropy = torch.nn.functional.cross_entropy(module.outputs(batch.x[:n]), batch.companion["target"][:n])
    contrast = model.transformer_._loss()(*module.backbone(batch.rows(slice(n, None))))
    torch.testing.assert_close(loss, cross_entropy + contrast)


def test_without_weight_the_method_learns_nothing():
    model = s4l(ssl_weight=0.0, weight_decay=0.0, max_epochs=1).fit(X, PARTLY)
    start, end = (
        dict(model.transformer_.net_.module_.named_parameters()),
        model.net_.module_.backbone.named_parameters(),
    )
    moved = {name for name, value in end if not torch.equal(value, start[name])}
    assert any(part.startswith("encoder") for part in moved)
    assert not any(part.startswith("projector") for part in moved)


def test_unlabelled_series_matter():
    alone, among_all = s4l(batch_size=20).fit(X[:24], PARTLY[:24]), s4l(batch_size=20).fit(X, PARTLY)
    assert alone.net_.steps_ == 4  # 24 series in two batches, twice
    assert among_all.net_.steps_ == 6


def test_state_of_the_method_goes_on():
    transformer = MoCoV2Transformer(
        encoder=FCNEncoder(width=4),
        projector=MLPProjector(width=8),
        queue_size=50,
        device="cpu",
        random_state=0,
    )
    model = robust(transformer, max_steps=1, batch_size=20).fit(X, PARTLY)
    before, after = model.transformer_.net_.module_.queue, model.net_.module_.backbone.queue
    # a step puts 20 keys into the queue, and the search for changes none
    assert sum(bool((row == after).all(dim=1).any()) for row in before) == 30


def test_early_stopping_restores_the_best_epoch():
    model = s4l(early_stopping=True, validation_fraction=0.25, n_iter_no_change=2, max_epochs=30, lr=0.02)
    model.fit(X, PARTLY)
    losses = model.net_.history[:, "valid_loss"]
    assert len(losses) < 30
    held_out = model.net_.train_split.args[0]
    best = -model.predict_log_proba(X[:24][held_out])[np.arange(len(held_out)), Y[:24][held_out]].mean()
    assert best == pytest.approx(min(losses), rel=1e-3)


def test_held_out_labels_are_not_learnt_and_test_folds_not_seen(watched):
    marked = X.copy()
    marked[7] += 1000
    train = np.setdiff1d(np.arange(60), [7, 8, 9])
    model = s4l(simclr(augmentation=watched), augmentation=watched, max_epochs=1)
    cross_val_score(model, marked, Y, cv=[(train, np.array([7, 8, 9]))])
    assert watched.largest
    assert max(watched.largest) < 100
    stopping = s4l(early_stopping=True, validation_fraction=0.25, max_epochs=1).fit(X, PARTLY)
    held_out = stopping.net_.train_split.args[0]
    dataset = dataset_of(stopping)
    training, validation = dataset.split(held_out)
    assert len(training) == 60
    assert len(validation) == len(held_out)
    assert not set(training.labels.rows) & set(dataset.labels.rows[held_out])


@pytest.mark.parametrize("make", [s4l, robust])
def test_pretrained_weights_are_where_it_starts(make):
    fitted = simclr().fit(X)
    expected = fitted.transform(X)
    for model in (make(FrozenEstimator(fitted), max_epochs=0), make(fitted, pretrained="keep", max_epochs=0)):
        kept = clone(model).fit(X, PARTLY)
        assert_array_equal(kept.transformer_.transform(X), expected)
    make(FrozenEstimator(fitted), max_epochs=1).fit(X, PARTLY)
    assert_array_equal(fitted.transform(X), expected)


def test_goes_on_alike_after_pickling():
    model = robust(max_epochs=1).fit(X, PARTLY)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.partial_fit(X, PARTLY).predict_proba(X), model.partial_fit(X, PARTLY).predict_proba(X))


def test_grid_search():
    search = GridSearchCV(
        s4l(max_epochs=1), {"ssl_weight": [0.1, 1.0]}, cv=LabelledSplit(2), scoring=LabelledScorer("accuracy")
    ).fit(X, PARTLY)
    assert search.best_params_["ssl_weight"] in (0.1, 1.0)


def test_the_ball_is_scaled_by_channel_without_padding():
    series = [np.vstack([row[0, :20], 5 * row[0, :20]]) for row in X[:30]]
    padded = np.full((30, 2, 33), np.nan)
    padded[:, :, :20] = series
    model = robust(max_epochs=1).fit(padded, Y[:30])
    spread = np.stack(series).std(axis=(0, 2))
    np.testing.assert_allclose(model.net_.module_.spread.numpy()[:, 0], spread, rtol=1e-5)


def test_changed_series_stay_in_the_ball_and_raise_the_loss():
    model = robust(radius=0.3, n_attack_steps=5, max_epochs=1).fit(X, PARTLY)
    net, module = model.net_, model.net_.module_
    dataset = dataset_of(model)
    module.train()
    with net.random_stream():
        batch = dataset[torch.arange(24, 56)]
        before = copy.deepcopy(module.state_dict())
        x = module._attacked(batch)
    change = (x - batch.x).abs() / module.spread
    assert 0.29 < change.max() <= 0.3 + 1e-5
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    module.eval()
    n = module.n_labelled
    losses = [
        torch.nn.functional.cross_entropy(module.outputs(one[:n]), batch.companion["target"][:n])
        for one in (batch.x, x)
    ]
    assert losses[1] > losses[0]


def test_radius_of_zero_is_the_plain_classifier_also_without_a_gradient_by_the_series():
    plain, unmoved = (make(max_epochs=1).fit(X, PARTLY) for make in (s4l, partial(robust, radius=0.0)))
    assert_array_equal(plain.predict_proba(X), unmoved.predict_proba(X))
    fixed = VICRegTransformer(encoder=RocketEncoder(n_features=84, hidden=4))
    assert robust(transformer=fixed, radius=0.0, max_epochs=1).fit(X, PARTLY).predict(X).shape == (60,)


BAD = {
    "no loss": ({"transformer": RandomEncoderTransformer()}, PARTLY, TypeError, "trained by gradient steps"),
    "closed form": ({"transformer": WCCNTransformer(encoder=RocketEncoder(n_features=84))}, PARTLY, TypeError, "steps"),
    "no gradient": (
        {"transformer": VICRegTransformer(encoder=RocketEncoder(n_features=84, hidden=4))},
        PARTLY,
        ValueError,
        "`transformer` has the encoder RocketEncoder.*no gradient with respect to the series",
    ),
    "negative weight": ({"ssl_weight": -1.0}, PARTLY, ValueError, "`ssl_weight` must be a number at least 0"),
    "one labelled in a batch": ({"labelled_batch_size": 1}, PARTLY, ValueError, "`labelled_batch_size` must be"),
    "negative radius": ({"radius": -0.1}, PARTLY, ValueError, "`radius` must be a number at least 0"),
    "no attack step": ({"n_attack_steps": 0}, PARTLY, ValueError, "`n_attack_steps` must be"),
    "no label": ({}, np.full(60, -1), ValueError, "needs labelled series"),
    "no augmentation": ({"augmentation": 3}, PARTLY, TypeError, "`augmentation`"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_joint_training_is_refused_and_leaves_what_was_fitted(what, fitted_robust):
    check_refused(copy.copy(fitted_robust), *BAD[what])


def test_the_hold_out_of_joint_training_is_split_off_the_labels_alone():
    model = s4l(max_epochs=0).fit(X, PARTLY)
    labels, dataset = labels_of(model), dataset_of(model)
    training, apart = model._apart(np.array([0, 2]), dataset)
    assert len(training) == len(X)
    assert_array_equal(np.sort(training.labels.rows), np.setdiff1d(labels.rows, labels.rows[[0, 2]]))
    batch = apart[torch.arange(2)]
    assert_array_equal(batch.x, X[labels.rows[[0, 2]]])
    assert_array_equal(batch.companion["target"], PARTLY[labels.rows[[0, 2]]])
