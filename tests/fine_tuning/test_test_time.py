"""Training on test series: what learns, what stays, and what a prediction depends on."""

from functools import partial

import numpy as np
import pytest
import torch
from shared import untouched
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.estimator_checks import check_methods_sample_order_invariance, check_methods_subset_invariance
from small_predictors import PARTLY, X, states_of

from sklearn_ssl import (
    ColorizationTransformer,
    Data2VecTransformer,
    JigsawTransformer,
    MAETransformer,
    RotationTransformer,
    SimCLRTransformer,
    SimMIMTransformer,
    SimMTMTransformer,
    SSLClassifier,
    TestTimeClassifier,
)
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.encoders import GRUEncoder, InceptionEncoder, TransformerEncoder
from sklearn_ssl.evaluation import robustness_report
from sklearn_ssl.fine_tuning._test_time import _Student
from sklearn_ssl.persistence import export_onnx, load_predictor, save_predictor
from sklearn_ssl.testing import ssl_checks

ENCODER = TransformerEncoder(depth=1, width=8, n_heads=2, window=4, dropout=0.2)
TEST = X[:5]


def mae(**params):
    return MAETransformer(**{"encoder": ENCODER, "max_epochs": 2, "device": "cpu", "random_state": 0, **params})


def adapting(transformer=None, **params):
    own = {"n_steps": 3, "n_copies": 2, "test_lr": 1e-2, "random_state": 0}
    return TestTimeClassifier(transformer or mae(), **{**own, **params})


@pytest.fixture(scope="module")
def fitted():
    return adapting().fit(X, PARTLY)


@pytest.fixture
def student(fitted):
    return _Student(fitted.net_, fitted.transformer_._loss())


def batch_of(model, x):
    return model.net_.series(collection_of(x))[torch.arange(len(x))]


def test_nothing_of_the_fitted_classifier_changes(fitted):
    module = fitted.net_.module_
    trainable = [weight.requires_grad for weight in module.parameters()]
    with untouched(fitted), untouched(fitted.transformer_):
        fitted.predict(TEST), fitted.predict_proba(TEST), fitted.decision_function(TEST)
    assert [weight.requires_grad for weight in module.parameters()] == trainable
    assert all(weight.grad is None for weight in module.parameters())


def test_the_encoder_alone_learns(student, fitted):
    before = states_of(student.module)
    student.learn(3, 2, batch_of(fitted, TEST), lr=1e-2, momentum=0.9)
    moved = {name for name, value in states_of(student.module).items() if not torch.equal(value, before[name])}
    encoder = {f"backbone.encoder.{name}" for name, _ in student.module.encoder.named_parameters()}
    assert moved == encoder


def test_a_prediction_does_not_depend_on_other_series(fitted):
    together = fitted.predict_proba(TEST)
    np.testing.assert_array_equal(together, fitted.predict_proba(TEST))
    for case in (3, 0):
        np.testing.assert_allclose(fitted.predict_proba(TEST[case : case + 1])[0], together[case], rtol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(TEST[::-1]), together[::-1], rtol=1e-6)


def test_neither_weights_nor_momentum_are_carried_to_the_next_batch(student, fitted):
    first, second = (batch_of(fitted, TEST[case : case + 1]) for case in (0, 1))
    settings = {"lr": 1e-2, "momentum": 0.9}
    student.learn(3, 2, second, **settings)
    alone = student.outputs(second)
    student.learn(5, 2, first, **settings)
    student.learn(3, 2, second, **settings)
    assert torch.equal(student.outputs(second), alone)


def test_steps_are_those_of_stochastic_gradient_descent(student, fitted):
    batch, module = batch_of(fitted, TEST[:1]), student.module
    start = [weight.detach().clone() for weight in student.weights]
    student.learn(2, 2, batch, lr=1e-2, momentum=0.5)
    learnt = [weight.detach().clone() for weight in student.weights]
    copies = type(batch)(batch.x.repeat(2, 1, 1))
    state = torch.get_rng_state()
    torch.manual_seed(fitted.net_.seed)
    weights, velocity = start, [torch.zeros_like(weight) for weight in start]
    for _ in range(2):
        for parameter, weight in zip(student.weights, weights, strict=True):
            parameter.data.copy_(weight)
        loss = fitted.transformer_._loss()(*module.eval().backbone(copies))
        gradients = torch.autograd.grad(loss, student.weights)
        velocity = [0.5 * v + g for v, g in zip(velocity, gradients, strict=True)]
        weights = [weight - 1e-2 * v for weight, v in zip(weights, velocity, strict=True)]
    torch.set_rng_state(state)
    for weight, expected in zip(learnt, weights, strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)


def test_the_loss_of_the_test_series_falls(student, fitted):
    losses = student.learn(40, 8, batch_of(fitted, TEST), lr=2.0, momentum=0.9)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.005


def test_copies_have_different_hidden_windows(student, fitted):
    batch, seen = batch_of(fitted, TEST[:1]), []
    student.loss = lambda prediction, target, weight: seen.append(weight) or prediction.sum() * 0
    student.learn(2, 6, batch, lr=1e-2, momentum=0.9)
    for weight in seen:
        assert len(weight) == 6
        assert len(weight.flatten(1).unique(dim=0)) > 1
    assert not torch.equal(*seen)


def test_predictions_see_whole_series(fitted):
    no_steps = _Student(fitted.net_, fitted.transformer_._loss())
    no_steps.learn(0, 2, batch_of(fitted, TEST), lr=1e-2, momentum=0.9)
    with torch.no_grad():
        expected = fitted.net_.module_.outputs(torch.from_numpy(TEST.astype(np.float32)))
    torch.testing.assert_close(no_steps.outputs(batch_of(fitted, TEST)), expected)


def test_no_steps_are_an_ordinary_classifier(fitted):
    ordinary = SSLClassifier(mae(), mode="probe", random_state=0).fit(X, PARTLY)
    fitted_again = adapting(n_steps=0).fit(X, PARTLY)
    np.testing.assert_array_equal(fitted_again.predict_proba(TEST), ordinary.predict_proba(TEST))
    assert np.abs(fitted.predict_proba(TEST) - ordinary.predict_proba(TEST)).max() > 1e-4


def test_series_that_are_learnt_together(fitted):
    together = adapting(FrozenEstimator(fitted.transformer_), test_batch_size=3).fit(X, PARTLY)
    assert together.predict_proba(TEST).shape == (5, 3)
    assert np.abs(together.predict_proba(TEST)[:3] - fitted.predict_proba(TEST[:3])).max() > 1e-5


ONE_STEP = adapting(mae(encoder=TransformerEncoder(depth=1, width=4, n_heads=1, window=1)), n_steps=1)
OF_PREDICTIONS = {
    "check_three_d",
    "check_two_d_is_one_channel",
    "check_unequal_length",
    "check_deterministic",
    "check_rows_are_independent",
    "check_bad_input_changes_nothing",
}
CONTRACT = [
    *(check for check in ssl_checks(ONE_STEP) if check.func.__name__ in OF_PREDICTIONS),
    partial(check_methods_subset_invariance, "TestTimeClassifier", ONE_STEP),
    partial(check_methods_sample_order_invariance, "TestTimeClassifier", ONE_STEP),
]


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.func.__name__)
def test_contract_with_steps(check):
    check()


def test_unequal_and_short_series(fitted):
    series = [TEST[0], TEST[1][:, :9], TEST[2][:, :3], TEST[3][:, :1]]  # the last two have a single window
    together = fitted.predict_proba(series)
    for case, one in enumerate(series):
        np.testing.assert_allclose(fitted.predict_proba(one[None])[0], together[case], rtol=1e-4)
    no_steps = SSLClassifier(FrozenEstimator(fitted.transformer_), mode="probe", random_state=0).fit(X, PARTLY)
    np.testing.assert_allclose(together[2:], no_steps.predict_proba(series)[2:], rtol=1e-4)


@pytest.mark.parametrize(
    "encoder",
    [GRUEncoder(width=4), InceptionEncoder(depth=1, width=4, bottleneck=4, norm="layer")],
    ids=lambda encoder: type(encoder).__name__,
)
def test_other_encoders(encoder):
    simmim = SimMIMTransformer(encoder=encoder, max_epochs=1, device="cpu", random_state=0)
    model = adapting(simmim, n_steps=1).fit(X, PARTLY)
    with untouched(model):
        assert np.isfinite(model.predict_proba(TEST)).all()


CONTEXT = (RotationTransformer, JigsawTransformer, ColorizationTransformer)


@pytest.fixture(scope="module", params=CONTEXT, ids=lambda cls: cls.__name__)
def asking(request):
    """Return a classifier whose transformer has a context task."""
    encoder = InceptionEncoder(depth=1, width=4, bottleneck=4)
    return adapting(request.param(encoder=encoder, max_epochs=1, device="cpu", random_state=0)).fit(X, PARTLY)


def test_context_tasks_are_asked_about_test_series(asking):
    with untouched(asking), untouched(asking.transformer_):
        together = asking.predict_proba(TEST)
        np.testing.assert_array_equal(together, asking.predict_proba(TEST))
    np.testing.assert_allclose(asking.predict_proba(TEST[3:4])[0], together[3], rtol=1e-6)
    no_steps = adapting(FrozenEstimator(asking.transformer_), n_steps=0).fit(X, PARTLY)
    assert np.abs(no_steps.predict_proba(TEST) - together).max() > 1e-6


def test_only_the_encoder_learns_from_a_context_task(asking):
    student = _Student(asking.net_, asking.transformer_._loss())
    before = states_of(student.module)
    losses = student.learn(30, 4, batch_of(asking, TEST), lr=0.02, momentum=0.9)
    moved = {name for name, value in states_of(student.module).items() if not torch.equal(value, before[name])}
    assert moved == {f"backbone.encoder.{name}" for name, _ in student.module.encoder.named_parameters()}
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_context_tasks_take_unequal_series(asking):
    series = [TEST[0], TEST[1][:, :9], TEST[2][:, :3], TEST[3][:, :1]]
    together = asking.predict_proba(series)
    for case, one in enumerate(series):
        np.testing.assert_allclose(asking.predict_proba(one[None])[0], together[case], rtol=1e-4)


def test_batch_statistics_stay():
    simmim = SimMIMTransformer(
        encoder=InceptionEncoder(depth=1, width=4, bottleneck=4), max_epochs=0, device="cpu", random_state=0
    )
    with pytest.warns(UserWarning, match="batch normalisation"):
        model = adapting(simmim, n_steps=2).fit(X, PARTLY)
    student = _Student(model.net_, model.transformer_._loss())
    student.learn(2, 2, batch_of(model, TEST), lr=1e-2, momentum=0.9)
    for name, value in model.net_.module_.named_buffers():
        assert torch.equal(dict(student.module.named_buffers())[name], value)


@pytest.mark.parametrize("cls", [SimCLRTransformer, Data2VecTransformer, SimMTMTransformer])
def test_other_transformers_are_refused(cls, fitted):
    expected = fitted.predict_proba(TEST)
    with pytest.raises(TypeError, match=r"must have a loss for which a single series is enough, such as MAETr"):
        TestTimeClassifier(cls()).fit(X, PARTLY)
    np.testing.assert_array_equal(fitted.predict_proba(TEST), expected)


def test_parameters_that_are_set_after_the_fit():
    model = adapting(mae(max_epochs=0)).fit(X, PARTLY)
    before = model.predict_proba(TEST)
    assert (model.set_params(n_steps=1).predict_proba(TEST) != before).any()
    with pytest.raises(ValueError, match="TestTimeClassifier: `n_copies` must be a whole number at least 1"):
        model.set_params(n_copies=0).predict(TEST)
    with pytest.raises(NotFittedError):
        adapting().predict(TEST)


def test_files_hold_no_training(fitted, tmp_path):
    for store in (save_predictor, partial(export_onnx, n_timepoints=40)):
        with pytest.raises(TypeError, match=r"trains before each prediction.*set its `n_steps` to 0, or use joblib"):
            store(fitted, tmp_path / "file")
    plain = adapting(FrozenEstimator(fitted.transformer_), n_steps=0).fit(X, PARTLY)
    save_predictor(plain, tmp_path / "file")
    np.testing.assert_array_equal(load_predictor(tmp_path / "file").predict(TEST), plain.predict(TEST))


def test_attacks_are_refused(fitted):
    y = np.arange(5) % 3
    report = robustness_report(fitted, TEST, y, corruptions=["pgd", "noise"], severities=[0.1])
    assert report.corruptions == ["noise"]
    assert "TestTimeClassifier learns before it predicts" in report.skipped["pgd"]
