"""The linear probe from which a head starts."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler
from small_predictors import PARTLY, X, Y, changed, classifier, simclr

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.augmentations import Scaling, TimeReversal, TimeShift
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder, ResNetEncoder
from sklearn_ssl.fine_tuning._heads import PENALTIES, calibrated, ridge_head
from sklearn_ssl.pooling import Pooling


def test_probe_is_ridge_on_standardised_features():
    alike = simclr(encoder=InceptionEncoder(depth=3, width=4))  # its layers have the same width
    model = classifier(alike, mode="probe", shrinkage=None, n_neighbors=0).fit(X, PARTLY)
    features = alike.fit(X).transform(X).astype(np.float64)
    features = StandardScaler().fit_transform(features[:, features.std(axis=0) > 1e-6])
    ridge = RidgeCV(alphas=np.logspace(-3, 3, 10)).fit(features[:24], 2.0 * np.eye(3)[Y[:24]] - 1)
    scores, expected = model.decision_function(X), ridge.predict(features)
    scale = (scores * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(scores, scale * expected, atol=1e-3 * np.abs(scores).max())
    assert not changed(model.transformer_.net_.module_.encoder, model.net_.module_.encoder)


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


def test_penalty_of_the_probe_counts_what_augmentation_changes():
    """Backwards is the only copy there is, so that S_w is known."""
    alike = simclr(encoder=InceptionEncoder(depth=3, width=4))
    augmentation = TimeReversal(p=1.0)
    model = classifier(alike, mode="probe", penalty=3.0, shrinkage=0.2, augmentation=augmentation, n_neighbors=0)
    model.fit(X, PARTLY)
    transformer = alike.fit(X)
    scaler = StandardScaler().fit(transformer.transform(X).astype(np.float64))
    forwards, backwards = (scaler.transform(transformer.transform(series)) for series in (X, X[:, :, ::-1].copy()))
    varies = scaler.var_ > 1e-12
    forwards, changes = forwards[:, varies], (backwards - forwards)[:, varies]
    within = changes.T @ changes / len(changes)
    values = np.linalg.eigvalsh(within)
    penalty = np.eye(len(within)) + within / (0.2 * values[values > 1e-6 * values[-1]].mean())
    mapped = forwards @ np.linalg.inv(sqrtm(penalty))
    penalty *= (mapped**2).sum() / (forwards**2).sum()  # features keep their size on average
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
        return -(weight * np.log(exponentials[np.arange(30), codes] / exponentials.sum(axis=1))).sum() / weight.mean()

    def objective(scale):
        return surprise(scale * head.left_out) + 10 * np.log(scale / 2) ** 2  # as good as ten series

    found = calibrated(head, codes, weight).left_out[0, 0] / head.left_out[0, 0]
    assert all(objective(found) <= objective(scale) + 1e-6 for scale in np.geomspace(0.1, 100, 50))


def test_a_series_that_is_alone_in_its_class_does_not_tell_the_scale():
    features, codes = np.random.default_rng(0).normal(size=(3, 5)), np.arange(3)
    head = ridge_head(features, 2.0 * np.eye(3) - 1, np.ones(3), penalty=0.1)
    np.testing.assert_allclose(calibrated(head, codes, np.ones(3)).weight, 2 * head.weight, rtol=1e-4)


def test_two_classes_of_the_probe():
    two = Y < 2
    model = classifier(mode="probe").fit(X[two], Y[two])
    scores = model.decision_function(X[two])
    assert scores.shape == (two.sum(),)
    np.testing.assert_allclose(model.predict_proba(X[two])[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-4)


def test_without_a_penalty_the_best_of_ten_values_is_taken():
    rng = np.random.default_rng(0)
    H, noise, weight = rng.normal(size=(40, 3)), rng.normal(size=(40, 1)), np.ones(40)
    known = np.column_stack([H, weight])
    noise -= known @ np.linalg.lstsq(known, noise)[0]
    for target, best in ((H[:, :1], 1e-3), (noise, 1e3)):
        left_out = [ridge_head(H, target, weight, penalty).left_out for penalty in (None, best)]
        np.testing.assert_allclose(*left_out)
    assert len(PENALTIES) == 10


def test_a_head_knows_its_error_for_left_out_series():
    rng = np.random.default_rng(0)
    H, target, weight = rng.normal(size=(20, 3)), rng.normal(size=(20, 2)), rng.uniform(size=20)
    head = ridge_head(H, target, weight, 2.0)
    assert head.error == pytest.approx((weight * ((head.left_out - target) ** 2).mean(axis=1)).sum() / weight.sum())
    scaled = calibrated(head, (target[:, 0] > 0).astype(int), weight)
    scale = scaled.weight[0, 0] / head.weight[0, 0]
    for mine, plain in zip(scaled[:3], head[:3], strict=True):
        np.testing.assert_allclose(mine, scale * plain)
    assert scaled.error == head.error


def test_one_series_predicts_itself():
    head = ridge_head(np.ones((1, 3)), np.array([[2.0, 5.0]]), np.ones(1), None)
    assert not head.weight.any()
    assert head.weight.shape == (2, 3)
    assert head.bias.tolist() == [2.0, 5.0]
    assert head.error == 0


@pytest.mark.parametrize(("n_cases", "n_copies"), [(60, 240), (300, 1024)])
def test_copies_for_the_penalty(n_cases, n_copies, watched):
    series = np.resize(X, (n_cases, *X.shape[1:]))
    y = np.where(np.arange(n_cases) < 24, np.resize(Y, n_cases), -1)
    untrained = RandomEncoderTransformer(encoder=FCNEncoder(width=2), device="cpu", random_state=0)
    SSLClassifier(untrained, mode="probe", shrinkage=0.1, augmentation=watched, random_state=0).fit(series, y)
    assert sum(watched.sizes) == n_copies
    watched.sizes.clear()
    SSLClassifier(untrained, mode="probe", shrinkage=None, augmentation=watched, random_state=0).fit(series, y)
    assert not watched.sizes


def test_features_that_are_all_constant_predict_the_same_for_all():
    blind = torch.nn.Conv1d(3, 2, 1)
    torch.nn.init.zeros_(blind.weight)
    untrained = RandomEncoderTransformer(encoder=blind, device="cpu", random_state=0)
    model = SSLClassifier(untrained, mode="probe", shrinkage=0.1, random_state=0).fit(X, PARTLY)
    probabilities = model.predict_proba(X)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities, probabilities[:1].repeat(60, axis=0), rtol=1e-6)
