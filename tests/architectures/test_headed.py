"""Heads for labels: how features are standardised, which stages learn when, and series that are changed."""

import numpy as np
import pytest
import torch
from small_architectures import LENGTHS, Marking, Watching, built, level_of, whole_batch

from sklearn_ssl.architectures import (
    FineTunedArchitecture,
    HeadedArchitecture,
    RobustArchitecture,
    SemiSupervisedArchitecture,
)
from sklearn_ssl.encoders import ResNetEncoder, TransformerEncoder, stages
from sklearn_ssl.pooling import Pooling

DEEP = {"encoder": ResNetEncoder(depth=2, width=4)}


def fine_tuned(of_start=DEEP, **parameters):
    return built(FineTunedArchitecture, of_start=of_start, **parameters)


def learning_stages(module):
    return [all(p.requires_grad for part in stage for p in part.parameters()) for stage in stages(module.encoder)]


def modes_of_norms(module):
    return [part.training for part in module.encoder.modules() if isinstance(part, torch.nn.BatchNorm1d)]


def test_a_head_starts_from_zeros_and_from_what_it_is_given(x):
    module = built(HeadedArchitecture, n_outputs=3)
    assert not module.outputs(x).any()
    n = module.n_features
    weight, bias = np.linspace(0, 1, 3 * n).reshape(3, n), np.array([1.0, 2.0, 3.0])
    module.start_head(weight, bias)
    expected = module.features(x).detach().numpy() @ weight.T + bias
    np.testing.assert_allclose(module.outputs(x).detach(), expected, rtol=1e-4, atol=1e-5)
    assert all(parameter.requires_grad for parameter in module.head.parameters())


def test_a_hidden_layer_is_not_linear():
    module = built(HeadedArchitecture, n_outputs=3, head_width=7)
    head, features = module.head, torch.randn(5, module.n_features)
    assert head(features).shape == (5, 3)
    assert not torch.allclose(head(features) + head(-features), 2 * head(torch.zeros_like(features)), atol=1e-4)
    with pytest.raises(ValueError, match="zip"):
        module.start_head(np.zeros((7, module.n_features)), np.zeros(7))  # it is no linear head


def test_standardised_features():
    module = fine_tuned()
    sizes = module.backbone.n_features_of_layers
    n = sum(sizes)
    assert len(set(sizes)) == 2
    rng = np.random.default_rng(0)
    features = rng.normal(3.0, 2.0, size=(50, n)).astype(np.float32)
    features[:, 0] = 5.0
    features[:, 1] = 1e6 + 0.2 * rng.normal(size=50)  # rounding errors, for what float32 knows
    seen = module.standardise(features)
    assert not seen[:, :2].any()
    share = np.repeat([n / (2 * size) for size in sizes], sizes)
    np.testing.assert_allclose(seen[:, 2:].var(axis=0), share[2:], rtol=1e-4)
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(module.standardised(features[:3]), seen[:3])
    head = module.head.weight.data.normal_()
    expected = torch.from_numpy(seen) @ head.T
    scores = module.head((torch.from_numpy(features) - module.shift) * module.scale)
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)


def test_stages_thaw_from_the_top_as_training_goes_on(batch):
    module = fine_tuned(gradual=True).train()
    assert len(stages(module.encoder)) == 2
    expected = [(0.0, 0), (0.33, 0), (0.34, 1), (0.66, 1), (0.67, 2), (1.0, 2), (0.1, 2)]
    for progress, n_thawed in expected:
        module.progress.fill_(progress)
        module(batch)
        assert module.n_thawed == n_thawed
        assert learning_stages(module) == [below > 1 - n_thawed for below in (0, 1)]
    assert all(part.training for stage in stages(module.encoder) for part in stage)


def test_nothing_thaws_in_evaluation(batch):
    module = fine_tuned(gradual=True).eval()
    module.progress.fill_(1.0)
    module(batch)
    assert module.n_thawed == 0
    assert fine_tuned().n_thawed == 2


def test_no_more_thaws_than_is_not_frozen(batch):
    module = fine_tuned(gradual=True, n_frozen=1).train()
    module.progress.fill_(1.0)
    module(batch)
    assert learning_stages(module) == [False, True]


@pytest.mark.parametrize(("n_frozen", "learns"), [(0, [1, 1]), (1, [0, 1]), (2, [0, 0]), (7, [0, 0]), (None, [0, 0])])
def test_frozen_stages_stay_in_evaluation_mode(n_frozen, learns, batch):
    pooling = Pooling(statistics="attention", layers="last")
    module = fine_tuned({**DEEP, "pooling": pooling}, n_frozen=n_frozen, update_statistics=True).train()
    assert learning_stages(module) == [bool(one) for one in learns]
    assert [all(part.training for part in stage) for stage in stages(module.encoder)] == [bool(one) for one in learns]
    assert {p.requires_grad for p in module.pooling.parameters()} == {any(learns)}
    assert not any(p.requires_grad for p in module.backbone.projector.parameters())
    assert module.head.training
    before = {name: value.clone() for name, value in module.encoder.state_dict().items()}
    module(batch)
    moved = [name for name, value in module.encoder.state_dict().items() if not torch.equal(value, before[name])]
    assert bool(moved) == any(learns)
    module.eval()
    assert not any(part.training for part in module.modules())


def test_statistics_are_kept_while_dropout_works():
    module = fine_tuned({"encoder": ResNetEncoder(depth=2, width=4)}).train()
    assert not any(modes_of_norms(module))
    dropped = fine_tuned({"encoder": TransformerEncoder(depth=1, width=8, n_heads=2)}).train()
    parts = [module for stage in stages(dropped.encoder) for part in stage for module in part.modules()]
    dropouts = [part for part in parts if isinstance(part, torch.nn.Dropout)]
    assert dropouts
    assert all(part.training for part in dropouts)


def test_features_of_a_frozen_encoder_have_no_gradient_unless_an_attack_needs_it(x):
    module = fine_tuned(n_frozen=None)
    assert not module.features(x).requires_grad
    assert module.features(x.clone().requires_grad_()).requires_grad
    assert fine_tuned(n_frozen=1).features(x).requires_grad


def test_copies_are_augmented_and_padded(x, padded, passes):
    module = built(FineTunedArchitecture, encoder=Watching, augmentation=Marking()).eval()
    (seen,) = passes(module, lambda: module.features_of_copy(x))
    assert level_of(seen) == 1
    (seen,) = passes(module, lambda: module.features_of_copy(padded, LENGTHS))
    assert not seen[1, :, 7:].any()


def test_a_headed_architecture_is_its_copy_for_the_engine(x):
    start = built(HeadedArchitecture, n_outputs=3).backbone
    module = built(HeadedArchitecture, n_outputs=3, n_cases=20)
    assert module.n_cases == 20
    calls = []
    module.backbone.after_step = lambda: calls.append("step")
    module.after_step()
    module.adapt(x)
    assert calls == ["step"]
    module.progress.fill_(0.5)
    assert module.backbone.progress == 0.5
    assert module.widths == start.widths
    assert module.keeps_instances is start.keeps_instances
    headed = HeadedArchitecture(start=start, n_outputs=2)
    assert headed.n_cases == 0
    assert headed.backbone is not start
    weights = zip(headed.backbone.parameters(), start.parameters(), strict=True)
    assert all(torch.equal(mine, theirs) for mine, theirs in weights)


def test_in_evaluation_all_series_go_to_the_head(batch):
    module = built(SemiSupervisedArchitecture).eval()
    outputs, target, weight = module(batch)
    assert outputs.shape == (6, 3)
    torch.testing.assert_close(outputs, module.outputs(batch.x))
    assert target is batch.companion["target"]
    assert weight is batch.companion["weight"]
    assert not list(module.head[0].parameters())


def test_the_head_of_joint_training_leaves_shares_to_its_normalisation():
    module = built(SemiSupervisedArchitecture, of_start=DEEP)
    features = np.random.default_rng(0).normal(size=(50, module.n_features)).astype(np.float32)
    np.testing.assert_allclose(module.standardise(features).var(axis=0), 1, rtol=1e-4)


def test_the_spread_of_channels_ignores_padding(x, padded):
    module = built(RobustArchitecture)
    module.adapt(x * torch.tensor([1.0, 3.0])[:, None])
    expected = (x.numpy() * np.array([1.0, 3.0])[:, None]).std(axis=(0, 2))
    np.testing.assert_allclose(module.spread[:, 0], expected, rtol=1e-5)
    module.adapt(padded, LENGTHS)
    observed = [np.concatenate([row[c, :n] for row, n in zip(padded.numpy(), LENGTHS, strict=True)]) for c in (0, 1)]
    np.testing.assert_allclose(module.spread[:, 0], [values.std() for values in observed], rtol=1e-5)


def test_changes_stay_within_the_radius_and_the_series(padded):
    module = built(RobustArchitecture, radius=0.5, n_attack_steps=3).train()
    module.adapt(padded, LENGTHS)
    batch = whole_batch(padded, LENGTHS)
    change = module._attacked(batch) - padded
    assert not change[1, :, 7:].any()
    assert (change.abs() <= 0.5 * module.spread + 1e-6).all()
    assert change.abs().max() > 0.45 * module.spread.min()


@pytest.mark.parametrize(("radius", "n_passes"), [(0.0, 2), (0.1, 4)])
def test_without_a_radius_there_is_no_search(radius, n_passes, batch, passes):
    module = built(RobustArchitecture, encoder=Watching, radius=radius).train()
    assert len(passes(module, lambda: module(batch))) == n_passes


@pytest.mark.parametrize(("mean", "least"), [(0.0, 1e-6), (0.5, 1e-6), (10.0, 1e-5), (-10.0, 1e-5)])
def test_spread_from_which_a_feature_counts(mean, least):
    signs = np.where(np.arange(50) % 2, 1.0, -1.0)
    for share, varies in ((0.7, False), (1.5, True)):
        module = built(HeadedArchitecture, n_outputs=3)
        features = np.repeat(mean + share * least * signs[:, None], module.n_features, axis=1)
        assert module.standardise(features).any() == varies
