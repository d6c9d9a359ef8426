"""Encoders for series with another number of channels than they were built for."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer, encoders
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    InceptionEncoder,
    ResNetEncoder,
    RocketEncoder,
    adapt_channels,
)
from sklearn_ssl.encoders._channels import _reads_channels
from sklearn_ssl.projectors import MLPProjector

RECIPES = {
    "fcn": encoders.FCNEncoder(width=8),
    "resnet": ResNetEncoder(depth=2, width=8, norm="none"),
    "inception": InceptionEncoder(depth=3, width=4, bottleneck=9),
    "inception-narrow": InceptionEncoder(depth=3, width=4, bottleneck=2, norm="layer"),
    "tcn": encoders.TCNEncoder(depth=2, width=8, n_features=12),
    "transformer": encoders.TransformerEncoder(depth=1, width=8),
    "gru": encoders.GRUEncoder(width=4),
    "gru-one-way": encoders.GRUEncoder(width=4, bidirectional=False),
}
each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


@each_recipe
def test_the_same_number_of_channels_changes_nothing(recipe, trained):
    encoder, x = trained(recipe, 4), torch.randn(2, 4, 30)
    same = adapt_channels(encoder, 4)
    assert same is not encoder
    assert same(x).equal(encoder(x))


@each_recipe
@pytest.mark.parametrize("times", [2, 3])
def test_repeated_channels_give_the_same(recipe, times, trained):
    encoder, x = trained(recipe, 3), torch.randn(4, 3, 30)
    wider = adapt_channels(encoder, 3 * times)
    torch.testing.assert_close(wider(x.repeat(1, times, 1)), encoder(x), rtol=1e-4, atol=1e-5)


@each_recipe
def test_fewer_channels_stand_for_several(recipe, trained):
    encoder, x = trained(recipe, 7), torch.randn(4, 3, 30)
    narrower = adapt_channels(encoder, 3)
    torch.testing.assert_close(narrower(x), encoder(x[:, [0, 1, 2, 0, 1, 2, 0]]), rtol=1e-4, atol=1e-5)


@each_recipe
def test_sources_say_which_channel_is_which(recipe, trained):
    encoder, x = trained(recipe, 3), torch.randn(4, 5, 30)
    chosen = adapt_channels(encoder, 5, sources=[4, 0, 4])
    torch.testing.assert_close(chosen(x), encoder(x[:, [4, 0, 4]]), rtol=1e-4, atol=1e-5)


@each_recipe
def test_a_permutation_and_back(recipe, trained):
    encoder, x = trained(recipe, 3), torch.randn(4, 3, 30)
    permuted = adapt_channels(encoder, 3, sources=[2, 0, 1])
    torch.testing.assert_close(permuted(x), encoder(x[:, [2, 0, 1]]), rtol=1e-4, atol=1e-5)
    back = adapt_channels(permuted, 3, sources=[1, 2, 0])
    torch.testing.assert_close(back(x), encoder(x))


@pytest.mark.parametrize("name", [name for name in RECIPES if "inception" not in name])
def test_any_weights(name, trained):
    encoder, x, mixing = trained(RECIPES[name], 3), torch.randn(4, 5, 30), torch.randn(3, 5)
    mixed = adapt_channels(encoder, 5, sources=mixing.numpy())
    torch.testing.assert_close(mixed(x), encoder(mixing @ x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_after", [1, 2, 4, 5, 8])
def test_what_channels_share_keeps_its_size(n_after, trained):
    encoder, shared = trained(RECIPES["inception"], 3), torch.randn(4, 1, 30)
    adapted = adapt_channels(encoder, n_after)
    torch.testing.assert_close(adapted(shared.expand(-1, n_after, -1)), encoder(shared.expand(-1, 3, -1)))


@each_recipe
def test_state_and_switches_come_along(recipe):
    encoder = recipe.build(3)
    first = next(iter(encoder.children()))
    first.requires_grad_(False).eval()
    adapted = adapt_channels(encoder.double(), 6)
    assert adapted.n_channels == 6
    assert {name: value.dtype for name, value in adapted.state_dict().items()} == {
        name: value.dtype for name, value in encoder.state_dict().items()
    }
    assert [weight.requires_grad for weight in adapted.parameters()] == [
        weight.requires_grad for weight in encoder.parameters()
    ]
    assert [part.training for part in adapted.modules()] == [part.training for part in encoder.modules()]
    assert str(adapted.recipe) == str(encoder.recipe)


def test_neither_the_module_nor_the_global_generator_changes(trained):
    encoder = trained(RECIPES["resnet"], 3)
    before, state = {name: value.clone() for name, value in encoder.state_dict().items()}, torch.get_rng_state()
    adapted = adapt_channels(encoder, 6)
    with torch.no_grad():
        for weight in adapted.parameters():
            weight.zero_()
    assert all(value.equal(before[name]) for name, value in encoder.state_dict().items())
    assert torch.get_rng_state().equal(state)


def test_channel_independent_encoders_take_any_number(trained):
    encoder, x = trained(ChannelIndependentEncoder(ResNetEncoder(depth=1, width=4)), 3), torch.randn(2, 5, 20)
    assert adapt_channels(encoder, 5)(x).equal(encoder(x))
    with pytest.raises(ValueError, match="`sources` has no meaning"):
        adapt_channels(encoder, 5, sources=[0, 1, 2])
    with pytest.raises(ValueError, match="`sources` has no meaning"):
        adapt_channels(encoder, 3, sources=[0, 1, 2])
    rocket = ChannelIndependentEncoder(RocketEncoder(n_features=84)).build(2)
    rocket.adapt(torch.randn(8, 2, 20))
    assert adapt_channels(rocket, 5)(x).equal(rocket(x))


def test_a_trained_encoder_goes_on_with_other_channels():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(16, 3, 32)).astype(np.float32), rng.normal(size=(16, 6, 24)).astype(np.float32)
    cheap = {"projector": MLPProjector(width=8), "max_epochs": 2, "batch_size": 8, "random_state": 0}
    trained = VICRegTransformer(encoder=ResNetEncoder(depth=1, width=4), **cheap).fit(X)
    six = adapt_channels(trained.net_.module_.encoder, 6)
    twice = np.concatenate([X, X], axis=1)
    features = RandomEncoderTransformer(encoder=six).fit(twice).transform(twice)
    np.testing.assert_allclose(features, trained.transform(X), rtol=1e-4, atol=1e-4)
    further = VICRegTransformer(encoder=six, **cheap).fit(Z)
    assert np.isfinite(further.transform(Z)).all()
    learnt = further.net_.module_.encoder.blocks[0].chain[0].conv.weight
    assert not learnt[:, :3].allclose(learnt[:, 3:])  # each new channel learns by itself


@pytest.mark.parametrize("n_channels", [0, -1, 2.0, True, "3", None])
def test_number_of_channels_out_of_range(n_channels):
    with pytest.raises(ValueError, match="`n_channels` must be a whole number at least 1"):
        adapt_channels(RECIPES["fcn"].build(3), n_channels)


@pytest.mark.parametrize(
    "sources", [[0, 1], [0, 1, 5], [0, -1, 2], [0.0, 1.0, 2.0], np.ones((3, 4)), np.full((3, 5), np.nan), "abc"]
)
def test_sources_out_of_range(sources):
    with pytest.raises(ValueError, match="`sources` must be 3 whole numbers from 0 to 4"):
        adapt_channels(RECIPES["fcn"].build(3), 5, sources=sources)


@pytest.mark.parametrize("n_after", [2, 5])
def test_rocket_is_refused(n_after):
    with pytest.raises(ValueError, match=r"drawn for 3, and nothing in it is trained.*ChannelIndependentEncoder"):
        adapt_channels(RocketEncoder(n_features=84).build(3), n_after)
    with pytest.raises(ValueError, match="drawn for 12"):
        adapt_channels(RocketEncoder(n_features=84).build(12), 10)


@pytest.mark.parametrize(
    ("recipe", "n_before", "n_after"),
    [
        (InceptionEncoder(depth=1, width=4, bottleneck=4), 3, 6),
        (InceptionEncoder(depth=1, width=4, bottleneck=4), 6, 3),
        (ResNetEncoder(depth=1, width=4), 3, 4),
        (ResNetEncoder(depth=1, width=4), 4, 3),
    ],
)
def test_other_layers_are_refused(recipe, n_before, n_after):
    with pytest.raises(ValueError, match=f"has other layers for {n_after} channels than for {n_before}"):
        adapt_channels(recipe.build(n_before), n_after)


def test_a_module_that_no_recipe_built_is_refused():
    with pytest.raises(TypeError, match="`module` must have been built by a recipe"):
        adapt_channels(nn.Conv1d(3, 4, 1), 5)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((4, 2, 3), (4, 3, 3), True),
        ((4, 4), (4, 6), True),
        ((5, 2, 3), (4, 3, 3), False),
        ((4, 2, 2), (4, 3, 3), False),
        ((4, 2), (4, 3, 3), False),
        ((4, 3), (4, 3), False),
        ((2,), (3,), False),
    ],
)
def test_weights_that_read_channels_count_them_in_their_second_axis(old, new, expected):
    before, after = SimpleNamespace(n_channels=2), SimpleNamespace(n_channels=3)
    assert _reads_channels(torch.zeros(old), before, torch.zeros(new), after) == expected
